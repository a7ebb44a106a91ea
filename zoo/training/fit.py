"""``zoo.fit``: train a composed model on data, hold it against baselines, leave a run directory."""

from __future__ import annotations

import functools
import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.artifact.atomic import replacing
from zoo.artifact.licences import Stated, require_consistent
from zoo.artifact.save import save
from zoo.data.dataset import Dataset
from zoo.data.load import load
from zoo.errors import InputError
from zoo.model import ComposedModel
from zoo.progress import Progress, Silent, default
from zoo.report.html import write_report
from zoo.report.mistakes import write_mistakes
from zoo.report.record import ARTIFACT, HISTORY, RunRecord
from zoo.training.adaptation.adapt import Adapt, defaults_for
from zoo.training.adaptation.job import AdaptingJob
from zoo.training.adaptation.target import Target, read_target, with_labelled
from zoo.training.callback import Callback, Callbacks, make_callbacks
from zoo.training.checkpoint import Checkpoints
from zoo.training.compiled import require_compiler
from zoo.training.config import FitConfig
from zoo.training.folder import LOGS, keep_checkpoint, require_begun, require_free, unfinished
from zoo.training.interrupts import held
from zoo.training.job import Job
from zoo.training.outcome import Epoch, Outcome
from zoo.training.precision import accelerate
from zoo.training.processes import processes
from zoo.training.randomness import seeded
from zoo.training.request import Request, read_request
from zoo.training.run import Run
from zoo.training.sharding import require_shardable


def fit(
    model: ComposedModel,
    data: Dataset | str | Path,
    out: str | Path,
    *,
    adapt: Adapt | None = None,
    progress: Progress | None = None,
    overwrite: bool = False,
    resume: bool = False,
    words: Sequence[str] | None = None,
    callbacks: Sequence[str | Callback] = (),
    license: str | None = None,
    data_license: str | None = None,
    accept_licenses: Sequence[str] = (),
    **options: Any,
) -> Run:
    """Train ``model`` in place and write a run directory.

    The model ends at its best state by validation. Majority class and linear probe are always
    computed beside it. Ctrl-C ends training early: what was best so far becomes the run, marked as
    interrupted, and :class:`KeyboardInterrupt` goes on. So it is with a loss that is not a number,
    once there is a good state.

    Whatever ends the fit before it is finished, the same call with ``resume=True`` goes on where the
    last checkpoint was written, and ends at the same weights as if nothing had happened.

    Args:
        model: from :func:`zoo.compose`.
        data: a dataset from :func:`zoo.load_data`, or a path that it understands.
        out: the run directory; it appears whole or not at all.
        adapt: to which target, and how; the model is then chosen for that, without its labels.
        progress: whom to tell; by default bars where stderr is a terminal.
        overwrite: replace an earlier run at ``out``.
        resume: go on with the fit that was begun at ``out``; ``model`` is composed anew.
        words: of the command line, to be kept for ``zoo fit --resume``.
        callbacks: what is told how the fit goes: names of plugins' callbacks, or objects.
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
        OutputExists: ``out`` holds something, or another process is fitting there.
        NothingToResume: no fit was begun there, or it is finished.
        CheckpointMismatch, CheckpointInvalid: it is of something else, or damaged.
        TrainingFailed: the loss diverged, or there is too little memory for a single row.
    """
    config = FitConfig.resolve(defaults_for(adapt, model), options)
    if processes().shards_asked:
        config = config.model_copy(update={"sharded": True})
    if config.sharded:
        require_shardable(model, config, adapting=adapt is not None)
    own, base = license or model.license, model.backbone.license
    require_consistent(Stated(own or base, base, data_license, accept_licenses))
    out = Path(out)
    device = accelerate(config.precision).device
    if config.compile:
        require_compiler(device.type)
    first = processes().first
    told = make_callbacks(callbacks)
    if first:  # all this is refused now rather than after an hour of reading and computing
        require_free(out, overwrite=overwrite or resume)
        if resume:
            require_begun(out)
    progress = (progress or default()) if first else Silent()
    if isinstance(data, Dataset):
        dataset = data
    else:
        dataset = load(data, task=model.task.labelling, contract=model.backbone.contract)
        for note in dataset.notes:
            progress.note(note)
    written = Licences(license, data_license, tuple(accept_licenses))
    if adapt is not None:
        dataset = with_labelled(dataset, adapt, model)
    make, asked = _job(model, dataset, config, adapt)
    request = Request.of(model, dataset, config, words, asked)
    with seeded(config.seed):
        job = make(progress)
        outcome, record = (
            _fitted(job, out, request, written, told, resume=resume) if first else _helped(job)
        )
        processes().wait()
    if outcome.failure is not None:
        raise outcome.failure
    if outcome.interrupted:
        raise KeyboardInterrupt
    return Run(out, record, model)


def _job(
    model: ComposedModel, dataset: Dataset, config: FitConfig, adapt: Adapt | None
) -> tuple[Callable[[Progress], Job], dict[str, Any]]:
    """What makes the job, and all that its result depends on besides model, data and training."""
    if adapt is None:
        return functools.partial(Job, model, dataset, config), {}
    target = read_target(adapt.target, model, unlabelled=adapt.unlabelled, **adapt.reading)
    made = functools.partial(_adapting, model, dataset, config, target, adapt)
    return made, {"target": target.plain(), **adapt.plain()}


def _adapting(
    model: ComposedModel,
    dataset: Dataset,
    config: FitConfig,
    target: Target,
    adapt: Adapt,
    progress: Progress,
) -> Job:
    return AdaptingJob(model, dataset, config, progress, target, adapt)


@dataclass(frozen=True)
class Licences:
    """What is said of licences, as for :func:`fit`."""

    license: str | None
    data_license: str | None
    accept_licenses: tuple[str, ...]


def _fitted(
    job: Job,
    out: Path,
    request: Request,
    licences: Licences,
    told: Mapping[str, Callback],
    *,
    resume: bool,
) -> tuple[Outcome, RunRecord]:
    """Fit, and write the run."""
    start, config = time.perf_counter(), job.config
    callbacks = Callbacks(told, job.progress.note)
    with unfinished(out) as work:
        checkpoints = Checkpoints(
            work, minutes=config.checkpoint_minutes, steps=config.checkpoint_steps
        )
        state, notes = _begin(work, request, checkpoints, resume=resume)
        for note in notes:
            job.progress.note(note)
        callbacks.begin(_emptied(work / LOGS), request.model_dump(exclude={"words"}))
        write = _line_writer(work)

        if callbacks.want_steps:
            job.on_step = callbacks.step

        def on_epoch(line: Epoch) -> None:
            write(line)
            callbacks.epoch(line)

        try:
            outcome = job.run(on_epoch, checkpoints, processes().same(state))
        except InputError:  # as it would be when gone on with
            if not resume:
                checkpoints.clear()
            raise
        job.notes += notes
        record = job.record(outcome, time.perf_counter() - start)
        callbacks.end(record.model_dump())
        with held(), replacing(out) as folder:  # Ctrl-C in the end must not lose what was trained
            record.write(folder)
            write_mistakes(folder, job.mistakes)
            job.write(folder)
            if outcome.history:
                shutil.copyfile(work / HISTORY, folder / HISTORY)
            own = {"record": record, "history": outcome.history, **vars(licences)}
            save(job.model, folder / ARTIFACT, **own)
            write_report(folder)
            for logs in (work / LOGS).iterdir():
                shutil.copytree(logs, folder / logs.name)
            if not outcome.whole:
                keep_checkpoint(work, folder)
    return outcome, record


def _helped(job: Job) -> tuple[Outcome, RunRecord]:
    """Compute this process's share of a fit that another one writes."""
    start = time.perf_counter()
    outcome = job.run(lambda line: None, None, processes().same(None))
    return outcome, job.record(outcome, time.perf_counter() - start)


def _begin(
    work: Path, request: Request, checkpoints: Checkpoints, *, resume: bool
) -> tuple[Any, list[str]]:
    """The state to go on from, ``None`` to begin, and what a person should know of it."""
    if not resume:
        checkpoints.clear()
        request.write(work)
        (work / HISTORY).unlink(missing_ok=True)
        return None, []
    notes = read_request(work).require_same(request)
    state, damaged = checkpoints.load()
    (work / HISTORY).unlink(missing_ok=True)  # its lines are in the checkpoint
    return state, [*notes, *(f"{line} Going on from the one before." for line in damaged)]


def _emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def _line_writer(folder: Path) -> Callable[[Epoch], None]:
    def write(line: Epoch) -> None:
        with (folder / HISTORY).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, sort_keys=True) + "\n")

    return write
