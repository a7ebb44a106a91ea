from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.data.rows import Row
from zoo.data.stratify import carve


def rows_of(counts: dict[str, int]) -> list[Row]:
    return [
        Row(f"{label}{i}", label, f"row {label}{i}", f"{label}{i}".encode())
        for label, count in counts.items()
        for i in range(count)
    ]


counts = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 40), min_size=1)
copied = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 6)), min_size=1, max_size=60)
fractions = st.floats(0.01, 0.9)
seeds = st.integers(0, 2**32 - 1)


@settings(deadline=None)
@given(counts, fractions, seeds)
def test_every_row_is_on_one_side_and_every_class_stays(classes, fraction, seed):
    rows = rows_of(classes)
    stays, carved = carve(rows, fraction, seed)
    assert Counter(row.place for row in stays + carved) == Counter(row.place for row in rows)
    assert {row.label for row in stays} == set(classes)
    assert [row for row in rows if row in set(stays)] == stays  # the old order is kept


@settings(deadline=None)
@given(counts, fractions, seeds, st.randoms())
def test_the_split_is_the_same_in_any_order_of_rows(classes, fraction, seed, random):
    rows = rows_of(classes)
    _, carved = carve(rows, fraction, seed)
    random.shuffle(rows)
    assert set(carve(rows, fraction, seed)[1]) == set(carved)


@settings(deadline=None)
@given(counts, st.floats(0.01, 0.5), seeds)
def test_sizes_are_proportional(classes, fraction, seed):
    rows = rows_of(classes)
    _, carved = carve(rows, fraction, seed)
    wanted = max(round(len(rows) * fraction), 1)
    assert bool(carved) == (max(classes.values()) > 1)
    assert len(carved) <= wanted
    if all(count * (1 - fraction) >= 2 for count in classes.values()):  # none is held to its last
        assert len(carved) == wanted
    for label, count in Counter(row.label for row in carved).items():
        assert abs(count - classes[label] * fraction) < 1.5


@settings(deadline=None)
@given(copied, fractions, seeds)
def test_copies_stay_together(contents, fraction, seed):
    rows = [
        Row(f"{i}", label, f"row {i}", f"{label}{content}".encode())
        for i, (label, content) in enumerate(contents)
    ]
    stays, carved = carve(rows, fraction, seed)
    assert len(stays) + len(carved) == len(rows)
    assert not {row.digest for row in stays} & {row.digest for row in carved}
    assert {row.label for row in stays} == {row.label for row in rows}


def test_seeds_draw_differently():
    rows = rows_of({"a": 50, "b": 50})
    drawn = {tuple(row.place for row in carve(rows, 0.2, seed)[1]) for seed in range(5)}
    assert len(drawn) == 5


def test_many_small_classes_still_give_their_share():
    _, carved = carve(rows_of({f"class{i}": 3 for i in range(40)}), 0.15, 0)
    assert len(carved) == 18
    assert max(Counter(row.label for row in carved).values()) == 1


def test_nothing_is_carved_where_nothing_is_wanted():
    rows = rows_of({"a": 5})
    assert carve(rows, 0, 0) == (rows, [])
