"""Which results are compared, and when a person is told that a baseline is better."""

from tests.report.runs import metrics, record
from zoo.report.comparison import compare, verdict, words
from zoo.report.record import Result


def test_the_test_split_counts_where_there_is_one_and_this_model_comes_first():
    made = record()
    made.results.reverse()
    found = compare(made)
    assert found.split == "test"
    assert [r.model for r in found.results] == ["this model", "linear-probe", "majority class"]
    assert {r.split for r in found.results} == {"test"}
    assert found.metrics[0] == "accuracy"


def test_validation_counts_where_an_interrupted_run_was_not_tested():
    made = record(splits=("val",), status="interrupted")
    made.results.append(Result(model="majority class", split="test", rows=9, metrics=metrics(0.5)))
    assert compare(made).split == "val"


def test_the_best_is_the_lowest_loss_and_the_highest_accuracy():
    found = compare(record(own=0.9, probe=0.8))
    assert found.best("accuracy") == 0.9
    assert found.best("log_loss") == metrics(0.9)["log_loss"]
    assert found.best("unheard of") is None


def test_a_better_baseline_is_told_and_a_worse_or_equal_one_is_not():
    told = verdict(record(own=0.8, probe=0.9))
    assert told == "linear-probe is better here: accuracy 0.900, this model has 0.800."
    assert verdict(record(own=0.9, probe=0.9)) == ""
    assert verdict(record(own=0.9, probe=0.8)) == ""


def test_metrics_are_named_as_people_name_them():
    assert words("balanced_accuracy") == "balanced accuracy"
    assert words("macro_f1") == "macro F1"
