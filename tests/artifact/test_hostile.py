"""A slice of the hostile artifacts: none accepted, none crashes; `make soak` opens them all."""

from pathlib import Path

from tests.artifact.hostile import cases
from tests.artifact.hostile_outcomes import run


def test_hostile_artifacts_are_refused_cheaply(tmp_path: Path, checkout: Path) -> None:
    assert len(cases()) > 600
    outcomes = run(tmp_path / "corpus", checkout, stride=7, drawn=30)
    assert len(outcomes) > 120
    assert len({outcome["kind"] for outcome in outcomes}) >= 5
