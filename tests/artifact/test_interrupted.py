"""An interrupted save leaves the old artifact or the new one, whole."""

import errno
import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import zoo
from tests.artifact.conftest import Compose
from zoo.artifact import atomic
from zoo.artifact.atomic import replacing, write
from zoo.artifact.verify import verify
from zoo.errors import OutputExists, WriteFailed

HERE = Path(__file__).parent


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# === The folder that is replaced ===


def put(folder: Path, text: str) -> None:
    with replacing(folder) as fresh:
        write(fresh / "a", text.encode())


@pytest.fixture(params=["exchanged in one step", "set aside"])
def _system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Systems with and without a step that exchanges two folders."""
    if request.param == "set aside":
        monkeypatch.setattr(atomic, "_exchange", lambda one, other: False)


@pytest.mark.usefixtures("_system")
def test_a_folder_appears_and_is_replaced(tmp_path: Path) -> None:
    put(tmp_path / "deep" / "folder", "old")
    put(tmp_path / "deep" / "folder", "new")

    assert (tmp_path / "deep/folder/a").read_text() == "new"
    assert names(tmp_path / "deep") == ["folder"]


@pytest.mark.usefixtures("_system")
@pytest.mark.parametrize("existing", [True, False])
@pytest.mark.parametrize("failure", [KeyboardInterrupt(), ValueError("x"), SystemExit(1)])
def test_what_raises_inside_changes_nothing(
    tmp_path: Path, existing: bool, failure: BaseException
) -> None:
    if existing:
        put(tmp_path / "folder", "old")

    def fail() -> None:
        with replacing(tmp_path / "folder") as fresh:
            write(fresh / "a", b"half")
            raise failure

    with pytest.raises(type(failure)):
        fail()

    assert names(tmp_path) == (["folder"] if existing else [])
    if existing:
        assert (tmp_path / "folder/a").read_text() == "old"


def test_a_full_disk(tmp_path: Path) -> None:
    put(tmp_path / "folder", "old")

    with pytest.raises(WriteFailed) as caught, replacing(tmp_path / "folder"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert str(caught.value) == (
        f"{tmp_path}/folder could not be written: No space left on device; nothing was changed.\n"
        f"Make room on that disk, or choose another place: {tmp_path} is full."
    )
    assert (tmp_path / "folder/a").read_text() == "old"
    assert names(tmp_path) == ["folder"]


def test_what_killed_processes_left_is_removed_and_what_others_use_is_not(tmp_path: Path) -> None:
    left = tmp_path / ".folder.0123abcd.zoo-new"
    left.mkdir()
    (left / "a").write_text("half")
    other = tmp_path / ".other.0123abcd.zoo-new"
    other.mkdir()

    with replacing(tmp_path / "folder") as first:
        write(first / "a", b"first")
        put(tmp_path / "folder", "second")
        assert first.exists()

    assert (tmp_path / "folder/a").read_text() == "first"
    assert names(tmp_path) == [".other.0123abcd.zoo-new", "folder"]


def test_what_was_set_aside_is_put_back(compose: Compose, tmp_path: Path) -> None:
    """Killed between the two renames of a system that cannot exchange."""
    zoo.save(compose(), tmp_path / "artifact")
    (tmp_path / "artifact").rename(tmp_path / ".artifact.zoo-old")

    assert verify(tmp_path / "artifact").difference == 0.0
    assert names(tmp_path) == ["artifact"]


def test_a_linked_folder_stays_a_link(tmp_path: Path) -> None:
    put(tmp_path / "real", "old")
    (tmp_path / "link").symlink_to("real")
    put(tmp_path / "link", "new")

    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real/a").read_text() == "new"


def test_the_directory_one_is_in_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(OutputExists, match=r"is the directory you are in; it cannot be replaced"):
        put(Path(), "x")


# === Saving ===


@pytest.fixture
def _small_files_only() -> Iterator[None]:
    """No file may grow beyond 10 kB: the probe cannot be written."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("_small_files_only")
def test_a_save_that_cannot_be_written(compose: Compose, tmp_path: Path) -> None:
    with pytest.raises(WriteFailed, match=r"could not be written: .*; nothing was changed\."):
        zoo.save(compose(), tmp_path / "artifact")
    assert names(tmp_path) == []


def test_a_place_that_is_a_file(compose: Compose, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(WriteFailed, match="artifact could not be written"):
        zoo.save(compose(), tmp_path / "file" / "artifact")
    with pytest.raises(OutputExists, match="holds something that is not an artifact"):
        zoo.save(compose(), tmp_path / "file")


def test_other_peoples_files_are_not_overwritten(compose: Compose, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")

    with pytest.raises(OutputExists) as caught:
        zoo.save(compose(), tmp_path)
    assert str(caught.value) == (
        f"{tmp_path} holds something that is not an artifact; nothing was overwritten.\n"
        "Choose another place, or remove it yourself."
    )
    assert names(tmp_path) == ["notes.txt"]


def test_files_put_into_an_artifact_are_not_lost(compose: Compose, tmp_path: Path) -> None:
    zoo.save(compose(), tmp_path / "artifact")
    (tmp_path / "artifact/.git").mkdir()

    with pytest.raises(OutputExists, match=r"also holds \.git, which zoo did not write"):
        zoo.save(compose(), tmp_path / "artifact")
    assert (tmp_path / "artifact/.git").is_dir()


def test_an_artifact_is_replaced_with_all_its_files(compose: Compose, tmp_path: Path) -> None:
    zoo.save(compose("toy:image", "lora"), tmp_path / "artifact")
    zoo.save(compose("toy:image", "linear-probe"), tmp_path / "artifact")

    assert names(tmp_path / "artifact") == [
        "README.md",
        "heads.safetensors",
        "probe.safetensors",
        "zoo.json",
    ]


def stopped(toys: Path, folder: Path, rounds: int) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, str(HERE / "killed_saves.py"), str(folder), str(rounds)],
        env={**os.environ, "PYTHONPATH": str(toys), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["bad"] == [], done.stderr
    assert found["rounds"] == rounds
    assert found["after"] == ["artifact"]
    return found


def test_a_save_stopped_at_any_moment(toys: Path, tmp_path: Path) -> None:
    stopped(toys, tmp_path / "artifact", 16)
