"""What is kept of files is forgotten with any change of them."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from zoo import unchanged
from zoo.unchanged import FileState


def _rewrite(path: Path) -> None:
    path.write_bytes(b"two")


def _replace(path: Path) -> None:
    path.with_suffix(".new").write_bytes(b"two")
    path.with_suffix(".new").replace(path)


def _rewrite_and_set_the_time_back(path: Path) -> None:
    before = path.stat()
    path.write_bytes(b"two")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _copy_with_times(path: Path) -> None:
    other = path.with_suffix(".new")
    other.write_bytes(b"two")
    shutil.copystat(path, other)
    other.replace(path)


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files count as settled at once."""
    monkeypatch.setattr(unchanged, "_SETTLED_NS", -unchanged._SETTLED_NS)


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize(
    "change", [_rewrite, _replace, _rewrite_and_set_the_time_back, _copy_with_times]
)
def test_a_result_holds_until_the_file_changes(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"one")
    read: list[bytes] = []

    def compute() -> bytes:
        read.append(path.read_bytes())
        return read[-1]

    assert [FileState.at([path]).once("bytes", compute) for _ in range(3)] == [b"one"] * 3
    assert read == [b"one"]
    change(path)
    assert FileState.at([path]).once("bytes", compute) == b"two"


@pytest.mark.usefixtures("settled")
def test_results_of_other_names_and_files_are_others(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in "ab"]
    for path in paths:
        path.write_bytes(b"one")
    one, both = FileState.at(paths[:1]), FileState.at(paths)

    assert one.once("first", lambda: 1) == 1
    assert one.once("second", lambda: 2) == 2
    assert both.once("first", lambda: 3) == 3


def test_of_a_file_written_a_moment_ago_nothing_is_kept(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one")
    state = FileState.at([tmp_path / "a"])

    assert state.once("n", lambda: 1) == 1
    assert state.once("n", lambda: 2) == 2


@pytest.mark.usefixtures("settled")
def test_no_more_than_a_number_is_kept(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one")
    state = FileState.at([tmp_path / "a"])
    for n in range(unchanged._MOST + 1):
        state.keep(n, "result")

    assert state.known(0) is None
    assert state.known(unchanged._MOST) == "result"
    assert len(unchanged._kept) <= unchanged._MOST
