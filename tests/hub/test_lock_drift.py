"""What changes under a lock file: renamed and closed repos, backbones, the file itself."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants
from huggingface_hub.utils import WeakFileLock
from safetensors.torch import save_file

import zoo
from tests.hub.minimal import MinimalHub
from tests.hub.proxy import ALWAYS, FaultyLine
from tests.hub.pulling import REPO, Told, a_pin
from zoo.errors import BackboneMismatch, LockDrift, LockInvalid, WriteFailed
from zoo.hub import lock_file
from zoo.hub.lock import add
from zoo.hub.lock_file import changing, read_lock
from zoo.hub.push import push
from zoo.hub.server import EmbeddedHub


class TestElsewhere:
    """On a hub that can rename, and shares no code with zoo's."""

    @pytest.fixture
    def hub(self, artifact: Path, cache: Path) -> Iterator[MinimalHub]:
        with MinimalHub() as running:
            running.add(REPO, {path.name: path.read_bytes() for path in artifact.iterdir()})
            yield running

    @pytest.mark.row(39, 43)
    def test_a_renamed_repo_is_said_with_both_commits(self, hub: MinimalHub, lock: Path) -> None:
        pinned = add(REPO, lock=lock, endpoint=hub.url).commit
        hub.commits["lab/flowers"] = hub.commits.pop(REPO)
        hub.renamed[REPO] = "lab/flowers"
        now = hub.add("lab/flowers", hub.commits["lab/flowers"][-1][1])
        told = Told()
        zoo.pull(REPO, lock=lock, progress=told, endpoint=hub.url)
        (line,) = [note for note in told.notes if "is called" in note]
        assert f"{REPO} is called lab/flowers now" in line
        assert pinned in line
        assert now in line

    @pytest.mark.row(43, 44)
    def test_a_renamed_repo_without_the_commit_is_refused(
        self, hub: MinimalHub, lock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pinned = add(REPO, lock=lock, endpoint=hub.url).commit
        hub.commits["lab/flowers"] = [("3" * 40, hub.commits.pop(REPO)[-1][1])]
        hub.renamed[REPO] = "lab/flowers"
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "elsewhere"))
        with pytest.raises(LockDrift, match=f"no commit {pinned} any more.*is {'3' * 40}"):
            zoo.pull(REPO, lock=lock, endpoint=hub.url)

    def test_a_repo_that_was_closed_opens_as_it_is_here(self, hub: MinimalHub, lock: Path) -> None:
        with FaultyLine(hub.url) as line:
            pinned = add(REPO, lock=lock, endpoint=line.url).commit
            line.on("/api/", status=403, headers={"X-Error-Code": "GatedRepo"}, times=ALWAYS)
            told = Told()
            zoo.pull(REPO, lock=lock, progress=told, endpoint=line.url)
        assert "is gated" in told.notes[0]
        assert pinned[:12] in told.notes[0]


@pytest.mark.row(46)
def test_a_backbone_that_changed_underneath_is_not_synced(
    hub: EmbeddedHub, toys: Path, tmp_path: Path, lock: Path
) -> None:
    """Its name and place are the same; the digest of its tensors is not."""
    weights = tmp_path / "base"
    weights.mkdir()
    state = zoo.load_backbone("toy:image").module.state_dict()
    save_file(state, weights / "model.safetensors")
    model = zoo.compose(
        f"toy:{weights}", "linear-probe", zoo.task("classification", labels=["a", "b"])
    )
    zoo.save(model, tmp_path / "model")
    push(tmp_path / "model", REPO, weights=weights, endpoint=hub.url)
    pin = add(REPO, lock=lock, endpoint=hub.url)
    zoo.pull(REPO, lock=lock, weights=weights, endpoint=hub.url)
    save_file(
        {name: tensor + 1e-3 for name, tensor in state.items()}, weights / "model.safetensors"
    )
    with pytest.raises(BackboneMismatch, match=f"the manifest says {pin.backbone.digest[:12]}…"):
        zoo.pull(REPO, lock=lock, weights=weights, endpoint=hub.url)


def test_a_lock_file_that_is_a_link_stays_one_and_a_fifo_is_none(
    lock: Path, cache: Path, tmp_path: Path
) -> None:
    lock.symlink_to(tmp_path / "shared.lock")
    with changing(lock) as pins:
        pins[REPO] = a_pin()
    assert lock.is_symlink()
    assert REPO in read_lock(lock).artifacts
    lock.unlink()
    os.mkfifo(lock)
    with pytest.raises(LockInvalid, match=r"not a regular file|FIFO"):
        read_lock(lock)


def test_a_writer_that_is_stuck_is_not_waited_for_without_end(
    lock: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock_file, "PATIENCE", 0.1)
    with changing(lock) as pins:
        pins[REPO] = a_pin()
    before = lock.read_bytes()
    (mark,) = (cache / ".locks").glob("zoo-lock-*")
    with (
        WeakFileLock(mark),
        pytest.raises(WriteFailed, match="by another process") as failure,
        changing(lock) as pins,
    ):
        pins.clear()
    assert str(mark) in failure.value.hint
    assert lock.read_bytes() == before
