"""What one hub answers never stands for another's: any hub may say any commit id."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

import zoo
from tests.artifact import tampering
from tests.hub.minimal import MinimalHub
from tests.hub.proxy import ALWAYS, FaultyLine
from tests.hub.pulling import DEAD, REPO
from zoo.errors import BadSetting, HubUnreachable
from zoo.hub.client import connect
from zoo.hub.fetch import fetch
from zoo.hub.lock import add
from zoo.hub.server import EmbeddedHub
from zoo.hub.signatures import glance

SPOILT = ("EVIL0", "EVIL1", "EVIL2")


@pytest.fixture
def evil(pushed: str, artifact: Path) -> Iterator[MinimalHub]:
    """Another hub with a repo of the same name, whose commit it says is that of the honest hub."""
    tampering.edit_manifest(artifact, lambda data: data["tasks"][0].update(labels=list(SPOILT)))
    content = {path.name: path.read_bytes() for path in artifact.iterdir() if path.is_file()}
    with MinimalHub() as hub:
        hub.commits[REPO] = [(pushed, content)]
        yield hub


def labels(endpoint: str, revision: str | None = None) -> tuple[str, ...]:
    return tuple(fetch(REPO, revision, endpoint=endpoint).manifest.tasks[0].labels)


@pytest.mark.row(44)
@pytest.mark.parametrize("pinned", [False, True])
def test_the_same_commit_of_another_hub_is_not_taken_for_it(
    hub: EmbeddedHub, pushed: str, evil: MinimalHub, lock: Path, pinned: bool
) -> None:
    revision = pushed if pinned else None
    assert labels(evil.url, revision) == SPOILT
    assert glance(REPO, revision, endpoint=hub.url).manifest.tasks[0].labels[0] == "ants"
    assert labels(hub.url, revision) == ("ants", "bees", "wasps")
    assert zoo.pull(REPO, revision=revision, endpoint=hub.url).task.labels[0] == "ants"
    pin = add(REPO, revision, lock=lock, endpoint=hub.url)
    assert pin.digest == glance(REPO, endpoint=hub.url).digest
    assert labels(evil.url, revision) == SPOILT  # nor the other way round


@pytest.mark.parametrize("offline", [True, False])
@pytest.mark.parametrize("pinned", [False, True])
def test_nor_where_the_right_one_does_not_answer(
    evil: MinimalHub,
    pushed: str,
    pinned: bool,
    offline: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fetch(REPO, endpoint=evil.url)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", offline)
    with pytest.raises(HubUnreachable):
        fetch(REPO, pushed if pinned else None, endpoint=DEAD)


def test_each_is_fetched_once(hub: EmbeddedHub, pushed: str, evil: MinimalHub) -> None:
    for url in (hub.url, evil.url):
        fetch(REPO, endpoint=url)
    hub.log.clear()
    fetch(REPO, endpoint=hub.url)
    assert len(hub.log) == 1
    fetch(REPO, pushed, endpoint=f"{hub.url}/")
    assert len(hub.log) == 1


def test_the_default_hub_has_the_ordinary_place_and_no_other_has_it(cache: Path) -> None:
    names = [
        connect(url).entry("me/x")
        for url in (
            "https://huggingface.co",
            "https://hub.example.org",
            "http://hub.example.org",
            "https://hub.example.org/models",
            f"https://{'a' * 60}.{'b' * 60}.example.org",
        )
    ]
    assert names[0] == "me/x"
    assert len(set(names)) == len(names)
    assert all(name.count("/") == 2 and len(name) < 60 for name in names[1:])
    assert connect("https://me:secret@hub.example.org").entry("me/x") == names[1]


def test_a_hub_that_answers_a_commit_with_another_is_none(evil: MinimalHub, pushed: str) -> None:
    other = b"5" * 40
    with FaultyLine(evil.url) as line:
        line.on("/api/", body=lambda said: said.replace(pushed.encode(), other), times=ALWAYS)
        with pytest.raises(HubUnreachable, match="is not a hub"):
            fetch(REPO, pushed, endpoint=line.url)


# === What it is spoken to with ===


@pytest.mark.parametrize(
    "url", ["http://[::1", "http://hub:99999", "http://me:s3cret@[::1", "ftp://hub", "hub"]
)
def test_an_address_that_is_none_is_said(url: str) -> None:
    with pytest.raises(BadSetting, match="is not the address of a hub") as caught:
        connect(url)
    assert "HF_ENDPOINT" in caught.value.hint
    assert "s3cret" not in caught.value.message


@pytest.mark.parametrize("name", ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"])
@pytest.mark.parametrize("token", ["hf_abcdéfghijk", "hf_abc defghijk"])
def test_a_token_that_cannot_be_sent_is_said(
    monkeypatch: pytest.MonkeyPatch, name: str, token: str
) -> None:
    monkeypatch.setenv(name, token)
    with pytest.raises(BadSetting, match=f"{name} is not a token") as caught:
        connect(DEAD)
    assert token not in f"{caught.value.message}{caught.value.hint}"
