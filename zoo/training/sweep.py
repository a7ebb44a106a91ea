"""``zoo.sweep``: fit many combinations of backbone, adapter and settings, and say which is best.

What frozen backbones give is kept between them, so that a sweep over probes or partial
fine-tunes computes it once.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from zoo.data.dataset import Dataset
from zoo.data.labelling import labelling_of
from zoo.data.load import load
from zoo.errors import BadSetting, TrainingFailed
from zoo.host import installed
from zoo.model import make_task
from zoo.progress import Progress, Silent
from zoo.specs import AdapterSpec, check_settings
from zoo.training.config import FitConfig
from zoo.training.search import Axes, Combination, Search, grid, optuna
from zoo.training.trial import Shared, Trial

SWEEP = "sweep.json"
_TRAINING = "training."


@dataclass(frozen=True)
class Combined:
    """What came of one combination over its seeds.

    Attributes:
        name: what was varied, in words.
        value: the mean of the metric that chooses; lower is better.
        results: by split and metric, mean and standard deviation (0 for a single seed).
        seconds: that all its fits took.
        folder: of the run that did best on validation.
    """

    name: str
    value: float
    results: dict[str, dict[str, tuple[float, float]]]
    seconds: float
    folder: str


class Sweep(BaseModel):
    """What a sweep has found so far; ``sweep.json`` in its folder.

    Attributes:
        monitor: the metric that chooses, on validation rows.
        headline: the metric a person reads first.
        trials: in the order they were run.
    """

    model_config = ConfigDict(extra="forbid")

    monitor: str
    headline: str
    trials: list[Trial] = Field(default_factory=list)

    @property
    def ranked(self) -> list[Combined]:
        """Combinations over their seeds, the best first; what failed is left out."""
        found = filter(None, map(self.of, dict.fromkeys(trial.name for trial in self.trials)))
        return sorted(found, key=lambda each: each.value)

    def of(self, name: str) -> Combined | None:
        """What came of one combination, ``None`` where any of its fits failed."""
        trials = [trial for trial in self.trials if trial.name == name]
        values = [trial.value for trial in trials if trial.value is not None]
        if len(values) < len(trials):
            return None
        splits = trials[0].results
        return Combined(
            name=name,
            value=statistics.fmean(values),
            results={
                split: {
                    metric: _spread([trial.results[split][metric] for trial in trials])
                    for metric in splits[split]
                }
                for split in splits
            },
            seconds=sum(trial.seconds for trial in trials),
            folder=min(trials, key=lambda trial: trial.value or 0.0).folder,
        )

    def write(self, folder: Path) -> None:
        """Write ``folder/sweep.json``, whole or not at all."""
        aside = folder / f".{SWEEP}"
        aside.write_text(json.dumps(self.model_dump(), indent=2) + "\n", encoding="utf-8")
        aside.replace(folder / SWEEP)


def sweep(
    data: Dataset | str | Path,
    out: str | Path,
    *,
    backbones: Sequence[str],
    adapters: Sequence[str],
    settings: Mapping[str, Sequence[Any]] | None = None,
    training: Mapping[str, Sequence[Any]] | None = None,
    task: str = "classification",
    task_settings: Mapping[str, Any] | None = None,
    seeds: int = 1,
    search: Literal["grid", "optuna"] = "grid",
    trials: int = 20,
    seed: int = 0,
    progress: Progress | None = None,
) -> Sweep:
    """Fit combinations into folders of ``out``; what is there already is not fitted again.

    Args:
        data: a dataset from :func:`zoo.load_data`, or a path that it understands.
        out: gets one folder a run, and ``sweep.json``.
        backbones, adapters: names.
        settings: values by name of an adapter's setting; an adapter without it is not varied.
        training: values by name of a field of :class:`zoo.training.config.FitConfig`.
        task, task_settings: what is predicted.
        seeds: how often to fit each combination; the mean decides.
        search: every combination, or ``trials`` of them that Optuna proposes.
        trials: how many, for Optuna.
        seed: the first of the fits', and that of the search.
        progress: whom to tell.

    Raises:
        BadSetting, UnknownName: a name or value that none of the adapters takes.
        TrainingFailed: every combination failed.
    """
    axes = _axes(backbones, adapters, settings or {}, training or {})
    ways: Search = grid(axes) if search == "grid" else optuna(axes, trials=trials, seed=seed)
    asked = labelling_of(task, task_settings or {})
    dataset = data if isinstance(data, Dataset) else load(data, task=asked)
    shared = Shared(dataset, task, task_settings or {}, {"baselines": ("majority",)})
    made = make_task(task, labels=dataset.labels, **shared.task_settings)
    found = Sweep(monitor=made.monitor, headline=made.headline)
    return _walk(ways, found, range(seed, seed + seeds), shared, Path(out), progress or Silent())


def repeat(
    trial: Trial,
    seeds: Sequence[int],
    shared: Shared,
    out: Path,
    progress: Progress,
) -> Sweep:
    """Fit one combination with several seeds; raises as :func:`sweep`."""
    made = make_task(shared.task, labels=shared.dataset.labels, **shared.task_settings)
    found = Sweep(monitor=made.monitor, headline=made.headline)
    _run(trial, seeds, found, shared, out, progress)
    return _sound(found, out)


def _walk(
    ways: Search,
    found: Sweep,
    seeds: Sequence[int],
    shared: Shared,
    out: Path,
    progress: Progress,
) -> Sweep:
    """Each different combination once; what came of it goes back to the search."""
    values: dict[str, float | None] = {}
    combination = next(ways, None)
    while combination is not None:
        trial = _trial(combination)
        if trial.name not in values:
            _run(trial, seeds, found, shared, out, progress)
            value = found.of(trial.name)
            values[trial.name] = value.value if value else None
        try:
            combination = ways.send(values[trial.name])
        except StopIteration:
            break
    return _sound(found, out)


def _sound(found: Sweep, out: Path) -> Sweep:
    if not found.ranked:
        raise TrainingFailed(
            f"None of the {len(found.trials)} fits succeeded; the first: {found.trials[0].failure}",
            hint=f"{out / SWEEP} says why each failed.",
        )
    return found


def _run(
    trial: Trial,
    seeds: Sequence[int],
    found: Sweep,
    shared: Shared,
    out: Path,
    progress: Progress,
) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        seeded = trial.model_copy(update={"seed": seed})
        done = seeded.run(shared, out, progress)
        found.trials.append(done)
        found.write(out)
        result = done.failure or f"{found.monitor} {done.value:.4f} on validation"
        progress.note(f"{len(found.trials)}. {done.name}, seed {seed}: {result}")


def _trial(combination: Combination) -> Trial:
    backbone, adapter = combination["backbone"], combination["adapter"]
    own = {s.name for s in installed().adapter(adapter).spec.settings}
    rest = {k: v for k, v in combination.items() if k not in ("backbone", "adapter")}
    return Trial(
        backbone=backbone,
        adapter=adapter,
        settings={k: v for k, v in rest.items() if k in own},
        training={k.removeprefix(_TRAINING): v for k, v in rest.items() if k.startswith(_TRAINING)},
    )


def _axes(
    backbones: Sequence[str],
    adapters: Sequence[str],
    settings: Mapping[str, Sequence[Any]],
    training: Mapping[str, Sequence[Any]],
) -> Axes:
    """All axes, each value known to be valid for an adapter that takes it."""
    specs = [installed().adapter(name).spec for name in adapters]
    for name, values in settings.items():
        _require_taken(specs, name, values)
    for name, values in training.items():
        for value in values:
            FitConfig.resolve({}, {name: value})
    return {
        "backbone": backbones,
        "adapter": adapters,
        **settings,
        **{f"{_TRAINING}{name}": values for name, values in training.items()},
    }


def _require_taken(specs: Sequence[AdapterSpec], name: str, values: Sequence[Any]) -> None:
    takers = [spec for spec in specs if any(s.name == name for s in spec.settings)]
    if not takers:
        raise BadSetting(
            f"None of {', '.join(spec.name for spec in specs)} has a setting {name!r}.",
            hint="`zoo show ADAPTER` lists the settings of each.",
        )
    for spec in takers:
        for value in values:
            check_settings(spec.name, spec.settings, {name: value})


def _spread(values: Sequence[float]) -> tuple[float, float]:
    return statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else 0.0
