"""One fit among several: where it goes, whether it is there already, and what came of it."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from zoo.data.dataset import Dataset
from zoo.errors import NotAnArtifact, ZooError
from zoo.model import Adapter, Backbone, ComposedModel, compose, make_adapter, make_task
from zoo.progress import Progress
from zoo.report.record import THIS_MODEL, RunRecord, read_record
from zoo.training.fit import fit
from zoo.training.folder import is_begun


@dataclass(frozen=True)
class Shared:
    """What all trials have in common.

    Attributes:
        dataset: is trained on.
        task, task_settings: what is predicted.
        fit: options of :func:`zoo.training.fit.fit`.
        compose: options of :func:`zoo.compose`: weights, revision, pooling.
    """

    dataset: Dataset
    task: str
    task_settings: Mapping[str, Any] = field(default_factory=dict)
    fit: Mapping[str, Any] = field(default_factory=dict)
    compose: Mapping[str, Any] = field(default_factory=dict)
    _frozen: dict[str, Backbone] = field(default_factory=dict, init=False, repr=False)

    def model(self, backbone: str, adapter: Adapter, seed: int) -> ComposedModel:
        """A model to fit. What only ever gives features is loaded once for all trials."""
        kept = self._frozen.get(backbone)
        given = dict(self.compose)
        if kept is not None and not adapter.trains_backbone:
            kept.pool_by(given.get("pooling") or kept.poolings[0])
            given = {"pooling": given.get("pooling")}
        model = compose(
            backbone if kept is None or adapter.trains_backbone else kept,
            adapter,
            make_task(self.task, labels=self.dataset.labels, **self.task_settings),
            seed=seed,
            **given,
        )
        if not adapter.trains_backbone:
            self._frozen[backbone] = model.backbone
        return model

    def identity(self) -> list[Any]:
        """All that a result depends on."""
        data = [self.dataset.fingerprint, dict(self.dataset.rows)]
        return [self.task, dict(self.task_settings), data, dict(self.fit), dict(self.compose)]


class Trial(BaseModel):
    """One combination and its outcome.

    Attributes:
        backbone, adapter: names.
        settings: of the adapter, those that were varied.
        training: fields of :class:`zoo.training.FitConfig`.
        seed: of the fit.
        folder: of its run, relative to that of all.
        results: metrics of the model by split; empty where it failed.
        value: the metric that chooses, on validation; lower is better.
        seconds: that the fit took.
        failure: why there is no result.
    """

    model_config = ConfigDict(extra="forbid")

    backbone: str
    adapter: str
    settings: dict[str, Any] = Field(default_factory=dict)
    training: dict[str, Any] = Field(default_factory=dict)
    seed: int = 0
    folder: str = ""
    results: dict[str, dict[str, float]] = Field(default_factory=dict)
    value: float | None = None
    seconds: float = 0.0
    failure: str = ""

    @property
    def name(self) -> str:
        """In words: what was varied."""
        varied = {**self.settings, **self.training}
        return " ".join([self.backbone, self.adapter, *(f"{k}={v}" for k, v in varied.items())])

    def run(self, shared: Shared, out: Path, progress: Progress) -> Trial:
        """Fit it into a folder of ``out``, go on with what is there, or take what is finished."""
        folder = out / self._digest(shared)
        found = self.model_copy(update={"folder": folder.name})
        try:
            record = _finished(folder) or self._fit(shared, folder, progress)
        except ZooError as err:
            return found.model_copy(update={"failure": err.message})
        own = {r.split: r.metrics for r in record.results if r.model == THIS_MODEL}
        value = own["val"][record.monitor]
        return found.model_copy(update={"results": own, "value": value, "seconds": record.seconds})

    def _fit(self, shared: Shared, folder: Path, progress: Progress) -> RunRecord:
        options = {**shared.fit, **self.training, "seed": self.seed}
        adapter = make_adapter(self.adapter, self.settings)
        model = shared.model(self.backbone, adapter, self.seed)
        begun = is_begun(folder)
        if not begun:  # it was cut short with nothing to go on from
            shutil.rmtree(folder, ignore_errors=True)
        run = fit(model, shared.dataset, folder, progress=progress, resume=begun, **options)
        return run.record

    def _digest(self, shared: Shared) -> str:
        """A name that is the same for the same fit, so that a sweep can be taken up again."""
        text = json.dumps([self.name, self.seed, *shared.identity()], sort_keys=True, default=str)
        kind = "".join(c if c.isalnum() else "-" for c in f"{self.backbone} {self.adapter}")
        return f"{kind}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def _finished(folder: Path) -> RunRecord | None:
    try:
        record = read_record(folder)
    except NotAnArtifact:
        return None
    return record if record.status == "finished" else None
