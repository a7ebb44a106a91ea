"""Save, push, pull and lock, be killed at a random moment, and look at what is left. A script.

One process imports everything and forks a child for each try; it speaks to nobody while a child
runs, and has one thread. Prints JSON with what was found.

    python tests/soak/kills.py URL FOLDER KILLS SEED
"""

import abc
import hashlib
import json
import os
import random
import shutil
import signal
import sys
import threading
import time
import traceback
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import torch
from huggingface_hub import constants

import zoo
from zoo.artifact.load import open_artifact
from zoo.artifact.manifest import digest_of, manifest_bytes, parse_manifest
from zoo.hub import lock, preflight
from zoo.hub.lock_file import read_lock
from zoo.hub.push import push


class Bad(Exception):
    """A state that nobody should see."""


def model(seed: int) -> zoo.ComposedModel:
    made = zoo.compose("digits", "linear-probe", zoo.task("classification", labels=["a", "b"]))
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in made.trainable().values():
            parameter.add_(torch.randn_like(parameter))
    return made


class Work(abc.ABC):
    """Something that is done over and over, between two states of which either is whole."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder
        self.sources = [folder / "source" / "a", folder / "source" / "b"]
        self.digests = [digest_of(manifest_bytes(path)) for path in self.sources]
        self.place = folder / type(self).__name__
        self.place.mkdir()
        self.cache = self.place / "cache"
        self.wanted = 0

    @abc.abstractmethod
    def do(self) -> None:
        """Bring about the state ``wanted``."""

    @abc.abstractmethod
    def state(self) -> int | None:
        """Which of the two there is, ``None`` for nothing yet; raises :class:`Bad` for any other."""

    def begin(self) -> None:
        """Before each try."""
        self.wanted = 1 - (self.state() or 0)

    def end(self) -> None:
        """After the attempt that nobody killed; raises :class:`Bad`."""

    def known(self, digest: str) -> int:
        if digest not in self.digests:
            raise Bad(f"an artifact that nobody made: {digest}")
        return self.digests.index(digest)


class Save(Work):
    def __init__(self, url: str, folder: Path) -> None:
        super().__init__(url, folder)
        self.models = [zoo.load(path) for path in self.sources]
        self.target = self.place / "artifact"
        for number, each in enumerate(self.models):
            zoo.save(each, self.target)
            self.digests[number] = digest_of(manifest_bytes(self.target))

    def do(self) -> None:
        zoo.save(self.models[self.wanted], self.target)

    def state(self) -> int | None:
        open_artifact(self.target)
        return self.known(digest_of(manifest_bytes(self.target)))

    def end(self) -> None:
        require_only(self.place, {"artifact"})


class Push(Work):
    repo = "me/pushed"
    commits = 0

    def begin(self) -> None:
        super().begin()
        self.commits = self.count()
        self.before = {path: path.read_bytes() for path in self.sources[self.wanted].iterdir()}

    def do(self) -> None:
        push(self.sources[self.wanted], self.repo, endpoint=self.url)

    def state(self) -> int | None:
        content = get(f"{self.url}/{self.repo}/resolve/main/zoo.json")
        if content is None:
            return None
        for name, entry in parse_manifest(content, "there").files.items():
            found = get(f"{self.url}/{self.repo}/resolve/main/{name}")
            if found is None or hashlib.sha256(found).hexdigest() != entry.sha256:
                raise Bad(f"{name} is not the file of the manifest beside it")
        return self.known(digest_of(content))

    def count(self) -> int:
        told = get(f"{self.url}/api/models/{self.repo}/commits/main")
        return len(json.loads(told)) if told else 1  # making a repo makes its first

    def end(self) -> None:
        if self.count() != self.commits + 1:
            raise Bad(f"{self.count() - self.commits} commits for one push")
        if any(path.read_bytes() != content for path, content in self.before.items()):
            raise Bad("a file of the artifact changed")


class Pull(Work):
    def __init__(self, url: str, folder: Path) -> None:
        super().__init__(url, folder)
        self.target = self.place / "copy"

    def begin(self) -> None:
        super().begin()
        shutil.rmtree(self.cache, ignore_errors=True)

    def do(self) -> None:
        revision = "ab"[self.wanted]
        zoo.pull("me/source", revision=revision, folder=self.target, force=True, endpoint=self.url)

    def state(self) -> int | None:
        for file in self.cache.glob("*/snapshots/*/*"):
            if hashlib.sha256(file.read_bytes()).hexdigest() != file.resolve().name:
                raise Bad(f"{file.name} in the cache is half a file")
        if not self.target.exists():
            return None
        open_artifact(self.target)
        return self.known(digest_of(manifest_bytes(self.target)))

    def end(self) -> None:
        require_only(self.place, {"copy", "cache"})


class Lock(Work):
    def do(self) -> None:
        lock.add("me/source", "ab"[self.wanted], lock=self.file, endpoint=self.url)

    @property
    def file(self) -> Path:
        return self.place / "zoo.lock"

    def state(self) -> int | None:
        if not self.file.exists():
            return None
        return self.known(read_lock(self.file).artifacts["me/source"].digest)

    def end(self) -> None:
        require_only(self.place, {"zoo.lock", "cache"})


def require_only(folder: Path, names: set[str]) -> None:
    left = {path.name for path in folder.iterdir()} - names
    if left:
        raise Bad(f"left behind: {sorted(left)}")


def get(url: str) -> bytes | None:
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return bytes(answer.read())
    except urllib.error.HTTPError as err:
        if err.code == 404:
            return None
        raise


def in_child(work: Callable[[], None], cache: Path) -> int:
    """Start it; the child's id."""
    child = os.fork()
    if child == 0:
        try:
            constants.HF_HUB_CACHE = str(cache)
            work()
        except BaseException:
            os.write(2, traceback.format_exc().encode())
            os._exit(1)
        os._exit(0)
    return child


def finish(work: Work) -> float:
    """Let it be done; how long that took."""
    start = time.monotonic()
    _, status = os.waitpid(in_child(work.do, work.cache), 0)
    if status:
        raise Bad("the attempt that nobody killed failed")
    return time.monotonic() - start


def kill(work: Work, after: float) -> bool:
    """Start it and kill it; whether it was still at work."""
    child = in_child(work.do, work.cache)
    time.sleep(after)
    os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def one_round(work: Work, chance: random.Random, took: float, found: Counter[str]) -> float:
    work.begin()
    old = work.state()
    hit = kill(work, chance.random() * took)
    found["killed" if hit else "done before"] += 1
    now = work.state()
    if now not in (old, work.wanted):
        raise Bad(f"state {now}, neither {old} nor {work.wanted}")
    found["new" if now == work.wanted else "old"] += 1
    took = finish(work)
    if work.state() != work.wanted:
        raise Bad("the next attempt did not bring it about")
    work.end()
    return took


def main(url: str, folder: Path, kills: int, seed: int) -> None:
    torch.set_num_threads(1)
    preflight.is_clean = lambda: True  # else most kills would hit another process that only reads
    for number, name in enumerate("ab"):
        zoo.save(model(number), folder / "source" / name)
        # With the imports that each child would otherwise repeat.
        constants.HF_HUB_CACHE = str(folder / "warm")
        push(folder / "source" / name, "me/source", branch=name, endpoint=url)
        lock.add("me/source", name, lock=folder / "warm.lock", endpoint=url)
        zoo.pull("me/source", revision=name, endpoint=url)
    assert threading.active_count() == 1
    chance, started = random.Random(seed), time.monotonic()
    report: dict[str, dict[str, object]] = {}
    for kind in (Save, Push, Pull, Lock):
        work, found, bad = kind(url, folder), Counter(), []
        work.begin()
        took = finish(work)
        while found["killed"] < kills // 4 and len(bad) < 10:
            try:
                took = (3 * took + one_round(work, chance, took, found)) / 4
            except Exception as err:
                bad.append(f"{type(err).__name__}: {err}")
        report[kind.__name__.lower()] = {**found, "bad": bad, "seconds_each": round(took, 3)}
    report["all"] = {"seconds": round(time.monotonic() - started)}
    sys.stdout.write(json.dumps(report))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
