"""zoo-rankers: each estimate equals its definition, computed in the plainest way there is."""

import math

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from sklearn.covariance import ledoit_wolf_shrinkage
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import PredefinedSplit, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from zoo_rankers.logme import evidence
from zoo_rankers.probe import parted

from zoo.host import installed
from zoo.ranking.ranker import RankProblem
from zoo.settings import check_settings

CLOSE = 1e-6


def ranker(name, **settings):
    provided = installed().ranker(name)
    checked = check_settings(name, provided.spec.settings, settings)
    return installed().make(provided, provided.spec, checked)


def classes_of(rows=60, size=8, classes=3, apart=1.0, seed=0, source=5):
    draw = np.random.default_rng(seed)
    targets = np.arange(rows) % classes
    features = draw.normal(size=(rows, size)) + apart * draw.normal(size=(classes, size))[targets]
    head = np.exp(features @ draw.normal(size=(size, source)))
    return RankProblem(
        features, targets, "classes", source=head / head.sum(axis=1, keepdims=True), seed=seed
    )


def numbers_of(rows=60, size=8, outputs=2, seed=0):
    draw = np.random.default_rng(seed)
    features = draw.normal(size=(rows, size))
    noise = draw.normal(size=(rows, outputs))
    return RankProblem(features, features[:, :1] * 2 + 5 + noise, "numbers", seed=seed)


def marks_of(rows=60, size=8, seed=0, missing=0):
    draw = np.random.default_rng(seed)
    features = draw.normal(size=(rows, size))
    marks = (features[:, :3] + draw.normal(size=(rows, 3)) > 0).astype(float)
    marks[:missing, 1] = np.nan
    return RankProblem(features, marks, "marks", seed=seed)


# === LogME ===


def evidence_at(features, y, alpha, beta):
    """Straight from the definition: y is normal with covariance I/β + FFᵀ/α."""
    rows = len(y)
    covariance = np.eye(rows) / beta + features @ features.T / alpha
    _, log_det = np.linalg.slogdet(covariance)
    return -0.5 * (rows * math.log(2 * math.pi) + log_det + y @ np.linalg.solve(covariance, y))


def fixed_point(features, y, tolerance=1e-12):
    """α and β by the updates as the paper writes them, with the D by D inverse of its equations."""
    rows, size = features.shape
    alpha = beta = 1.0
    eigen = np.clip(np.linalg.eigvalsh(features.T @ features), 0, None)
    for _ in range(100_000):
        precision = alpha * np.eye(size) + beta * features.T @ features
        mean = beta * np.linalg.solve(precision, features.T @ y)
        used = (beta * eigen / (alpha + beta * eigen)).sum()
        new_alpha = used / (mean @ mean)
        new_beta = (rows - used) / np.square(features @ mean - y).sum()
        change = abs(new_alpha / new_beta - alpha / beta) / (alpha / beta)
        alpha, beta = new_alpha, new_beta
        if change < tolerance:
            break
    return alpha, beta


def test_logme_is_the_evidence_at_the_fixed_point():
    problem = classes_of()
    expected = []
    for each in range(3):
        y = (problem.targets == each).astype(float)
        alpha, beta = fixed_point(problem.features, y)
        expected.append(evidence_at(problem.features, y, alpha, beta) / len(y))
    assert ranker("logme").estimate(problem) == pytest.approx(np.mean(expected), abs=CLOSE)


@pytest.mark.parametrize(("rows", "size"), [(40, 40), (24, 70), (60, 8)])
@pytest.mark.parametrize("apart", [0.0, 1.0])
def test_logme_is_where_the_evidence_is_highest_with_fewer_rows_than_features_too(
    rows, size, apart
):
    """At the best β of each α/β the definition is maximised without the fixed point."""
    problem = classes_of(rows, size, apart=apart)
    for each in range(3):
        y = (problem.targets == each).astype(float)

        def loss(log_ratio, y=y):
            ratio = math.exp(log_ratio)
            shape = np.eye(rows) + problem.features @ problem.features.T / ratio
            beta = rows / (y @ np.linalg.solve(shape, y))
            return -evidence_at(problem.features, y, ratio * beta, beta) / rows

        best = -minimize_scalar(loss, bounds=(-25, 25), method="bounded").fun
        (found,) = evidence(problem.features, y[:, None])
        assert found == pytest.approx(best, abs=CLOSE)


def test_logme_of_numbers_is_the_mean_over_outputs():
    problem = numbers_of()
    expected = []
    for y in problem.targets.T:
        alpha, beta = fixed_point(problem.features, y)
        expected.append(evidence_at(problem.features, y, alpha, beta) / len(y))
    assert ranker("logme").estimate(problem) == pytest.approx(np.mean(expected), abs=CLOSE)


def test_logme_does_not_see_the_scale_of_the_features():
    problem = classes_of()
    larger = RankProblem(problem.features * 1000, problem.targets, "classes")
    assert ranker("logme").estimate(larger) == pytest.approx(
        ranker("logme").estimate(problem), abs=CLOSE
    )


@pytest.mark.parametrize("rows", [12, 60])
def test_logme_of_features_that_are_zero_is_that_of_noise(rows):
    y = (np.arange(rows) % 3 == 0).astype(float)
    (found,) = evidence(np.zeros((rows, 20)), y[:, None])
    beta = rows / y.sum()
    assert found == pytest.approx(0.5 * (math.log(beta / (2 * math.pi)) - 1), abs=CLOSE)


def test_logme_stays_finite_where_features_give_the_targets_exactly():
    draw = np.random.default_rng(0)
    features = draw.normal(size=(50, 4))
    assert np.isfinite(evidence(features, features[:, :1] * 2)).all()


# === H-score ===


def plain_hscore(features, classes):
    centred = features - features.mean(axis=0)
    rows, size = features.shape
    covariance = centred.T @ centred / rows
    alpha = ledoit_wolf_shrinkage(centred, assume_centered=True)
    scale = np.trace(covariance) / size
    shrunk = (1 - alpha) * covariance + alpha * scale * np.eye(size)
    z = np.stack([centred[classes == each].mean(axis=0) for each in classes])
    between = z.T @ z / rows
    return np.trace(np.linalg.inv(shrunk) @ between) * (1 - alpha)


@pytest.mark.parametrize(("rows", "size"), [(60, 8), (40, 40), (24, 70)])
def test_hscore_is_its_definition(rows, size):
    problem = classes_of(rows, size)
    expected = plain_hscore(problem.features, problem.targets)
    assert ranker("hscore").estimate(problem) == pytest.approx(expected, abs=CLOSE)


@pytest.mark.parametrize("size", [8, 70])
def test_hscore_takes_no_account_of_features_that_are_constant(size):
    problem = classes_of(60, size)
    features = np.hstack([problem.features, np.full((60, 3), 7.0)])
    expected = plain_hscore(features, problem.targets)
    found = ranker("hscore").estimate(RankProblem(features, problem.targets, "classes"))
    assert found == pytest.approx(expected, abs=CLOSE)
    flat = RankProblem(np.full((60, size), 0.1), problem.targets, "classes")
    assert ranker("hscore").estimate(flat) == 0


# === Neighbours ===


@pytest.mark.parametrize("count", [1, 4, 5, 500])
def test_knn_is_the_vote_of_the_nearest(count):
    problem = classes_of(40, 6, apart=0.7)
    unit = problem.features / np.linalg.norm(problem.features, axis=1, keepdims=True)
    right = 0
    for row in range(40):
        others = [other for other in range(40) if other != row]
        near = sorted(others, key=lambda other: -unit[row] @ unit[other])[:count]
        votes = {
            each: (
                sum(problem.targets[at] == each for at in near),
                sum(unit[row] @ unit[at] for at in near if problem.targets[at] == each),
            )
            for each in range(3)
        }
        right += max(votes, key=votes.__getitem__) == problem.targets[row]
    found = ranker("knn", neighbours=count).estimate(problem)
    assert found == pytest.approx(right / 40, abs=CLOSE)


def test_knn_of_numbers_is_r2_of_the_mean_of_the_nearest():
    problem = numbers_of(outputs=1)
    unit = problem.features / np.linalg.norm(problem.features, axis=1, keepdims=True)
    similarity = unit @ unit.T - 10 * np.eye(len(problem))
    y = problem.targets[:, 0]
    found = np.array([y[np.argsort(-row)[:5]].mean() for row in similarity])
    expected = 1 - np.square(y - found).sum() / np.square(y - y.mean()).sum()
    assert ranker("knn").estimate(problem) == pytest.approx(expected, abs=CLOSE)


def test_knn_is_at_chance_where_all_rows_are_alike_however_they_are_ordered():
    targets = np.repeat(np.arange(4), 100)
    problem = RankProblem(np.ones((400, 3)), targets, "classes")
    assert ranker("knn").estimate(problem) < 0.4


# === Probe ===


def folds_of(problem, stratified):
    fold = np.empty(len(problem), dtype=int)
    for number, held in enumerate(parted(problem.targets, stratified, 5, problem.seed)):
        fold[held] = number
    return PredefinedSplit(fold)


@pytest.mark.parametrize(("rows", "size"), [(90, 8), (60, 100)])
def test_the_probe_is_cross_validated_logistic_regression(rows, size):
    problem = classes_of(rows, size, apart=0.5)
    train = round(rows * 0.8)
    peer = LogisticRegression(C=1 / (0.1 * train), tol=1e-10, max_iter=10_000)
    found = cross_val_predict(
        make_pipeline(StandardScaler(), peer),
        problem.features,
        problem.targets,
        cv=folds_of(problem, True),
    )
    expected = (found == problem.targets).mean()
    assert ranker("probe").estimate(problem) == pytest.approx(expected, abs=CLOSE)


@pytest.mark.parametrize(("rows", "size"), [(90, 8), (60, 100)])
def test_the_probe_of_numbers_is_cross_validated_ridge_regression(rows, size):
    problem = numbers_of(rows, size, outputs=1)
    peer = make_pipeline(StandardScaler(), Ridge(alpha=0.1 * round(rows * 0.8)))
    found = cross_val_predict(peer, problem.features, problem.targets, cv=folds_of(problem, False))
    errors = np.square(problem.targets - found.reshape(-1, 1)).sum()
    expected = 1 - errors / np.square(problem.targets - problem.targets.mean()).sum()
    assert ranker("probe").estimate(problem) == pytest.approx(expected, abs=CLOSE)


def test_folds_hold_out_each_row_once_and_classes_evenly():
    targets = np.repeat([0, 1, 2], [50, 25, 5])
    masks = list(parted(targets, True, 5, seed=3))
    assert (np.sum(masks, axis=0) == 1).all()
    assert [np.bincount(targets[mask]).tolist() for mask in masks] == [[10, 5, 1]] * 5


# === With a source head ===


def test_leep_is_its_definition():
    problem = classes_of()
    theta, rows = problem.source, len(problem)
    joint = np.zeros((3, 5))
    for row in range(rows):
        for z in range(5):
            joint[problem.targets[row], z] += theta[row, z] / rows
    given = joint / joint.sum(axis=0)
    logs = [
        math.log(sum(given[problem.targets[row], z] * theta[row, z] for z in range(5)))
        for row in range(rows)
    ]
    assert ranker("leep").estimate(problem) == pytest.approx(np.mean(logs), abs=CLOSE)


def test_nce_is_its_definition():
    problem = classes_of()
    pairs = list(zip(problem.targets.tolist(), problem.source.argmax(axis=1).tolist(), strict=True))
    total = 0.0
    for y, z in set(pairs):
        share = pairs.count((y, z)) / len(pairs)
        of_z = sum(pair[1] == z for pair in pairs) / len(pairs)
        total += share * math.log(share / of_z)
    assert ranker("nce").estimate(problem) == pytest.approx(total, abs=CLOSE)


@pytest.mark.parametrize("name", ["leep", "nce"])
def test_a_head_that_knows_the_classes_leaves_no_doubt(name):
    targets = np.arange(30) % 3
    sure = np.eye(4)[targets]  # and a fourth class that never occurs
    problem = RankProblem(np.zeros((30, 2)), targets, "classes", source=sure)
    assert ranker(name).estimate(problem) == pytest.approx(0, abs=1e-12)


# === All of them ===


ALL = ["logme", "hscore", "knn", "probe", "leep", "nce"]


@pytest.mark.parametrize("name", ALL)
def test_what_tells_classes_apart_better_is_ranked_higher(name):
    estimates = [ranker(name).estimate(classes_of(120, apart=apart)) for apart in (0.1, 1, 4)]
    assert estimates == sorted(estimates)
    assert estimates[0] < estimates[-1]


@pytest.mark.parametrize("name", ["hscore", "knn", "probe"])
def test_marks_are_ranked_by_the_mean_over_them_each_with_the_rows_that_are_known(name):
    problem = marks_of(missing=20)
    each = [
        ranker(name).estimate(
            RankProblem(problem.features[known], column[known].astype(int), "classes")
        )
        for column in problem.targets.T
        for known in [~np.isnan(column)]
    ]
    assert ranker(name).estimate(problem) == pytest.approx(np.mean(each), abs=CLOSE)


def test_logme_of_marks_with_missing_ones_is_the_mean_over_columns():
    problem = marks_of(missing=20)
    each = []
    for column in problem.targets.T:
        known = ~np.isnan(column)
        each += [*evidence(problem.features[known], column[known][:, None])]
    assert ranker("logme").estimate(problem) == pytest.approx(np.mean(each), abs=CLOSE)
    whole = marks_of()
    assert ranker("logme").estimate(whole) == pytest.approx(
        evidence(whole.features, whole.targets).mean(), abs=CLOSE
    )


@pytest.mark.parametrize("name", ["logme", "hscore", "knn", "probe"])
def test_a_feature_that_is_always_the_same_does_no_harm(name):
    problem = classes_of()
    flat = np.hstack([problem.features, np.zeros((60, 2))])
    assert ranker(name).estimate(RankProblem(flat, problem.targets, "classes")) == pytest.approx(
        ranker(name).estimate(problem), abs=0.2
    )
