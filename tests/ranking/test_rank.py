"""`zoo.rank`: the right backbone first, what cannot be ranked left out with its reason."""

import dataclasses

import numpy as np
import pytest
import torch

import zoo
from tests.digits import write_digits
from zoo.errors import BadSetting, Incompatible, LabelProblem, UnknownName
from zoo.progress import Silent
from zoo.ranking import rank as module
from zoo.ranking.problem import halves
from zoo.ranking.rank import make_ranker, rank
from zoo.ranking.ranker import Ranker, RankProblem
from zoo.ranking.record import Candidate, Ranking
from zoo.ranking.sample import chosen
from zoo.specs import RankerSpec


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """Digits 5 to 9, 24 of each: those that the backbone was not trained on."""
    folder = tmp_path_factory.mktemp("data") / "digits"
    return write_digits(folder, classes=(5, 6, 7, 8, 9), per_class=24)


@pytest.fixture(scope="module")
def data(digits):
    return zoo.load_data(digits)


@pytest.fixture(scope="module")
def candidates():
    """The trained network, and the same with all but four of its last channels put out."""
    crippled = zoo.load_backbone("digits")
    for tensor in (crippled.module.stage3.norm.weight, crippled.module.stage3.norm.bias):
        tensor.data[4:] = 0
    return {"crippled": crippled, "trained": zoo.load_backbone("digits")}


@pytest.mark.parametrize("ranker", ["logme", "hscore", "knn", "probe"])
def test_the_trained_network_is_ranked_before_a_crippled_one(data, candidates, ranker):
    found = rank(data, candidates, ranker, progress=Silent())
    assert [c.name for c in found.candidates] == ["trained", "crippled"]
    assert found.best.estimate > found.candidates[1].estimate
    assert found.best.spread > 0
    assert found.best.params == 23_408
    assert found.best.license == "apache-2.0"
    assert found.best.milliseconds > 0


def test_only_training_rows_are_seen(data, candidates):
    """Held-out rows may be anything at all, even what cannot be read."""
    gone = dataclasses.replace(data.splits["test"], inputs=["nowhere.png"] * 3, labels=["5"] * 3)
    without = dataclasses.replace(data, splits={**data.splits, "test": gone, "val": gone})
    found, same = (rank(which, candidates, progress=Silent()) for which in (data, without))
    assert same.best.halves == found.best.halves
    assert found.of == len(data.splits["train"])


def test_fewer_rows_spread_wider(data, candidates):
    every = rank(data, candidates, "knn", progress=Silent())
    few = rank(data, candidates, "knn", rows=20, progress=Silent())
    assert (few.rows, few.of) == (20, every.rows)
    assert few.best.spread > 1.5 * every.best.spread


def test_the_same_seed_gives_the_same(data, candidates):
    one, two = (rank(data, candidates, "knn", rows=60, progress=Silent()) for _ in range(2))
    assert [c.halves for c in one.candidates] == [c.halves for c in two.candidates]
    other = rank(data, candidates, "knn", rows=60, seed=1, progress=Silent())
    assert [c.halves for c in one.candidates] != [c.halves for c in other.candidates]


def test_what_cannot_take_the_data_is_skipped_with_its_reason(data, candidates):
    asked = {**candidates, "for texts": "minilm", "missing": "timm:./nowhere"}
    found = rank(data, asked, progress=Silent())
    assert len(found.candidates) == 2
    reasons = {skipped.name: skipped.reason for skipped in found.skipped}
    assert "text" in reasons["for texts"]
    assert "nowhere" in reasons["missing"]


def test_a_network_that_breaks_does_not_end_the_ranking(data, candidates):
    broken = zoo.load_backbone("digits")
    broken.module.stage2 = torch.nn.Linear(3, 3)
    flat = zoo.load_backbone("digits")
    torch.nn.init.zeros_(flat.module.stage3.norm.weight)
    torch.nn.init.zeros_(flat.module.stage3.norm.bias)
    asked = {"broken": broken, "flat": flat, "trained": candidates["trained"]}
    found = rank(data, asked, progress=Silent())
    reasons = {skipped.name: skipped.reason for skipped in found.skipped}
    assert found.best.name == "trained"
    assert "RuntimeError" in reasons["broken"]
    assert reasons["flat"] == "It gives the same features for every row."


def test_a_source_head_is_needed_where_it_is_needed(data, candidates):
    with pytest.raises(Incompatible, match="no head for them"):
        rank(data, candidates, "leep", progress=Silent())


def test_leep_and_nce_use_the_head_the_backbone_was_trained_with(data, candidates, monkeypatch):
    trained = candidates["trained"]
    head = torch.nn.Linear(trained.feature_size, 5)
    monkeypatch.setattr(trained, "source_head", lambda: head, raising=False)
    for name in ("leep", "nce"):
        found = rank(data, candidates, name, progress=Silent())
        assert [c.name for c in found.candidates] == ["trained"]
        assert -np.log(5) - 0.01 <= found.best.estimate <= 0
        assert [s.name for s in found.skipped] == ["crippled"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": ["5"] * 20}, "same label"),
        ({"inputs": [], "labels": []}, "too few"),
    ],
)
def test_rows_that_allow_no_estimate_are_refused(data, candidates, change, message):
    train = data.splits["train"]
    size = len(change["labels"])
    split = dataclasses.replace(train, **{"inputs": list(train.inputs)[:size], **change})
    other = dataclasses.replace(data, splits={"train": split})
    with pytest.raises(LabelProblem, match=message):
        rank(other, candidates, progress=Silent())


def test_what_was_mistyped_is_refused(data, candidates):
    with pytest.raises(UnknownName, match="logme"):
        rank(data, candidates, "logmee", progress=Silent())
    with pytest.raises(BadSetting, match="too few"):
        rank(data, candidates, rows=3, progress=Silent())
    with pytest.raises(Incompatible, match="no backbone"):
        rank(data, {}, progress=Silent())


def test_a_ranker_that_gives_no_number_is_told_of(data, candidates):
    class Broken(Ranker):
        def estimate(self, problem: RankProblem) -> float:
            return float("nan")

    broken = Broken(RankerSpec(name="broken", loader="m:c"), {})
    with pytest.raises(Incompatible, match="gives nan"):
        rank(data, candidates, broken, progress=Silent())


# === Other targets ===


def table(tmp_path, name, rows):
    path = tmp_path / f"{name}.csv"
    path.write_text("path,target\n" + "\n".join(f"{p},{t}" for p, t in rows) + "\n")
    return path


def images(digits):
    return sorted(digits.rglob("*.png"))


@pytest.mark.parametrize("ranker", ["logme", "knn", "probe"])
def test_numbers_are_ranked(digits, candidates, tmp_path, ranker):
    rows = [(path, float(path.parent.name) * 1.5) for path in images(digits)]
    data = zoo.load_data(table(tmp_path, "numbers", rows), task="regression", modality="image")
    found = rank(data, candidates, ranker, task="regression", progress=Silent())
    assert found.best.name == "trained"
    with pytest.raises(Incompatible, match="regression has numbers"):
        rank(data, candidates, "hscore", task="regression", progress=Silent())


@pytest.mark.parametrize("ranker", ["logme", "hscore", "knn"])
def test_marks_are_ranked(digits, candidates, tmp_path, ranker):
    names = {
        "5": "odd",
        "6": "even;round",
        "7": "odd;straight",
        "8": "even;round",
        "9": "odd;round",
    }
    rows = [(path, names[path.parent.name]) for path in images(digits)]
    data = zoo.load_data(table(tmp_path, "marks", rows), task="multilabel", modality="image")
    found = rank(data, candidates, ranker, task="multilabel", progress=Silent())
    assert found.best.name == "trained"


# === Parts ===


def test_rows_are_chosen_with_every_label_in_its_share():
    strata = ["a"] * 700 + ["b"] * 200 + ["c"] * 100
    picked = chosen(strata, 100, seed=0)
    assert len(set(picked)) == 100
    shares = [sum(strata[at] == name for at in picked) for name in "abc"]
    assert shares == [70, 20, 10]
    assert picked != chosen(strata, 100, seed=1)
    assert chosen(strata, 2000, seed=0) == list(range(1000))


def test_the_spread_is_that_of_the_estimate_over_data_sets():
    """Halves of one data set tell how much the estimate differs between data sets."""
    probe = make_ranker("knn", {"neighbours": 1})

    def problem(seed):
        draw = np.random.default_rng(seed)
        targets = np.arange(200) % 2
        return RankProblem(draw.normal(size=(200, 2)) + targets[:, None], targets, "classes")

    truth = np.std([probe.estimate(problem(seed)) for seed in range(60)])
    told = np.mean([np.std(halves(probe, problem(seed)), ddof=1) for seed in range(12)])
    assert 0.6 * truth < told < 1.6 * truth


def candidate(name, estimate, milliseconds, halves=(0.0, 0.1)):
    return Candidate(name, estimate, halves, 1, 1, milliseconds, None, 1.0)


def test_the_front_has_those_that_no_other_beats_in_both():
    found = Ranking(
        "logme",
        "classification",
        10,
        10,
        (
            candidate("slow and best", 3.0, 9.0),
            candidate("beaten", 1.9, 3.0),
            candidate("quick", 2.0, 2.0),
            candidate("quickest", 1.0, 1.0),
            candidate("untimed", 0.5, None),
        ),
    )
    assert [c.name for c in found.pareto] == ["quickest", "quick", "slow and best"]


def test_two_are_level_where_their_difference_is_within_its_spread():
    """Halves are the same for all, so what moves both alike does not count."""
    steady = candidate("a", 1.0, 1.0, halves=(0.8, 1.0, 1.2))
    always_below = candidate("b", 0.9, 1.0, halves=(0.7, 0.901, 1.1))
    crossing = candidate("c", 0.9, 1.0, halves=(1.1, 0.9, 0.7))
    assert not always_below.level_with(steady)
    assert crossing.level_with(steady)


def test_the_listed_backbones_of_the_modality_are_asked_where_none_is_named():
    assert "vision:digits" in module._named(None, "image")
    assert "nlp:minilm" in module._named(None, "text")
    assert "vision:vit_large_patch16_224" not in module._named(None, "image")
    assert not any(name.startswith("vision:") for name in module._named(None, "text"))
