"""``zoo.fit``: train a composed model on data, hold it against baselines, leave a run directory."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from zoo.artifact.licences import Stated, require_consistent
from zoo.artifact.save import save
from zoo.data.dataset import Dataset
from zoo.data.load import load
from zoo.model import ComposedModel
from zoo.progress import Progress, default
from zoo.report.html import write_report
from zoo.report.record import ARTIFACT, HISTORY
from zoo.training.config import FitConfig
from zoo.training.folder import require_free, staged
from zoo.training.job import Job
from zoo.training.loop import Epoch, accelerate
from zoo.training.run import Run


def fit(
    model: ComposedModel,
    data: Dataset | str | Path,
    out: str | Path,
    *,
    progress: Progress | None = None,
    overwrite: bool = False,
    license: str | None = None,
    data_license: str | None = None,
    accept_licenses: Sequence[str] = (),
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
        license: of the model; by default the backbone's.
        data_license: of the data.
        accept_licenses: of the backbone or the data, which ``license`` may contradict because you
            have the right to.
        **options: fields of :class:`zoo.training.config.FitConfig`; what is not given is the
            adapter's own default.

    Raises:
        BadSetting: an option that does not exist or is out of bounds.
        DataError: the data does not fit the model.
        LicenceConflict: the model's licence allows what that of its backbone or data does not.
        OutputExists: ``out`` holds something.
        TrainingFailed: the loss diverged.
    """
    config = FitConfig.resolve(model.adapter.spec.training, options)
    own, base = license or model.license, model.backbone.license
    require_consistent(Stated(own or base, base, data_license, accept_licenses))
    # Both are refused now rather than after an hour of reading and computing.
    require_free(Path(out), overwrite=overwrite)
    accelerate(config.precision)
    progress = progress or default()
    dataset = data if isinstance(data, Dataset) else load(data, task=model.task.labelling, contract=model.backbone.contract)
    start = time.perf_counter()
    with staged(Path(out), overwrite=overwrite) as folder, torch.random.fork_rng():
        torch.manual_seed(config.seed)
        job = Job(model, dataset, config, progress)
        outcome = job.run(_line_writer(folder))
        record = job.record(outcome, time.perf_counter() - start)
        record.write(folder)
        save(
            model,
            folder / ARTIFACT,
            record=record,
            license=license,
            data_license=data_license,
            accept_licenses=accept_licenses,
        )
        write_report(folder)
    if outcome.interrupted:
        raise KeyboardInterrupt
    return Run(Path(out), record, model)


def _line_writer(folder: Path) -> Callable[[Epoch], None]:
    def write(line: Epoch) -> None:
        with (folder / HISTORY).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, sort_keys=True) + "\n")

    return write
