"""A script that knows only the documentation: a new plugin of each kind, installed and tried."""

import json
import re
from pathlib import Path

import pytest

from tests.cli.commands import zoo
from tests.conftest import CHECKOUT
from tests.environments import Environment


@pytest.fixture(scope="module")
def author(wheels: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """One environment for all kinds: what one plugin is green beside."""
    return Environment(tmp_path_factory.mktemp("author"), wheels)


def commands(kind: str) -> list[str]:
    """The lines that docs/commands/plugin-new.md tells an author to type."""
    page = (CHECKOUT / "docs" / "commands" / "plugin-new.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```console\n(.*?)```", page, re.DOTALL)
    lines = re.findall(r"^\$ (.*)$", block, re.MULTILINE)
    return [line.replace("backbone", kind).replace("birds", f"my-{kind}") for line in lines]


@pytest.mark.parametrize(
    "kind",
    ["backbone", *(pytest.param(kind, marks=pytest.mark.soak) for kind in ("adapter", "task"))],
)
def test_a_new_plugin_is_green_as_generated(author: Environment, kind: str) -> None:
    lines = commands(kind)
    assert [line.split()[0] for line in lines] == ["zoo", "pip", "pytest", "zoo"]
    for line in lines:
        said = author.run(*line.split())
        if line.startswith("pytest"):
            assert re.search(r"\d+ passed", said)
            assert "failed" not in said
    assert "failed" not in said
    (plugin,) = [
        p for p in json.loads(author.run("zoo", "plugins", "--json")) if p["name"] == f"my-{kind}"
    ]
    assert plugin["status"] == "ok"
    assert plugin["distribution"] == f"zoo-my-{kind}"


def test_the_package_is_whole(tmp_path: Path) -> None:
    ended = zoo("plugin", "new", "zoo-birds", "--kind", "backbone", "--out", tmp_path / "b")
    assert ended.code == 0, ended.err
    found = {str(p.relative_to(tmp_path / "b")) for p in (tmp_path / "b").rglob("*") if p.is_file()}
    assert found == {
        ".github/workflows/test.yml",
        ".gitignore",
        "LICENSE",
        "README.md",
        "pyproject.toml",
        "tests/conftest.py",
        "tests/test_zoo_birds.py",
        "zoo_birds/__init__.py",
        "zoo_birds/backbone.py",
        "zoo_birds/hooks.py",
        "zoo_birds/network.py",
        "zoo_birds/py.typed",
    }
