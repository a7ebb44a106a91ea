"""Several processes pull the same, and some are killed: one download, and nothing is lost or mixed up."""

import contextlib
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants
from huggingface_hub.utils import WeakFileLock

from tests.hub.lines import HEADS, files, line_to
from tests.hub.proxy import FaultyLine
from tests.hub.pulling import REPO
from zoo.errors import WriteFailed
from zoo.hub import cache as hub_cache
from zoo.hub.client import connect
from zoo.hub.fetch import fetch

MB = 1 << 20
CONTENT = files(8 * MB)
SHA256 = hashlib.sha256(CONTENT[HEADS]).hexdigest()
FETCH = "from zoo.hub.fetch import fetch\nprint(fetch({!r}, endpoint={!r}).folder)"
# A file system that knows neither locks nor links, as some of networks and of containers do.
BARE = """
import errno, fcntl, os
def refuse(*_, **__):
    raise OSError(errno.ENOSYS, "Function not implemented")
fcntl.flock = os.symlink = os.link = refuse
"""


@pytest.fixture
def line(tmp_path: Path, cache: Path) -> Iterator[FaultyLine]:
    with line_to("ours", CONTENT, tmp_path) as there:
        yield there


@pytest.fixture
def start(line: FaultyLine, cache: Path) -> Iterator[object]:
    """Starts a process that fetches; what still runs at the end is killed."""
    with contextlib.ExitStack() as stack:

        def process(before: str = "") -> subprocess.Popen[str]:
            started = subprocess.Popen(
                [sys.executable, "-c", before + FETCH.format(REPO, line.url)],
                env=os.environ | {"HF_HUB_CACHE": str(cache)},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            stack.callback(started.communicate)
            stack.callback(started.kill)
            return started

        yield process


def killed_in_the_middle(line: FaultyLine, process: subprocess.Popen[str]) -> int:
    """Kill it when some of the file is here; how much of it stays."""
    part = hub_cache.partial(connect(line.url).entry(REPO), SHA256)
    deadline = time.monotonic() + 60
    while not (part.exists() and part.stat().st_size > MB):
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert MB < part.stat().st_size < len(CONTENT[HEADS])
    return part.stat().st_size


def asked(line: FaultyLine) -> list[str]:
    found = [seen for seen in line.log if seen.method == "GET" and seen.path.endswith(HEADS)]
    return [seen.headers.get("range", "") for seen in found]


def require_whole(folder: str) -> None:
    for name in (HEADS, "probe.safetensors", "zoo.json"):
        assert Path(folder, name).read_bytes() == CONTENT[name]


@pytest.mark.row(41, 23)
def test_eight_fetch_once_though_one_is_killed_in_the_middle(line: FaultyLine, start) -> None:
    line.on(HEADS, pace=2 * MB)
    first = start()
    deadline = time.monotonic() + 60
    while not asked(line):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    others = [start() for _ in range(7)]
    stayed = killed_in_the_middle(line, first)
    told = [process.communicate(timeout=120) for process in others]
    assert [process.returncode for process in others] == [0] * 7, told
    (folder,) = {out.strip() for out, _ in told}
    require_whole(folder)
    assert asked(line) == ["", f"bytes={stayed}-"]
    assert not hub_cache.partial(connect(line.url).entry(REPO), SHA256).exists()


@pytest.mark.row(40)
def test_a_killed_one_blocks_nobody_where_there_are_no_locks_and_links(
    line: FaultyLine, start
) -> None:
    line.on(HEADS, pace=2 * MB)
    stayed = killed_in_the_middle(line, start(BARE))
    assert list(Path(constants.HF_HUB_CACHE).rglob(f".locks/**/{SHA256}*"))
    following = start(BARE)
    out, err = following.communicate(timeout=60)
    assert following.returncode == 0, err
    require_whole(out.strip())
    assert not any(path.is_symlink() for path in Path(out.strip()).iterdir())
    assert asked(line) == ["", f"bytes={stayed}-"]


@pytest.mark.row(41)
def test_one_that_is_stuck_is_not_waited_for_without_end(
    line: FaultyLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_cache, "PATIENCE", 0.2)
    name = hub_cache.folder(connect(line.url).entry(REPO)).name
    lock = Path(constants.HF_HUB_CACHE, ".locks", name, f"{SHA256}.lock")
    lock.parent.mkdir(parents=True)
    with WeakFileLock(lock), pytest.raises(WriteFailed, match="brings nothing") as failure:
        fetch(REPO, endpoint=line.url)
    assert str(lock) in failure.value.hint
    assert fetch(REPO, endpoint=line.url)
