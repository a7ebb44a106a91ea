"""What is said of a state of the model: the source's risk, the validator's score, the target's metrics."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import torch
from torch import Tensor

from zoo.model import ComposedModel
from zoo.model.joint import logits_of
from zoo.report.adaptation import TARGET, Floor, State, value_of
from zoo.training.adaptation.balance import Balance
from zoo.training.adaptation.reverse import Reverse
from zoo.training.adaptation.target import Target
from zoo.training.adaptation.validator import JudgeProblem, Validator
from zoo.training.baselines import Splits
from zoo.training.prepared import PreparedSplit
from zoo.training.sharing import shared_logits

_ROWS = 128  # at a time


class Judge:
    """Judges the present state of a model.

    Args:
        model: with one task.
        splits: ``val`` and the target's among them.
        target: says which rows are measured on.
        validator: gives the score.
        others: their scores are recorded, and choose nothing.
        method: decides whether risk or score chooses.
        floor: what an aligned state has to reach.
        reverse: gives the reverse accuracy, where there are classes.
        balance: compares the target's classes with the source's, likewise.

    Attributes:
        states: what was said so far, by epoch.
    """

    def __init__(
        self,
        model: ComposedModel,
        splits: Splits,
        target: Target,
        validator: Validator,
        others: Sequence[Validator],
        method: str,
        floor: Floor,
        reverse: Reverse | None,
        balance: Balance | None,
    ) -> None:
        self.states: list[State] = []
        self._model, self._splits, self._target = model, splits, target
        self._validator, self._others = validator, others
        self._method, self._floor = method, floor
        self._reverse, self._balance = reverse, balance

    def __call__(self, epoch: int, val: Tensor, risk: float) -> float:
        """What chooses, lower is better; all that is said is added to :attr:`states`.

        Args:
            epoch: that is over.
            val: logits of the source's validation rows.
            risk: of these.
        """
        logits = judge_logits(self._model, self._splits[TARGET])
        task, wanted = self._model.task, self._splits["val"].targets
        problem = JudgeProblem(
            logits=logits,
            source_logits=val,
            source_targets=wanted,
            source_risk=risk,
        )
        state = State(
            epoch=epoch,
            risk=_finite(risk),
            score=_score(self._validator, problem),
            source=task.metrics(val, wanted).get(task.headline),
            reverse=self._reverse(logits) if self._reverse else None,
            balance=self._balance(logits) if self._balance else None,
            others={each.spec.name: _score(each, problem) for each in self._others},
            metrics=self._metrics(logits),
        )
        self.states.append(state)
        return value_of(self._method, state, self._floor)

    def _metrics(self, logits: Tensor) -> dict[str, float]:
        """On the target's rows that have a known label; never used to choose."""
        known = list(self._target.known)
        if not known:
            return {}
        name = self._target.reported
        found = logits if name == TARGET else judge_logits(self._model, self._splits[name])
        task = self._model.task
        return task.metrics(found[known], self._splits[name].targets[known])


def judge_logits(model: ComposedModel, split: PreparedSplit) -> Tensor:
    """Logits of the one task, ``[rows, outputs]``."""
    return shared_logits(model, split, functools.partial(logits_of, model.task), batch_size=_ROWS)


def _score(validator: Validator, problem: JudgeProblem) -> float | None:
    with torch.no_grad():
        return _finite(float(validator.score(problem)))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
