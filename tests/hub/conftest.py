"""A hub for each test, an empty cache for each test, and artifacts to send."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import HfApi, constants

import zoo
from tests.artifact.conftest import Compose, compose, toys  # noqa: F401  # fixtures
from tests.hub.minimal import MinimalHub
from tests.hub.proxy import FaultyLine
from tests.hub.pulling import REPO
from zoo.hub.push import push
from zoo.hub.server import EmbeddedHub


@pytest.fixture(autouse=True)
def _opened_here(opened_here: None) -> None:
    """For all but the tests of opening elsewhere."""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty Hugging Face cache."""
    folder = tmp_path / "cache"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder))
    return folder


@pytest.fixture
def hub(tmp_path: Path, cache: Path) -> Iterator[EmbeddedHub]:
    """A hub that everybody may write to."""
    with EmbeddedHub(tmp_path / "hub") as running:
        yield running


@pytest.fixture
def line(hub: EmbeddedHub | MinimalHub) -> Iterator[FaultyLine]:
    """The way to the hub, which can be made to fail."""
    with FaultyLine(hub.url) as there:
        yield there


@pytest.fixture(params=["with hf_xet", "without"])
def route(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the client could speak Xet."""
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", request.param == "without")


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that were to be waited for, and were not."""
    asked: list[float] = []
    monkeypatch.setattr(time, "sleep", asked.append)
    return asked


@pytest.fixture
def api(hub: EmbeddedHub) -> HfApi:
    """The unmodified client, pointed at the hub."""
    return HfApi(endpoint=hub.url, token=False)


@pytest.fixture
def artifact(compose: Compose, tmp_path: Path) -> Path:  # noqa: F811
    """A LoRA of a toy backbone."""
    folder = tmp_path / "artifact"
    zoo.save(compose(), folder)
    return folder


@pytest.fixture
def other(compose: Compose, tmp_path: Path) -> Path:  # noqa: F811
    """A linear probe of the same backbone: another layout."""
    folder = tmp_path / "other"
    zoo.save(compose(adapter="linear-probe"), folder)
    return folder


@pytest.fixture
def pushed(hub: EmbeddedHub, artifact: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The commit of an artifact on the hub, with nothing of it in the cache."""
    commit = push(artifact, REPO, tag="v1", endpoint=hub.url).commit
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache.with_name("empty")))
    hub.log.clear()
    return commit


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    """Where the lock file of a project is to be."""
    folder = tmp_path / "project"
    folder.mkdir()
    return folder / "zoo.lock"
