"""The linear probe: a convex fit, held against scikit-learn's."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

import zoo
from zoo.errors import Incompatible
from zoo.plugin import HeadProblem, Larger

ROWS, SIZE = 240, 12


@pytest.fixture
def problem():
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(ROWS, SIZE, generator=generator) * 3 + 5
    truth = features[:, :3] + torch.randn(ROWS, 3, generator=generator)
    targets = truth.argmax(1)
    task = zoo.task("classification", labels=["a", "b", "c"])
    return HeadProblem(
        task=task,
        head=task.head(SIZE),
        features=features[:160],
        targets=targets[:160],
        val_features=features[160:],
        val_targets=targets[160:],
    )


def test_equals_logistic_regression_at_the_same_penalty(problem):
    penalty = 0.1
    zoo.adapter("linear-probe", {"l2": penalty, "refit": False}).solve(problem)
    scaler = StandardScaler().fit(problem.features.numpy())
    peer = LogisticRegression(C=1 / (penalty * len(problem.targets)), tol=1e-8, max_iter=5000)
    peer.fit(scaler.transform(problem.features.numpy()), problem.targets.numpy())
    expected = peer.predict_proba(scaler.transform(problem.val_features.numpy()))
    with torch.inference_mode():
        found = problem.head(problem.val_features).softmax(1).numpy()
    assert np.abs(found - expected).max() < 5e-4


def test_the_penalty_chosen_has_the_least_validation_loss(problem):
    solution = zoo.adapter("linear-probe").solve(problem)
    chosen = problem.task.metrics(solution.val_logits, problem.val_targets)["log_loss"]
    for penalty in (1e-4, 1e-2, 1.0, 10.0):
        other = zoo.adapter("linear-probe", {"l2": penalty}).solve(problem)
        loss = problem.task.metrics(other.val_logits, problem.val_targets)["log_loss"]
        assert chosen <= loss + 1e-4


def test_some_rows_of_a_larger_problem_have_its_prior_on_the_weights(problem):
    larger = Larger(rows=4 * len(problem.targets), chosen={"l2": 0.02})
    solution = zoo.adapter("linear-probe").solve(replace(problem, larger=larger))
    assert solution.chosen == {"l2": pytest.approx(0.08)}
    fixed = zoo.adapter("linear-probe", {"l2": 0.5}).solve(replace(problem, larger=larger))
    assert fixed.chosen == {"l2": 0.5}


def test_validation_logits_come_from_a_head_that_never_saw_validation_rows(problem):
    with_refit = zoo.adapter("linear-probe", {"l2": 0.01}).solve(problem)
    refitted = problem.head.weight.detach().clone()
    without = zoo.adapter("linear-probe", {"l2": 0.01, "refit": False}).solve(problem)
    assert torch.equal(with_refit.val_logits, without.val_logits)
    assert not torch.equal(refitted, problem.head.weight)


def test_constant_features_do_no_harm(problem):
    problem.features[:, 0] = 7.0
    problem.val_features[:, 0] = 7.0
    solution = zoo.adapter("linear-probe").solve(problem)
    assert torch.isfinite(solution.val_logits).all()
    assert torch.isfinite(problem.head.weight).all()


def test_without_validation_rows_the_penalty_must_be_given(problem):
    empty = HeadProblem(
        task=problem.task,
        head=problem.head,
        features=problem.features,
        targets=problem.targets,
        val_features=problem.features[:0],
        val_targets=problem.targets[:0],
    )
    with pytest.raises(Incompatible, match=r"(?s)there are none.*--set l2=0.01"):
        zoo.adapter("linear-probe").solve(empty)
    zoo.adapter("linear-probe", {"l2": 0.01}).solve(empty)


def test_a_head_that_is_not_linear_is_refused(problem):
    other = HeadProblem(
        **{**vars(problem), "head": torch.nn.Sequential(torch.nn.Linear(SIZE, 3), torch.nn.ReLU())}
    )
    with pytest.raises(Incompatible, match="needs a linear head"):
        zoo.adapter("linear-probe").solve(other)
