"""What `zoo` costs to start, against importing typer, rich, pydantic and pluggy alone.

The figure is the sum of all import times that `python -X importtime` reports, the least of several
rounds, taken in turn so that a busy machine slows both sides. Run it with the Python of an
environment in which zoo is installed::

    python benchmarks/startup.py
"""

import re
import subprocess
import sys

BARE = "import typer, rich, pydantic, pluggy"
COMMANDS = {"--help": ["--help"], "backbones --json": ["backbones", "--json"]}
LIMIT = 2.5

_LINE = re.compile(r"import time:\s*(\d+) \|")


def import_time(script: str) -> int:
    """Microseconds that a fresh interpreter spends importing while it runs ``script``."""
    command = [sys.executable, "-X", "importtime", "-c", script]
    report = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    return sum(map(int, _LINE.findall(report)))


def measure(rounds: int = 9) -> dict[str, float]:
    """The cost of each command as a multiple of the bare libraries."""
    scripts = {name: f"import zoo.cli; zoo.cli.main({words!r})" for name, words in COMMANDS.items()}
    times: dict[str, list[int]] = {name: [] for name in ("", *scripts)}
    for _ in range(rounds):
        times[""].append(import_time(BARE))
        for name, script in scripts.items():
            times[name].append(import_time(script))
    return {name: min(times[name]) / min(times[""]) for name in scripts}


if __name__ == "__main__":
    for name, ratio in measure().items():
        print(f"zoo {name:<18} {ratio:.2f} times the bare libraries (at most {LIMIT})")
