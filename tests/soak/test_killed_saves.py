"""Thousands of saves, each killed or interrupted at a random moment."""

from pathlib import Path

import pytest

from tests.artifact.conftest import toys  # noqa: F401  # a fixture
from tests.artifact.test_interrupted import stopped


@pytest.mark.soak
def test_saves_stopped_at_any_moment(toys: Path, tmp_path: Path) -> None:  # noqa: F811
    found = stopped(toys, tmp_path / "artifact", 2000)
    assert min(found["old"], found["new"]) > 100
    assert found["leftovers"] <= 2  # Ctrl-C may come before there is anything to clean up
