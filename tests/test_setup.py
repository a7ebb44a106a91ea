"""One command sets up: what is pinned is all that is needed, and nothing is installed twice."""

import os
import re
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import CHECKOUT

BUILT_IN = (
    p.parent for kind in ("plugins", "adapters") for p in CHECKOUT.glob(f"{kind}/*/pyproject.toml")
)
PROJECTS = [CHECKOUT, *sorted(BUILT_IN)]
OURS = {"zoo", *(project.name for project in PROJECTS[1:])}


def pins() -> dict[str, str]:
    lines = (CHECKOUT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = (line.split("==") for line in lines if line and not line.startswith("#"))
    return {canonicalize_name(name): version for name, version in pairs}


def requirements(name: str, extras: set[str]) -> set[str]:
    """What a distribution asks for by itself, by name, its extras unfolded."""
    found: set[str] = set()
    for requirement in map(Requirement, distribution(name).requires or ()):
        contexts = [{"extra": extra} for extra in ("", *extras)]
        if requirement.marker is None or any(map(requirement.marker.evaluate, contexts)):
            found.add(canonicalize_name(requirement.name))
            if requirement.extras:
                found |= requirements(requirement.name, requirement.extras)
    return found


def test_everything_that_is_needed_is_pinned() -> None:
    needed = set(OURS)
    new = requirements("zoo", {"dev", "fit"}).union(*(requirements(n, set()) for n in OURS))
    while new := new - needed:
        needed |= new
        new = set().union(*(requirements(name, set()) for name in new))
    assert needed - OURS <= set(pins())
    assert {"torch", "pytest", "editables"} <= set(pins())


def test_pins_are_plain_versions() -> None:
    for name, version in pins().items():
        assert re.fullmatch(r"[0-9][0-9a-z.]*", version), (name, version)


def test_what_is_installed_is_what_is_pinned() -> None:
    for name, version in pins().items():
        try:
            installed = distribution(name).version
        except PackageNotFoundError:
            continue  # of another platform
        assert installed.partition("+")[0] == version, name


@pytest.mark.parametrize("target", ["setup", "demo", "test"])
def test_a_set_up_environment_is_not_set_up_again(tmp_path: Path, target: str) -> None:
    stamp = tmp_path / ".installed"
    stamp.touch()
    make = ["make", "--dry-run", target, f"VENV={tmp_path}"]
    planned = subprocess.run(make, cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout
    assert "pip" not in planned
    os.utime(stamp, (0, 0))
    planned = subprocess.run(make, cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout
    assert "-c constraints.txt" in planned
    assert all(f"-e {p.relative_to(CHECKOUT)}" in planned for p in PROJECTS[1:])


def test_without_a_python_the_message_says_what_to_do(tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("make", "sh", "test", "echo"):
        (tools / name).symlink_to(shutil.which(name))
    done = subprocess.run(
        [tools / "make", "test", f"VENV={tmp_path / 'venv'}"],
        cwd=CHECKOUT,
        env={"PATH": str(tools)},
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert done.stderr.splitlines()[:2] == [
        "zoo needs Python 3.11 or later, and there is none on the PATH.",
        "Install one, or name it: make test PYTHON=/path/to/python3",
    ]
    assert not (tmp_path / "venv").exists()
