"""Multilabel: metrics against scikit-learn's, gaps, thresholds, and bad targets."""

import json
import warnings

import pytest
import torch
from sklearn import metrics as reference

import zoo
from tests.cli.commands import zoo as command
from zoo.errors import LabelProblem

NAN = float("nan")
NAMES = ("sunny", "windy", "wet")


def multilabel(**settings):
    return zoo.task("multilabel", labels=NAMES, **settings)


@pytest.fixture
def random_case():
    """Scores with ties, and targets of which some are missing."""
    generator = torch.Generator().manual_seed(1)
    logits = (torch.randn(300, 3, generator=generator) * 2).round(decimals=1)
    targets = (torch.rand(300, 3, generator=generator) < torch.tensor([0.5, 0.2, 0.05])).float()
    targets[torch.rand(300, 3, generator=generator) < 0.3] = NAN
    return logits, targets


def test_metrics_of_each_label_equal_the_reference(random_case):
    logits, targets = random_case
    found = multilabel().details(logits, targets)
    for at, name in enumerate(NAMES):
        known = ~targets[:, at].isnan()
        truth, scores = targets[known, at].numpy(), logits[known, at].sigmoid().numpy()
        assert found[name]["auroc"] == pytest.approx(reference.roc_auc_score(truth, scores))
        assert found[name]["average_precision"] == pytest.approx(
            reference.average_precision_score(truth, scores)
        )
        assert found[name]["f1"] == pytest.approx(reference.f1_score(truth, scores >= 0.5))


def test_what_is_very_likely_still_has_an_order():
    logits, targets = torch.tensor([[30.0], [20.0]]), torch.tensor([[1.0], [0.0]])
    task = zoo.task("multilabel", labels=["sunny"])
    assert task.metrics(logits, targets)["auroc"] == 1.0
    task.tune(logits, targets)
    assert [found.label for found in task.decode(logits)] == ["sunny", "none"]


def test_means_are_over_labels_and_log_loss_over_all_that_is_known(random_case):
    logits, targets = random_case
    task = multilabel()
    found, details = task.metrics(logits, targets), task.details(logits, targets).values()
    for of_all, of_each in (("auroc", "auroc"), ("macro_f1", "f1")):
        assert found[of_all] == pytest.approx(sum(d[of_each] for d in details) / 3)
    known = ~targets.isnan()
    truth, scores = targets[known].numpy(), logits[known].double().sigmoid().numpy()
    assert found["log_loss"] == pytest.approx(reference.log_loss(truth, scores), rel=1e-5)
    assert found["micro_f1"] == pytest.approx(reference.f1_score(truth, scores >= 0.5))


def test_a_label_of_one_class_is_left_out_of_the_means():
    logits = torch.tensor([[3.0, 1.0, -1.0], [-3.0, 2.0, -2.0]])
    targets = torch.tensor([[1.0, 1.0, 0.0], [0.0, 1.0, 0.0]])
    task = multilabel()
    details = task.details(logits, targets)
    assert set(details["windy"]) == {"average_precision", "f1", "threshold"}
    assert set(details["wet"]) == {"threshold"}
    assert task.metrics(logits, targets)["auroc"] == details["sunny"]["auroc"] == 1.0
    nothing = task.metrics(logits, torch.full((2, 3), NAN))
    assert nothing == {"log_loss": 0.0}


@pytest.mark.parametrize("loss", ["bce", "asymmetric"])
def test_what_is_missing_has_a_gradient_of_exactly_zero(loss, random_case):
    logits, targets = random_case
    logits.requires_grad_()
    multilabel(loss=loss).loss(logits, targets).backward()
    assert torch.equal(logits.grad != 0, ~targets.isnan() & (logits.grad != 0))
    assert not logits.grad[targets.isnan()].any()
    assert torch.isfinite(logits.grad).all()
    known = logits.grad[~targets.isnan()]
    assert (known != 0).float().mean() > 0.5


def test_the_asymmetric_loss_without_its_parts_is_cross_entropy_of_positives():
    logits, targets = torch.tensor([[1.5, -0.5, 3.0]]), torch.ones(1, 3)
    plain = multilabel().loss(logits, targets)
    assert float(multilabel(loss="asymmetric").loss(logits, targets)) == pytest.approx(float(plain))
    easy = torch.tensor([[-5.0, -5.0, -5.0]])
    assert float(multilabel(loss="asymmetric").loss(easy, torch.zeros(1, 3))) == 0.0


def test_thresholds_are_the_best_of_all_on_validation(random_case):
    logits, targets = random_case
    task = multilabel()
    task.tune(logits, targets)
    for at, limit in enumerate(task.state["threshold"]):
        known = ~targets[:, at].isnan()
        truth, scores = targets[known, at].numpy(), logits[known, at].sigmoid().numpy()
        best = max(reference.f1_score(truth, scores >= one) for one in scores)
        assert reference.f1_score(truth, scores >= limit) == pytest.approx(best)
    half = multilabel(thresholds="half")
    half.tune(logits, targets)
    assert half.state == {}


def test_a_label_of_one_class_in_validation_keeps_one_half():
    task = multilabel()
    task.tune(torch.randn(4, 3), torch.tensor([[1.0, 0.0, NAN]] * 4))
    assert task.state["threshold"] == [0.5, 0.5, 0.5]


def test_what_applies_is_what_reaches_its_threshold():
    task = multilabel()
    task.restore({"threshold": [0.9, 0.1, 0.5]})
    first, none = task.decode(torch.tensor([[1.0, -1.0, 5.0], [-9.0, -9.0, -9.0]]))
    assert (first.label, first.data["labels"]) == ("windy, wet", ["windy", "wet"])
    assert first.data["thresholds"] == pytest.approx({"sunny": 0.9, "windy": 0.1, "wet": 0.5})
    assert none.as_dict()["label"] == "none"


@pytest.mark.parametrize(
    ("label", "marks"),
    [
        ('{"sunny": "1", "windy": "false"}', [1, 0, NAN]),
        ('{"tags": "[\\"windy\\", \\"wet\\"]"}', [0, 1, 1]),
        ('{"tags": "windy; wet"}', [0, 1, 1]),
        ('{"tags": "[]"}', [0, 0, 0]),
        ("sunny", [1, 0, 0]),
        ("", [NAN, NAN, NAN]),
    ],
)
def test_marks_lists_and_gaps(label, marks):
    found = multilabel().targets([label])
    assert torch.equal(found.nan_to_num(9), torch.tensor([marks]).float().nan_to_num(9))


@pytest.mark.parametrize("bad", ['{"sunny": "perhaps", "windy": "1"}', "foggy", "[1,", "[[]]"])
def test_what_is_no_label_is_refused(bad):
    with pytest.raises(LabelProblem):
        multilabel().targets([bad])


def hidden(digit, at):
    """Three properties of a digit, of which about a third is hidden."""
    true = {"big": digit > 4, "even": digit % 2 == 0, "round": digit in (0, 6, 8, 9)}
    return {n: "" if (at + 3 * i) % 10 < 3 else int(v) for i, (n, v) in enumerate(true.items())}


@pytest.mark.parametrize("loss", [pytest.param("bce", marks=pytest.mark.soak), "asymmetric"])
def test_a_run_with_gaps_beats_the_frequencies_and_answers_the_same_when_loaded(
    loss, write, tmp_path
):
    data = write(hidden)
    ended = command(
        "fit", data, "--backbone", "digits", "--task", "multilabel", "--adapter", "lora",
        "--task-set", f"loss={loss}", "--epochs", 2, "--out", tmp_path / "run", "--json",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    by_model = {r["model"]: r["metrics"] for r in ended.data["results"] if r["split"] == "test"}
    ours, guessed = by_model["this model"], by_model["label frequencies"]
    assert ours["average_precision"] > guessed["average_precision"] + 0.2
    model = zoo.load(tmp_path / "run")
    assert set(model.task.state) == {"threshold"}
    asked = command("predict", tmp_path / "run", data, "--json", "--input-column", "image").data
    again = model.predict([one["input"] for one in asked])
    assert [one["labels"] for one in asked] == [p.data["labels"] for p in again]
    assert [one["scores"] for one in asked] == [p.scores for p in again]
    one = next(one for one in asked if len(one["labels"]) == 1)
    (label,) = one["labels"]
    other = next(name for name in one["scores"] if name != label)  # best first
    shown = command("predict", tmp_path / "run", one["input"]).out.splitlines()
    score, limit = one["scores"][label], one["thresholds"][label]
    assert shown[0].split() == ["input", "label", "score", "threshold"]
    assert shown[2].split()[1:] == [label, f"{score:.3f}", f"{limit:.3f}"]
    assert len(shown) == 3
    both = command("predict", tmp_path / "run", one["input"], "--top", 2).out.splitlines()
    assert both[3].split()[0] == other
    table = command("predict", tmp_path / "run", one["input"], "--csv").out.splitlines()
    assert f"score {other}" in table[0]


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ({"big": "perhaps"}, "'perhaps' in the column 'big' is neither 0 nor 1 at data.csv row 5"),
        ({"tags": "[1,"}, "'[1,' is no list of names at data.csv row 5"),
    ],
)
def test_a_bad_cell_is_named_with_file_and_row(targets, message, write, tmp_path):
    plain = {"big": "1", "even": "0"} if "big" in targets else {"tags": '["a"]'}
    data = write(lambda digit, at: {**plain, **targets} if at == 3 else plain)
    ended = command(
        "fit", data, "--task", "multilabel", "--label-column", ",".join(plain),
        "--out", tmp_path / "run",
    )  # fmt: skip
    assert ended.code == 2
    assert message in ended.err


def test_what_cannot_be_learned_is_refused(write):
    data = write(lambda digit, at: {"big": "", "even": int(digit % 2 == 0)})
    with pytest.raises(LabelProblem, match="'big' applies to no training row"):
        zoo.load_data(data, task="multilabel", label_column="big,even")
    data = write(lambda digit, at: {"big": "", "even": ""})
    with pytest.raises(LabelProblem, match=r"No row of train in .* has a label"):
        zoo.load_data(data, task="multilabel", label_column="big,even")


def test_lists_of_a_jsonl_file_are_labels_and_unknown_ones_are_named(tmp_path):
    rows = [{"text": f"text {n}", "tags": ["odd"] if n % 2 else []} for n in range(20)]
    rows[7]["tags"] = ["odd", "seven"]
    rows[9]["tags"] = ["seven"]
    (tmp_path / "train.jsonl").write_text("\n".join(map(json.dumps, rows)))
    other = [{"text": "eleven", "tags": ["odd", "new"]}, {"text": "ten", "tags": []}]
    (tmp_path / "test.jsonl").write_text("\n".join(map(json.dumps, other)))
    options = {"task": "multilabel", "label_column": "tags"}
    with pytest.raises(LabelProblem, match=r"'new' at test\.jsonl row 1"):
        zoo.load_data(tmp_path, **options)
    found = zoo.load_data(tmp_path, **options, skip_bad=True)
    assert found.labels == ("odd", "seven")
    assert found.rows["test"] == 1


def test_names_that_look_like_marks_are_names_in_lists(tmp_path):
    rows = [{"text": f"text {n}", "tags": ["0", "1", "0,2", "1;2"][n % 4]} for n in range(20)]
    (tmp_path / "data.jsonl").write_text("\n".join(map(json.dumps, rows)))
    found = zoo.load_data(tmp_path / "data.jsonl", task="multilabel", label_column="tags")
    assert found.labels == ("0", "1", "2")
    task = zoo.task("multilabel", labels=found.labels)
    by_text = dict(zip(found.splits["train"].inputs, found.splits["train"].labels, strict=True))
    for text, label in by_text.items():
        wanted = ([1, 0, 0], [0, 1, 0], [1, 0, 1], [0, 1, 1])[int(text.split()[1]) % 4]
        assert task.targets([label]).tolist() == [wanted]


def test_degenerate_scores_are_measured_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = multilabel().metrics(torch.zeros(4, 3), torch.tensor([[1.0, 0.0, NAN]] * 4))
    assert found["average_precision"] == 1.0
