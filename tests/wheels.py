"""Plugins as real wheels, and an environment to install them in without a network."""

import contextlib
import os
import subprocess
import sys
import sysconfig
import textwrap
from collections.abc import Mapping
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


def libraries(folder: Path) -> Path:
    """A folder of links to the third-party libraries of this environment, without zoo's own."""
    links = folder / "libraries"
    links.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if not entry.name.startswith(("zoo", "__editable__")):
            (links / entry.name).symlink_to(entry)
    return links


class Environment:
    """A fresh environment with wheels installed; third-party libraries are this one's."""

    def __init__(self, folder: Path, wheels: list[Path]):
        self.folder = folder
        venv = folder / "venv"
        self.python = venv / "bin" / "python"
        _call(sys.executable, "-m", "venv", "--without-pip", venv)
        script = "import sysconfig; print(sysconfig.get_path('purelib'))"
        ours = Path(_call(self.python, "-c", script).strip())
        (ours / "libraries.pth").write_text(f"{libraries(folder)}\n", encoding="utf-8")
        self.pip("install", *wheels)

    def pip(self, command: str, *words: object) -> None:
        """Run pip, which sees nothing but what it is given."""
        _call(self.python, "-m", "pip", "-q", command, "--no-index", "--no-deps", *words)

    def zoo(
        self, *words: object, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run the command that is installed there."""
        return subprocess.run(
            [self.python.with_name("zoo"), *map(str, words)],
            cwd=self.folder,
            env={**os.environ, "HF_HUB_OFFLINE": "1", **(env or {})},
            capture_output=True,
            text=True,
            timeout=60,
        )


def _call(*words: object) -> str:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    ended = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, timeout=120, env=environment
    )
    assert ended.returncode == 0, ended.stderr + ended.stdout
    return ended.stdout
