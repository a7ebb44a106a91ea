"""Run rows and write the table: ``python -m benchmarks.engine ../shared [row ...]``."""

from __future__ import annotations

import argparse
import os
import platform
from pathlib import Path

import torch

from benchmarks.engine import race
from zoo.torchvision_clash import mend_torchvision


def main() -> None:
    """Each row that was asked for; every one is kept as soon as it is there."""
    mend_torchvision()
    from benchmarks.engine import images, loading, memory, steps, sweeps, texts

    modules = (texts, images, sweeps, steps, loading, memory)
    groups = {name: group for module in modules for name, group in module.ROWS.items()}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shared", type=Path, help="the folder that holds data/ and hub/")
    parser.add_argument("groups", nargs="*", default=list(groups), help=", ".join(groups))
    parser.add_argument("--rounds", type=int, default=3, help="how often each side is run")
    parser.add_argument("--rows", type=int, default=256, help="rows of data to train on")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument(
        "--clock",
        choices=("wall", "cpu"),
        default="wall",
        help="cpu: what the process computes, for a busy machine; with --threads 1",
    )
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    clock = race.cpu if options.clock == "cpu" else race.wall
    setup = race.Setup(options.shared.resolve(), options.rounds, options.rows, clock)
    about = {
        "torch": torch.__version__,
        "machine": platform.processor() or platform.machine(),
        "threads": options.threads,
        "clock": options.clock,
        "rows": options.rows,
    }
    for name in options.groups:
        for row in groups[name](setup):
            race.keep([row], about)
            print(f"{row.what}: {row.ratio:.2f}, wanted {row.wanted}", flush=True)


if __name__ == "__main__":
    main()
