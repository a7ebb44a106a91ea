"""An environment like an author's: zoo and some of its plugins as wheels, pip and pytest."""

from pathlib import Path

import pytest

from tests.conftest import CHECKOUT
from tests.environments import Environment
from tests.wheels import build

BUILT_INS = (
    "plugins/zoo-digits",
    "plugins/zoo-tasks",
    "adapters/zoo-linear-probe",
    "adapters/zoo-finetune",
)


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Of the host and of a few plugins, so that all three kinds can be tried with what there is."""
    projects = [CHECKOUT, *(CHECKOUT / name for name in BUILT_INS)]
    return list(build(projects, tmp_path_factory.mktemp("wheels")).values())


@pytest.fixture
def author(wheels: list[Path], tmp_path: Path) -> Environment:
    """An environment that nobody else writes to."""
    return Environment(tmp_path, wheels)
