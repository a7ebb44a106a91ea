"""Every built-in alignment keeps every rule, and each rule finds the alignment that breaks it."""

import pytest
import torch

from tests.testing.broken import require_only, verdicts
from zoo.host import installed
from zoo.plugin import Alignment
from zoo.testing import ALIGNMENT_RULES, AlignmentKit
from zoo.testing.methods import AlignmentSubject

ALIGNMENTS = [provided.spec.name for provided in installed().alignments]


@pytest.mark.parametrize("alignment", ALIGNMENTS, scope="class")
class TestAlignments(AlignmentKit):
    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, alignment):
        return AlignmentSubject(installed().alignment(alignment))


class Sound(Alignment):
    def loss(self, step):
        apart = step.source_features.mean(dim=0) - step.target_features.mean(dim=0)
        return apart.square().sum()


class NoNumber(Sound):
    def loss(self, step):
        return super().loss(step) / (step.target_features.std() * 0)


class PerRow(Sound):
    def loss(self, step):
        return step.target_features.square().sum(dim=1)


class Nothing(Sound):
    def loss(self, step):
        return None


class Detached(Sound):
    def loss(self, step):
        return super().loss(step).detach() + step.target_logits.sum() * 0


class AtRandom(Sound):
    drawn = torch.Generator().manual_seed(1)  # not the one that a fit seeds

    def loss(self, step):
        return super().loss(step) * torch.rand((), generator=self.drawn)


class Mutating(Sound):
    def loss(self, step):
        found = super().loss(step)
        step.source_logits.zero_()
        return found


@pytest.mark.parametrize(
    ("made", "rule"),
    [
        (NoNumber, "adds_a_finite_number"),
        (PerRow, "adds_a_finite_number"),
        (Nothing, "reaches_the_model"),
        (Detached, "reaches_the_model"),
        (AtRandom, "repeats_itself"),
        (Mutating, "repeats_itself"),
    ],
)
def test_a_broken_alignment_is_found(made, rule):
    require_only(rule, asked(made))


def test_a_sound_one_is_not():
    assert {v.status for v in asked(Sound).values()} == {"passed"}


def asked(made):
    return verdicts(AlignmentSubject, ALIGNMENT_RULES, made, installed().alignment("coral"))
