"""One fit, step by step: features, training, this model's results, the baselines'."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from zoo.data.dataset import Dataset
from zoo.errors import BadSetting, Incompatible, LabelProblem
from zoo.model import Adapter, ComposedModel, Solution, Task
from zoo.model.joint import Joint, head_of, logits_of, task_of
from zoo.progress import Progress
from zoo.report.evidence import Evidence, Verdict
from zoo.report.mistakes import Mistake
from zoo.report.record import THIS_MODEL, Confusion, Result, RunRecord
from zoo.training import baselines, jointly, notes
from zoo.training.augmenting import Augmentation
from zoo.training.baselines import Splits
from zoo.training.cache.reuse import Reuse
from zoo.training.checkpoint import Checkpoints
from zoo.training.config import ALONE, FitConfig
from zoo.training.judging import Fitted, judge
from zoo.training.loop import train
from zoo.training.outcome import Epoch, Outcome
from zoo.training.prepared import prepare
from zoo.training.rivals import features_as_published, hold_against
from zoo.training.sharing import shared_logits
from zoo.training.texts import judged
from zoo.training.versions import versions


class Job:
    """One fit: the pieces that its steps share.

    Attributes:
        on_step: is given a line after each step of training, see :meth:`Callback.step`.
    """

    def __init__(
        self, model: ComposedModel, dataset: Dataset, config: FitConfig, progress: Progress
    ) -> None:
        self.model = model
        self.dataset = dataset
        self.config = config
        self.progress = progress
        self.task: Task = task_of(
            model.tasks, weighting=config.weighting, weights=config.task_weights
        )
        if not isinstance(self.task, Joint) and (odd := config.of_several_tasks):
            raise BadSetting(
                f"{odd} is about several tasks, and this model has one.",
                hint="Leave it out, or give more with `--task NAME=KIND:COLUMNS`, repeated.",
            )
        if config.weighting == "gradnorm" and model.branches:
            raise BadSetting(
                "weighting=gradnorm compares gradients in what the tasks share, and with an adapter "
                "for each task they share nothing that is trained.",
                hint="Choose `fixed` or `uncertainty`, or one adapter for all.",
            )
        self.splits: Splits = prepare(model, dataset, self.task)
        self.on_step: Callable[[Mapping[str, Any]], None] | None = None
        self.notes = notes.of_idle_options(model, config)
        self.results: list[Result] = []
        self.confusions: list[Confusion] = []
        self.evidence: Evidence | None = None
        self.mistakes: list[Mistake] = []
        self.reuse = Reuse(
            model,
            self.splits,
            bf16=config.precision == "bf16",
            augmentation=Augmentation.of(config, model),
            progress=progress,
        )
        self.chosen: dict[str, Any] = {}  # for the head on frozen features, on validation rows
        self._require_rows()
        self.task.prepare(self.splits["train"].targets)

    def run(
        self,
        on_epoch: Callable[[Epoch], None],
        checkpoints: Checkpoints | None = None,
        resume: Mapping[str, Any] | None = None,
    ) -> Outcome:
        """Train, then measure this model and its baselines.

        Args:
            on_epoch: is given a line after each epoch.
            checkpoints: where training writes them.
            resume: what one of them held, to go on from.
        """
        begun = time.perf_counter()
        features = self._features()
        seconds = time.perf_counter() - begun
        published = features_as_published(self, features)
        begun = time.perf_counter()
        self._say(notes.of_long_texts(self.model.backbone, self.splits))
        self._say(notes.of_unknown_words(self.model.backbone, self.splits["train"]))
        guesses = baselines.guesses(self.model, self.task, self.splits, self._logits)
        if self.model.adapter.trains_backbone:
            with self._taught(features):
                outcome, logits, chosen = self._by_gradient(features, on_epoch, checkpoints, resume)
        else:
            outcome, logits, chosen = self._by_solving(features)
        self.task.tune(logits["val"], self.splits["val"].targets)
        self.results = baselines.results(THIS_MODEL, self.task, self.splits, logits, chosen)
        self._count_confusions(logits)
        if outcome.whole and self.task.makes_texts:
            self.results[-1] = judged(self.model, self.dataset, self.results[-1], self.progress)
        self.results += guesses
        seconds += time.perf_counter() - begun
        if outcome.whole:
            try:
                hold_against(self, features, published, seconds)
                fitted = Fitted(logits, features, outcome.history, outcome.best_epoch, seconds)
                self.evidence, self.mistakes = judge(self, fitted)
            except KeyboardInterrupt:  # what was trained until here is not lost over a baseline
                outcome.interrupted = True
                self.notes.append("Interrupted while baselines were computed; the model is whole.")
        if "test" not in self.splits:
            self.notes.append(notes.NO_TEST)
        return outcome

    def begin(self) -> dict[str, Tensor]:
        """Set the head to the best on frozen features, whence training starts; returns those."""
        features = self._features()
        self._on_frozen(features, refit=False)
        return features

    def _features(self) -> dict[str, Tensor]:
        """Before training; where blocks are frozen, from what those gave. None for a language head."""
        if self.model.language:
            return {}
        with self.reuse.active():
            return baselines.features_of(
                self.model.backbone,
                self.splits,
                self.progress,
                self.task,
                bf16=self.config.precision == "bf16",
                tell=self.reuse.tell,
                weights=self.reuse.whole,
            )

    def further_verdicts(self) -> list[Verdict]:
        """What is to be said of such a fit alone; nothing here."""
        return []

    def write(self, folder: Path) -> None:
        """Write what belongs into the run besides its record; nothing here."""

    def record(self, outcome: Outcome, seconds: float) -> RunRecord:
        """All that happened, as plain data."""
        model, task = self.model, self.task
        folder = model.backbone.origin.folder
        return RunRecord(
            status=_status(outcome),
            backbone=model.backbone.spec.name,
            adapter=model.adapter.spec.name,
            task=task.name if isinstance(task, Joint) else task.spec.name,
            headline=task.headline,
            monitor=task.monitor,
            lower=sorted(task.lower | {task.monitor}),
            data={
                "kind": self.dataset.kind,
                "description": self.dataset.description,
                "fingerprint": self.dataset.fingerprint,
                "rows": dict(self.dataset.rows),
                "skipped": len(self.dataset.skipped),
            },
            config={
                "pooling": model.backbone.pooling,
                "adapter_settings": model.adapter.settings,
                "task_settings": _settings(task),
                "training": self.config.model_dump(mode="json"),
                "best_epoch": outcome.best_epoch,
            },
            weights=str(folder.resolve()) if folder else None,
            results=self.results,
            confusions=self.confusions,
            trainable_parameters=sum(p.numel() for p in model.trainable().values()),
            total_parameters=sum(p.numel() for p in model.parameters()),
            seconds=round(seconds, 3),
            versions=versions(),
            notes=[*self.notes, *self.reuse.notes],
            evidence=self.evidence,
        )

    def _by_solving(
        self, features: dict[str, Tensor]
    ) -> tuple[Outcome, dict[str, Tensor], dict[str, Any]]:
        solution, logits = self._solve_head(self.model.adapter, features, refit=True)
        if baselines.is_baseline(self.model.adapter):
            self.chosen = solution.chosen
        return Outcome(), logits, solution.chosen

    def _by_gradient(
        self,
        features: dict[str, Tensor],
        on_epoch: Callable[[Epoch], None],
        checkpoints: Checkpoints | None,
        resume: Mapping[str, Any] | None,
    ) -> tuple[Outcome, dict[str, Tensor], dict[str, Any]]:
        """Start from the best head on frozen features (Kumar et al. 2022, arXiv:2202.10054).

        Where no epoch then is clearly better, the result is that head, fitted on all rows there are.
        """
        # Also where it is gone on from elsewhere: a refit in the end goes by what is chosen here.
        start = self._on_frozen(features, refit=False)
        if isinstance(self.task, Joint):
            self.model.learned_weights = self.task.learned_weights
        outcome = train(
            self.model,
            self.task,
            self.splits,
            self.config,
            progress=self.progress,
            on_epoch=on_epoch,
            on_step=self.on_step,
            checkpoints=checkpoints,
            resume=resume,
            reuse=self.reuse,
            from_probe=start is not None,
        )
        self.model.learned_weights = None  # of the losses; they have served
        if isinstance(self.task, Joint) and outcome.best_epoch > 0:
            self.notes += notes.of_learned_weights(self.task.learned_factors)
        self.notes += outcome.notes
        if outcome.best_epoch == 0 and outcome.whole:
            self._say(notes.of_divergence(outcome.history, self.task.monitor, self.config.lr))
            logits = self._on_frozen(features, refit=True)
            if logits is not None:
                self.notes.append(notes.NO_BETTER_EPOCH)
                return outcome, logits, {}
        return outcome, self._measured(outcome), {}

    def _on_frozen(self, features: dict[str, Tensor], *, refit: bool) -> dict[str, Tensor] | None:
        """Fit the head on frozen features; its logits, or ``None`` where nothing can do that."""
        adapter = baselines.baseline_adapter(self.chosen)
        if adapter is None or self.model.language:
            return None
        try:
            solution, logits = self._solve_head(adapter, features, refit=refit)
        except Incompatible as err:
            self.tell_of_no_probe(err)
            return None
        if not isinstance(self.task, Joint):  # of several tasks each has chosen for itself
            self.chosen = solution.chosen
        return logits

    def tell_of_no_probe(self, err: Incompatible) -> None:
        """Note once why nothing could be fitted on frozen features."""
        text = notes.of_no_probe(err)
        if text not in self.notes:
            self.notes.append(text)

    @contextlib.contextmanager
    def _taught(self, features: dict[str, Tensor]) -> Iterator[None]:
        """Inside, the model has the companion that its adapter wants."""
        model = self.model
        head = head_of(self.task, dict(model.heads.items()))
        if features:
            asked = baselines.problem(
                self.task, head, self.splits, features, self.config.seed, refit=False
            )
            model.companion = model.adapter.companion(model.backbone, asked)
        try:
            yield
        finally:
            model.companion = None

    def _say(self, texts: Sequence[str]) -> None:
        """Say now what is worth knowing before the end."""
        for text in texts:
            self.progress.note(text)
        self.notes += texts

    def _measured(self, outcome: Outcome) -> dict[str, Tensor]:
        """Logits on what is held out; on validation rows alone where training was cut short."""
        if outcome.whole:
            try:
                return self._logits(baselines.held_out(self.splits))
            except KeyboardInterrupt:
                outcome.interrupted = True
        why = outcome.failure.message if outcome.failure else "Interrupted"
        self.notes.append(f"{why.rstrip('.')}; this is the state of epoch {outcome.best_epoch}.")
        return self._logits(["val"])

    def _solve_head(
        self, adapter: Adapter, features: dict[str, Tensor], *, refit: bool
    ) -> tuple[Solution, dict[str, Tensor]]:
        head = head_of(self.task, dict(self.model.heads.items()))
        solution, logits = baselines.solve(
            adapter, self.task, head, self.splits, features, self.config.seed, refit=refit
        )
        if solution.refitted:
            self.notes.append(notes.BEFORE_REFIT)
        return solution, logits

    def _logits(self, names: list[str]) -> dict[str, Tensor]:
        with self.reuse.active():
            return {
                name: shared_logits(
                    self.model,
                    self.splits[name],
                    functools.partial(logits_of, self.task),
                    progress=self.progress,
                    stage=f"evaluating on {name}",
                )
                for name in names
            }

    def alone(self, twin: ComposedModel, name: str) -> list[Result]:
        """Results of a model of one task, fitted by itself with the same budget.

        Raises:
            KeyboardInterrupt: it was cut short, which would flatter the model it is compared with.
        """
        plain = self.config.model_copy(update=ALONE)
        job = Job(twin, jointly.alone(self.dataset, name), plain, self.progress)
        if job.run(lambda line: None).interrupted:
            raise KeyboardInterrupt
        return job.results

    def _count_confusions(self, logits: dict[str, Tensor]) -> None:
        for name, rows in logits.items():
            counts = self.task.confusion(rows, self.splits[name].targets)
            if counts is not None:
                self.confusions.append(
                    Confusion(split=name, labels=list(self.task.labels), counts=counts.tolist())
                )

    def _require_rows(self) -> None:
        if "train" not in self.splits or "val" not in self.splits:
            raise LabelProblem(
                f"Training needs rows to train on and rows to validate on; the data has "
                f"{', '.join(self.splits) or 'none'}.",
                hint="Name the splits, e.g. `--splits train=train,test=test`; "
                "validation rows are then taken from train, where `--val-fraction` is not 0.",
            )


def _settings(task: Task) -> dict[str, Any]:
    if isinstance(task, Joint):
        return {name: part.settings for name, part in task.parts.items()}
    return task.settings


def _status(outcome: Outcome) -> Literal["finished", "interrupted", "failed"]:
    if outcome.failure is not None:
        return "failed"
    return "interrupted" if outcome.interrupted else "finished"
