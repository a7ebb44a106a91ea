"""``fit.toml``: a fit written down. Every run leaves the one that repeats it."""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from zoo.cli import sources
from zoo.cli.results import FIT_FILE
from zoo.data.saved import hub_name, is_hub
from zoo.errors import BadSetting
from zoo.settings import check_settings

if TYPE_CHECKING:
    from zoo.model import Origin

_KEY = "zoo.fit_file"  # of what contexts share
Scalar = bool | int | float | str


class FitFile(BaseModel):
    """What ``zoo fit`` is told; every key stands for the option of that name.

    ``settings`` are the adapter's (``--set``), ``task_settings`` the task's (``--task-set``), and
    ``training`` has the options of :class:`zoo.training.config.FitConfig`.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    data: str | None = None
    fingerprint: str | None = None  # of the data; another one is told
    recipe: str | None = None
    backbone: str | None = None
    adapter: str | None = None
    adapter_per_task: bool = False
    task: str | list[str] | None = None
    weights: str | None = None
    revision: str | None = None
    pooling: str | None = None
    input_column: str | None = None
    label_column: str | None = None
    splits: dict[str, str] = Field(default_factory=dict)
    val_fraction: float | None = None
    test_fraction: float | None = None
    skip_bad: bool = False
    convert: bool = False
    target: str | None = None
    align: str | None = None
    align_set: list[str] = Field(default_factory=list)
    validator: str | None = None
    tries: int | None = None
    target_unlabelled: bool = False
    target_labelled: str | None = None
    source: list[str] = Field(default_factory=list)
    license: str | None = None
    data_license: str | None = None
    accept_license: list[str] = Field(default_factory=list)
    settings: dict[str, Scalar | list[str]] = Field(default_factory=dict)
    task_settings: dict[str, Scalar | list[str]] = Field(default_factory=dict)
    training: dict[str, Scalar | list[str]] = Field(default_factory=dict)

    @property
    def tasks(self) -> list[str]:
        """As ``--task`` is repeated."""
        return [self.task] if isinstance(self.task, str) else list(self.task or ())

    def options(self) -> dict[str, Any]:
        """What stands for an option each, by the name of its parameter."""
        tables = {"settings", "task_settings", "training", "splits", "fingerprint"}
        found = self.model_dump(exclude=tables, exclude_defaults=True)
        if self.splits:
            found["splits"] = ",".join(f"{role}={name}" for role, name in self.splits.items())
        if self.task is not None:
            found["task"] = self.tasks
        return {**self.training, **found}

    def write(self, path: Path, comment: str) -> None:
        """Write it as TOML below a comment of one line."""
        tables = self.model_dump(exclude_defaults=True)
        path.write_text("\n".join([f"# {comment}", *_lines(tables), ""]), encoding="utf-8")


def read(path: Path) -> FitFile:
    """Read a ``fit.toml``.

    Raises:
        BadSetting: it is not there, is no TOML, or has a key or a value that is not known.
    """
    try:
        return FitFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as err:
        raise BadSetting(
            f"--config {path} cannot be read: {err.strerror}.",
            hint=f"Give a file such as the {FIT_FILE} in a run directory.",
        ) from err
    except ValidationError as err:
        raise _refusal(path, err) from err
    except ValueError as err:  # of TOML, and of its encoding
        raise BadSetting(
            f"{path} is not TOML: {str(err).splitlines()[0]}.",
            hint=f"`zoo fit` writes a {FIT_FILE} into each run directory to begin with.",
        ) from err


def preset(ctx: typer.Context, path: Path | None) -> Path | None:
    """Read ``--config`` before the other options, and take from it what is not typed."""
    if path is not None and not ctx.resilient_parsing:
        file = read(path)
        ctx.meta[_KEY] = file
        known = {parameter.name for parameter in ctx.command.params}
        given = {name: value for name, value in file.options().items() if name in known}
        ctx.default_map = {**(ctx.default_map or {}), **given}
    return path


def of(ctx: typer.Context) -> FitFile:
    """What ``--config`` said; nothing where it was not given."""
    found: FitFile = ctx.meta.get(_KEY) or FitFile()
    return found


def told_of_other_data(file: FitFile, data: object, fingerprint: str) -> str:
    """That the data at the file's own place is no longer what it was; empty where it is."""
    if file.fingerprint in (None, fingerprint) or str(data) != file.data:
        return ""
    return (
        f"The data is not what it was: its fingerprint is {fingerprint[:12]}…, and the file says "
        f"{str(file.fingerprint)[:12]}…. So the fit will not repeat that one."
    )


def require_settings(path: Path | None, adapter: str, settings: Mapping[str, Any]) -> None:
    """Refuse settings of a file that its adapter, or the one that was typed, does not have.

    Raises:
        BadSetting: names the file.
        UnknownName, NameClash: the adapter is not to be had.
    """
    from zoo.host import installed

    try:
        check_settings(adapter, installed().adapter(adapter).spec.settings, settings)
    except BadSetting as err:
        err.message = f"{path}: {err.message}"
        raise


def typed(ctx: typer.Context, name: str) -> Any:
    """The value of an option, ``None`` where only the file has one."""
    source = ctx.get_parameter_source(name)
    return None if source and source.name == "DEFAULT_MAP" else ctx.params.get(name)


def plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as TOML has them: lists for tuples and mappings, nothing for what is not set."""
    found: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            value = [f"{key}={one}" for key, one in value.items()]
        if value is not None:
            found[name] = list(value) if isinstance(value, tuple) else value
    return found


def data_word(data: Path) -> str:
    """DATA so that it means the same wherever one stands."""
    return hub_name(data) if is_hub(data) else str(data.expanduser().absolute())


def pin(origin: Origin) -> str | None:
    """The commit of the repo that weights are from; ``None`` of a folder, a wheel, or no weights."""
    return origin.commit if sources.is_repo(origin.source) else None


def free_run(data: Path) -> Path:
    """A run directory that is not there yet, called as the data: ``runs/flowers``, then ``-2``."""
    name = re.sub(r"[^\w.-]+", "-", data.stem if data.suffix else data.name).strip("-.")
    name = name or re.sub(r"[^\w.-]+", "-", data.parent.name).strip("-.") or "run"
    found, number = Path("runs", name), 1
    while found.exists():
        number += 1
        found = Path("runs", f"{name}-{number}")
    return found


def _refusal(path: Path, err: ValidationError) -> BadSetting:
    first = err.errors()[0]
    name = ".".join(str(part) for part in first["loc"][:2])
    if first["type"] == "extra_forbidden":
        return BadSetting(f"{path} has a key {name!r} that is not known.", hint=_instead_of(name))
    said = first["msg"].removeprefix("Input should be ")
    return BadSetting(
        f"{path}: {name}={str(first.get('input'))[:60]!r} is not {said}.",
        hint="docs/commands/fit.md describes each key.",
    )


def _instead_of(name: str) -> str:
    from zoo.training.config import FitConfig

    if name in FitConfig.model_fields:
        return f"It stands below a line [training]: `{name} = …`."
    near = difflib.get_close_matches(name, FitFile.model_fields, n=1)
    valid = ", ".join(FitFile.model_fields)
    return f"Did you mean {near[0]!r}?" if near else f"Valid: {valid}."


def _lines(tables: Mapping[str, Any]) -> Iterator[str]:
    for name, value in tables.items():
        if not isinstance(value, Mapping):
            yield f"{_key(name)} = {_value(value)}"
    for name, table in tables.items():
        if isinstance(table, Mapping):
            yield from ("", f"[{_key(name)}]")
            yield from (f"{_key(key)} = {_value(value)}" for key, value in table.items())


def _key(name: str) -> str:
    bare = name.replace("_", "").replace("-", "")
    return name if bare.isalnum() and name.isascii() else _value(name)


def _value(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_value, value))}]"
    # As JSON has them, but for the one character that TOML escapes and JSON does not.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
