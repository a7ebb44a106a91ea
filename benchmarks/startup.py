"""What `zoo` costs to start, against importing typer, rich, pydantic and pluggy alone.

The figure is the sum of the import times that `python -X importtime` reports. Both sides are run in
turn for several rounds, and each module counts with its least time, so that a busy machine does not
decide. Run it with the Python of an environment in which zoo is installed::

    python benchmarks/startup.py
"""

import re
import subprocess
import sys

BARE = "import typer, rich, pydantic, pluggy"
COMMANDS = {"--help": ["--help"], "backbones --json": ["backbones", "--json"]}
LIMIT = 2.5

_LINE = re.compile(r"import time:\s*(\d+) \|\s*\d+ \|\s*(\S+)")


def import_times(script: str) -> dict[str, int]:
    """Microseconds that a fresh interpreter spends on each module while it runs ``script``."""
    command = [sys.executable, "-X", "importtime", "-c", script]
    report = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    return {module: int(time) for time, module in _LINE.findall(report)}


def measure(rounds: int = 7) -> dict[str, float]:
    """The cost of each command as a multiple of the bare libraries."""
    scripts = {name: f"import zoo.cli; zoo.cli.main({words!r})" for name, words in COMMANDS.items()}
    scripts[BARE] = BARE
    least: dict[str, dict[str, int]] = {name: {} for name in scripts}
    for _ in range(rounds):
        for name, script in scripts.items():
            for module, time in import_times(script).items():
                least[name][module] = min(time, least[name].get(module, time))
    costs = {name: sum(times.values()) for name, times in least.items()}
    return {name: costs[name] / costs[BARE] for name in COMMANDS}


if __name__ == "__main__":
    for name, ratio in measure().items():
        print(f"zoo {name:<18} {ratio:.2f} times the bare libraries (at most {LIMIT})")
