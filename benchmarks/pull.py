"""Pulling 1 GiB: zoo, which hashes what comes, against the client library, which does not.

Both take the same files from the same hub over loopback, in turn, each time in a fresh process with
an empty cache; what counts is the median of each. Memory is the most that the process held, above
what it held before, as Linux counts it. Then what a second pull and a second push send::

    python benchmarks/pull.py [FOLDER]

The folder, by default a temporary one, needs 4 GiB.
"""

import collections
import hashlib
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from huggingface_hub import constants

import zoo
from zoo.artifact.manifest import MANIFEST
from zoo.hub.push import push
from zoo.hub.server import EmbeddedHub

SIZES = (600 << 20, 300 << 20, 100 << 20, 20 << 20, 4 << 20)
LEAST_RATIO = 0.9
MOST_MEMORY = 200 << 20
REPO = "bench/large"

_SERVE = """
import sys, time
from zoo.hub.server import EmbeddedHub
with EmbeddedHub(sys.argv[1]) as hub:
    print(hub.url, flush=True)
    sys.stdin.read()
"""
_TIMED = """
import json, time, torch
from pathlib import Path
from huggingface_hub import snapshot_download
from zoo.hub.fetch import fetch
from zoo.hub.client import connect

connect({url!r}).ask("/api/models/{repo}")  # what the library imports with its first request

def memory(kind):
    lines = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines[kind].split()[0]) << 10

Path("/proc/self/clear_refs").write_text("5")  # the most that it held is what it holds now
before = memory("VmRSS")
start = time.perf_counter()
{work}
seconds = time.perf_counter() - start
print(json.dumps([seconds, memory("VmHWM") - before]))
"""
WORK = {
    "zoo": "fetch({repo!r}, endpoint={url!r})",
    "snapshot_download": "snapshot_download({repo!r}, endpoint={url!r})",
}


def write_artifact(folder: Path, sizes: tuple[int, ...] = SIZES) -> None:
    """An artifact of random bytes: it can be fetched and checked, and not be opened."""
    small = zoo.compose("digits", "linear-probe", zoo.task("classification", labels=["a", "b"]))
    zoo.save(small, folder)
    manifest = json.loads((folder / MANIFEST).read_text())
    chance = random.Random(0)
    for number, size in enumerate(sizes):
        path, digest = folder / f"weights-{number}.safetensors", hashlib.sha256()
        with path.open("wb") as stream:
            for start in range(0, size, 1 << 20):
                piece = chance.randbytes(min(1 << 20, size - start))
                digest.update(piece)
                stream.write(piece)
        manifest["files"][path.name] = {"sha256": digest.hexdigest(), "size": size}
    (folder / MANIFEST).write_text(json.dumps(manifest))


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a hub in a process of its own."""
    command = [sys.executable, "-c", _SERVE, str(folder)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def timed(name: str, url: str, home: Path) -> tuple[float, int]:
    """Seconds, and bytes of memory above those before, of one pull into an empty cache."""
    shutil.rmtree(home, ignore_errors=True)
    script = _TIMED.format(url=url, repo=REPO, work=WORK[name].format(url=url, repo=REPO))
    environment = {**os.environ, "HF_HOME": str(home), "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    ran = subprocess.run(
        [sys.executable, "-c", script], env=environment, check=True, capture_output=True, text=True
    )
    seconds, memory = json.loads(ran.stdout)
    return seconds, memory


def measure(
    folder: Path, rounds: int = 5, sizes: tuple[int, ...] = SIZES
) -> dict[str, list[tuple[float, int]]]:
    """What each pull took, round by round."""
    write_artifact(folder / "hub" / REPO, sizes)
    found: dict[str, list[tuple[float, int]]] = collections.defaultdict(list)
    with served(folder / "hub") as url:
        timed("zoo", url, folder / "home")  # the hub hashes its files when first asked
        for each in range(rounds):
            for name in sorted(WORK, reverse=bool(each % 2)):
                found[name].append(timed(name, url, folder / "home"))
    return found


def again(folder: Path) -> dict[str, int]:
    """Requests and bytes of what is done a second time, and of a push where only the card differs."""
    artifact = folder / "artifact"
    model = zoo.compose("digits", "linear-probe", zoo.task("classification", labels=["a", "b"]))
    zoo.save(model, artifact)
    found: dict[str, int] = {}
    with EmbeddedHub(folder / "own") as hub:
        commit = push(artifact, "me/small", endpoint=hub.url).commit
        for revision in (None, commit):
            zoo.pull("me/small", revision=revision, endpoint=hub.url)
            hub.log.clear()
            zoo.pull("me/small", revision=revision, endpoint=hub.url)
            found[f"requests, {'commit' if revision else 'branch'} pulled again"] = len(hub.log)
        hub.log.clear()
        same = push(artifact, "me/small", endpoint=hub.url)
        found["bytes, pushed again"] = sum(r.bytes_in for r in hub.log)
        found["commits, pushed again"] = int(same.commit != commit)
        card = artifact / "README.md"
        card.write_text(card.read_text() + "\nMore.\n")
        found["files, only the card changed"] = len(
            push(artifact, "me/small", endpoint=hub.url).changed
        )
    return found


def main() -> None:
    place = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    with tempfile.TemporaryDirectory(dir=place) as temporary:
        folder = Path(temporary)
        found = measure(folder)
        median = {n: statistics.median(s for s, _ in runs) for n, runs in found.items()}
        size = sum(SIZES) / (1 << 20)
        for name, runs in found.items():
            most = max(memory for _, memory in runs) >> 20
            each = ", ".join(f"{seconds:.2f}" for seconds, _ in runs)
            print(f"{name:<18} {size / median[name]:7.0f} MiB/s  {most:4} MiB  ({each} s)")
        ratio = median["snapshot_download"] / median["zoo"]
        constants.HF_HUB_CACHE = str(folder / "cache")
        print(f"zoo's throughput is {ratio:.2f} of the library's (at least {LEAST_RATIO})")
        for what, count in again(folder).items():
            print(f"{count:3} {what}")


if __name__ == "__main__":
    main()
