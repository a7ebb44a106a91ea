"""The largest resident size of a process that fits, against one that runs Trainer."""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.engine.race import Row, Setup

_STATUS = Path("/proc/self/status")  # getrusage would give the parent's peak where that is more
_PEAK = "VmHWM:"


def memory(setup: Setup) -> Iterator[Row]:
    """A full fine-tune and a LoRA of MiniLM, an epoch, each side in a process of its own."""
    for adapter in ("finetune", "lora"):
        sides: dict[str, list[float]] = {"ours": [], "theirs": []}
        for _ in range(setup.rounds):
            for side, found in sides.items():
                found.append(_peak(setup, side, adapter))
        ours, theirs = (statistics.median(sides[side]) for side in ("ours", "theirs"))
        yield Row(
            f"memory of a fit: {adapter} of MiniLM, one epoch",
            "Trainer",
            "<= 1",
            ours / theirs,
            sides["ours"],
            sides["theirs"],
            unit="MB",
        )


def _peak(setup: Setup, side: str, adapter: str) -> float:
    words = [sys.executable, "-m", __name__, str(setup.shared), str(setup.rows), side, adapter]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def _alone(shared: str, rows: str, side: str, adapter: str) -> float:
    """Fit in this process; its peak in MB."""
    from zoo.torchvision_clash import mend_torchvision

    mend_torchvision()
    from benchmarks.engine import texts

    data = texts.sst2(Path(shared), int(rows))
    if side == "ours":
        texts.fit(data, adapter, {}, epochs=1, lr=5e-5)
    else:
        texts.by_trainer(data, epochs=1, lr=5e-5, blocks=None, lora=adapter == "lora")
    (line,) = (line for line in _STATUS.read_text().splitlines() if line.startswith(_PEAK))
    return int(line.split()[1]) / 1024


ROWS = {"memory": memory}

if __name__ == "__main__":
    print(_alone(*sys.argv[1:]))
