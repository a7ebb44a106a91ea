"""The fit loop: epochs of gradient steps, validation after each, the best state kept.

AdamW with warm-up and a cosine decay to zero; accelerate does devices, precision and gradient
scaling. The loop knows no backbone and no adapter: it trains what requires a gradient, at the rates
and in the epochs that the adapter says.
"""

from __future__ import annotations

import contextlib
import functools
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from zoo.errors import TrainingFailed, WriteFailed
from zoo.model import ComposedModel, Task
from zoo.model.joint import logits_of
from zoo.progress import Progress
from zoo.training import optimizer
from zoo.training.adaptation.aligning import Aligning
from zoo.training.augmenting import Augmentation, changing, drawing
from zoo.training.averaging import Average
from zoo.training.best import Best, Moving, is_clearly_better
from zoo.training.cache.reuse import Reuse
from zoo.training.checkpoint import Checkpoints
from zoo.training.compiled import compiled
from zoo.training.config import FitConfig
from zoo.training.interrupts import held, noticed
from zoo.training.outcome import Epoch, Outcome
from zoo.training.precision import accelerate
from zoo.training.prepared import PreparedSplit, row_weights, rows_of_one, shuffled
from zoo.training.processes import processes
from zoo.training.randomness import diversified, random_state, restore_random_state
from zoo.training.recompute import recomputed
from zoo.training.schedules import schedule_of
from zoo.training.sharding import Sharding
from zoo.training.sharing import shared_logits
from zoo.training.steps import Steps
from zoo.training.temperature import temper, temperature_of

Judge = Callable[[int, Tensor, float], float]
"""What chooses among epochs, lower is better, from validation logits and the metric on these rows."""


def train(
    model: ComposedModel,
    task: Task,
    splits: Mapping[str, PreparedSplit],
    config: FitConfig,
    *,
    progress: Progress,
    on_epoch: Callable[[Epoch], None] = lambda line: None,
    on_step: Callable[[Epoch], None] | None = None,
    checkpoints: Checkpoints | None = None,
    resume: Mapping[str, Any] | None = None,
    reuse: Reuse | None = None,
    aligning: Aligning | None = None,
    judge: Judge | None = None,
    from_probe: bool = False,
) -> Outcome:
    """Train ``model`` in place and leave it at its best state by validation.

    Epoch 0 is the state the model comes with, so that training cannot end below it. Ctrl-C ends
    the training early and keeps the best state so far, as does a loss that is not a number.

    Args:
        model: with what is to be trained requiring gradients.
        task: gives loss and metrics.
        splits: ``train`` and ``val`` at least.
        config: how.
        progress: whom to tell.
        on_epoch: is given a line after each epoch.
        on_step: is given a line after each step.
        checkpoints: where to write them; nowhere where ``None``.
        resume: what a checkpoint of this very fit holds, to go on from.
        reuse: keeps what frozen blocks give; they are computed in every epoch where ``None``.
        aligning: adds its term to the loss.
        judge: chooses among epochs instead of validation rows.
        from_probe: whether the state it comes with is a head fitted on frozen features, which is
            then left only for what is better than it by more than chance gives.

    Raises:
        TrainingFailed: the loss is not a number, and there was no good state to keep.
    """
    trainer = Trainer(
        model,
        task,
        splits,
        config,
        progress=progress,
        on_epoch=on_epoch,
        on_step=on_step,
        checkpoints=checkpoints,
        reuse=reuse,
        aligning=aligning,
        judge=judge,
        from_probe=from_probe,
    )
    return trainer.run(resume)


class Trainer:
    """One training: where it stands, and how it goes on from there.

    ``epoch`` is the one in progress or to be begun, ``batch`` how many of its batches are done.
    """

    def __init__(
        self,
        model: ComposedModel,
        task: Task,
        splits: Mapping[str, PreparedSplit],
        config: FitConfig,
        *,
        progress: Progress,
        on_epoch: Callable[[Epoch], None],
        on_step: Callable[[Epoch], None] | None,
        checkpoints: Checkpoints | None,
        reuse: Reuse | None,
        aligning: Aligning | None,
        judge: Judge | None,
        from_probe: bool,
    ) -> None:
        self._reuse = reuse
        self._active = reuse.active if reuse else contextlib.nullcontext
        self.outcome = Outcome()
        self.epoch, self.batch = 1, 0
        self._model, self._task, self._splits, self._config = model, task, splits, config
        self._progress, self._checkpoints = progress, checkpoints
        self._on_epoch, self._on_step = on_epoch, on_step
        self._accelerator = accelerate(config.precision)
        # Were the model itself prepared, it would go on computing in that precision ever after.
        model.to(self._accelerator.device)
        self._sharding = self._shared_out()
        self._moving = Moving(model, self._sharding)
        processes().begin_alike([*self._moving.live().values()])
        self._best = Best(self._moving)
        self._from_probe = from_probe
        self._at_start: Tensor | None = None  # validation logits of the probe
        per_epoch = math.ceil(len(splits["train"]) / config.batch_size)
        own = math.ceil(rows_of_one(task, splits["train"].targets) / config.batch_size)
        self._epochs = config.epochs_for(own)
        schedule = schedule_of(config, per_epoch * self._epochs)
        self._aligning, self._judge = aligning, judge
        if aligning is not None:
            aligning.begin(self._accelerator.device, per_epoch * self._epochs)
        self._steps = Steps(
            model,
            task,
            splits["train"],
            config,
            schedule,
            self._accelerator,
            progress,
            aligning,
            self._sharding,
        )
        self._augmentation = Augmentation.of(config, model)
        self._average = Average(self._moving, config, self._epochs)
        self._weights = row_weights(task, splits["train"].targets, config)
        task.drawn(splits["train"].targets, self._weights)
        self._order = torch.Generator().manual_seed(config.seed)
        self._order_before = self._order.get_state()  # of the epoch in progress
        self._loss = 0.0  # summed over the rows of the epoch so far
        self._waiting_since = 0
        self._sound = True  # no step was broken off

    def run(self, resume: Mapping[str, Any] | None) -> Outcome:
        """All that is left to do."""
        if processes().size == 1:
            return self._run(resume)
        with noticed() as self._steps.pressed:  # all have to stop at the same step
            return self._run(resume)

    def _run(self, resume: Mapping[str, Any] | None) -> Outcome:
        try:
            if resume is None:
                self._fill()
                with self._active():
                    line = self._validated(0)
                self._end_epoch(line)
            else:
                self._load(resume)
            saving = self._config.gradient_checkpointing
            with contextlib.ExitStack() as saved:
                for backbone in self._model.computed:
                    saved.enter_context(recomputed(backbone, self._steps.arithmetic, wanted=saving))
                    saved.enter_context(compiled(backbone, wanted=self._config.compile))
                while self.epoch <= self._epochs and not self._patience_is_over():
                    self._train_epoch()
        except KeyboardInterrupt:
            self.outcome.interrupted = True
            if self._sound:
                self._save()
        except TrainingFailed as failure:
            if not self._best.any:
                raise
            self.outcome.failure = failure
        for parameter in self._steps.parameters:
            parameter.requires_grad_(True)
        self._best.restore()
        temper(self._model, self._task, self._best.temperature)
        self._model.to("cpu").eval()
        self.outcome.best_epoch = self._best.epoch
        self.outcome.notes += self._steps.notes
        return self.outcome

    def _train_epoch(self) -> None:
        start = time.perf_counter()
        model, train = self._model, self._splits["train"]
        diversified(self._config.seed, self.epoch, processes().rank)
        model.adapter.start_epoch(model.backbone, self.epoch, self._epochs)
        model.train()
        self._fill()
        with self._active(self.epoch):
            self._order_before = self._order.get_state()
            batches = shuffled(
                train, model.preprocess, self._config.batch_size, self._order, self._weights
            )
            with (
                self._progress.stage(f"epoch {self.epoch}/{self._epochs}", len(batches)) as advance,
                changing(train, self._augmentation, epoch=self.epoch),
                drawing(self._task, self.epoch),
                self._in_parts(),
            ):
                advance(self.batch)
                for rows in batches[self.batch :]:
                    self._take(rows, len(batches))
                    advance(1)
                    if self._agreed(lambda kept: kept.due(self._steps.done)):
                        with self._sharding.whole():
                            self._save()
            self._sound = self._config.average == "none"  # an average is no state to go on from
            processes().average([*model.buffers()])
            self._average.after_epoch(self.epoch)
            with self._average.applied():
                line = self._validated(self.epoch)
            self._sound = True
        line["train_loss"] = self._loss / len(train)
        line["lr"] = self._steps.rate
        line["seconds"] = time.perf_counter() - start
        self._end_epoch(line)

    def _shared_out(self) -> Sharding:
        """What of the model processes hold in parts."""
        if not self._config.sharded:
            return Sharding()
        ranks = processes()
        found = Sharding()
        if ranks.size > 1:
            found = Sharding.of(self._model, self._splits["train"])
        size = f"{found.size:,} of {sum(p.numel() for p in self._model.parameters()):,} parameters"
        self.outcome.notes.append(
            f"While it was trained, {ranks.size} processes held parts of {size}."
            if found.any
            else f"sharded=true held nothing in parts: {_why_not(ranks.size)}."
        )
        return found

    def _in_parts(self) -> contextlib.AbstractContextManager[None]:
        """Inside, each process holds its parts alone, of what is computed in this epoch or not."""
        return self._sharding.applied(self._reuse.skipped if self._reuse else ())

    def _agreed(self, due: Callable[[Checkpoints], bool]) -> bool:
        """Whether to save now; the first process says so, and to all where all have parts."""
        now = self._checkpoints is not None and due(self._checkpoints)
        return bool(processes().same(now)) if self._sharding.any else now

    def _fill(self) -> None:
        """Let the first process keep what frozen blocks give before the others read it."""
        if processes().size > 1:
            with processes().first_goes_first(), self._active(self.epoch):
                pass

    def _take(self, rows: Sequence[int], batches: int) -> None:
        place = f"epoch {self.epoch}, batch {self.batch + 1} of {batches}"
        with held():  # a checkpoint after Ctrl-C is of whole steps
            self._sound = False
            loss = self._steps.take(rows, place)
            self._loss += loss * len(rows)
            self._average.after_step()
            self.batch += 1
            self._sound = True
            if self._on_step:
                done, rate = self._steps.done, self._steps.rate
                self._on_step({"epoch": self.epoch, "step": done, "loss": loss, "lr": rate})
        if self._steps.interrupted:  # on any process, and told to all in the same step
            raise KeyboardInterrupt

    def _validated(self, epoch: int) -> Epoch:
        with self._aligning.settled() if self._aligning else contextlib.nullcontext():
            val = self._splits["val"]
            logits = shared_logits(
                self._model,
                val,
                functools.partial(logits_of, self._task),
                batch_size=self._config.batch_size,
            )
            temperature = 1.0
            if self._judge is None:
                temperature = temperature_of(self._model, self._task, logits, val.targets)
            if temperature > 1:
                logits = logits / temperature
            line: Epoch = {"epoch": epoch, "val": self._task.metrics(logits, val.targets)}
            value = line["val"][self._task.monitor]
            if epoch == 0 and self._from_probe:
                self._at_start = logits
            self._best.consider(
                epoch,
                self._judge(epoch, logits, value) if self._judge else value,
                lambda: self._is_better_than_start(logits, val.targets),
                temperature,
            )
        return line

    def _is_better_than_start(self, logits: Tensor, targets: Tensor) -> bool:
        if self._at_start is None:
            return True
        return is_clearly_better(self._task, logits, self._at_start, targets)

    def _end_epoch(self, line: Epoch) -> None:
        with held():
            # While something still rests, no improvement says nothing.
            if not all(parameter.requires_grad for parameter in self._steps.parameters):
                self._waiting_since = line["epoch"]
            self.outcome.history.append(line)
            self.epoch, self.batch, self._loss = line["epoch"] + 1, 0, 0.0
            self._order_before = self._order.get_state()
            self._on_epoch(line)
        if self._agreed(lambda kept: self.epoch == 1 or kept.due_at_end()):
            self._save()

    def _patience_is_over(self) -> bool:
        done = self.epoch - 1
        return done - max(self._best.lowest, self._waiting_since) >= self._config.patience

    def _save(self) -> None:
        """Write a checkpoint where there is something to keep; training goes on without one."""
        if not self._best.any or not (self._checkpoints or self._sharding.any):
            return
        try:
            with held():
                state = self._state()  # to which all give their parts
                if self._checkpoints is not None:
                    self._checkpoints.save(state)
        except WriteFailed as err:
            self._progress.note(f"No checkpoint: {err.message}")
            self.outcome.notes.append(f"No checkpoint could be written: {err.message}")
            self._checkpoints = None

    def _state(self) -> dict[str, Any]:
        scaler = self._accelerator.scaler
        return {
            "epoch": self.epoch,
            "batch": self.batch,
            "step": self._steps.done,
            "rows": self._steps.rows,
            "loss": self._loss,
            "waiting_since": self._waiting_since,
            "history": self.outcome.history,
            "notes": self._steps.notes,
            "model": self._moving.live(),
            "best": self._best.state(),
            "at_start": self._at_start,
            "average": self._average.state(),
            "optimizer": optimizer.state_of(self._steps.optimizer, self._sharding),
            "scaler": scaler.state_dict() if scaler else None,
            "order": self._order_before,
            "random": random_state(),
            "aligning": self._aligning.state() if self._aligning else None,
        }

    def _load(self, state: Mapping[str, Any]) -> None:
        self.epoch, self.batch = state["epoch"], state["batch"]
        self._steps.done, self._steps.rows = state["step"], state["rows"]
        self._steps.notes = state["notes"]
        self._loss, self._waiting_since = state["loss"], state["waiting_since"]
        self.outcome.history = state["history"]
        self._moving.put(self._moving.part(state["model"]))
        self._best.load(state["best"])
        self._at_start = state["at_start"]
        self._average.load(state["average"])
        optimizer.load_state(self._steps.optimizer, state["optimizer"], self._sharding)
        if self._accelerator.scaler and state["scaler"]:
            self._accelerator.scaler.load_state_dict(state["scaler"])
        self._order.set_state(state["order"])
        if self._aligning:
            self._aligning.load(state["aligning"])
        restore_random_state(state["random"])
        for line in self.outcome.history:
            self._on_epoch(line)


def _why_not(size: int) -> str:
    return "there is one process" if size == 1 else "no block is called as a module of its own"
