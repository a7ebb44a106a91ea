"""The linear probe: nothing in the backbone changes; the head is a convex fit on its features.

Features are standardised, the task's loss plus an L2 penalty is minimised by L-BFGS in float64 (in
closed form where the loss is a squared error), the penalty is chosen on the validation rows, and the
standardisation is folded into the head, which is then an ordinary linear layer on raw features.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import nn

from zoo.plugin import Adapter, Backbone, HeadProblem, Incompatible, Layout, NativeHead, Solution
from zoo_linear_probe.descent import Descent
from zoo_linear_probe.linear import RawLinear, Rows
from zoo_linear_probe.ridge import Ridge

# Half decades, strongest first, so that each fit starts from the one before.
PENALTIES = tuple(10 ** (exponent / 2) for exponent in range(2, -13, -1))
Solver = Callable[[float, RawLinear | None], RawLinear]
_GIVE_UP_AFTER = 4  # weaker penalties in a row without a better validation loss


class LinearProbe(Adapter):
    """A linear head on frozen features (Alain and Bengio 2016, arXiv:1610.01644)."""

    trains_backbone = False

    def attach(self, backbone: Backbone) -> None:
        """Nothing: the backbone stays as it is."""

    def layout(
        self, backbone: Backbone, heads: Mapping[str, nn.Module], native: NativeHead | None
    ) -> Layout:
        """Nothing: the heads are all there is."""
        return Layout()

    def detach(self, backbone: Backbone) -> None:
        """Nothing: there is nothing to take out."""

    def merge(self, backbone: Backbone) -> None:
        """Nothing: there is nothing to fold in."""

    def stock_code(self) -> tuple[tuple[str, ...], str]:
        """Nothing to put on the model."""
        return (), ""

    def solve(self, problem: HeadProblem) -> Solution:
        """Fit ``problem.head``; the penalty is the one with the least validation loss."""
        if not isinstance(problem.head, nn.Linear):
            raise Incompatible(
                f"linear-probe needs a linear head; {problem.task.spec.name} has another.",
                hint="Use an adapter that trains by gradient, e.g. `--adapter lora`.",
            )
        train = Rows(problem.features.double(), problem.targets)
        val = Rows(problem.val_features.double(), problem.val_targets)
        penalty, fitted = self._choose(problem, _solver(problem, train), val)
        val_logits = fitted(val.features).float()
        refit = problem.refit and bool(self.settings["refit"]) and len(val.targets) > 0
        if refit:
            both = Rows(
                torch.cat([train.features, val.features]), torch.cat([train.targets, val.targets])
            )
            fitted = _solver(problem, both)(penalty, fitted)
        with torch.no_grad():
            problem.head.weight.copy_(fitted.weight)
            if problem.head.bias is not None:
                problem.head.bias.copy_(fitted.bias)
        return Solution(chosen={"l2": penalty}, val_logits=val_logits, refitted=refit)

    def _choose(self, problem: HeadProblem, solve: Solver, val: Rows) -> tuple[float, RawLinear]:
        if self.settings["l2"] > 0:
            penalty = float(self.settings["l2"])
            return penalty, solve(penalty, None)
        if problem.larger is not None:
            # The loss is a mean, so a prior on the weights weighs more against fewer rows.
            penalty = problem.larger.chosen["l2"] * problem.larger.rows / len(problem.targets)
            return penalty, solve(penalty, None)
        if len(val.targets) == 0:
            raise Incompatible(
                "linear-probe chooses its penalty on validation rows, and there are none.",
                hint="Give a validation split, or fix it with `--set l2=0.01`.",
            )
        best: tuple[float, float, RawLinear] | None = None
        fitted: RawLinear | None = None
        since_best = 0
        for penalty in PENALTIES:
            fitted = solve(penalty, fitted)
            loss = float(problem.task.loss(fitted(val.features), val.targets))
            if best is None or loss < best[0]:
                best, since_best = (loss, penalty, fitted), 0
            else:
                since_best += 1
            if since_best >= _GIVE_UP_AFTER:
                break
        assert best is not None  # PENALTIES is not empty
        return best[1], best[2]


def _solver(problem: HeadProblem, rows: Rows) -> Solver:
    """What fits these rows at a penalty, from where an earlier fit ended."""
    wanted = problem.task.regressands(rows.targets)
    if wanted is None:
        return Descent(problem, rows).fit
    closed = Ridge(rows.features, wanted, bias=problem.head.bias is not None)
    return lambda penalty, _: closed.fit(penalty)
