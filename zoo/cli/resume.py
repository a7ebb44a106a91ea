"""Going on with a fit: what was typed when it was begun, kept with its checkpoints, is run again."""

from __future__ import annotations

import enum
from collections.abc import Collection
from pathlib import Path
from typing import Any

import typer

from zoo.errors import BadSetting, NothingToResume

_KEY = "zoo.resumed"  # of what contexts share
_NOT_KEPT = ("out", "overwrite", "resume", "as_json")


def resumed(ctx: typer.Context) -> Path | None:
    """The run that this command goes on with, ``None`` where it begins one."""
    found: Path | None = ctx.meta.get(_KEY)
    return found


def again(ctx: typer.Context, run: Path) -> None:
    """Run this command once more with the words that ``run`` was begun with.

    Raises:
        NothingToResume: no fit was begun there, it is finished, or it was begun in Python.
        BadSetting: other options were given with it.
    """
    typed = [_flag(p) for p in ctx.command.params if p.name not in _NOT_KEPT and _was_typed(ctx, p)]
    if typed:
        raise BadSetting(
            f"--resume takes everything from {run}; {typed[0]} was given as well.",
            hint=f"Type `zoo fit --resume {run}`, or begin another fit.",
        )
    from zoo.training.folder import CHECKPOINT, require_begun
    from zoo.training.request import read_request

    require_begun(run)
    words = read_request(run / CHECKPOINT).words
    if words is None:
        raise NothingToResume(
            f"{run} was begun in Python, which knows the data and the model.",
            hint="There, `zoo.fit(…, resume=True)` goes on with it.",
        )
    ctx.meta[_KEY] = run
    as_json = ["--json"] * bool(ctx.params["as_json"])
    with ctx.command.make_context(
        ctx.info_name, [f"--out={run}", *as_json, *words], parent=ctx.parent
    ) as inner:
        assert ctx.command.callback is not None  # it is this command's
        inner.invoke(ctx.command.callback, **inner.params)


def words_for_others(ctx: typer.Context) -> list[str]:
    """What several processes are to be told that do the work of this command."""
    run = resumed(ctx)
    if run is not None:
        return ["fit", f"--resume={run}", *["--json"] * bool(ctx.params["as_json"])]
    return ["fit", *words_of(ctx, without=("processes",))]


def words_of(ctx: typer.Context, without: Collection[str] = _NOT_KEPT) -> list[str]:
    """What was typed, with paths that hold wherever one stands."""
    words: list[str] = []
    arguments: list[str] = []
    for parameter in ctx.command.params:
        if parameter.name in without or not _was_typed(ctx, parameter):
            continue
        value = ctx.params[parameter.name]
        if parameter.param_type_name == "argument":
            arguments += [_word(value)]
        elif value is True:
            words.append(_flag(parameter))
        else:
            several = value if isinstance(value, (list, tuple)) else [value]
            words += [f"{_flag(parameter)}={_word(each)}" for each in several]
    return [*words, "--", *arguments]


def _was_typed(ctx: typer.Context, parameter: Any) -> bool:
    source = ctx.get_parameter_source(parameter.name)
    return source is not None and source.name != "DEFAULT"


def _flag(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return str(parameter.name).upper()
    return next(str(name) for name in parameter.opts if name.startswith("--"))


def _word(value: Any) -> str:
    if isinstance(value, enum.Enum):
        return str(value.value)
    # What is no path on this machine may be a name elsewhere.
    return str(value.absolute() if isinstance(value, Path) and value.exists() else value)
