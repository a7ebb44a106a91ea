"""The contracts of import-linter cover every distribution there is, and `zoo.plugin` is all they see."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT

SETTINGS = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
LINTER = SETTINGS["importlinter"]
CONTRACTS = {contract["name"]: contract for contract in LINTER["contracts"]}
BUILT_IN = sorted(
    path.parent.name.replace("-", "_")
    for folder in ("plugins", "adapters")
    for path in (CHECKOUT / folder).glob("*/pyproject.toml")
)
PARTS = sorted(
    f"zoo.{path.stem}"
    for path in (CHECKOUT / "zoo").iterdir()
    if path.suffix == ".py" or (path / "__init__.py").is_file()
)


def test_every_distribution_is_held_to_every_contract() -> None:
    assert BUILT_IN
    assert sorted(LINTER["root_packages"]) == ["zoo", *BUILT_IN]
    public_only = CONTRACTS["Built-in plugins use only the public plugin API"]
    assert sorted(public_only["source_modules"]) == BUILT_IN
    assert sorted(CONTRACTS["The host names no plugin"]["forbidden_modules"]) == BUILT_IN
    light = CONTRACTS["Listing needs no torch"]["source_modules"]
    assert {f"{name}.hooks" for name in BUILT_IN} <= set(light)
    assert sorted(SETTINGS["mypy"]["packages"]) == ["benchmarks.engine", "zoo", *BUILT_IN]


def test_all_of_the_host_but_the_plugin_api_is_forbidden_to_them() -> None:
    forbidden = CONTRACTS["Built-in plugins use only the public plugin API"]["forbidden_modules"]
    assert sorted(forbidden) == [
        part for part in PARTS if part not in ("zoo.__init__", "zoo.plugin")
    ]


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("package", BUILT_IN)
def test_a_built_in_imports_only_the_plugin_api(package: str) -> None:
    """import-linter cannot forbid `import zoo` itself, from which everything can be had."""
    (folder,) = CHECKOUT.glob(f"*/{package.replace('_', '-')}/{package}")
    for path in folder.rglob("*.py"):
        for name in imported(path):
            if name.partition(".")[0] == "zoo":
                assert name == "zoo.plugin" or name.startswith("zoo.plugin."), f"{path}: {name}"
