"""A repo's .gitignore, as the hub reads it: git itself is asked what it should say."""

import subprocess
from pathlib import Path

import pytest

from zoo.hub.server.ignored import ignores

PATHS = ("a.md", "b/a.md", "b/c/d.bin", "b.bin", "notes/x", "x/notes/y", "#", "[a].txt", "a.txt")
RULES = (
    "*.md",
    "/a.md",
    "b/",
    "b/*.md",
    "**/d.bin",
    "b/**",
    "notes",
    "/notes/\n!notes/x",
    "*\n!*.bin",
    "# a.md\n\n*.bin",
    "[ab].*",
    "?.md",
    "",
)


@pytest.mark.parametrize("rules", RULES)
def test_it_says_what_git_says(tmp_path: Path, rules: str) -> None:
    (tmp_path / ".gitignore").write_text(rules)
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    asked = subprocess.run(
        ["git", "-C", tmp_path, "check-ignore", "--no-index", *PATHS],
        capture_output=True,
        text=True,
    )
    assert [path for path in PATHS if ignores(rules, path)] == asked.stdout.splitlines()
