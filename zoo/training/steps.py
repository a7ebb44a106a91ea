"""One step of training: a batch in pieces that fit into memory, the gradient, the update."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from accelerate import Accelerator
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils import clip_grads_with_norm_

from zoo.errors import Incompatible, TrainingFailed
from zoo.model import ComposedModel, Task
from zoo.model.joint import Joint, logits_of
from zoo.model.products import quick_products
from zoo.progress import Progress
from zoo.training import memory, nonfinite, optimizer
from zoo.training.adaptation.aligning import Aligning
from zoo.training.config import FitConfig
from zoo.training.gradnorm import GradNorm
from zoo.training.prepared import PreparedSplit, collated
from zoo.training.processes import processes
from zoo.training.schedules import Schedule
from zoo.training.sharding import Sharding, why_ended
from zoo.training.wide import wide_attention


class Steps:
    """Takes the steps of one fit.

    Args:
        model: on the accelerator's device.
        task: gives the loss.
        split: what is trained on.
        config: batch size, rates and bounds.
        schedule: the learning rate's, by steps done.
        accelerator: scales and casts.
        progress: is told when fewer rows are computed at a time.
        aligning: adds its term to the loss.
        sharding: which parameters processes hold in parts while steps are taken.

    Attributes:
        done: how many steps were taken.
        interrupted: whether Ctrl-C came to any process before the last step.
        pressed: says whether it came to this one.
        rows: how many rows are computed at a time; halved when memory runs out.
        notes: what a person should know of it.
    """

    def __init__(
        self,
        model: ComposedModel,
        task: Task,
        split: PreparedSplit,
        config: FitConfig,
        schedule: Schedule,
        accelerator: Accelerator,
        progress: Progress,
        aligning: Aligning | None = None,
        sharding: Sharding | None = None,
    ) -> None:
        self.done = 0
        self.interrupted = False
        self.pressed: Callable[[], bool] = lambda: False
        self.rows = min(config.batch_size, config.micro_batch or config.batch_size)
        self.notes: list[str] = []
        self._trained = model.trainable()
        self.parameters = list(self._trained.values())
        made = optimizer.make_optimizer(model, config)
        # Without a scaler accelerate's wrapper adds nothing but half the overhead of a step.
        self.optimizer: Any = accelerator.prepare(made) if accelerator.scaler else made
        self._rates: list[float] = [group["lr"] for group in self.optimizer.param_groups]
        self._model, self._task, self._split, self._config = model, task, split, config
        self._norms: GradNorm | None = None
        learned = model.learned_weights
        if isinstance(task, Joint) and learned is not None and learned is task.balance:
            self._norms = GradNorm(model, task, split.targets, config.gradnorm_alpha)
        self._clipped = [p for p in self.parameters if p is not model.learned_weights]
        self._schedule, self._accelerator, self._progress = schedule, accelerator, progress
        self._aligning = aligning
        self._sharding = sharding or Sharding()
        self._spoilt: tuple[dict[str, Tensor], str] | None = None  # a batch, and what became of it

    @property
    def rate(self) -> float:
        """The highest learning rate of the next step."""
        return max(self._rates) * self._schedule.factor(self.done)

    def take(self, rows: Sequence[int], place: str) -> float:
        """Train on these rows of the split; returns their mean loss.

        Args:
            rows: positions in the split.
            place: epoch and batch in words, for what goes wrong.

        Raises:
            TrainingFailed: loss or gradient is no number, before any weight was changed by it; or
                there is no room for a single row.
            Incompatible: what is trained of the backbone has no part in its answers.
        """
        self._set_rates()
        loss = self._shared_gradient(rows, place)
        if self.done == 0:
            self._require_part()
        self._clip(place)
        self.optimizer.step()
        self.optimizer.zero_grad()
        if self._aligning:
            self._aligning.step(self._schedule.factor(self.done))
        if self._norms:
            self._norms.renew()
        self.done += 1
        return loss

    @contextlib.contextmanager
    def arithmetic(self) -> Iterator[None]:
        """Inside, torch computes as is fastest at this precision on this device."""
        device, precision = self._accelerator.device.type, self._config.precision
        with wide_attention(device, precision), quick_products():
            yield

    def _require_part(self) -> None:
        """Refuse what is trained of the backbone and was not asked, as a pooler that nothing reads."""
        backbone, adapter = self._model.backbone, self._model.adapter
        own = {n: p for n, p in self._trained.items() if n.startswith("backbone.")}
        if own and all(p.requires_grad and p.grad is None for p in own.values()):
            raise Incompatible(
                f"What {adapter.spec.name} trains of {backbone.spec.name} has no part in its answers "
                f"with {backbone.pooling} pooling: {', '.join([*own][:4])}.",
                hint="Train more of it, or choose another `--pooling`.",
            )

    def _set_rates(self) -> None:
        factor, momentum = self._schedule.factor(self.done), self._schedule.momentum
        for group, rate in zip(self.optimizer.param_groups, self._rates, strict=True):
            group["lr"] = rate * factor
            if momentum is not None:
                group["betas"] = (momentum(self.done), group["betas"][1])

    def _clip(self, place: str) -> None:
        self._accelerator.unscale_gradients(self.optimizer)
        norm = self._sharding.norm(self._clipped)
        # A scaler skips such a step and scales less; without one the weights would be lost.
        if self._accelerator.scaler is None and not norm.isfinite():
            raise nonfinite.gradient_failed(self._trained, float(norm), place)
        clip_grads_with_norm_(self._clipped, self._config.clip, norm)

    def _shared_gradient(self, rows: Sequence[int], place: str) -> float:
        """The gradient of the mean loss over ``rows``, each process computing its share."""
        ranks = processes()
        mine = ranks.share(rows)
        if ranks.size == 1:
            loss = self._gradient_with_room(mine, len(rows), place)
            self._settle(self._seen())
            return loss
        failure = ""
        try:
            loss = self._gradient_with_room(mine, len(rows), place)
        except TrainingFailed as err:  # the others must not wait for this one
            loss, failure = math.nan, err.message
        self._sharding.collect()
        loss, interrupted, *seen = ranks.add_up(
            self._sharding.plain(self.parameters), loss, float(self.pressed()), *self._seen()
        )
        self._settle(seen)
        self.interrupted = interrupted > 0
        if not math.isfinite(loss):
            seen_here = self._failure(place)  # which all of them have to look for
            failure = failure or seen_here
            raise TrainingFailed(ranks.told(failure), hint=nonfinite.ADVICE)
        return loss

    def _failure(self, place: str) -> str:
        """What became of the loss on this process, which could not look for it alone."""
        with self._sharding.whole():
            if self._spoilt is None:
                return ""
            return nonfinite.failed(self._model, *self._spoilt, place).message

    def _seen(self) -> list[float]:
        return self._norms.seen if self._norms else []

    def _settle(self, seen: list[float]) -> None:
        if self._norms:
            self._norms.settle(seen)

    def _gradient_with_room(self, rows: Sequence[int], whole: int, place: str) -> float:
        while True:
            try:
                with self.arithmetic():
                    return self._gradient(rows, whole, place)
            except (RuntimeError, MemoryError) as err:
                if self._sharding.any and (ended := why_ended(err, self.rows, place)):
                    raise ended from err
                if not memory.is_out_of_memory(err):
                    raise
                self.rows = memory.fewer(min(self.rows, len(rows)), err)
            self.optimizer.zero_grad()
            memory.release()
            self._tell_of_halving(place)

    def _gradient(self, rows: Sequence[int], whole: int, place: str) -> float:
        """Accumulate the gradient of the summed loss over ``rows``, each worth one in ``whole``."""
        total = 0.0
        there = self._aligning.rows(self.done, self._config.batch_size) if self._aligning else []
        if self._norms:
            self._norms.start()
        for at in range(0, self._most(rows, whole), self.rows):
            own = rows[at : at + self.rows]
            piece = own or [0]  # that counts for nothing: others put this process's parts together
            batch, targets = collated(self._split, self._model.preprocess, piece)
            device = self._accelerator.device
            on_device = {key: value.to(device) for key, value in batch.items()}
            watcher = self._norms or self._aligning
            watching = watcher.watching() if watcher else contextlib.nullcontext()
            with self._accelerator.autocast(), watching, self._pooled() as pooled:
                logits = logits_of(self._task, self._model(on_device, self._asked(targets)))
            loss = self._task.loss(logits.float(), targets.to(device))
            if self._model.companion is not None:
                loss = loss + self._model.companion(pooled.pop().float(), targets.to(device))
            if self._norms:
                self._norms.observe(logits.float(), targets.to(device))
            if self._aligning:
                loss = self._aligned(loss, logits, targets.to(device), there[at : at + self.rows])
            value = float(loss.detach())
            if not math.isfinite(value):
                what = f"The loss became {value}"
                if not self._sharding.any:
                    raise nonfinite.failed(self._model, on_device, what, place)
                self._spoilt = on_device, what
            share = len(own) / whole
            self._accelerator.backward(loss if share == 1 else loss * share)
            total += value * share
        if processes().first:  # gradients are summed over processes
            penalty = self._model.adapter.penalty(self._model.backbone)
            if penalty is not None:
                self._accelerator.backward(penalty)
        return total

    def _most(self, rows: Sequence[int], whole: int) -> int:
        """How many rows to go through: where parts are put together, as many as any process has."""
        return math.ceil(whole / processes().size) if self._sharding.any else len(rows)

    @contextlib.contextmanager
    def _pooled(self) -> Iterator[list[Tensor]]:
        """Inside, the features of each forward pass are put into the list, if any are asked for."""
        seen: list[Tensor] = []
        if self._model.companion is None:
            yield seen
            return
        handle = self._model.backbone.register_forward_hook(
            lambda _, __, features: seen.append(features.pooled)
        )
        try:
            yield seen
        finally:
            handle.remove()

    def _asked(self, targets: Tensor) -> dict[str, Tensor] | None:
        """Which rows each task has a target of; what else is computed is of no use."""
        if not isinstance(self._task, Joint):
            return None
        device = self._accelerator.device
        return {name: has.to(device) for name, (has, _) in self._task.split(targets).items()}

    def _aligned(
        self, loss: Tensor, logits: Tensor, targets: Tensor, there: Sequence[int]
    ) -> Tensor:
        """The loss with the alignment's term, for these rows of the target."""
        assert self._aligning is not None  # the caller asked
        with self._accelerator.autocast():
            term = self._aligning.loss(there, logits, targets, self.done)
        return loss if term is None else loss + term

    def _tell_of_halving(self, place: str) -> None:
        text = (
            f"Out of memory in {place}: from there on {self.rows} rows were computed at a time and "
            f"their gradients added up; a step still saw {self._config.batch_size}."
        )
        if any(
            isinstance(module, _BatchNorm) and module.training for module in self._model.modules()
        ):
            text += " Batch norms took their statistics from so few rows, which is not the same."
        self._progress.note(text)
        self.notes.append(text)
