"""GradNorm: weights under which the losses of several tasks train at like rates.

Chen et al. 2018, arXiv:1711.02257. With G_i the norm of the gradient of w_i L_i in what the tasks
share, the weights descend on sum |G_i - mean(G) r_i^alpha|, where r_i is how much of its loss a task
still has, relative to the others: one that lags behind may pull harder.

Two choices are ours. The norm is taken in the features that all heads sit on rather than in one layer
of weights, so that it costs no pass through the backbone and means the same under every adapter. And
the loss that a task began with is, as the paper allows, a theoretical one: that of the model which
ignores its input, since training starts from heads that are fitted already.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from zoo.model import ComposedModel, Features
from zoo.model.joint import Joint

_LEAST = 1e-3  # of a weight, and of a loss to begin with: neither may vanish


class GradNorm:
    """Watches the gradients of a batch and sets that of the weights.

    Args:
        model: its backbone is watched.
        joint: has the weights, as its :attr:`Joint.balance`.
        targets: of the training rows.
        alpha: how much harder a task may pull that lags behind; 0: all alike.
    """

    def __init__(self, model: ComposedModel, joint: Joint, targets: Tensor, alpha: float) -> None:
        assert joint.balance is not None  # the caller asked
        self._joint, self._weights, self._alpha = joint, joint.balance, alpha
        self._began = [
            max(_LEAST, float(part.loss(part.majority(own, len(own)), own))) if len(own) else 1.0
            for name, (_, own) in joint.split(targets).items()
            for part in [joint.parts[name]]
        ]
        self._model = model
        self._shared: Tensor | None = None
        self._seen = [_Seen() for _ in self._began]

    def start(self) -> None:
        """Forget the last batch."""
        self._seen = [_Seen() for _ in self._began]

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Inside, the features that the backbone gives are kept for :meth:`observe`."""
        handle = self._model.backbone.register_forward_hook(self._keep)
        try:
            yield
        finally:
            handle.remove()

    def observe(self, logits: Tensor, targets: Tensor) -> None:
        """See a piece of a batch, before its gradients are computed.

        Args:
            logits: of all tasks side by side, of the last pass through the backbone.
            targets: of the same rows.
        """
        shared, self._shared = self._shared, None
        if shared is None or not shared.requires_grad:  # nothing is trained that they share
            return
        for seen, (name, rows, mask, own) in zip(
            self._seen, self._joint.each(logits, targets), strict=True
        ):
            if not bool(mask.any()):
                continue
            summed = self._joint.parts[name].loss(rows, own) * len(own)
            (gradient,) = torch.autograd.grad(summed, shared, retain_graph=True)
            seen.rows += len(own)
            seen.loss += float(summed.detach())
            seen.square += float(gradient.float().square().sum())

    @property
    def seen(self) -> list[float]:
        """What adds up over pieces and processes."""
        return [number for each in self._seen for number in (each.rows, each.loss, each.square)]

    def settle(self, seen: list[float]) -> None:
        """Set the weights' gradient by what was seen of the whole batch."""
        of_each = [_Seen(*seen[at : at + 3]) for at in range(0, len(seen), 3)]
        gradient = torch.zeros(len(of_each))
        there = [at for at, each in enumerate(of_each) if each.rows]
        norms = {at: math.sqrt(of_each[at].square) / of_each[at].rows for at in there}
        left = {at: of_each[at].loss / of_each[at].rows / self._began[at] for at in there}
        weights = self._weights.detach().tolist()
        mean = sum(weights[at] * norms[at] for at in there) / max(1, len(there))
        even = sum(left.values()) / max(1, len(there))
        for at in there:
            wanted = mean * (left[at] / even) ** self._alpha if even > 0 else mean
            pull = weights[at] * norms[at] - wanted
            gradient[at] = math.copysign(norms[at], pull) if pull else 0.0
        self._weights.grad = gradient.to(self._weights)

    @torch.no_grad()
    def renew(self) -> None:
        """After a step: the weights are positive and their mean is 1."""
        self._weights.clamp_(min=_LEAST)
        self._weights.mul_(len(self._weights) / self._weights.sum())

    def _keep(self, module: nn.Module, inputs: Any, features: Features) -> None:
        self._shared = features.pooled


@dataclass
class _Seen:
    """Of one task in one batch: rows, their summed loss, and its gradient's squared norm."""

    rows: float = 0
    loss: float = 0.0
    square: float = 0.0
