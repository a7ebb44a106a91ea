"""`zoo.lock`: what is pinned is what is opened, and what differs is said with both commits."""

import errno
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from huggingface_hub import HfApi, constants

import zoo
from tests.cli.commands import zoo as run
from tests.hub.pulling import REPO, Told, a_pin, blob, put
from zoo.errors import CorruptFile, LockDrift, LockInvalid, WriteFailed
from zoo.hub import lock as locking
from zoo.hub.lock import add, sync
from zoo.hub.lock_file import changing, read_lock
from zoo.hub.push import push
from zoo.hub.server import EmbeddedHub


def moved(api: HfApi) -> str:
    """Somebody commits; the new head of main."""
    put(api, "README.md", b"# Anew")
    return api.model_info(REPO).sha


def test_a_pin_names_commit_and_digests(
    hub: EmbeddedHub, pushed: str, artifact: Path, lock: Path
) -> None:
    pin = add(REPO, "v1", lock=lock, endpoint=hub.url)
    manifest = json.loads((artifact / "zoo.json").read_text())

    assert (pin.revision, pin.commit) == ("v1", pushed)
    assert pin.backbone.digest == manifest["backbone"]["digest"]
    assert pin.backbone.name == "toy:image"
    written = json.loads(lock.read_text())
    assert written["version"] == 1
    assert written["artifacts"][REPO] == pin.model_dump()
    assert read_lock(lock).artifacts == {REPO: pin}
    assert [path.name for path in lock.parent.iterdir()] == ["zoo.lock"]


def test_the_same_pins_are_the_same_bytes(hub: EmbeddedHub, pushed: str, lock: Path) -> None:
    push_to = "me/another"
    add(REPO, lock=lock, endpoint=hub.url)
    with changing(lock) as pins:
        pins[push_to] = pins[REPO]
    before = lock.read_bytes(), lock.stat().st_mtime_ns
    add(REPO, lock=lock, endpoint=hub.url)
    assert (lock.read_bytes(), lock.stat().st_mtime_ns) == before
    assert list(json.loads(before[0])["artifacts"]) == [push_to, REPO]


def test_a_machine_is_made_to_match(
    hub: EmbeddedHub, api: HfApi, pushed: str, lock: Path, tmp_path: Path, monkeypatch
) -> None:
    add(REPO, lock=lock, endpoint=hub.url)
    moved(api)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "elsewhere"))
    assert sync(lock=lock, endpoint=hub.url)[REPO].commit == pushed
    (snapshot,) = (tmp_path / "elsewhere").rglob("snapshots/*")
    assert snapshot.name == pushed
    hub.log.clear()
    sync(lock=lock, endpoint=hub.url)
    assert not [request for request in hub.log if "/resolve/" in request.path]


def test_a_folder_is_for_models_whose_backbone_no_hub_has(
    lock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Path | None] = {}
    monkeypatch.setattr(locking, "pull", lambda repo, weights, **_: asked.update({repo: weights}))
    with changing(lock) as pins:
        for repo, source in (("me/one", "me/base"), ("me/two", "")):
            backbone = a_pin().backbone.model_copy(update={"source": source})
            pins[repo] = a_pin().model_copy(update={"backbone": backbone})
    sync(lock=lock, weights=tmp_path)
    assert asked == {"me/one": None, "me/two": tmp_path}


def test_a_branch_that_moved_on_is_said_and_not_followed(
    hub: EmbeddedHub, api: HfApi, pushed: str, lock: Path
) -> None:
    add(REPO, lock=lock, endpoint=hub.url)
    now = moved(api)
    told = Told()
    zoo.pull(REPO, lock=lock, progress=told, endpoint=hub.url)
    (line,) = [note for note in told.notes if "moved on" in note]
    assert pushed in line
    assert now in line


@pytest.mark.row(39)
def test_a_moved_tag_is_refused_with_both_commits(
    hub: EmbeddedHub, api: HfApi, pushed: str, lock: Path
) -> None:
    add(REPO, "v1", lock=lock, endpoint=hub.url)
    now = moved(api)
    api.delete_tag(REPO, tag="v1")
    api.create_tag(REPO, tag="v1", revision=now)
    with pytest.raises(LockDrift, match=f"pins {pushed}, and it is {now} now"):
        zoo.pull(REPO, lock=lock, endpoint=hub.url)
    told = Told()
    assert add(REPO, "v1", lock=lock, endpoint=hub.url, progress=told).commit == now
    assert pushed in told.notes[-1]
    zoo.pull(REPO, lock=lock, endpoint=hub.url)


@pytest.mark.row(44)
def test_a_name_registered_anew_is_refused_with_both_commits(
    hub: EmbeddedHub, api: HfApi, pushed: str, lock: Path, other: Path, tmp_path: Path, monkeypatch
) -> None:
    add(REPO, lock=lock, endpoint=hub.url)
    api.delete_repo(REPO)
    now = push(other, REPO, endpoint=hub.url).commit
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "elsewhere"))
    with pytest.raises(LockDrift, match=f"no commit {pushed} any more.*its main is {now}"):
        zoo.pull(REPO, lock=lock, endpoint=hub.url)


def test_another_revision_or_repo_is_not_pinned(hub: EmbeddedHub, pushed: str, lock: Path) -> None:
    add(REPO, "v1", lock=lock, endpoint=hub.url)
    with pytest.raises(LockDrift, match=rf"pins me/flowers at v1 \({pushed[:12]}\), not at main"):
        zoo.pull(REPO, revision="main", lock=lock, endpoint=hub.url)
    with pytest.raises(LockDrift, match="does not pin me/trees"):
        zoo.pull("me/trees", lock=lock, endpoint=hub.url)
    zoo.pull(REPO, revision=pushed, lock=lock, endpoint=hub.url)


@pytest.mark.parametrize("key", ["digest", "backbone"])
def test_other_contents_under_the_pinned_commit_are_refused(
    hub: EmbeddedHub, pushed: str, lock: Path, key: str
) -> None:
    add(REPO, lock=lock, endpoint=hub.url)
    written = json.loads(lock.read_text())
    pin = written["artifacts"][REPO]
    (pin if key == "digest" else pin["backbone"])["digest"] = "0" * 64
    lock.write_text(json.dumps(written))
    with pytest.raises(LockDrift, match="is not the artifact, or not on the backbone"):
        zoo.pull(REPO, lock=lock, endpoint=hub.url)


@pytest.mark.row(36)
def test_no_network_is_no_matter_once_it_is_here(hub: EmbeddedHub, pushed: str, lock: Path) -> None:
    add(REPO, lock=lock, endpoint=hub.url)
    hub.close()
    told = Told()
    zoo.pull(REPO, lock=lock, progress=told, endpoint=hub.url)
    assert "No answer from" in told.notes[0]
    assert any(f"Using {REPO} at {pushed[:12]}" in note for note in told.notes)


def test_what_is_damaged_on_the_hub_is_not_pinned(
    hub: EmbeddedHub, pushed: str, artifact: Path, lock: Path, tmp_path: Path
) -> None:
    file = blob(tmp_path, artifact, "probe.safetensors")
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    with pytest.raises(CorruptFile):
        add(REPO, lock=lock, endpoint=hub.url)
    assert not lock.exists()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "not JSON"),
        ("[]", "not an object"),
        ('{"version": 1, "version": 1}', "not JSON"),
        ('{"version": 2, "artifacts": {}}', "version 2; this zoo reads up to 1"),
        ('{"version": 1, "artifacts": {"../x": {}}}', "not a lock file"),
        ('{"version": true, "artifacts": {}}', "'version': not a number"),
        ('{"version": 1, "more": 1}', "more"),
        ("[" * 100_000, "not JSON"),
        (" " * (5 << 20), "larger than"),
    ],
    ids=lambda text: text[:20],
)
def test_what_is_no_lock_file_is_refused_and_left(lock: Path, content: str, why: str) -> None:
    lock.write_text(content)
    with pytest.raises(LockInvalid, match=why):
        read_lock(lock)
    with pytest.raises(LockInvalid, match=why), changing(lock):
        pass
    assert lock.read_text() == content


def test_none_is_said(lock: Path) -> None:
    with pytest.raises(LockInvalid, match=r"There is no .*zoo\.lock"):
        sync(lock=lock)


def test_writers_at_once_lose_nothing(
    hub: EmbeddedHub, pushed: str, lock: Path, cache: Path
) -> None:
    add(REPO, lock=lock, endpoint=hub.url)

    def write(number: int) -> None:
        with changing(lock) as pins:
            pins[f"me/m{number}"] = pins[REPO]

    writers = [threading.Thread(target=write, args=(number,)) for number in range(16)]
    for each in writers:
        each.start()
    for each in writers:
        each.join()
    assert len(read_lock(lock).artifacts) == 17


def test_a_place_that_cannot_be_written_is_said(lock: Path, cache: Path) -> None:
    lock.with_name(".zoo.lock.new").mkdir()
    with pytest.raises(WriteFailed, match="nothing was changed"), changing(lock) as pins:
        pins.update({REPO: a_pin()})
    assert not lock.exists()


def test_a_full_disk_leaves_nothing(lock: Path, cache: Path, monkeypatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WriteFailed, match="No space left"), changing(lock) as pins:
        pins.update({REPO: a_pin()})
    assert list(lock.parent.iterdir()) == []


def test_a_cache_that_cannot_be_written_is_not_taken_for_the_project(
    lock: Path, cache: Path
) -> None:
    cache.write_text("a file")
    cannot = f"The cache, {cache}, cannot be written"
    with pytest.raises(WriteFailed, match=cannot) as failure, changing(lock) as pins:
        pins.update({REPO: a_pin()})
    assert "Set HF_HOME" in failure.value.hint


def test_the_commands(
    hub: EmbeddedHub, api: HfApi, pushed: str, lock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    template = f"{hub.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(constants, "ENDPOINT", hub.url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.chdir(lock.parent)

    assert run("pull", REPO, "--locked").code == 2
    ended = run("lock", "add", f"{REPO}@v1", "--json")
    assert (ended.code, ended.data["commit"]) == (0, pushed), ended.err
    assert run("lock", "sync", "--json").data[REPO]["revision"] == "v1"
    assert pushed in run("lock", "sync").out
    moved(api)
    assert run("pull", REPO, "--locked").code == 0
    drifted = run("predict", REPO, "x", "--locked", "--revision", "main")
    assert drifted.code == 1
    assert "pins me/flowers at v1" in drifted.err
    assert run("evaluate", ".", "x", "--locked").code == 2
    lock.write_text('{"artifacts": {}}')
    nothing = run("lock", "sync")
    assert (nothing.code, nothing.out) == (0, "")
    assert "zoo.lock pins nothing." in nothing.err
    assert run("lock", "add", f"{REPO}@v1", "--revision", "main").code == 2


def test_a_killed_writer_leaves_the_old_or_the_new(lock: Path, cache: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from tests.hub.pulling import a_pin\nfrom zoo.hub.lock_file import changing\n"
        "n = 0\nprint('on', flush=True)\n"
        "while True:\n"
        "    n += 1\n"
        "    with changing(Path(sys.argv[1])) as pins:\n"
        "        pins[f'me/m{n % 300}'] = a_pin()\n"
    )
    env = os.environ | {"HF_HUB_CACHE": str(cache), "PYTHONPATH": os.getcwd()}
    seen = []
    for _ in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", code, str(lock)], env=env, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout.readline()
            threading.Event().wait(0.3)
            process.kill()
        seen.append(len(read_lock(lock).artifacts))
    assert seen[0] > 0
    with changing(lock) as pins:
        pins[REPO] = a_pin()
    assert [path.name for path in lock.parent.iterdir()] == ["zoo.lock"]
