"""Every distribution builds as a wheel, and the wheels work where no checkout is."""

import json
import zipfile
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT
from tests.environments import Environment, call
from tests.wheels import build

OURS = (
    p.parent
    for place in ("plugins", "adapters")
    for p in CHECKOUT.glob(f"{place}/*/pyproject.toml")
)
DISTRIBUTIONS = [CHECKOUT, *sorted(OURS)]


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A wheel of every distribution, by import name."""
    return build(DISTRIBUTIONS, tmp_path_factory.mktemp("wheels"))


@pytest.fixture(scope="module")
def elsewhere(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheels installed by pip; third-party libraries are this one's."""
    return Environment(tmp_path_factory.mktemp("elsewhere"), wheels.values()).folder


def package_of(project: Path) -> str:
    return "zoo" if project == CHECKOUT else project.name.replace("-", "_")


def test_each_distribution_builds(wheels: dict[str, Path]) -> None:
    assert sorted(wheels) == sorted(map(package_of, DISTRIBUTIONS))


@pytest.mark.parametrize("project", DISTRIBUTIONS, ids=package_of)
def test_a_wheel_holds_every_file_of_its_package(wheels: dict[str, Path], project: Path) -> None:
    package = package_of(project)
    files = {
        str(path.relative_to(project))
        for path in (project / package).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    if package == "zoo":
        files.add("zoo/registry.toml")
    held = zipfile.ZipFile(wheels[package]).namelist()
    assert {name for name in held if ".dist-info/" not in name} == files
    assert f"{package}/py.typed" in files


def test_the_registry_travels_in_the_hosts_wheel_and_is_used(elsewhere: Path) -> None:
    python = elsewhere / "venv" / "bin" / "python"
    script = (
        "import json, zoo.registry as r; print(json.dumps([r.__file__, sorted(r.load().aliases)]))"
    )
    where, aliases = json.loads(call(python, "-c", script, cwd=elsewhere))
    assert Path(where).is_relative_to(elsewhere)
    assert "minilm" in aliases
    shipped = Path(where).with_name("registry.toml")
    assert shipped.read_bytes() == (CHECKOUT / "registry.toml").read_bytes()
    shipped.rename(shipped.with_suffix(".away"))
    assert json.loads(call(python, "-c", script, cwd=elsewhere))[1] == []
    shipped.with_suffix(".away").rename(shipped)


def test_the_installed_command_lists_what_the_wheels_provide(elsewhere: Path) -> None:
    zoo = elsewhere / "venv" / "bin" / "zoo"
    plugins = json.loads(call(zoo, "plugins", "--json", cwd=elsewhere))
    assert {p["distribution"]: p["status"] for p in plugins} == {
        d.name: "ok" for d in DISTRIBUTIONS[1:]
    }
    names = {b["name"] for b in json.loads(call(zoo, "backbones", "--json", cwd=elsewhere))}
    assert {"nlp:minilm", "vision:digits"} <= names


def test_weights_that_travel_in_wheels_load_there(elsewhere: Path) -> None:
    script = (
        "import zoo\n"
        "for name in ('minilm', 'digits'):\n"
        "    backbone = zoo.load_backbone(name)\n"
        "    print(backbone.spec.name, backbone.feature_size)\n"
    )
    python = elsewhere / "venv" / "bin" / "python"
    lines = call(python, "-c", script, cwd=elsewhere).split()
    assert lines[::2] == ["nlp:minilm", "vision:digits"]
