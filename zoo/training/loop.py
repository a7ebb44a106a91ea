"""The fit loop: epochs of gradient steps, validation after each, the best state kept.

AdamW with warm-up and a cosine decay to zero; accelerate does devices, precision and gradient
scaling. The loop knows no backbone and no adapter: it trains what requires a gradient, at the rates
and in the epochs that the adapter says.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR

from zoo.errors import BadSetting, TrainingFailed
from zoo.model import ComposedModel, ParameterGroup, Task
from zoo.progress import Progress
from zoo.training.config import FitConfig
from zoo.training.prepared import PreparedSplit, shuffled_batches

Epoch = dict[str, Any]


@dataclass
class Outcome:
    """How training went: a line per epoch, and whether the user stopped it."""

    history: list[Epoch] = field(default_factory=list)
    best_epoch: int = 0
    interrupted: bool = False


def train(
    model: ComposedModel,
    task: Task,
    splits: Mapping[str, PreparedSplit],
    config: FitConfig,
    *,
    progress: Progress,
    on_epoch: Callable[[Epoch], None],
) -> Outcome:
    """Train ``model`` in place and leave it at its best state by validation.

    Epoch 0 is the state the model comes with, so that training cannot end below it. Ctrl-C ends
    the training early and keeps the best state so far.

    Raises:
        TrainingFailed: the loss is not a number.
    """
    outcome = Outcome()
    best = _Best(model)
    trained = model.trainable()
    try:
        _record(outcome, best, _validate(model, task, splits, config, 0), on_epoch)
        _epochs(model, task, splits, config, outcome, best, progress, on_epoch)
    except KeyboardInterrupt:
        outcome.interrupted = True
    for parameter in trained.values():
        parameter.requires_grad_(True)
    best.restore()
    model.to("cpu").eval()
    outcome.best_epoch = best.epoch
    return outcome


def accelerate(precision: str) -> Accelerator:
    """What places tensors and casts for ``precision``.

    Raises:
        BadSetting: this machine has no such precision.
    """
    state = AcceleratorState._shared_state
    if state and state.get("_mixed_precision") != precision:
        # One precision is kept for all of a process, and another fit may ask for another.
        AcceleratorState._reset_state()
    accelerator = Accelerator(mixed_precision=precision)
    if precision != "no" and not accelerator.native_amp:
        raise BadSetting(
            f"precision={precision} needs a GPU; this machine computes on its "
            f"{accelerator.device.type}.",
            hint="Leave it out, or choose bf16.",
        )
    return accelerator


def _epochs(
    model: ComposedModel,
    task: Task,
    splits: Mapping[str, PreparedSplit],
    config: FitConfig,
    outcome: Outcome,
    best: _Best,
    progress: Progress,
    on_epoch: Callable[[Epoch], None],
) -> None:
    accelerator = accelerate(config.precision)
    parameters = list(model.trainable().values())
    optimizer = torch.optim.AdamW(_groups(model, config), lr=config.lr)
    steps = math.ceil(len(splits["train"]) / config.batch_size)
    epochs = config.epochs_for(steps)
    schedule = LambdaLR(optimizer, _warm_up_and_cosine(config, steps * epochs))
    # Were the model itself prepared, it would go on computing in that precision ever after.
    model.to(accelerator.device)
    optimizer = accelerator.prepare(optimizer)
    generator = torch.Generator().manual_seed(config.seed)
    preprocess = model.preprocess
    waiting_since = 0
    for epoch in range(1, epochs + 1):
        start = time.perf_counter()
        total = 0.0
        model.adapter.start_epoch(model.backbone, epoch, epochs)
        model.train()
        with progress.stage(f"epoch {epoch}/{epochs}", steps) as advance:
            for batch, targets in shuffled_batches(
                splits["train"], preprocess, config.batch_size, generator
            ):
                on_device = {k: v.to(accelerator.device) for k, v in batch.items()}
                with accelerator.autocast():
                    logits = model(on_device)[task.name]
                loss = task.loss(logits.float(), targets.to(accelerator.device))
                accelerator.backward(loss)
                accelerator.clip_grad_norm_(parameters, config.clip)
                optimizer.step()
                schedule.step()
                optimizer.zero_grad()
                total += _finite(loss, epoch) * len(targets)
                advance(1)
        line = _validate(model, task, splits, config, epoch)
        line["train_loss"] = total / len(splits["train"])
        line["lr"] = max(schedule.get_last_lr())
        line["seconds"] = time.perf_counter() - start
        _record(outcome, best, line, on_epoch)
        # While something still rests, no improvement says nothing.
        if not all(parameter.requires_grad for parameter in parameters):
            waiting_since = epoch
        if epoch - max(best.epoch, waiting_since) >= config.patience:
            return


def _groups(model: ComposedModel, config: FitConfig) -> list[dict[str, Any]]:
    """The optimizer's groups: what the adapter sets apart, and first all the rest."""
    apart = model.adapter.groups(model.backbone, dict(model.heads.items()))
    seen = {id(parameter) for group in apart for parameter in group.parameters}
    rest = [p for p in model.trainable().values() if id(p) not in seen]
    return [
        {
            "params": list(group.parameters),
            "lr": config.lr * group.rate,
            "weight_decay": config.weight_decay if group.decays else 0.0,
        }
        for group in (ParameterGroup(rest), *apart)
        if group.parameters
    ]


def _validate(
    model: ComposedModel,
    task: Task,
    splits: Mapping[str, PreparedSplit],
    config: FitConfig,
    epoch: int,
) -> Epoch:
    val = splits["val"]
    logits = model.logits(val.ready, batch_size=config.batch_size)[task.name]
    return {"epoch": epoch, "val": task.metrics(logits, val.targets)}


def _record(outcome: Outcome, best: _Best, line: Epoch, on_epoch: Callable[[Epoch], None]) -> None:
    task_monitor = best.model.task.monitor
    best.consider(line["epoch"], line["val"][task_monitor])
    outcome.history.append(line)
    on_epoch(line)


class _Best:
    """The trainable tensors (and the buffers, which training may move) at the best epoch."""

    def __init__(self, model: ComposedModel) -> None:
        self.model = model
        self.epoch = 0
        self._trained = model.trainable()
        self._value = math.inf
        self._state: dict[str, Tensor] = {}

    def consider(self, epoch: int, value: float) -> None:
        if value < self._value:
            self.epoch, self._value = epoch, value
            self._state = {name: t.detach().clone() for name, t in self._moving().items()}

    def restore(self) -> None:
        with torch.no_grad():
            for name, tensor in self._moving().items():
                if name in self._state:
                    tensor.copy_(self._state[name])

    def _moving(self) -> dict[str, Tensor]:
        return {**self._trained, **dict(self.model.named_buffers())}


def _warm_up_and_cosine(config: FitConfig, total: int) -> Callable[[int], float]:
    """Linear warm-up, then cosine to zero (Loshchilov and Hutter 2017, arXiv:1608.03983)."""
    warm = max(1, round(total * config.warmup))

    def factor(step: int) -> float:
        if step < warm:
            return (step + 1) / warm
        return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, total - warm)))

    return factor


def _finite(loss: Tensor, epoch: int) -> float:
    value = float(loss.detach())
    if not math.isfinite(value):
        raise TrainingFailed(
            f"The loss became {value} in epoch {epoch}; nothing was saved.",
            hint="Try a smaller learning rate, e.g. `--lr 1e-4`.",
        )
    return value
