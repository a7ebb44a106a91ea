"""``zoo.fit``: train a composed model on data, hold it against baselines, leave a run directory."""

from __future__ import annotations

import json
import platform
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zoo.artifact.manifest import DataEntry, Provenance
from zoo.artifact.save import save
from zoo.data.dataset import Dataset
from zoo.data.load import load
from zoo.errors import LabelProblem
from zoo.model import ComposedModel, Task, extract
from zoo.progress import Progress, default
from zoo.report.html import write_report
from zoo.report.record import ARTIFACT, HISTORY, Confusion, Result, RunRecord
from zoo.training import baselines
from zoo.training.baselines import Splits
from zoo.training.config import FitConfig
from zoo.training.folder import staged
from zoo.training.loop import Epoch, Outcome, train
from zoo.training.prepared import prepare
from zoo.training.run import THIS_MODEL, Run

_RECORDED = ("torch", "timm", "transformers", "peft", "safetensors", "accelerate", "torchmetrics")


def fit(
    model: ComposedModel,
    data: Dataset | str | Path,
    out: str | Path,
    *,
    progress: Progress | None = None,
    overwrite: bool = False,
    **options: Any,
) -> Run:
    """Train ``model`` in place and write a run directory.

    The model ends at its best state by validation. Majority class and linear probe are always
    computed beside it. Ctrl-C ends training early: what was best so far becomes the run, marked as
    interrupted, and :class:`KeyboardInterrupt` goes on.

    Args:
        model: from :func:`zoo.compose`.
        data: a dataset from :func:`zoo.load_data`, or a path that it understands.
        out: the run directory; it appears whole or not at all.
        progress: whom to tell; by default bars where stderr is a terminal.
        overwrite: replace an earlier run at ``out``.
        **options: fields of :class:`zoo.training.config.FitConfig`; what is not given is the
            adapter's own default.

    Raises:
        BadSetting: an option that does not exist or is out of bounds.
        DataError: the data does not fit the model.
        OutputExists: ``out`` holds something.
        TrainingFailed: the loss diverged.
    """
    config = FitConfig.resolve(model.adapter.spec.training, options)
    progress = progress or default()
    dataset = data if isinstance(data, Dataset) else load(data, contract=model.backbone.contract)
    start = time.perf_counter()
    with staged(Path(out), overwrite=overwrite) as folder, torch.random.fork_rng():
        torch.manual_seed(config.seed)
        job = _Job(model, dataset, config, progress)
        outcome = job.run(_line_writer(folder))
        record = job.record(outcome, time.perf_counter() - start)
        record.write(folder)
        save(model, folder / ARTIFACT, record=record, provenance=_provenance(record, dataset))
        write_report(folder)
    if outcome.interrupted:
        raise KeyboardInterrupt
    return Run(Path(out), record, model)


class _Job:
    """One fit: the pieces that its steps share."""

    def __init__(
        self, model: ComposedModel, dataset: Dataset, config: FitConfig, progress: Progress
    ) -> None:
        self.model = model
        self.dataset = dataset
        self.config = config
        self.progress = progress
        self.task: Task = model.task
        self.splits: Splits = prepare(model, dataset, self.task)
        self.notes: list[str] = []
        self.results: list[Result] = []
        self.confusions: list[Confusion] = []
        self._require_rows()
        self.task.prepare(self.splits["train"].targets)

    def run(self, on_epoch: Callable[[Epoch], None]) -> Outcome:
        """Train, then measure this model and its baselines."""
        features = baselines.features_of(self.model.backbone, self.splits, self.progress)
        if self.model.adapter.trains_backbone:
            outcome, logits, chosen = self._by_gradient(features, on_epoch)
        else:
            outcome, logits, chosen = self._by_solving(features)
        self.results = baselines.results(THIS_MODEL, self.task, self.splits, logits, chosen)
        self._count_confusions(logits)
        self.results += baselines.majority(self.task, self.splits)
        if not outcome.interrupted:
            self._hold_against(features)
        if "test" not in self.splits:
            self.notes.append(
                "There is no test split: the figures are on validation rows, which also chose "
                "the model, and are optimistic."
            )
        return outcome

    def record(self, outcome: Outcome, seconds: float) -> RunRecord:
        """All that happened, as plain data."""
        model, task = self.model, self.task
        folder = model.backbone.origin.folder
        if outcome.interrupted:
            self.notes.append(f"Interrupted; this is the state of epoch {outcome.best_epoch}.")
        return RunRecord(
            status="interrupted" if outcome.interrupted else "finished",
            backbone=model.backbone.spec.name,
            adapter=model.adapter.spec.name,
            task=task.spec.name,
            headline=task.headline,
            data={
                "path": self.dataset.path,
                "description": self.dataset.description,
                "fingerprint": self.dataset.fingerprint,
                "rows": dict(self.dataset.rows),
                "skipped": len(self.dataset.skipped),
            },
            config={
                "pooling": model.backbone.pooling,
                "adapter_settings": model.adapter.settings,
                "task_settings": task.settings,
                "training": self.config.model_dump(mode="json"),
                "best_epoch": outcome.best_epoch,
            },
            weights=str(folder.resolve()) if folder else None,
            results=self.results,
            confusions=self.confusions,
            trainable_parameters=sum(p.numel() for p in self._trained()),
            total_parameters=sum(p.numel() for p in model.parameters()),
            seconds=round(seconds, 3),
            versions=_versions(),
            notes=self.notes,
        )

    def _by_solving(
        self, features: dict[str, Tensor]
    ) -> tuple[Outcome, dict[str, Tensor], dict[str, Any]]:
        solution, logits = baselines.solve(
            self.model.adapter,
            self.task,
            self.model.heads[self.task.name],
            self.splits,
            features,
            self.config.seed,
        )
        return Outcome(), logits, solution.chosen

    def _by_gradient(
        self, features: dict[str, Tensor], on_epoch: Callable[[Epoch], None]
    ) -> tuple[Outcome, dict[str, Tensor], dict[str, Any]]:
        """Start from the best head on frozen features (Kumar et al. 2022, arXiv:2202.10054)."""
        head = self.model.heads[self.task.name]
        adapter = baselines.baseline_adapter()
        if adapter is not None:
            baselines.solve(
                adapter, self.task, head, self.splits, features, self.config.seed, refit=False
            )
        outcome = train(
            self.model,
            self.task,
            self.splits,
            self.config,
            progress=self.progress,
            on_epoch=on_epoch,
        )
        held_out = ["val"] if outcome.interrupted else baselines.held_out(self.splits)
        logits = {
            name: self.model.logits(
                self.splits[name].ready, progress=self.progress, stage=f"evaluating on {name}"
            )[self.task.name]
            for name in held_out
        }
        return outcome, logits, {}

    def _hold_against(self, features: dict[str, Tensor]) -> None:
        adapter = baselines.baseline_adapter()
        itself = adapter is not None and adapter.spec.name == self.model.adapter.spec.name
        if "probe" in self.config.baselines and adapter is not None and not itself:
            frozen = self._frozen_features(features)
            self.results += baselines.probe(
                adapter, self.task, self.splits, frozen, self.config.seed
            )
        if "scratch" in self.config.baselines:
            if self.model.backbone.reload is None:
                self.notes.append("No from-scratch baseline: the backbone was not made by name.")
            else:
                self.results += baselines.scratch(
                    self.model, self.task, self.splits, self.config, self.progress
                )

    def _frozen_features(self, features: dict[str, Tensor]) -> dict[str, Tensor]:
        """Features of the backbone as published, pooled as is right for frozen features.

        Those taken before training are the same where the adapter starts as the identity and the
        pooling is the default; a few rows tell.
        """
        if self.model.backbone.reload is None:
            return features
        fresh = self.model.backbone.reload(True)
        few = self.splits["train"].ready.first(4)
        on_few = extract(fresh, few)
        if torch.allclose(on_few, features["train"][: len(few)], rtol=1e-4, atol=1e-5):
            return features
        return baselines.features_of(fresh, self.splits, self.progress)

    def _count_confusions(self, logits: dict[str, Tensor]) -> None:
        for name, rows in logits.items():
            counts = self.task.confusion(rows, self.splits[name].targets)
            if counts is not None:
                self.confusions.append(
                    Confusion(split=name, labels=list(self.task.labels), counts=counts.tolist())
                )

    def _trained(self) -> list[torch.nn.Parameter]:
        return list(self.model.trainable().values())

    def _require_rows(self) -> None:
        if "train" not in self.splits or "val" not in self.splits:
            raise LabelProblem(
                f"Training needs rows to train on and rows to validate on; the data has "
                f"{', '.join(self.splits) or 'none'}.",
                hint="Name the splits, e.g. `--splits train=train,test=test`; "
                "validation rows are then taken from train.",
            )


def _line_writer(folder: Path) -> Callable[[Epoch], None]:
    def write(line: Epoch) -> None:
        with (folder / HISTORY).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, sort_keys=True) + "\n")

    return write


def _provenance(record: RunRecord, dataset: Dataset) -> Provenance:
    return Provenance(
        data=DataEntry(
            description=dataset.kind, fingerprint=dataset.fingerprint, rows=dict(dataset.rows)
        ),
        seed=record.config["training"]["seed"],
        metrics={f"{r.model} on {r.split}": r.metrics for r in record.results},
        versions=record.versions,
    )


def _versions() -> dict[str, str]:
    used = [name for name in _RECORDED if name in sys.modules]
    return {
        "python": platform.python_version(),
        "zoo": version("zoo"),
        **{name: version(name) for name in used},
    }
