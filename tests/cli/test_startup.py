"""Looking at what there is stays cheap."""

import subprocess
import sys

import pytest

from benchmarks.startup import LIMIT, measure

UNNEEDED = ("torch", "timm", "transformers", "peft", "datasets", "numpy", "huggingface_hub",
            "matplotlib", "jinja2", "PIL", "pyarrow")  # fmt: skip


@pytest.mark.parametrize("words", [["--help"], ["backbones", "--json"], ["plugins"]])
def test_looking_imports_nothing_it_does_not_need(words):
    script = (
        "import sys, zoo.cli\n"
        "try:\n"
        f"    zoo.cli.main({words!r})\n"
        "except SystemExit:\n"
        f"    found = [name for name in {UNNEEDED!r} if name in sys.modules]\n"
        "    sys.stderr.write(' '.join(found))\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert ended.returncode == 0
    assert ended.stderr == ""


@pytest.mark.soak
def test_starting_costs_little_more_than_the_libraries_of_the_command_line():
    ratios = measure(rounds=3)
    if max(ratios.values()) > LIMIT:  # a busy machine gets a longer look
        ratios = measure(rounds=15)
    for command, ratio in ratios.items():
        assert ratio <= LIMIT, f"zoo {command} costs {ratio:.2f} times the bare libraries"
