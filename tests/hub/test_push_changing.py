"""Files that somebody writes to while they are hashed or sent: noticed, and nothing is committed."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from tests.hub.faulty import FaultyHub
from zoo.errors import CorruptFile
from zoo.hub import outgoing, push, sending
from zoo.hub.server import EmbeddedHub
from zoo.progress import Advance, Silent

REPO = "me/flowers"
HEADS = "heads.safetensors"
SIZE = 200_000  # several pieces, of which the first are out when it changes


def grow(path: Path) -> None:
    with path.open("ab") as stream:
        stream.write(b"more")


def shrink(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def touch(path: Path) -> None:
    os.utime(path, ns=(1, 1))


def rewrite_unseen(path: Path) -> None:
    """Other bytes, with the size and time of those before."""
    before = path.stat()
    with path.open("r+b") as stream:
        stream.seek(-10, os.SEEK_END)
        stream.write(b"otherbytes")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


CHANGES = [grow, shrink, rewrite_unseen]


class When(Silent):
    """Does something as a stage begins, or once a part of it is done."""

    def __init__(self, do: Callable[[], None], *, part_done: bool) -> None:
        self.do, self.part_done = do, part_done

    @contextlib.contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[Advance]:
        if name.startswith("pushing") and not self.part_done:
            self.do()
        yield self._advance

    def _advance(self, count: int = 1) -> None:
        if self.part_done:
            self.part_done = False
            self.do()


@pytest.fixture(autouse=True)
def nothing_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Enough to be kept in memory."""
    monkeypatch.setattr(outgoing, "SMALL", 0)


def kept_by(folder: Path) -> list[Path]:
    """Blobs of a hub, once it is done with what it was being sent."""
    end = time.monotonic() + 30
    while list(folder.rglob("blobs/.part-*")):
        assert time.monotonic() < end
        time.sleep(0.01)
    return list(folder.rglob("blobs/*"))


def refused(hub: EmbeddedHub, api: HfApi, source: Path, name: str, progress: Silent) -> None:
    with pytest.raises(CorruptFile, match=f"{name} changed while it was being pushed"):
        push.push(source, REPO, endpoint=hub.url, progress=progress)
    assert [commit.title for commit in api.list_repo_commits(REPO)] == ["initial commit"]


@pytest.mark.row(14)
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", [HEADS, "zoo.json", "adapter_config.json"])
def test_between_hashing_and_sending(
    hub: EmbeddedHub, api: HfApi, artifact: Path, name: str, change: Callable[[Path], None]
) -> None:
    progress = When(lambda: change(artifact / name), part_done=False)
    refused(hub, api, artifact, name, progress)


@pytest.mark.row(14)
@pytest.mark.parametrize("change", [grow, touch, Path.unlink, rewrite_unseen])
@pytest.mark.parametrize("part", ["preupload", "lfs"])
@pytest.mark.parametrize("name", [HEADS, "zoo.json"])
def test_after_it_was_read(
    tmp_path: Path,
    cache: Path,
    artifact: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    part: str,
    change: Callable[[Path], None],
) -> None:
    """What was read would be sent whole; but it is not what lies there any more."""
    monkeypatch.setattr(outgoing, "SMALL", 10 << 20)
    with FaultyHub(tmp_path / "faulty") as hub:
        hub.before(part, lambda: change(artifact / name))
        api = HfApi(endpoint=hub.url, token=False)
        if change is rewrite_unseen:
            assert push.push(artifact, REPO, endpoint=hub.url).commit == api.model_info(REPO).sha
        else:
            refused(hub, api, artifact, name, Silent())


@pytest.mark.row(14)
@pytest.mark.parametrize("name", [HEADS, "zoo.json"])
def test_between_the_checks_and_hashing(
    hub: EmbeddedHub, artifact: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    collect = push.collect

    def late(*args: object, **options: object) -> object:
        content = (artifact / name).read_bytes()
        (artifact / name).write_bytes(content.replace(b"ants", b"ents").replace(b"F32", b"I32"))
        return collect(*args, **options)

    monkeypatch.setattr(push, "collect", late)
    with pytest.raises(CorruptFile, match=f"{name} changed while it was being pushed"):
        push.push(artifact, REPO, endpoint=hub.url)
    assert list(HfApi(endpoint=hub.url, token=False).list_models()) == []


@pytest.mark.row(14)
@pytest.mark.usefixtures("route")
@pytest.mark.parametrize("change", [*CHANGES, touch])
def test_while_it_is_sent(
    hub: EmbeddedHub, api: HfApi, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    """The hub gets no whole file, so that it has nothing to keep under a name that is not its."""
    source = tmp_path / "big.safetensors"
    source.write_bytes(os.urandom(SIZE))
    whole = outgoing.outgoing(source.name, source)
    api.create_repo(REPO)
    told: list[int] = []

    def advance(count: int = 1) -> None:
        told.append(count)
        if len(told) == 1:
            change(source)

    with sending.Sending(whole, advance) as file:
        addition = file.addition()
        with pytest.raises(Exception, match=r"while uploading|changed while"):
            api.preupload_lfs_files(REPO, [addition])
        assert file.changed
    assert SIZE not in [blob.stat().st_size for blob in kept_by(tmp_path / "hub")]


def test_what_stays_as_it_is_is_sent_again_from_anywhere(tmp_path: Path) -> None:
    source = tmp_path / "big.safetensors"
    source.write_bytes(os.urandom(SIZE))
    with sending.Sending(outgoing.outgoing(source.name, source), lambda count=1: None) as file:
        file.addition()
        for start in (0, 50_000, 0, 100_000, 150_000):
            file.seek(start)
            assert file.read(70_000) == source.read_bytes()[start : start + 70_000]
        assert file.read() == b""
        assert not file.changed
