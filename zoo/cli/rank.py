"""``zoo rank``: which backbone will transfer best to the user's data."""

from __future__ import annotations

import fnmatch
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zoo.cli import choices, describe, options, writing
from zoo.cli.output import count, emit_json, emit_table, one_line, say, say_each
from zoo.errors import BadSetting, UnknownName

if TYPE_CHECKING:
    from zoo.ranking.record import Ranking

_MOST = 20  # reasons that are told
_DEFAULTS = {  # of `zoo fit`, too
    "--val-fraction": options.HELD_OUT,
    "--test-fraction": options.HELD_OUT,
    "--seed": 0,
}
_COLUMNS = ("backbone", "estimate", "spread", "parameters", "features", "ms", "license", "")


def rank(
    data: options.Data,
    backbones: Annotated[
        list[str] | None,
        options.model(
            "A name, or a pattern such as 'vision:mobilenet*'; repeatable. Without it, all of at most "
            "50 M parameters that `zoo backbones` shows for such data.",
            metavar="FILTER",
        ),
    ] = None,
    ranker: Annotated[str, options.model("From `zoo rankers`.")] = "logme",
    task: Annotated[str | None, options.model("From `zoo tasks`.")] = None,
    set_: Annotated[
        list[str] | None,
        options.model("A setting of the ranker; repeatable.", "--set", metavar="KEY=VALUE"),
    ] = None,
    input_column: options.InputColumn = None,
    label_column: options.LabelColumn = None,
    splits: options.Splits = None,
    val_fraction: options.ValFraction = options.HELD_OUT,
    test_fraction: options.TestFraction = options.HELD_OUT,
    skip_bad: options.SkipBad = False,
    convert: options.Convert = False,
    rows: Annotated[
        int, options.data("At most so many training rows; the spread says what that costs.", min=8)
    ] = 1000,
    layers: Annotated[
        choices.Layers, options.model("Features of Transformers: mean over layers, or the last.")
    ] = choices.Layers.mean,
    seed: Annotated[int, typer.Option(min=0, help="Draws rows, halves and folds.")] = 0,
    plot: Annotated[
        Path | None, typer.Option(help="Write estimate against time as this .png.")
    ] = None,
    then_fit: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Go on with the winner: `zoo fit` into this directory."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace what is at --plot and --then-fit.")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Order backbones by how well they will transfer to DATA, without fine-tuning any.

    For example: zoo rank photos/ --backbones 'vision:mobilenet*' --backbones timm:./mine
    """
    _require_one_output(as_json=as_json, then_fit=then_fit)
    _require_writable(plot, then_fit, overwrite=overwrite)
    named = [name for given in backbones or [] for name in _matching(given)]
    settings = options.pairs("--set", set_ or [])
    parts = options.split_names(splits)
    from zoo import progress, registry
    from zoo.data.load import load
    from zoo.host import installed

    what = task or registry.load().defaults.task
    installed().ranker(ranker)
    installed().task(what)
    dataset = load(
        data,
        task=what,
        modality=_modality(named),
        input_column=input_column,
        label_column=label_column,
        splits=parts,
        val_fraction=val_fraction,
        test_fraction=test_fraction,
        seed=seed,
        skip_bad=skip_bad,
        convert=convert,
        progress=progress.default(),
    )
    say_each(dataset.describe())
    from zoo.ranking.rank import make_ranker
    from zoo.ranking.rank import rank as order

    made = make_ranker(ranker, settings)
    found = order(
        dataset,
        named or None,
        made,
        task=what,
        rows=rows,
        layers=layers.value,
        seed=seed,
        progress=progress.default(),
    )
    _emit(found, as_json=as_json)
    if plot is not None:
        with writing.replacing(plot) as partial:
            partial.write_bytes(_drawn(found))
        say(f"Wrote {plot}.")
    how = _fit_words(
        {
            "--task": task,
            "--input-column": input_column,
            "--label-column": label_column,
            "--splits": splits,
            "--val-fraction": val_fraction,
            "--test-fraction": test_fraction,
            "--seed": seed,
        },
        {"--skip-bad": skip_bad, "--convert": convert},
    )
    best = ["--backbone", found.best.name]
    if then_fit is None:
        if not as_json:
            typed = shlex.join(["zoo", "fit", str(data), *best, *how])
            say(f"Next: `{typed} --out RUN`")
        return
    from zoo.cli import run_words
    from zoo.report.html import write_report
    from zoo.report.ranking import write_ranking

    over = ["--overwrite"] if overwrite else []
    run_words("fit", [*best, f"--out={then_fit}", *how, *over, "--", str(data)])
    write_ranking(then_fit, found.plain())
    write_report(then_fit)


def _fit_words(typed: Mapping[str, object], flags: Mapping[str, bool]) -> list[str]:
    """The same data and task for ``zoo fit``, as far as they are not what it does anyway."""
    given = {name: value for name, value in typed.items() if value != _DEFAULTS.get(name)}
    words = [f"{name}={value}" for name, value in given.items()]
    return [*words, *(name for name, on in flags.items() if on)]


def _require_one_output(*, as_json: bool, then_fit: Path | None) -> None:
    if as_json and then_fit is not None:
        raise BadSetting(
            "--json prints the ranking, and --then-fit the results of a fit: one or the other.",
            hint="Fit afterwards: `zoo fit DATA --backbone NAME --out RUN --json`.",
        )


def _require_writable(plot: Path | None, then_fit: Path | None, *, overwrite: bool) -> None:
    if plot is not None:
        if plot.suffix != ".png":
            raise BadSetting(f"--plot {str(plot)!r} is no .png.", hint="Name a file such as a.png.")
        writing.require_free(plot, overwrite=overwrite)
    if then_fit is not None:
        from zoo.training.folder import require_free

        require_free(then_fit, overwrite=overwrite)


def _matching(given: str) -> Sequence[str]:
    """The listed backbones that a pattern matches, or the one backbone of that name.

    Raises:
        UnknownName: there is none.
    """
    if not any(character in given for character in "*?["):
        describe.backbone_named(given)
        return [given]
    from zoo.host import installed

    listed = [p.spec.name for p in installed().backbones]
    found = fnmatch.filter(listed, given)
    if not found:
        raise UnknownName("backbone", given, listed, hint="`zoo backbones --all` lists them.")
    return found


def _modality(names: Sequence[str]) -> str | None:
    """What all of them take; ``None`` where they differ or none is named."""
    takes = {describe.backbone_named(name).spec.modality for name in names}
    return takes.pop() if len(takes) == 1 else None


def _emit(found: Ranking, *, as_json: bool) -> None:
    from zoo.ranking.summary import lines

    plain = found.plain()
    if as_json:
        emit_json(plain)
    else:
        emit_table(
            _COLUMNS,
            [_cells(entry, found.best.name) for entry in plain["candidates"]],
            right=_COLUMNS[1:6],
            bold=0,
        )
    for line in lines(found):
        say(line)
    for skipped in found.skipped[:_MOST]:
        say(one_line(f"Skipped {skipped.name}: {skipped.reason}", limit=300))
    if len(found.skipped) > _MOST:
        say(f"Skipped {len(found.skipped) - _MOST} more; `--json` has every reason.")


def _cells(entry: dict[str, Any], best: str) -> tuple[object, ...]:
    level = "" if entry["name"] == best or not entry["level_with_best"] else "level with the first"
    milliseconds = entry["milliseconds"]
    return (
        entry["name"],
        f"{entry['estimate']:.4f}",
        None if entry["spread"] is None else f"{entry['spread']:.4f}",
        count(entry["params"]),
        entry["feature_size"],
        None if milliseconds is None else f"{milliseconds:.3g}",
        entry["license"],
        level,
    )


def _drawn(found: Ranking) -> bytes:
    from zoo.report.ranking import points
    from zoo.report.scatter import pareto_png

    return pareto_png(points(found.plain()), found.ranker)
