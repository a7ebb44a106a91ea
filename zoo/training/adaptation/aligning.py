"""An alignment at work: the target's batch of each step, and what is trained beside the model."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from zoo.model import ComposedModel
from zoo.model.batches import batches
from zoo.training.adaptation.alignment import Alignment, AlignStep
from zoo.training.adaptation.parts import settled
from zoo.training.prepared import PreparedSplit

_RATE = 1e-3  # learning rate of what begins anew, whatever that of the model
_FEWEST = 2  # rows of each domain, of which fewer have no spread
_ROWS = 128  # of the target at a time, where statistics are taken


class Aligning:
    """One alignment in one training.

    Args:
        alignment: gives the term.
        model: with one task.
        target: its rows, whose targets are never read.
        seed: draws them.

    Attributes:
        network: what is trained beside the model.
    """

    def __init__(
        self, alignment: Alignment, model: ComposedModel, target: PreparedSplit, seed: int
    ) -> None:
        self._alignment, self._model, self._target, self._seed = alignment, model, target, seed
        head = next(iter(model.heads.values()))
        with torch.no_grad():
            size = model.task.feature_size(model.backbone)
            outputs = head(torch.zeros(2, size, device=model.device)).shape[-1]
        self.network = (alignment.begin(size, outputs) or nn.Module()).train()
        self._optimizer: torch.optim.AdamW | None = None
        self._steps = 1
        self._head, self._seen = head, torch.empty(0)
        self._order: tuple[int, Tensor] = (-1, torch.empty(0))
        self._norms = settled(model) if alignment.settles_norms else []

    def begin(self, device: torch.device, steps: int) -> None:
        """Get ready for so many steps on this device."""
        self.network.to(device)
        self._steps = steps
        parameters = list(self.network.parameters())
        if parameters:
            self._optimizer = torch.optim.AdamW(parameters, lr=_RATE, fused=True)

    def rows(self, step: int, count: int) -> list[int]:
        """The target's rows of a step: each once before any comes again, in an order drawn anew."""
        found = []
        for at in range(step * count, (step + 1) * count):
            lap, place = divmod(at, len(self._target))
            if self._order[0] != lap:
                generator = torch.Generator().manual_seed(self._seed * 1_000_003 + lap)
                self._order = (lap, torch.randperm(len(self._target), generator=generator))
            found.append(int(self._order[1][place]))
        return found

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Inside, what the head is applied to is remembered."""

        def remember(_: nn.Module, given: tuple[Tensor, ...]) -> None:
            self._seen = given[0]

        handle = self._head.register_forward_pre_hook(remember)
        try:
            yield
        finally:
            handle.remove()

    def loss(
        self, rows: Sequence[int], logits: Tensor, targets: Tensor, done: int
    ) -> Tensor | None:
        """The term of one step, after the model has answered for the source's rows.

        Args:
            rows: of the target.
            logits: of the source's rows.
            targets: theirs.
            done: how many steps are.
        """
        if self._alignment.settles_norms or min(len(rows), len(logits)) < _FEWEST:
            return None
        model, task, features = self._model, self._model.task, self._seen
        batch = model.preprocess.collate([self._target.ready[row] for row in rows])
        with self.watching():
            answers = model({key: value.to(model.device) for key, value in batch.items()})
        return self._alignment.loss(
            AlignStep(
                source_features=features.float(),
                target_features=self._seen.float(),
                source_logits=logits.float(),
                target_logits=answers[task.name].float(),
                source_targets=targets,
                progress=done / self._steps,
            )
        )

    @contextlib.contextmanager
    def settled(self) -> Iterator[None]:
        """Inside, the batch norms that the alignment settles have the target's statistics."""
        before = [copy.deepcopy(norm.state_dict()) for norm in self._norms]
        if self._norms:
            estimate(self._model, self._norms, self._target)
        try:
            yield
        finally:
            for norm, state in zip(self._norms, before, strict=True):
                norm.load_state_dict(state)

    def step(self, factor: float) -> None:
        """Update what is trained beside the model, at a factor on its learning rate."""
        if self._optimizer is None:
            return
        for group in self._optimizer.param_groups:
            group["lr"] = _RATE * factor
        self._optimizer.step()
        self._optimizer.zero_grad()

    def state(self) -> dict[str, Any]:
        """For a checkpoint."""
        moments = self._optimizer.state_dict() if self._optimizer else None
        return {"network": dict(self.network.state_dict()), "optimizer": moments}

    def load(self, state: Mapping[str, Any]) -> None:
        """From a checkpoint."""
        self.network.load_state_dict(state["network"])
        if self._optimizer is not None:
            self._optimizer.load_state_dict(state["optimizer"])


@torch.no_grad()
def estimate(model: ComposedModel, norms: Sequence[_BatchNorm], rows: PreparedSplit) -> None:
    """Give batch norms the mean and variance over ``rows`` (Li et al. 2016, arXiv:1603.04779).

    All are settled at once: meanwhile each normalises by the batch, so that those behind it are given
    what they will be given after.
    """
    was_training, model_training = [norm.training for norm in norms], model.training
    model.eval()
    sums = [_Sums(norm) for norm in norms]
    try:
        for positions, batch in batches(rows.ready, model.preprocess, _ROWS):
            if len(positions) > 1:
                model({key: value.to(model.device) for key, value in batch.items()})
    finally:
        for each in sums:
            each.close()
        model.train(model_training)
        for norm, mode in zip(norms, was_training, strict=True):
            norm.train(mode)


class _Sums:
    """What a batch norm is given: numbers a channel, their sum, and that of their squares."""

    def __init__(self, norm: _BatchNorm) -> None:
        self._norm = norm.train()
        self._count = 0
        self._sum: Any = 0.0
        self._squares: Any = 0.0
        self._hook = norm.register_forward_pre_hook(self._add)

    def _add(self, _: nn.Module, given: tuple[Tensor, ...]) -> None:
        rows = given[0].double().transpose(0, 1).flatten(1)
        self._count += rows.shape[1]
        self._sum = self._sum + rows.sum(dim=1)
        self._squares = self._squares + rows.square().sum(dim=1)

    def close(self) -> None:
        """Set the norm's statistics, where there are any rows to take them from."""
        self._hook.remove()
        mean, variance = self._norm.running_mean, self._norm.running_var
        if self._count < _FEWEST or mean is None or variance is None:
            return
        mean.copy_(self._sum / self._count)
        spread = (self._squares - self._sum.square() / self._count) / (self._count - 1)
        variance.copy_(spread.clamp_min(0))


__all__ = ["Aligning", "estimate"]
