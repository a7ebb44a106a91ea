"""Judges of a model on a target without labels; higher is better in all of them.

- source risk: how it does on the source's own validation rows.
- information maximisation: ``H(mean p) - mean H(p)``: certain of each row, and of all classes (Shi
  and Sha 2012, arXiv:1206.6438; as validator Musgrave et al. 2022, arXiv:2208.07360).
- soft neighbourhood density: the mean entropy of the similarities of a row's prediction to those of
  others, at temperature 0.05: rows that are near many others are well clustered (Saito et al. 2021,
  arXiv:2108.10860).
- batch nuclear norm: that of the predictions, divided by the largest it can be: certain and
  diverse (Cui et al. 2020, arXiv:2003.12237; as validator Musgrave et al. 2022).
"""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from zoo.plugin import JudgeProblem, Validator

_NEVER = -1e4  # a logit that has no share


class SourceRisk(Validator):
    """Blind to the target: a lower bound of what a validator is worth."""

    def score(self, problem: JudgeProblem) -> float:
        """Minus the risk."""
        return -problem.source_risk


class InfoMax(Validator):
    """Mutual information of rows and predictions."""

    needs_classes: ClassVar[bool] = True

    def score(self, problem: JudgeProblem) -> float:
        """In nats, from 0 to the logarithm of the number of classes."""
        shares = problem.logits.double().softmax(dim=1)
        return float(_entropy(shares.mean(dim=0)) - _entropy(shares).mean())


class Density(Validator):
    """Soft neighbourhood density."""

    needs_classes: ClassVar[bool] = True

    def score(self, problem: JudgeProblem) -> float:
        """In nats, from 0 to the logarithm of the number of other rows."""
        shares = functional.normalize(problem.logits.softmax(dim=1), dim=1)
        similarity = shares @ shares.T / self.settings["temperature"]
        similarity.fill_diagonal_(_NEVER)
        total = similarity.logsumexp(dim=1)
        near = (similarity - total[:, None]).exp_()
        return float((total - (near * similarity).sum(dim=1)).double().mean())


class NuclearNorm(Validator):
    """Batch nuclear norm."""

    needs_classes: ClassVar[bool] = True

    def score(self, problem: JudgeProblem) -> float:
        """From 0 to 1, which only certain predictions of all classes alike reach."""
        shares = problem.logits.double().softmax(dim=1)
        largest = math.sqrt(len(shares) * min(shares.shape))
        return float(torch.linalg.matrix_norm(shares, ord="nuc")) / largest


def _entropy(shares: Tensor) -> Tensor:
    found: Tensor = torch.special.entr(shares).sum(dim=-1)
    return found
