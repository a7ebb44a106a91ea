"""Several tasks as one: what training and measuring see where a model has more than one.

Its targets are those of all tasks side by side, ``[rows, …]``, each behind a column that says whether
the row has one; its logits are those of all heads side by side. A row without a target of some task
has no part in that task's loss: its logits there get a gradient of exactly zero.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from zoo.data.labelling import Labelling, cells
from zoo.errors import BadSetting, Incompatible
from zoo.model.prediction import Prediction
from zoo.model.task import Task
from zoo.specs import TaskSpec


class Joint(Task):
    """All tasks of a model.

    Args:
        parts: the tasks, which have a row of logits an input.
        weighting: of their losses: ``fixed``, or learned with the model: ``uncertainty`` (Kendall,
            Gal and Cipolla 2018, arXiv:1705.07115) or ``gradnorm`` (Chen et al. 2018,
            arXiv:1711.02257; :mod:`zoo.training.gradnorm` gives the gradient).
        weights: of a task's loss, by name, where it is not 1.

    Attributes:
        log_variances: of uncertainty weighting, one a task; to be trained with the model.
        balance: of gradient-norm weighting, a factor a task; likewise.

    Raises:
        Incompatible: a task whose head does not sit on the pooled features of one input.
        BadSetting: a weight of no task.
    """

    headline = "mean"
    monitor = "loss"
    guess = "majority or mean"

    def __init__(
        self,
        parts: Sequence[Task],
        *,
        weighting: str = "fixed",
        weights: Mapping[str, float] | None = None,
    ) -> None:
        spec = TaskSpec(name="several", loader=_LOADER)
        super().__init__(spec, [part.name for part in parts], {}, ", ".join(p.name for p in parts))
        self.parts = {part.name: part for part in parts}
        for part in parts:
            if not part.reads_pooled:
                raise Incompatible(
                    f"{part.spec.name} cannot be learned together with other tasks: its head does "
                    "not sit on the pooled features of one input.",
                    hint="Fit it by itself.",
                )
        if odd := sorted({*(weights or {})} - self.parts.keys()):
            raise BadSetting(f"There is no task {odd[0]!r} to weigh; there are {self.name}.")
        self.weights = {name: (weights or {}).get(name, 1.0) for name in self.parts}
        if not any(self.weights.values()):
            raise BadSetting("Every task has a weight of 0, so nothing would be learned.")
        self.log_variances: nn.Parameter | None = None
        if weighting == "uncertainty":
            self.log_variances = nn.Parameter(torch.zeros(len(parts)))
        self.balance: nn.Parameter | None = None
        if weighting == "gradnorm":
            self.balance = nn.Parameter(torch.ones(len(parts)))
        self._forms: dict[str, _Form] = {}  # of targets, as the training rows had them
        self._outputs: dict[str, int] = {}  # of heads
        self._shares: dict[str, float] = {}  # of rows drawn in training, those that a task has

    @property
    def learned_weights(self) -> nn.Parameter | None:
        """What is trained beside the model to weigh the losses."""
        return self.balance if self.log_variances is None else self.log_variances

    @property
    def learned_factors(self) -> dict[str, float]:
        """By which factor each task's loss is weighed at present, where that is learned."""
        if self.learned_weights is None:
            return {}
        learned = self.learned_weights.detach()
        factors = learned if self.log_variances is None else (-learned).exp()
        return dict(zip(self.parts, factors.tolist(), strict=True))

    @property
    def lower(self) -> frozenset[str]:  # type: ignore[override]  # of the parts it is made of
        """The metrics of which less is better."""
        return frozenset(f"{name}.{m}" for name, part in self.parts.items() for m in part.lower)

    @property
    def labelling(self) -> Labelling:
        """That of the first task: how many inputs a row has, which all agree on."""
        return next(iter(self.parts.values())).labelling

    def head(self, feature_size: int, *, bias: bool = True) -> Beside:
        """The heads of all tasks."""
        return self.beside({name: part.head(feature_size) for name, part in self.parts.items()})

    def beside(self, heads: Mapping[str, nn.Module]) -> Beside:
        """These heads, by task, as one."""
        return Beside(self, heads)

    def gather(self, outputs: Mapping[str, Tensor]) -> Tensor:
        """Logits by task, side by side."""
        self._outputs = {name: outputs[name].shape[-1] for name in self.parts}
        return torch.cat([outputs[name] for name in self.parts], dim=-1)

    def shares(self, targets: Tensor, temperature: float) -> Tensor:
        """A weight a row, with which the tasks are drawn in the proportion rows ** (1 / temperature).

        1 is as the data has them; the larger, the nearer to all alike.
        """
        weights = torch.zeros(len(targets), dtype=torch.float64)
        for mask, _ in self.split(targets).values():
            rows = max(1.0, float(mask.sum()))
            weights += mask.double() * rows ** (1 / temperature - 1)
        return weights

    def targets(self, labels: Sequence[str]) -> Tensor:
        """Labels as :class:`zoo.data.several.Several` joins them, as targets of all tasks side by side, float64."""
        told = [cells(label) for label in labels]
        columns = []
        for name, part in self.parts.items():
            present = [bool(given.get(name)) for given in told]
            own = part.targets(
                [given[name] for given, has in zip(told, present, strict=True) if has]
            )
            form = self._forms.setdefault(name, _Form(own.dtype, tuple(own.shape[1:])))
            mask = torch.tensor(present)
            wide = torch.full((len(told), form.width), math.nan, dtype=torch.float64)
            wide[mask] = own.reshape(len(own), form.width).double()
            columns += [mask.double()[:, None], wide]
        return torch.cat(columns, dim=1)

    def split(self, targets: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
        """By task, which rows have a target, and these rows' targets as the task has them."""
        found: dict[str, tuple[Tensor, Tensor]] = {}
        at = 0
        for name, form in self._forms.items():
            mask = targets[:, at] > 0
            own = targets[mask, at + 1 : at + 1 + form.width]
            found[name] = (mask, own.to(form.dtype).reshape(-1, *form.shape))
            at += 1 + form.width
        return found

    def prepare(self, targets: Tensor) -> None:
        """Each task looks at its own."""
        for name, (_, own) in self.split(targets).items():
            self.parts[name].prepare(own)
        self.drawn(targets)

    def drawn(self, targets: Tensor, weights: Tensor | None = None) -> None:
        """Take note of how often training draws a row of each task."""
        each = torch.ones(len(targets)) if weights is None else weights
        whole = float(each.sum())
        for name, (mask, _) in self.split(targets).items():
            self._shares[name] = float(each[mask].sum()) / whole

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """The weighted sum of the tasks' mean losses, a scalar.

        A batch may have few rows of a task, and they count no more than others do: what counts is
        the mean over all that training draws, of which a batch gives its part.
        """
        total = logits.sum() * 0  # a batch may have no target at all
        for at, (name, rows, mask, own) in enumerate(self.each(logits, targets)):
            if not bool(mask.any()):
                continue
            loss = self.weights[name] * self.parts[name].loss(rows, own)
            if self.log_variances is not None:
                spread = self.log_variances[at]
                loss = loss * (-spread).exp() + spread
            if self.balance is not None:
                loss = loss * self.balance[at].detach()
            total = total + loss * (len(own) / len(targets) / self._shares[name])
        return total

    def majority(self, targets: Tensor, rows: int) -> Tensor:
        """Those of all tasks side by side."""
        own = {name: found for name, (_, found) in self.split(targets).items()}
        return self.gather({n: part.majority(own[n], rows) for n, part in self.parts.items()})

    def tune(self, logits: Tensor, targets: Tensor) -> None:
        """Each task on its own rows."""
        for name, rows, mask, own in self.each(logits, targets):
            if bool(mask.any()):
                self.parts[name].tune(rows, own)

    def tuned(self, logits: Tensor, targets: Tensor) -> Task:
        """A copy of which each task is tuned."""
        other = copy.copy(self)
        other.parts = dict(self.parts)
        for name, rows, mask, own in self.each(logits, targets):
            if bool(mask.any()):
                other.parts[name] = self.parts[name].tuned(rows, own)
        return other

    def decode(self, logits: Tensor) -> list[Prediction]:
        """Never: a person asks one task, or each.

        Raises:
            BadSetting: always.
        """
        raise BadSetting(f"Which task? There are {self.name}.")

    def metrics(self, logits: Tensor, targets: Tensor) -> dict[str, float]:
        """Metrics of every task under its name, the mean of their headlines, and the summed loss."""
        found: dict[str, float] = {}
        headlines, monitors = [], []
        for name, rows, mask, own in self.each(logits, targets):
            if not bool(mask.any()):
                continue
            part = self.parts[name]
            metrics = part.metrics(rows, own)
            found |= {f"{name}.{metric}": value for metric, value in metrics.items()}
            headlines += [metrics[part.headline]] if part.headline in metrics else []
            monitors.append(metrics[part.monitor])
        mean = {"mean": sum(headlines) / len(headlines)} if headlines else {}
        return {**mean, **found, "loss": sum(monitors)}

    def each(self, logits: Tensor, targets: Tensor) -> list[tuple[str, Tensor, Tensor, Tensor]]:
        """By task: its name, the logits of the rows that have a target, which these are, targets."""
        found, at = [], 0
        for name, (mask, own) in self.split(targets).items():
            wide = logits[:, at : at + self._outputs[name]]
            found.append((name, wide[mask], mask, own))
            at += self._outputs[name]
        return found


_LOADER = "zoo.model.joint:Joint"


@dataclass(frozen=True)
class _Form:
    """How a task has its targets."""

    dtype: torch.dtype
    shape: tuple[int, ...]  # of a row

    @property
    def width(self) -> int:
        return math.prod(self.shape)


class Beside(nn.Module):
    """Heads of several tasks, their logits side by side.

    Args:
        joint: the tasks.
        heads: by task; they stay whose they are.
    """

    def __init__(self, joint: Joint, heads: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self._joint = joint
        self.heads = nn.ModuleDict({name: heads[name] for name in joint.parts})

    def forward(self, features: Tensor) -> Tensor:
        """``[…, size]`` to ``[…, outputs of all]``."""
        return self._joint.gather({name: head(features) for name, head in self.heads.items()})


def task_of(
    tasks: Mapping[str, Task],
    *,
    weighting: str = "fixed",
    weights: Mapping[str, float] | None = None,
) -> Task:
    """The one task, or all as one."""
    if len(tasks) == 1:
        return next(iter(tasks.values()))
    return Joint(list(tasks.values()), weighting=weighting, weights=weights)


def parts_of(task: Task) -> list[Task]:
    """The tasks that a model of it has."""
    return list(task.parts.values()) if isinstance(task, Joint) else [task]


def logits_of(task: Task, outputs: Mapping[str, Tensor]) -> Tensor:
    """What a model says of the task, from its logits by task."""
    return task.gather(outputs) if isinstance(task, Joint) else outputs[task.name]


def head_of(task: Task, heads: Mapping[str, nn.Module]) -> nn.Module:
    """Of a model's heads the one of the task, or all as one."""
    return task.beside(heads) if isinstance(task, Joint) else heads[task.name]
