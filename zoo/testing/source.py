"""A plugin's source tree, made importable without installing it."""

from __future__ import annotations

import contextlib
import os
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from zoo.errors import DataNotFound, InputError
from zoo.host import GROUP, installed

PROJECT = "pyproject.toml"


@contextlib.contextmanager
def on_path(tree: Path) -> Iterator[str]:
    """The name of the distribution in ``tree``, which Python finds as if it were installed.

    An installed copy of the same distribution is hidden for as long.

    Raises:
        DataNotFound: there is no pyproject.toml.
        InputError: it declares no plugin of zoo, or is not TOML.
    """
    project = _project(tree)
    source = tree / "src"
    root = source if source.is_dir() and not (source / "__init__.py").exists() else tree
    with TemporaryDirectory(prefix="zoo-check-") as folder:
        _write_metadata(Path(folder), project)
        kept = list(sys.path)
        # In front: of two distributions of one name Python sees the first.
        sys.path[:0] = [folder, str(root.resolve())]
        installed.cache_clear()
        try:
            yield project["name"]
        finally:
            sys.path[:] = kept
            installed.cache_clear()


def _project(tree: Path) -> dict[str, Any]:
    path = tree / PROJECT
    if not path.is_file():
        raise DataNotFound(
            f"{tree} holds no {PROJECT}.",
            hint="Give the root of a plugin's source tree, or the name of an installed plugin.",
        )
    try:
        project = tomllib.loads(path.read_text(encoding="utf-8")).get("project", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as err:
        raise InputError(f"{path} is not TOML: {err}") from err
    points = project.get("entry-points", {}).get(GROUP)
    if not project.get("name") or not points:
        raise InputError(
            f"{path} declares no plugin of zoo.",
            hint=f'It needs `[project.entry-points.{GROUP}]` with `name = "package.hooks"`.',
        )
    return dict(project)


def _write_metadata(folder: Path, project: dict[str, Any]) -> None:
    # A version that the build would compute is not known before.
    name, version = project["name"], project.get("version", "0")
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    fields = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    info.joinpath("METADATA").write_text(fields, encoding="utf-8")
    points = project["entry-points"][GROUP].items()
    lines = [f"[{GROUP}]", *(f"{point} = {module}" for point, module in points)]
    info.joinpath("entry_points.txt").write_text(os.linesep.join(lines), encoding="utf-8")
