"""Artifacts that earlier versions of zoo wrote open with this one."""

import json
import shutil
from pathlib import Path

import pytest

import zoo
from zoo.artifact.manifest import FORMAT
from zoo.artifact.verify import verify

FORMATS = Path(__file__).with_name("formats")


@pytest.mark.row(60)
@pytest.mark.parametrize("version", sorted(path.name for path in FORMATS.iterdir()))
@pytest.mark.usefixtures("toys")
def test_an_older_artifact_opens_and_is_saved_as_a_new_one(version: str, tmp_path: Path) -> None:
    shutil.copytree(FORMATS / version, tmp_path / "artifact")
    found = verify(tmp_path / "artifact")
    assert found.difference <= found.tolerance

    zoo.save(zoo.load(tmp_path / "artifact"), tmp_path / "artifact")
    assert json.loads((tmp_path / "artifact/zoo.json").read_text())["format"] == FORMAT
    assert verify(tmp_path / "artifact").difference == 0.0
