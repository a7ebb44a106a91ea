"""One fit for a target domain: candidates with and without the alignment, and the honest choice.

Every candidate starts from the same state, the best head on frozen features, and is trained for the
same number of epochs. Of those without the alignment the source's risk chooses, of those with it the
validator; the aligned state is kept only where the validator sees more in it than in any other.
Target labels are measured on and choose nothing.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zoo.data.dataset import Dataset
from zoo.data.labelling import Classes
from zoo.errors import BadSetting
from zoo.model import ComposedModel
from zoo.progress import Progress
from zoo.report.adaptation import (
    LABEL_FREE,
    SOURCE_ONLY,
    TARGET,
    Adaptation,
    Candidate,
    Floor,
    Pick,
    State,
    best_alone,
    floor_of,
    gains,
    picked,
    reaches,
)
from zoo.report.comparison import words
from zoo.report.evidence import Verdict
from zoo.report.record import THIS_MODEL, Result, RunRecord
from zoo.training.adaptation.adapt import Adapt, candidates_of
from zoo.training.adaptation.aligning import Aligning
from zoo.training.adaptation.balance import Balance
from zoo.training.adaptation.judge import Judge, judge_logits
from zoo.training.adaptation.parts import make_alignment, make_validator, require_alignable
from zoo.training.adaptation.reverse import Reverse
from zoo.training.adaptation.target import Target, fitted_to
from zoo.training.best import Moving
from zoo.training.checkpoint import Checkpoints
from zoo.training.config import FitConfig
from zoo.training.job import Job
from zoo.training.loop import train
from zoo.training.outcome import Epoch, Outcome
from zoo.training.processes import processes
from zoo.training.verdicts import against, measure

Tensors = dict[str, Tensor]

TARGET_FILE = "target.jsonl"


class AdaptingJob(Job):
    """A fit whose model is to work on a target.

    Args:
        model, dataset, config, progress: as for :class:`Job`.
        target: as it was read.
        adapt: how it is adapted to.
        candidates: what is trained, those without an alignment first; by default what ``adapt`` asks for.

    Raises:
        DataError, Incompatible, BadSetting: there is nothing to adapt to, or nothing to adapt.
    """

    def __init__(
        self,
        model: ComposedModel,
        dataset: Dataset,
        config: FitConfig,
        progress: Progress,
        target: Target,
        adapt: Adapt,
        candidates: list[Candidate] | None = None,
    ) -> None:
        _require_plain(config)
        classes = len(model.tasks) == 1 and isinstance(model.task.labelling, Classes)
        self.target = fitted_to(target, dataset, batch_size=config.batch_size, classes=classes)
        for note in self.target.notes[len(target.notes) :]:
            progress.note(note)
        filler = dataset.splits["train"].labels[0]
        splits = {**dataset.splits, **self.target.splits(filler)}
        super().__init__(model, replace(dataset, splits=splits), config, progress)
        self.notes += self.target.notes
        if adapt.labelled is not None:
            self.notes.append(dataset.notes[-1])
        self._adapt = adapt
        self._validator = make_validator(adapt.chosen_validator())
        self._watched = [make_validator(name) for name in adapt.watched]
        self._candidates = candidates or candidates_of(adapt, config)
        require_alignable(
            model,
            make_alignment(adapt.align, adapt.settings),
            self._validator,
            self.splits["train"].targets,
        )
        self._classes = len(dataset.labels) if classes else 0
        self._reverse: Reverse | None = None
        self._balance = Balance(self.splits["train"].targets) if classes else None
        self._kept: dict[str, Tensors] = {}  # the best state of each side so far
        self.adaptation: Adaptation | None = None

    def _by_gradient(
        self,
        features: dict[str, Tensor],
        on_epoch: Callable[[Epoch], None],
        checkpoints: Checkpoints | None,
        resume: Mapping[str, Any] | None,
    ) -> tuple[Outcome, dict[str, Tensor], dict[str, Any]]:
        """Train every candidate, and take the state that is chosen."""
        self._on_frozen(features, refit=False)
        if self._classes and features:
            labels = self.splits["train"].targets
            self._reverse = Reverse(features["train"], labels, features[TARGET])
        moving = Moving(self.model)
        start = moving.copy()
        done, inner = 0, None
        if resume is not None:
            done, inner = resume["done"], resume["loop"]
            self._kept = resume["kept"]
            states = [Candidate.model_validate_json(text) for text in resume["candidates"]]
            self._candidates[: len(states)] = states
        outcome = Outcome()
        for at in range(done, len(self._candidates)):
            moving.put(start)
            outcome = self._train(at, checkpoints, inner)
            inner = None
            if not outcome.whole:
                break
        if not self._kept:  # interrupted before there was anything to choose
            raise KeyboardInterrupt
        chosen, whose = self._choose()
        moving.put(self._kept[whose])
        history = self._history(chosen)
        for line in history:
            on_epoch(line)
        outcome.history, outcome.best_epoch = history, chosen.state.epoch
        self.notes += [note for note in outcome.notes if note not in self.notes]
        with self.reuse.active():
            self._answers = judge_logits(self.model, self.splits[self.target.reported])
        return outcome, self._measured(outcome), {}

    def further_verdicts(self) -> list[Verdict]:
        """Whether the alignment that is kept helps, where labels of the target tell."""
        adaptation, known = self.adaptation, list(self.target.known)
        if adaptation is None or adaptation.kept == "source-only" or not known:
            return []
        task, targets = self.task, self.splits[self.target.reported].targets
        own = measure(task, self._answers[known], targets[known], self.config.seed)
        alone = adaptation.picks[SOURCE_ONLY].state.metrics.get(task.headline)
        if own is None or alone is None:
            return []
        metric = f"{words(task.headline)} on the target"
        return [against(own, SOURCE_ONLY, alone, metric, about="adaptation")]

    def write(self, folder: Path) -> None:
        """``target.jsonl``: what the model says of each target row that is measured on."""
        measured, known = self.target.measured, set(self.target.known)
        labelled = self.target.labels is not None or self.target.test is not None
        said = self.model.task.decode(self._answers)
        with (folder / TARGET_FILE).open("w", encoding="utf-8") as file:
            for at, (given, label, prediction) in enumerate(
                zip(measured.inputs, measured.labels, said, strict=True)
            ):
                line: dict[str, Any] = {"input": str(given), "predicted": prediction.label}
                if labelled:
                    line |= {"label": label, "open_set": at not in known}
                file.write(json.dumps(line, ensure_ascii=False) + "\n")

    def _train(
        self, at: int, checkpoints: Checkpoints | None, resume: Mapping[str, Any] | None
    ) -> Outcome:
        candidate = self._candidates[at]
        what = f"candidate {at + 1}/{len(self._candidates)}, {candidate.method}"
        self.progress.note(f"Training {what}{_words(candidate)}.")
        judge = Judge(
            self.model,
            self.splits,
            self.target,
            self._validator,
            self._watched,
            candidate.method,
            self._floor(),
            self._reverse,
            self._balance,
        )
        judge.states = list(candidate.states) if resume is not None else []
        torch.manual_seed(self.config.seed)
        if checkpoints is not None:
            checkpoints.wrap = lambda loop: self._tree(at, judge.states, loop)
        outcome = train(
            self.model,
            self.task,
            self.splits,
            self.config.model_copy(update={"patience": sys.maxsize, "lr": candidate.lr}),
            progress=self.progress,
            on_step=self._on_step_of(at + 1),
            checkpoints=checkpoints,
            resume=resume,
            reuse=self.reuse,
            aligning=self._aligning(candidate),
            judge=judge,
        )
        candidate.states = judge.states
        self._keep(candidate)
        return outcome

    def _on_step_of(self, candidate: int) -> Callable[[Epoch], None] | None:
        told = self.on_step
        return None if told is None else lambda line: told({**line, "candidate": candidate})

    def _aligning(self, candidate: Candidate) -> Aligning | None:
        if candidate.method == SOURCE_ONLY:
            return None
        settings = {**self._adapt.settings, **candidate.settings}
        alignment = make_alignment(candidate.method, settings)
        return Aligning(alignment, self.model, self.splits[TARGET], self.config.seed)

    def _floor(self) -> Floor:
        rows = {name: len(self.splits[name]) for name in ("val", "train", TARGET)}
        return floor_of(
            self._candidates,
            validation=rows["val"],
            training=rows["train"],
            target=rows[TARGET],
            classes=self._classes,
        )

    def _keep(self, candidate: Candidate) -> None:
        """Keep the state that the model is in where its candidate is the best of its side so far."""
        if not candidate.states:
            return
        side = SOURCE_ONLY if candidate.method == SOURCE_ONLY else LABEL_FREE
        pick = picked(self._candidates, self.task.headline, self._floor()).get(side)
        if pick is not None and self._candidates[pick.candidate] is candidate:
            self._kept[side] = Moving(self.model).copy()

    def _choose(self) -> tuple[Pick, str]:
        """What the model becomes, and the side it is of; the record of the adaptation is made."""
        floor = self._floor()
        picks = picked(self._candidates, self.task.headline, floor)
        whose = LABEL_FREE if gains(self._candidates, picks, floor) else SOURCE_ONLY
        best = self._candidates[picks[LABEL_FREE].candidate] if LABEL_FREE in picks else None
        self.adaptation = Adaptation(
            alignment=self._adapt.align,
            settings={**self._adapt.settings, **(best.settings if best else {})},
            validator=self._validator.spec.name,
            floor=floor.source,
            reverse_floor=floor.reverse,
            balance_floor=floor.balance,
            kept="aligned" if whose == LABEL_FREE else "source-only",
            target=self.target.plain(),
            candidates=self._candidates,
            picks=picks,
        )
        self._tell(picks, whose, floor)
        return picks[whose], whose

    def _tell(self, picks: Mapping[str, Pick], whose: str, floor: Floor) -> None:
        if LABEL_FREE not in picks:
            return
        name, validator = self._adapt.align, self._validator.spec.name
        after, alone = picks[LABEL_FREE].state.score, best_alone(self._candidates)
        figures = f"{validator} {_number(after)} with it, at most {_number(alone)} source-only"
        if whose == LABEL_FREE:
            text = f"{name} is kept: {figures}."
        elif reaches(picks[LABEL_FREE], floor):
            text = f"Source-only is kept: the validator sees no gain in {name} ({figures})."
        else:
            text = (
                f"Source-only is kept: every state with {name} has lost the source's validation rows, "
                "the way back to its labels, or the balance of its classes."
            )
        self.progress.note(text)
        self.notes.append(text)

    def _history(self, chosen: Pick) -> list[Epoch]:
        candidate = self._candidates[chosen.candidate]
        names = (self.task.monitor, self.task.headline)
        return [
            {
                "epoch": state.epoch,
                "val": {
                    name: value
                    for name, value in zip(names, (state.risk, state.source), strict=True)
                    if value is not None
                },
                "validator": state.score,
                "method": candidate.method,
                "lr": candidate.lr,
            }
            for state in candidate.states
        ]

    def _tree(self, at: int, states: list[State], loop: Any) -> dict[str, Any]:
        """What a checkpoint holds: the loop's, and all that was before it."""
        tried = [*self._candidates[:at], self._candidates[at].model_copy(update={"states": states})]
        return {
            "done": at,
            "loop": loop,
            "kept": self._kept,
            "candidates": [each.model_dump_json() for each in tried],
        }

    def record(self, outcome: Outcome, seconds: float) -> RunRecord:
        """All that happened; the model's own figures on the target stand first."""
        record = super().record(outcome, seconds)
        adaptation = self.adaptation
        if adaptation is None:
            return record
        rows = len(self.target.known)
        shown = {THIS_MODEL: adaptation.picks[adaptation.side], **adaptation.picks}
        results = [
            Result(
                model=name,
                split=TARGET,
                rows=rows,
                metrics=pick.state.metrics,
                settings={"epoch": pick.state.epoch, "candidate": pick.candidate + 1},
            )
            for name, pick in shown.items()
            if pick.state.metrics
        ]
        return record.model_copy(
            update={"results": [*results, *record.results], "adaptation": adaptation}
        )


def _require_plain(config: FitConfig) -> None:
    if processes().size > 1:
        raise BadSetting("--align works in one process.", hint="Leave --processes out of this fit.")
    if config.precision == "fp16":
        raise BadSetting("--align does not work in fp16.", hint="Choose --precision bf16.")


def _words(candidate: Candidate) -> str:
    said = {"lr": candidate.lr, **candidate.settings}
    shown = {k: f"{v:g}" if isinstance(v, float) else str(v) for k, v in said.items()}
    return " (" + ", ".join(f"{name} {value}" for name, value in shown.items()) + ")"


def _number(value: float | None) -> str:
    return "no number" if value is None else f"{value:.4f}"
