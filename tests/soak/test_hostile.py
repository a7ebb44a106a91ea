"""All hostile artifacts, made by hand and drawn: opened from disk, and pulled from a hub."""

import os
import shutil
from pathlib import Path

import pytest
from huggingface_hub import constants

import zoo
from tests.artifact.conftest import Compose, compose, toys  # noqa: F401  # fixtures
from tests.artifact.hostile import cases
from tests.artifact.hostile_outcomes import run
from zoo.errors import ZooError
from zoo.hub.server import EmbeddedHub


@pytest.mark.soak
def test_every_hostile_artifact_is_refused_cheaply(tmp_path: Path, checkout: Path) -> None:
    outcomes = run(tmp_path / "corpus", checkout, stride=1, drawn=400)
    assert len(outcomes) > 1000
    seconds = sorted(outcome["seconds"] for outcome in outcomes)
    assert seconds[len(seconds) * 98 // 100] < 1  # the rest is what else the machine had to do


@pytest.mark.soak
def test_none_can_be_pulled(
    compose: Compose,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A hub serves regular files only; nothing is written but the cache."""
    good = tmp_path / "good"
    zoo.save(compose(), good)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    repos = []
    for number, (name, spoil) in enumerate(cases()):
        folder = tmp_path / "mirror" / "evil" / f"r{number}"
        shutil.copytree(good, folder)
        spoil(folder)
        plain = all(path.is_file() and not path.is_symlink() for path in folder.iterdir())
        if plain and sum(path.stat().st_size for path in folder.iterdir()) < 32 << 20:
            repos.append((f"evil/r{number}", name))
        else:
            shutil.rmtree(folder, ignore_errors=True)
    assert len(repos) > 500
    before = {path for path in tmp_path.rglob("*") if "cache" not in path.parts}
    with EmbeddedHub(tmp_path / "hub", mirrors=[tmp_path / "mirror"]) as hub:
        said = {}
        for repo, name in repos:
            try:
                zoo.pull(repo, folder=tmp_path / "out", endpoint=hub.url)
            except ZooError as err:
                said[name] = str(err)
            assert not os.path.lexists(tmp_path / "out"), name
        assert {name for _, name in repos} == said.keys()
        assert {name for name, text in said.items() if len(text.splitlines()) > 2} == set()
    after = {path for path in tmp_path.rglob("*") if "cache" not in path.parts}
    assert {path for path in after - before if "hub" not in path.parts} == set()
