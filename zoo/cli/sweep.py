"""``zoo sweep``: many combinations of backbone, adapter and settings on one data set."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zoo.cli import options
from zoo.cli.output import emit_json, emit_table, one_line, say, say_each

if TYPE_CHECKING:
    from zoo.cli.plan import Plan
    from zoo.data.dataset import Dataset
    from zoo.training.sweep import Sweep


_GOES_ON = "Interrupted: what is finished stays; the same command goes on."


class Search(StrEnum):
    """How combinations are chosen."""

    grid = "grid"
    optuna = "optuna"


def sweep(
    data: options.Data,
    out: Annotated[Path, typer.Option(help="The directory for all runs.")],
    backbone: Annotated[
        list[str] | None, options.model("From `zoo backbones`; repeatable.")
    ] = None,
    adapter: Annotated[list[str] | None, options.model("From `zoo adapters`; repeatable.")] = None,
    set_: Annotated[
        list[str] | None,
        options.model(
            "Values of a setting, for the adapters that have it; repeatable.",
            "--set",
            metavar="KEY=VALUE,VALUE,…",
        ),
    ] = None,
    train: Annotated[
        list[str] | None,
        options.model(
            "Values of a training option such as lr or epochs; repeatable.",
            metavar="KEY=VALUE,VALUE,…",
        ),
    ] = None,
    task: Annotated[str | None, options.model("From `zoo tasks`.")] = None,
    task_set: options.TaskSet = None,
    input_column: options.InputColumn = None,
    label_column: options.LabelColumn = None,
    splits: options.Splits = None,
    val_fraction: options.ValFraction = options.HELD_OUT,
    test_fraction: options.TestFraction = options.HELD_OUT,
    skip_bad: options.SkipBad = False,
    convert: options.Convert = False,
    seeds: Annotated[
        int, typer.Option(min=1, help="Fits of each combination; their mean decides.")
    ] = 1,
    seed: Annotated[int, typer.Option(min=0, help="The first seed; it also draws the splits.")] = 0,
    search: Annotated[
        Search, typer.Option(help="Every combination, or those that Optuna proposes.")
    ] = Search.grid,
    trials: Annotated[int, typer.Option(min=1, help="How many, for Optuna.")] = 20,
    as_json: options.Json = False,
) -> None:
    """Fit combinations of backbones, adapters and settings, and show the best first.

    What is finished is not fitted again: the same command goes on with a sweep that was cut short.
    For example: zoo sweep reviews.csv --adapter lora --set rank=4,16 --train lr=1e-3,3e-4 --out runs/lora
    """
    from zoo import progress, registry
    from zoo.data.labelling import labelling_of
    from zoo.data.load import load

    defaults = registry.load().defaults
    what = task or defaults.task
    task_settings = options.pairs("--task-set", task_set or [])
    dataset = load(
        data,
        task=labelling_of(what, task_settings),
        input_column=input_column,
        label_column=label_column,
        splits=options.split_names(splits),
        val_fraction=val_fraction,
        test_fraction=test_fraction,
        seed=seed,
        skip_bad=skip_bad,
        convert=convert,
        progress=progress.default(),
    )
    say_each(dataset.describe())
    from zoo.training.sweep import sweep as run

    try:
        found = run(
            dataset,
            out,
            backbones=backbone or [defaults.backbone_for(dataset.modality)],
            adapters=adapter or [defaults.adapter],
            settings=_values("--set", set_),
            training=_values("--train", train),
            task=what,
            task_settings=task_settings,
            seeds=seeds,
            seed=seed,
            search=search.value,
            trials=trials,
            progress=progress.default(),
        )
    except KeyboardInterrupt:
        raise KeyboardInterrupt(_GOES_ON) from None
    emit_sweep(found, out, as_json=as_json)


def is_sweep(out: Path) -> bool:
    """Whether ``out`` holds several fits, which are gone on with and never replaced."""
    return (out / "sweep.json").is_file()


def repeated(
    chosen: Plan,
    backbone: str,
    dataset: Dataset,
    out: Path,
    seeds: Sequence[int],
    licences: Mapping[str, Any],
    where: Mapping[str, Any],
) -> Sweep:
    """Fit what was planned once with each seed, in folders of ``out``."""
    from zoo import progress
    from zoo.training.sweep import repeat
    from zoo.training.trial import Shared, Trial

    say(f"Model: {backbone} with {chosen.adapter}, for {chosen.task}, {len(seeds)} times")
    training = {name: value for name, value in chosen.training.items() if name != "seed"}
    trial = Trial(backbone=backbone, adapter=chosen.adapter, settings=dict(chosen.settings))
    shared = Shared(
        dataset, chosen.task, chosen.task_settings, {**training, **licences}, compose=where
    )
    try:
        return repeat(trial, seeds, shared, out, progress.default())
    except KeyboardInterrupt:
        raise KeyboardInterrupt(_GOES_ON) from None


def emit_sweep(found: Sweep, out: Path, *, as_json: bool) -> None:
    """All combinations, the best first, and where the best is."""
    if as_json:
        emit_json({"folder": str(out), **found.model_dump(), "best": found.ranked[0].folder})
        return
    split = "test" if "test" in found.ranked[0].results else "val"
    columns = ("combination", f"val {found.monitor}", f"{split} {found.headline}", "seconds")
    rows = [
        (
            each.name,
            _number(*each.results["val"][found.monitor]),
            _number(*each.results[split][found.headline]),
            f"{each.seconds:.1f}",
        )
        for each in found.ranked
    ]
    emit_table(columns, rows, right=columns[1:], bold=0)
    for trial in found.trials:
        if trial.failure:
            say(one_line(f"Failed: {trial.name}, seed {trial.seed}: {trial.failure}"))
    best = out / found.ranked[0].folder
    say(f"Best:     {best}, by {found.monitor} on validation rows")
    say(f"Next:     `zoo predict {shlex.quote(str(best))} INPUT...`")


def _number(mean: float, spread: float) -> str:
    return f"{mean:.4f} ± {spread:.4f}" if spread else f"{mean:.4f}"


def _values(option: str, words: list[str] | None) -> dict[str, list[Any]]:
    return {key: text.split(",") for key, text in options.pairs(option, words or []).items()}
