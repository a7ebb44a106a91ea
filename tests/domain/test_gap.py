"""`zoo.gap` on planted gaps: right in direction, and silent where there is none."""

import csv
import dataclasses
import itertools

import numpy as np
import pytest

import zoo
from tests.domain.planted import (
    blurred,
    dimmed,
    images,
    inverted,
    moved,
    noisy,
    rotated,
    side,
)
from zoo.domain.gap import gap
from zoo.domain.sides import Side
from zoo.domain.words import lines
from zoo.errors import ContractViolation, DataError
from zoo.progress import Silent

SKEWED = [0.25, 0.25, 0.1, 0.1, 0.1, 0.04, 0.04, 0.04, 0.04, 0.04]


@pytest.fixture(scope="module")
def backbone():
    return zoo.load_backbone("digits")


@pytest.fixture(scope="module")
def compared(backbone, tmp_path_factory):
    """Compares two sets of digits that have no image in common, the second with something planted."""

    def compare(seed=0, **planted):
        folder = tmp_path_factory.mktemp("gap")
        one, other = images(seed)
        sides = side("here", one, folder), side("there", other, folder, **planted)
        return gap(*sides, backbone, seed=seed, progress=Silent())

    return compare


@pytest.mark.parametrize("seed", range(3))
def test_where_nothing_is_planted_nothing_is_said(compared, seed):
    found = compared(seed)
    alarms = (found.differs, found.inputs_differ, found.proportions_differ, *found.shifted)
    assert not any(alarms)
    assert found.a_distance < 0.4
    assert len(lines(found)) == 1
    assert lines(found)[0].startswith("No gap between here and there is to be seen")


@pytest.mark.parametrize(
    "change",
    [rotated(20), rotated(90), blurred(2), inverted, dimmed, noisy, moved],
    ids=["rotated", "turned", "blurred", "inverted", "dimmed", "noisy", "moved"],
)
def test_other_images_of_the_same_classes_are_another_source(compared, change):
    found = compared(change=change)
    assert found.differs
    assert found.inputs_differ
    assert not found.proportions_differ
    assert len(found.shifted) >= 8
    assert found.a_distance > 1.2
    assert "almost wholly apart" in lines(found)[0]


def test_more_of_it_is_farther(compared):
    distances = [compared(change=rotated(degrees)).mmd.statistic for degrees in (0, 15, 30)]
    assert distances == sorted(distances)


@pytest.mark.parametrize("labelled", [True, False])
def test_other_proportions_of_classes_are_told_from_other_images(compared, labelled):
    found = compared(shares=SKEWED, labelled=labelled)
    assert found.proportions_differ
    assert not found.inputs_differ
    assert not found.shifted
    estimated = np.array(found.label_shift.estimated)
    assert np.abs(estimated - SKEWED).max() < 0.04
    assert (np.array(found.label_shift.low) <= np.array(SKEWED) + 0.02).all()
    assert (np.array(found.label_shift.high) >= np.array(SKEWED) - 0.02).all()
    assert (found.label_shift.actual is not None) == labelled
    said = lines(found)
    assert said[0].startswith("there has other proportions of classes than here; within classes")
    assert "→ 25%" in said[1]


def test_both_at_once_are_both_named(compared):
    found = compared(shares=SKEWED, change=rotated(30))
    assert found.proportions_differ
    assert found.inputs_differ
    unsure = compared(shares=SKEWED, change=rotated(90), labelled=False)
    assert "unsafe" in " ".join(lines(unsure))


def test_a_class_that_alone_has_changed_is_named(compared):
    found = compared(change=rotated(90, only=[3]))
    assert [each.label for each in found.shifted] == ["3"]
    assert "Inputs of 1 of 10 classes differ: 3." in lines(found)


def test_classes_that_the_source_lacks_are_named(backbone, tmp_path):
    one, other = images(1)
    few = [row for row in one if row[1] < 8]
    found = gap(
        side("here", few, tmp_path), side("there", other, tmp_path), backbone, progress=Silent()
    )
    assert found.unknown == ("8", "9")
    assert "here has no 8, 9" in " ".join(lines(found))


def test_neither_set_needs_labels(backbone, tmp_path):
    one, other = images(1)
    sides = [
        side(name, rows, tmp_path, labelled=False, count=60)
        for name, rows in (("a", one), ("b", other))
    ]
    found = gap(*sides, backbone, progress=Silent())
    assert not found.differs
    assert (found.label_shift, found.within, found.classes) == (None, None, ())


def test_labels_that_are_numbers_are_no_classes(backbone, tmp_path):
    one, other = images(1)
    sides = [side(name, rows, tmp_path, count=60) for name, rows in (("a", one), ("b", other))]
    numbered = [dataclasses.replace(s, labels=[f"{at}.5" for at in range(60)]) for s in sides]
    found = gap(*numbered, backbone, progress=Silent())
    assert (found.label_shift, found.classes, found.unknown) == (None, (), ())


def test_few_rows_hold_no_false_alarm_and_still_show_a_wide_gap(backbone, tmp_path):
    one, other = images(2)
    source = side("source", one, tmp_path)
    none = gap(source, side("alike", other, tmp_path, count=25), backbone, progress=Silent())
    assert not none.differs
    wide = side("wide", other, tmp_path, count=25, change=inverted)
    assert gap(source, wide, backbone, progress=Silent()).differs


def test_the_same_files_in_both_are_refused_and_a_few_left_out(backbone, tmp_path):
    one, other = images(0)
    source, target = side("here", one, tmp_path), side("there", other, tmp_path, count=100)
    with pytest.raises(DataError, match="240 of 240 inputs of here are also in here"):
        gap(source, source, backbone, progress=Silent())
    mixed = Side(
        "mixed",
        [*target.inputs, *source.inputs[:30]],
        "image",
        [*target.labels, *source.labels[:30]],
    )
    found = gap(source, mixed, backbone, progress=Silent())
    assert (found.shared, found.rows["target"]) == (30, 100)
    assert "30 inputs are in both" in lines(found)[-1]


def test_what_cannot_be_compared_is_refused_in_words(backbone, tmp_path):
    one, other = images(0)
    source = side("here", one, tmp_path)
    with pytest.raises(DataError, match="few has 19 inputs to compare, which are too few"):
        gap(source, side("few", other, tmp_path, count=19), backbone, progress=Silent())
    texts = Side("texts", ["a text", "another"] * 20, "text")
    with pytest.raises(ContractViolation, match="here is image data and texts text data"):
        gap(source, texts, backbone, progress=Silent())


def test_the_same_seed_gives_the_same(compared):
    assert compared(change=rotated(10)).plain() == compared(change=rotated(10)).plain()


@pytest.mark.realdata
def test_real_domains_of_reviews_differ_and_halves_of_one_do_not(shared):
    """Beginnings of reviews of books and of kitchenware, in the features of MiniLM."""

    def reviews(domain, split):
        path = shared / "data" / "amazon_reviews" / domain / f"{split}.csv"
        with path.open(encoding="utf-8") as file:
            rows = list(itertools.islice(csv.DictReader(file), 60))
        texts = [row["text"][:120] for row in rows]
        return Side(f"{domain} {split}", texts, "text", [row["label"] for row in rows])

    books, base = reviews("books", "train"), zoo.load_backbone("minilm")
    same = gap(books, reviews("books", "test"), base, progress=Silent())
    other = gap(books, reviews("kitchen", "test"), base, progress=Silent())
    assert not same.differs
    assert other.inputs_differ
    assert not other.proportions_differ
    assert other.a_distance > same.a_distance + 0.6
