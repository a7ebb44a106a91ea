"""Every built-in validator keeps every rule, and each rule finds the validator that breaks it."""

import pytest
import torch

from tests.testing.broken import require_only, verdicts
from zoo.host import installed
from zoo.plugin import Validator
from zoo.testing import VALIDATOR_RULES, ValidatorKit
from zoo.testing.methods import ValidatorSubject

VALIDATORS = [provided.spec.name for provided in installed().validators]


@pytest.mark.parametrize("validator", VALIDATORS, scope="class")
class TestValidators(ValidatorKit):
    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, validator):
        return ValidatorSubject(installed().validator(validator))


class Sound(Validator):
    def score(self, problem):
        return float(problem.logits.softmax(dim=1).max(dim=1).values.double().mean())


class NoNumber(Sound):
    def score(self, problem):
        return float(problem.logits.softmax(dim=1).log().min())


class ATensor(Sound):
    def score(self, problem):
        return torch.tensor(super().score(problem))


class LowerIsBetter(Sound):
    def score(self, problem):
        return -super().score(problem)


class AtRandom(Sound):
    drawn = torch.Generator().manual_seed(1)

    def score(self, problem):
        return super().score(problem) + 1e-7 * float(torch.rand((), generator=self.drawn))


class Mutating(Sound):
    def score(self, problem):
        found = super().score(problem)
        problem.source_logits.zero_()
        return found


class FirstRows(Sound):
    def score(self, problem):
        return float(problem.logits[:5].softmax(dim=1).max(dim=1).values.mean())


@pytest.mark.parametrize(
    ("made", "rule"),
    [
        (NoNumber, "gives_a_finite_number"),
        (ATensor, "gives_a_finite_number"),
        (LowerIsBetter, "good_beats_bad"),
        (AtRandom, "repeats_itself"),
        (Mutating, "repeats_itself"),
        (FirstRows, "order_decides_nothing"),
    ],
)
def test_a_broken_validator_is_found(made, rule):
    require_only(rule, asked(made))


def test_a_sound_one_is_not():
    assert {v.status for v in asked(Sound).values()} == {"passed"}


def asked(made):
    return verdicts(ValidatorSubject, VALIDATOR_RULES, made, installed().validator("infomax"))
