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
    wrong = {outcome["name"]: what for outcome in outcomes if (what := _wrong(outcome))}
    assert wrong == {}
    return outcomes


def _wrong(outcome: dict[str, Any]) -> list[Any]:
    """What is not as it should be of a refusal."""
    kind, said, shown = outcome["kind"], outcome["said"], outcome["shown"]
    texts = (said, shown["text"])
    held = {
        "kind": kind != "accepted" and not kind.startswith("crash"),
        # Of a machine that is busy, only the processor's time says anything.
        "cpu": outcome["cpu"] < SECONDS,
        "megabytes": outcome["megabytes"] < MEGABYTES,
        "said": len(said.splitlines()) <= 2,
        "shown": shown["code"] in (0, None, 1, 2)
        and "bug in zoo" not in shown["text"]
        and len(shown["text"]) < LONGEST
        and all(c in "\n\t" or c.isprintable() for text in texts for c in text),
    }
    return [(what, outcome[what]) for what, holds in held.items() if not holds]
