"""What a repo's .gitignore names: clients ask, and leave such files out of a commit."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

GITIGNORE = ".gitignore"


def ignores(text: str, path: str) -> bool:
    """Whether git would not take ``path``: a rule names it, or a folder that it is in."""
    lines = (line.strip() for line in text.splitlines())
    rules = [line for line in lines if line and not line.startswith("#")]
    parts = path.split("/")
    return any(
        _decide(rules, parts[:depth], folder=depth < len(parts))
        for depth in range(1, len(parts) + 1)
    )


def _decide(rules: Sequence[str], parts: Sequence[str], *, folder: bool) -> bool:
    """What the last rule says that names these very parts."""
    for rule in reversed(rules):
        if (folder or not rule.endswith("/")) and _fits(_wanted(rule), parts):
            return not rule.startswith("!")
    return False


def _wanted(rule: str) -> list[str]:
    rule = rule.removeprefix("!").rstrip("/")
    return rule.lstrip("/").split("/") if "/" in rule else ["**", rule]


def _fits(wanted: Sequence[str], parts: Sequence[str]) -> bool:
    if not wanted:
        return not parts
    if wanted[0] == "**":
        return _fits(wanted[1:], parts) or (bool(parts) and _fits(wanted, parts[1:]))
    return bool(parts) and fnmatchcase(parts[0], wanted[0]) and _fits(wanted[1:], parts[1:])
