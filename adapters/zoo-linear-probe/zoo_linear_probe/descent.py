"""Any convex loss by L-BFGS, in coordinates in which it converges in a few steps."""

from __future__ import annotations

import torch
from torch import Tensor

from zoo.plugin import HeadProblem
from zoo_linear_probe.linear import RawLinear, Rows

_CURVATURE = 0.25  # of a logistic loss where nothing is known yet; others are of that order
_HISTORY = 10  # steps that L-BFGS remembers: more cost more, and in these coordinates gain nothing
_RANK = 1e-12  # of the largest variance: directions with less are none


class Descent:
    """Fits of one set of rows: mean loss + penalty/2 · |weights of standardised features|².

    The loss is steep along directions in which features vary much and flat along others, and what
    is penalised lies in the span of the rows. So the weights are sought along the principal axes of
    the rows, each scaled by its curvature: the same minimum, in a tenth of the steps.

    Args:
        problem: gives loss and head.
        rows: what to fit.
    """

    def __init__(self, problem: HeadProblem, rows: Rows) -> None:
        self._problem, self._targets = problem, rows.targets
        self._has_bias = problem.head.bias is not None
        # Without a bias there is nothing that could take up a shift of the features.
        zeros = torch.zeros_like(rows.features[0])
        self._mean = rows.features.mean(0) if self._has_bias else zeros
        self._scale = rows.features.std(0, correction=0).clamp(min=1e-6)
        standard = (rows.features - self._mean) / self._scale
        self._axes, self._variances = _principal(standard)
        self._along = standard @ self._axes

    def fit(self, penalty: float, start: RawLinear | None) -> RawLinear:
        """The best weights at a penalty, sought from where an earlier fit ended."""
        step = (_CURVATURE * self._variances + penalty).rsqrt()
        outputs = self._problem.head.state_dict()["weight"].shape[0]
        weight = torch.zeros(outputs, len(step), dtype=torch.float64)
        bias = torch.zeros(outputs, dtype=torch.float64)
        if start is not None:
            weight = (start.weight * self._scale) @ self._axes / step
            bias = start.bias + start.weight @ self._mean
        weight.requires_grad_()
        bias.requires_grad_(self._has_bias)
        features = self._along * step
        solver = torch.optim.LBFGS(
            [weight, bias] if self._has_bias else [weight],
            max_iter=500,
            history_size=_HISTORY,
            tolerance_grad=1e-6,
            tolerance_change=1e-10,
            line_search_fn="strong_wolfe",
        )

        def objective() -> Tensor:
            solver.zero_grad()
            loss = self._problem.task.loss(features @ weight.T + bias, self._targets)
            total = loss + penalty / 2 * (weight * step).square().sum()
            total.backward()
            return total

        with torch.enable_grad():
            solver.step(objective)
        raw = (weight.detach() * step) @ self._axes.T / self._scale
        return RawLinear(raw, bias.detach() - raw @ self._mean)


def _principal(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Directions in which rows vary, ``[size, rank]``, and the mean square along each."""
    count, size = rows.shape
    if size <= count:
        values, axes = torch.linalg.eigh(rows.T @ rows / count)
    else:
        values, ours = torch.linalg.eigh(rows @ rows.T / count)
        axes = rows.T @ ours / (values.clamp(min=0) * count).sqrt().clamp(min=1e-30)
    kept = values > _RANK * values.max().clamp(min=1e-30)
    return axes[:, kept], values[kept]
