"""Runs the corpus of hostile artifacts in a process of its own, and says what must have come of it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

SECONDS, MEGABYTES = 1.0, 300.0
LONGEST = 20_000  # characters that the command line may answer with


def run(folder: Path, checkout: Path, *, stride: int, drawn: int) -> list[dict[str, Any]]:
    """Open every ``stride``-th case made by hand and ``drawn`` drawn ones, and look at the outcomes."""
    folder.mkdir()
    ended = subprocess.run(
        [sys.executable, "-m", "tests.artifact.hostile_runs", str(folder), str(stride), str(drawn)],
        cwd=checkout,
        env={
            **os.environ,
            "HF_HUB_OFFLINE": "1",
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "OMP_NUM_THREADS": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    assert json.loads((folder / "strays.json").read_text()) == []
    assert not list(folder.rglob("canary"))
    outcomes = [json.loads(line) for line in (folder / "outcomes.jsonl").open(encoding="utf-8")]
    for outcome in outcomes:
        _require_refused(outcome)
    return outcomes


def _require_refused(outcome: dict[str, Any]) -> None:
    name, shown = outcome["name"], outcome["shown"]
    assert outcome["kind"] != "accepted", name
    assert not outcome["kind"].startswith("crash"), (name, outcome)
    # Of a machine that is busy, only the processor's time says anything.
    assert outcome["cpu"] < SECONDS, (name, outcome["cpu"])
    assert outcome["megabytes"] < MEGABYTES, (name, outcome["megabytes"])
    assert len(outcome["said"].splitlines()) <= 2, (name, outcome["said"])
    assert shown["code"] in (0, None, 1, 2), (name, shown)
    assert "bug in zoo" not in shown["text"], (name, shown)
    assert len(shown["text"]) < LONGEST, name
    for text in (outcome["said"], shown["text"]):
        assert all(c in "\n\t" or c.isprintable() for c in text), (name, text)
