"""A slice of the hostile artifacts: none accepted, none crashes; `make soak` opens them all."""

from pathlib import Path

import pytest

from tests.artifact.hostile import cases
from tests.artifact.hostile_outcomes import run


@pytest.mark.row(42, 48, 49, 50, 51, 52, 53, 54, 55, 57, 59, 61)
def test_hostile_artifacts_are_refused_cheaply(tmp_path: Path, checkout: Path) -> None:
    assert len(cases()) > 600
    outcomes = run(tmp_path / "corpus", checkout, stride=7, drawn=30)
    assert len(outcomes) > 120
    assert len({outcome["kind"] for outcome in outcomes}) >= 5
