"""The tests of two samples equal their definitions, and their p-values hold."""

import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge

from zoo.domain import twosample
from zoo.domain.classes import class_shifts, label_shift, matched


def two(seed=0, rows=30, size=5, apart=0.0):
    draw = np.random.default_rng(seed)
    return draw.normal(size=(rows, size)), draw.normal(size=(rows + 10, size)) + apart


def test_mmd_is_its_definition():
    source, target = two(apart=0.5)
    rows = np.concatenate([source, target])
    kernel = twosample.mixture(rows)
    squared = ((rows[:, None] - rows) ** 2).sum(axis=2)
    median = np.median(squared[np.triu_indices(len(rows), 1)])
    by_hand = np.mean([np.exp(-squared / (w * median)) for w in (0.25, 0.5, 1, 2, 4)], axis=0)
    np.testing.assert_allclose(kernel, by_hand, atol=1e-12)
    m, n = len(source), len(target)
    within = sum(kernel[i, j] for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    beyond = sum(
        kernel[m + i, m + j] for i in range(n) for j in range(n) if i != j
    ) / (n * (n - 1))  # fmt: skip
    across = kernel[:m, m:].mean()
    found = twosample.mmd_test(kernel, m, seed=0, permutations=9)
    assert found.statistic == pytest.approx(within + beyond - 2 * across, abs=1e-9)


def test_held_out_predictions_are_those_of_fits_without_the_fold():
    rows, _ = two(rows=40)
    targets = np.sign(rows[:, 0])
    kernel = twosample.gram(rows, rows)
    closed = twosample.held_out(kernel, seed=3) @ targets
    strength = twosample._RIDGE * (np.diag(kernel).mean() - 1)
    fold = np.random.default_rng((3, 0)).permutation(np.arange(40) % 5)
    for each in range(5):
        held, rest = fold == each, fold != each
        peer = KernelRidge(alpha=strength, kernel="precomputed")
        peer.fit(kernel[np.ix_(rest, rest)], targets[rest])
        expected = peer.predict(kernel[np.ix_(held, rest)])
        np.testing.assert_allclose(closed[held], expected, atol=1e-8)


@pytest.mark.parametrize("size", [3, 200])
def test_chance_alone_rarely_raises_an_alarm(size):
    """Of 40 pairs of sets without a gap, p is below 0.05 in about 2, with any number of features."""
    few = {"mmd": 0, "classifier": 0}
    for seed in range(40):
        source, target = twosample.standardised(*two(seed, rows=24, size=size))
        kernel = twosample.mixture(np.concatenate([source, target]))
        few["mmd"] += twosample.mmd_test(kernel, len(source), seed, permutations=99).p <= 0.05
        few["classifier"] += (
            twosample.classifier_test(source, target[: len(source)], seed).p <= 0.05
        )
    assert max(few.values()) <= 6


def test_the_a_distance_goes_from_alike_to_apart():
    assert [twosample.a_distance(accuracy) for accuracy in (0.4, 0.5, 0.75, 1.0)] == [0, 0, 1, 2]


def test_chi_square_is_that_of_the_table():
    source, target = np.array([0] * 30 + [1] * 10), np.array([0] * 10 + [1] * 30)
    found = twosample.chi_square_test(source, target, seed=0)
    assert found.statistic == pytest.approx(20.0)
    assert found.p < 0.01
    assert twosample.chi_square_test(source, source, seed=0).p > 0.9


def test_bbse_undoes_the_errors_of_its_classifier():
    """Classes overlap, so that counting predictions would be biased; the estimate is not."""
    draw = np.random.default_rng(0)

    def of(counts):
        classes = np.repeat([0, 1], counts)
        return draw.normal(size=(len(classes), 2)) + classes[:, None], classes

    (source, labels), (target, _) = of([400, 400]), of([640, 160])
    found = label_shift(source, target, labels, None, ["a", "b"], seed=0)
    assert found.source == (0.5, 0.5)
    assert found.estimated[0] == pytest.approx(0.8, abs=0.06)
    assert found.low[0] < 0.8 < found.high[0]
    assert found.test.p < 0.01
    assert found.actual is None


def test_where_the_classifier_never_tells_a_class_bbse_leaves_what_it_tells_of_the_target():
    """Four rows of a class are too few to be told when held out; the target is all of it."""
    draw = np.random.default_rng(0)
    source = draw.normal(size=(100, 40))
    source[96:] *= 3
    target = source[96:][draw.integers(4, size=60)] * 2 + draw.normal(size=(60, 40)) * 0.1
    classes = np.repeat([0, 1], [96, 4])
    found = label_shift(source, target, classes, None, ["a", "b"], seed=0)
    assert sum(found.estimated) == pytest.approx(1)
    assert found.estimated[1] > 0.9
    assert len(matched(classes, found.estimated, seed=0)) <= 5


def test_one_class_of_many_that_has_shifted_is_found():
    """With 30 classes a p-value has to be below 0.0004 to count."""
    draw = np.random.default_rng(0)
    classes = np.repeat(np.arange(30), 10)
    source, target = draw.normal(size=(300, 4)), draw.normal(size=(300, 4))
    target[classes == 7] += 4
    found = class_shifts(source, target, classes, classes, [str(at) for at in range(30)], seed=0)
    assert [each.label for each in found if each.test.p * 30 <= twosample.ALARM] == ["7"]
    few = class_shifts(source[:7], target, classes[:7], classes, ["0"], seed=0)
    assert (few[0].source, few[0].target, few[0].test) == (7, 10, None)


def test_rows_are_matched_to_shares():
    classes = np.repeat([0, 1, 2], [60, 30, 10])
    picked = matched(classes, [0.2, 0.6, 0.2], seed=0)
    assert np.bincount(classes[picked]).tolist() == [10, 30, 10]
    assert len(matched(classes, [1.0, 0.0, 0.0], seed=0)) == 60
