"""Opens hostile artifacts one after the other and writes down what came of each.

Run as a program, in a process of its own: ``python -m tests.artifact.hostile_runs FOLDER STRIDE DRAWN``.
"""

import contextlib
import ctypes
import io
import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

from tests.artifact.hostile import Case, cases
from tests.artifact.hostile_drawn import drawn

SECONDS = 30  # after which a case counts as hanging


def main(folder: Path, stride: int, count: int) -> None:
    site = _toys(folder / "site")
    sys.path.insert(0, str(site))
    import torch

    import zoo
    from tests.artifact.conftest import toy_model

    good = folder / "good"
    zoo.save(toy_model(), good)
    torch.set_num_threads(1)
    zoo.load(good)  # imports what is imported late
    (folder / "cases").mkdir()
    made = [
        _made(folder / "cases" / str(number), good, case)
        for number, case in enumerate([*cases()[::stride], *drawn(count)])
    ]
    before = _tree(folder)
    with (folder / "outcomes.jsonl").open("w", encoding="utf-8") as out:
        for name, place in made:
            out.write(json.dumps({"name": name, **_outcome(place)}) + "\n")
            out.flush()
    after = _tree(folder)
    strays = sorted(
        path
        for path in before.keys() | after.keys()
        if before.get(path) != after.get(path) and path != "outcomes.jsonl"
    )
    (folder / "strays.json").write_text(json.dumps(strays))


def _toys(site: Path) -> Path:
    from tests.artifact.conftest import HOOKS
    from tests.plugin_site import PluginSite

    site.mkdir()
    PluginSite(site).add("zoo-toys", HOOKS)
    shutil.copy(Path(__file__).with_name("toy_parts.py"), site)
    return site


def _made(place: Path, good: Path, case: Case) -> tuple[str, Path]:
    name, spoil = case
    shutil.copytree(good, place)
    spoil(place)
    return name, place


def _outcome(place: Path) -> dict[str, Any]:
    """How opening a case ended, what it cost, and what the command line said of it."""
    import zoo
    from zoo.errors import ZooError

    def hanging(*_: object) -> None:
        raise TimeoutError("hangs")

    signal.signal(signal.SIGALRM, hanging)
    signal.alarm(SECONDS)
    resident = _forget_peak()
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        zoo.load(place)
        kind, said = "accepted", ""
    except ZooError as err:
        kind, said = type(err).__name__, str(err)
    except BaseException as err:
        kind, said = f"crash: {type(err).__name__}", str(err)[:500]
    cost = {
        "seconds": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "megabytes": (_memory("VmHWM") - resident) / 1024,
    }
    shown = _shown(place)
    signal.alarm(0)
    return {"kind": kind, "said": said, "shown": shown, **cost}


def _shown(place: Path) -> dict[str, Any]:
    """What `zoo show` makes of it: all of it may be untrue, none of it may do anything."""
    from zoo.cli import main as command

    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            command(["show", str(place)])
            code: object = None
        except SystemExit as end:
            code = end.code
    return {"code": code, "text": out.getvalue() + err.getvalue()}


def _forget_peak() -> int:
    """Start measuring the peak anew; returns what is resident now, in KiB.

    Memory that was freed and kept for later would hide what a case takes.
    """
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    return _memory("VmRSS")


def _memory(key: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key))


def _tree(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file below ``folder`` and when it was last written to."""
    found = {}
    for at, folders, names in os.walk(folder):
        for name in (*folders, *names):
            path = Path(at, name)
            if "__pycache__" not in path.parts:
                state = path.lstat()
                found[str(path.relative_to(folder))] = (state.st_size, state.st_mtime_ns)
    found.pop(".", None)
    return {path: state for path, state in found.items() if not (folder / path).is_dir()}


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
