"""Virtual environments with wheels in them, made with no network."""

import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from pathlib import Path

_PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")
_OFFLINE = ("--no-index", "--no-deps", "--no-build-isolation")


def call(*command: object, cwd: Path, timeout: float = 300, **environment: str) -> str:
    """Run a command that must succeed, and give what it printed."""
    answer = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=timeout,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | environment,
    )
    assert answer.returncode == 0, f"{command}\n{answer.stderr}\n{answer.stdout}"
    return answer.stdout


def libraries(folder: Path) -> Path:
    """A folder of links to the third-party libraries of this environment, without zoo's own."""
    links = folder / "libraries"
    links.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if not entry.name.startswith(("zoo", "__editable__")):
            (links / entry.name).symlink_to(entry)
    return links


class Environment:
    """A virtual environment with some wheels; third-party libraries are those of this one.

    ``zoo``, ``pip`` and ``pytest`` are commands in it, and pip looks at no index.
    """

    def __init__(self, folder: Path, wheels: Iterable[Path]) -> None:
        self.folder = folder
        call(sys.executable, "-m", "venv", "--without-pip", folder / "venv", cwd=folder)
        self.bin = folder / "venv" / "bin"
        self.python = self.bin / "python"
        site = "import sysconfig; print(sysconfig.get_path('purelib'))"
        purelib = Path(call(self.python, "-c", site, cwd=folder).strip())
        purelib.joinpath("libraries.pth").write_text(f"{libraries(folder)}\n", encoding="utf-8")
        pip = f'exec {" ".join(_PIP)} --python {self.python} "$1" {" ".join(_OFFLINE)} "${{@:2}}"'
        self._command("pip", pip)
        self._command("pytest", f'exec {self.python} -m pytest -p no:cacheprovider "$@"')
        self.run("pip", "install", "--quiet", *wheels)

    def run(self, *command: object, cwd: Path | None = None) -> str:
        """Run a command of this environment, which must succeed."""
        path = f"{self.bin}{os.pathsep}{os.environ['PATH']}"
        return call(*command, cwd=cwd or self.folder, PATH=path)

    def zoo(
        self, *words: object, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run ``zoo``, however it may end; it must not need a hub."""
        return subprocess.run(
            [self.bin / "zoo", *map(str, words)],
            cwd=self.folder,
            env={**os.environ, "HF_HUB_OFFLINE": "1", **(env or {})},
            capture_output=True,
            text=True,
            timeout=60,
        )

    def _command(self, name: str, line: str) -> None:
        script = self.bin / name
        script.write_text(f"#!/usr/bin/env bash\n{line}\n", encoding="utf-8")
        script.chmod(0o755)
