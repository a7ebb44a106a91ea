"""Plugins as source trees, and real wheels of them."""

import contextlib
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path

from hatchling.build import build_wheel

from tests.plugin_site import HEADER

_PYPROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "{name}"
version = "{version}"
requires-python = ">=3.11"
dependencies = {dependencies}

[project.entry-points.zoo]
{points}
"""


def write_plugin(
    folder: Path,
    name: str,
    hooks: str,
    *,
    version: str = "1.0",
    points: Mapping[str, str] | None = None,
    dependencies: tuple[str, ...] = ("zoo",),
) -> Path:
    """Write a source tree whose hook module has the source ``hooks``, and return it."""
    module = name.replace("-", "_")
    tree = folder / name
    (tree / module).mkdir(parents=True)
    (tree / module / "__init__.py").write_text("")
    (tree / module / "hooks.py").write_text(HEADER + textwrap.dedent(hooks), encoding="utf-8")
    named = {name.removeprefix("zoo-"): f"{module}.hooks"} if points is None else points
    (tree / "pyproject.toml").write_text(
        _PYPROJECT.format(
            name=name,
            version=version,
            dependencies=str(list(dependencies)).replace("'", '"'),
            points="\n".join(f'{key} = "{value}"' for key, value in named.items()),
        )
    )
    return tree


def wheel_of(tree: Path, folder: Path) -> Path:
    """Build a wheel of a source tree, in this process: an isolated build takes seconds."""
    with contextlib.chdir(tree):
        return folder / build_wheel(str(folder))


def build(projects: Iterable[Path], folder: Path) -> dict[str, Path]:
    """A wheel of each project, by import name."""
    wheels = [wheel_of(project, folder) for project in projects]
    return {wheel.name.partition("-")[0]: wheel for wheel in wheels}
