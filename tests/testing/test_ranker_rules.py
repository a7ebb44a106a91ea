"""Every built-in ranker keeps every rule, and each rule finds the ranker that breaks it."""

import numpy as np
import pytest

from tests.testing.broken import require_only, verdicts
from zoo.host import installed
from zoo.ranking.ranker import Ranker
from zoo.testing import RANKER_RULES, RankerKit
from zoo.testing.methods import RankerSubject

RANKERS = [provided.spec.name for provided in installed().rankers]


@pytest.mark.parametrize("ranker", RANKERS, scope="class")
class TestRankers(RankerKit):
    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, ranker):
        return RankerSubject(installed().ranker(ranker))


def told(problem):
    """How much of the first target's variance the features have."""
    target = problem.targets if problem.targets.ndim == 1 else np.nan_to_num(problem.targets[:, 0])
    classes = (target[:, None] == np.unique(target)[:3]) if problem.kind == "classes" else target
    centred = problem.features - problem.features.mean(axis=0)
    return float(np.abs(centred.T @ (classes - np.mean(classes, axis=0))).max() / len(target))


class Sound(Ranker):
    def estimate(self, problem):
        return told(problem)


class OfNothing(Sound):
    takes = frozenset()


class NoNumber(Sound):
    def estimate(self, problem):
        return float("nan")


class LowerIsBetter(Sound):
    def estimate(self, problem):
        return -told(problem)


class AtRandom(Sound):
    def estimate(self, problem):
        return told(problem) + float(np.random.default_rng().normal(scale=1e-6))


class Mutating(Sound):
    def estimate(self, problem):
        found = told(problem)
        problem.features[:] = 0
        return found


class FirstRows(Sound):
    def estimate(self, problem):
        return told(problem.rows(np.arange(12)))


class NotWide(Sound):
    def estimate(self, problem):
        if problem.features.shape[1] > len(problem):
            return float("-inf")
        return told(problem)


@pytest.mark.parametrize(
    ("made", "rule"),
    [
        (OfNothing, "makes_a_ranker"),
        (NoNumber, "gives_a_finite_number"),
        (LowerIsBetter, "signal_beats_noise"),
        (AtRandom, "repeats_itself"),
        (Mutating, "repeats_itself"),
        (FirstRows, "order_decides_nothing"),
        (NotWide, "bears_gaps_and_wide_features"),
    ],
)
def test_a_broken_ranker_is_found(made, rule):
    require_only(rule, asked(made))


def test_a_sound_one_is_not():
    assert {v.status for v in asked(Sound).values()} == {"passed"}


def asked(made):
    return verdicts(RankerSubject, RANKER_RULES, made, installed().ranker("logme"))
