"""Tasks whose units are words, or whose inputs are pairs, are ranked on what their heads sit on."""

import csv

import pytest

import zoo
from zoo.errors import Incompatible
from zoo.progress import Silent
from zoo.ranking import rank as module
from zoo.ranking.rank import rank
from zoo.ranking.ranker import Ranker
from zoo.specs import RankerSpec

CITIES, NAMES = ("Rome", "Oslo", "Lima", "Cairo"), ("Anna", "Omar", "Yuki", "Bo")


class Seeing(Ranker):
    """Remembers what it is asked, and says 1."""

    seen = None

    def estimate(self, problem):
        if type(self).seen is None or len(problem) > len(type(self).seen):
            type(self).seen = problem
        return 1.0


@pytest.fixture
def seeing():
    Seeing.seen = None
    return Seeing(RankerSpec(name="seeing", loader="m:c"), {})


@pytest.fixture(scope="module")
def minilm():
    return zoo.load_backbone("minilm")


def test_words_are_the_units_of_a_tagger(tmp_path, minilm, seeing, monkeypatch):
    lines = []
    for at in range(24):
        name, city = NAMES[at % 4], CITIES[at // 6]
        lines += [f"{name} B-per", "went O", "to O", f"{city} B-loc", *["today O"] * (at % 3), ""]
    path = tmp_path / "entities.conll"
    path.write_text("\n".join(lines))
    data = zoo.load_data(path, task="token-classification")
    words = sum(len(text.split()) for text in data.splits["train"].inputs)
    rank(data, [minilm], seeing, task="token-classification", progress=Silent())
    assert seeing.seen.kind == "classes"
    whole = min(words, 4 * len(data.splits["train"]))
    assert seeing.seen.features.shape == (whole, minilm.feature_size)
    found = rank(data, [minilm], "knn", task="token-classification", progress=Silent())
    assert found.best.estimate > 0.9
    monkeypatch.setattr(module, "_UNITS", 1)
    Seeing.seen = None
    rank(data, [minilm], seeing, task="token-classification", progress=Silent())
    assert len(seeing.seen) == len(data.splits["train"])


def test_pairs_are_ranked_on_what_their_head_sits_on(tmp_path, minilm, seeing):
    path = tmp_path / "pairs.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["first", "second", "label"])
        for at in range(40):
            other = CITIES[(at + at // 4 % 2) % 4]
            same = "yes" if other == CITIES[at % 4] else "no"
            writer.writerow([f"{CITIES[at % 4]} in year {at}", f"We saw {other} {at}", same])
    data = zoo.load_data(path, task="pair-classification")
    rank(data, [minilm], seeing, task="pair-classification", progress=Silent())
    task = zoo.task("pair-classification", labels=data.labels)
    rows = len(data.splits["train"])
    assert seeing.seen.features.shape == (rows, task.feature_size(minilm))


def test_tasks_of_a_language_head_cannot_be_ranked(tmp_path, minilm):
    path = tmp_path / "texts.csv"
    path.write_text("text\n" + "".join(f"a text of {at} words\n" for at in range(20)))
    data = zoo.load_data(path, task="masked-language")
    with pytest.raises(Incompatible, match="cannot be ranked for masked-language: it uses a"):
        rank(data, [minilm], task="masked-language", progress=Silent())
