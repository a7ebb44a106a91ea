"""Pairs of texts: both encoders, correlations against SciPy's, and what is no pair."""

import csv
import warnings

import pytest
import torch
from scipy import stats

import zoo
from tests.cli.commands import zoo as command
from zoo.errors import ContractViolation, Incompatible
from zoo.model import ComposedModel
from zoo.testing import TaskKit
from zoo.testing.reference import HeadOnly
from zoo.testing.subjects import reference_backbones

ANIMALS = "ant bee cat dog elk fox gnu hen ibis jay koala lynx mole newt owl pig rat seal toad wasp"
NUMBERS = ("0.5", "3", "4.5")


class TestCross(TaskKit):
    """The rules for every task; the reference backbone reads one text at a time and is refused."""

    task = "pair-classification"
    settings = {"encoder": "cross"}  # noqa: RUF012  # the kit reads it
    adapters = ("linear-probe",)


@pytest.fixture
def pairs(tmp_path):
    """A table of pairs that hold the same animal or not, and how much they have in common."""
    path = tmp_path / "pairs.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["first", "second", "same", "likeness"])
        for at in range(80):
            words = ANIMALS.split()
            one, other = words[at % 20], words[(at + (at // 20 % 2) * 7) % 20]
            same = one == other
            writer.writerow(
                [f"I saw {one} number {at}.", f"There is {other} {at}.", "yes" if same else "no",
                 4.5 if same else 1.0]
            )  # fmt: skip
    return path


def similarity(**settings):
    return zoo.task("similarity", labels=["similarity"], **settings)


def reference():
    return reference_backbones()["reference:text"]()


@pytest.mark.parametrize("ties", [False, True])
def test_correlations_equal_the_reference(ties):
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(100, 1, generator=generator)
    targets = (logits + torch.randn(100, 1, generator=generator)).double()
    if ties:
        logits, targets = logits.round(), targets.round()
    found = similarity().metrics(logits, targets)
    one, other = logits[:, 0].numpy(), targets[:, 0].numpy()
    assert found["spearman"] == pytest.approx(stats.spearmanr(one, other).statistic, abs=1e-6)
    assert found["pearson"] == pytest.approx(stats.pearsonr(one, other).statistic, abs=1e-6)


@pytest.mark.parametrize("rows", [1, 5])
def test_correlations_of_equal_numbers_are_left_out(rows):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = similarity().metrics(torch.zeros(rows, 1), torch.arange(rows)[:, None].double())
    assert set(found) == {"mae", "loss"}


def test_a_bi_encoder_of_likeness_does_not_mind_the_order_and_reads_each_text_alone():
    task = similarity()
    model = ComposedModel(reference(), HeadOnly(), [task])
    a, b, c = "an ant", "a much longer text about bees", "cat"
    ab, ba, ac = model.logits([(a, b), (b, a), (a, c)])[task.name]
    assert torch.equal(ab, ba)
    assert not torch.allclose(ab, ac)
    alone = model.logits([(a, c)])[task.name]
    assert torch.allclose(alone[0], ac, atol=1e-5)
    assert model.heads[task.name].in_features == 2 * model.backbone.feature_size


def test_a_cross_encoder_needs_a_backbone_that_reads_pairs():
    with pytest.raises(Incompatible, match="reads one text at a time"):
        ComposedModel(reference(), HeadOnly(), [similarity(encoder="cross")])


def test_what_is_no_pair_is_refused():
    model = ComposedModel(reference(), HeadOnly(), [similarity()])
    for bad in ("one text", ("a", "b", "c")):
        with pytest.raises(ContractViolation, match="is not 2 texts"):
            model.predict([bad])
    plain = ComposedModel(reference(), HeadOnly(), [zoo.task("classification", labels=["a", "b"])])
    with pytest.raises(ContractViolation, match="is tuple"):
        plain.predict([("a", "b")])


@pytest.mark.parametrize(
    ("task", "encoder", "column", "metric"),
    [
        ("pair-classification", "cross", "same", "accuracy"),
        ("similarity", "bi", "likeness", "spearman"),
    ],
)
def test_a_run_on_minilm_answers_the_same_when_loaded(
    task, encoder, column, metric, pairs, tmp_path
):
    ended = command(
        "fit", pairs, "--backbone", "nlp:minilm", "--task", task, "--label-column", column,
        "--input-column", "first,second", "--task-set", f"encoder={encoder}",
        "--adapter", "linear-probe", "--out", tmp_path / "run", "--json",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    results = {r["model"]: r["metrics"] for r in ended.data["results"] if r["split"] == "test"}
    if encoder == "bi":
        assert results["this model"][metric] > 0.7
    asked = command(
        "predict", tmp_path / "run", pairs, "--input-column", "first,second", "--json"
    ).data
    again = zoo.load(tmp_path / "run").predict([tuple(one["input"]) for one in asked])
    assert [one["label"] for one in asked] == [p.label for p in again]
    (typed,) = command("predict", tmp_path / "run", "I saw ant\tThere is ant", "--json").data
    assert typed["input"] == ["I saw ant", "There is ant"]
    refused = command("predict", tmp_path / "run", "only one text here")
    assert refused.code == 2
    assert "The task takes 2 texts at a time" in refused.err


def test_the_pair_is_found_by_its_usual_names_or_asked_for(pairs):
    with pytest.raises(zoo.errors.ColumnMissing, match="--input-column names 1 of the columns"):
        zoo.load_data(pairs, task="similarity", label_column="likeness", input_column="first")
    found = zoo.load_data(pairs, task="pair-classification", label_column="same")
    assert found.splits["train"].inputs[0][0].startswith("I saw")
    renamed = pairs.with_name("renamed.csv")
    renamed.write_text(pairs.read_text().replace("first,second", "premise,hypothesis"))
    found = zoo.load_data(renamed, task="similarity", label_column="likeness")
    assert found.splits["train"].inputs[0][1].startswith("There is")


def test_a_blank_half_is_named(pairs):
    pairs.write_text(pairs.read_text() + " ,There is ant,yes,4.5\n")
    with pytest.raises(zoo.errors.DataError, match=r"blank in 1 row: pairs\.csv row 82"):
        zoo.load_data(pairs, task="pair-classification", label_column="same")
