"""Hooks, and arguments of hooks, that there are none of: which was meant."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Sequence

from zoo import hookspecs

_PAGE = "See docs/plugins/hooks.md."


def hook_meant(hook: str) -> str:
    """What helps whoever implements a hook of that name, which zoo has not."""
    hooks = [name for name in vars(hookspecs) if name.startswith("zoo_")]
    return f"{_meant(hook, hooks) or 'It may be for another zoo.'} {_PAGE}"


def foreign_argument(thing: object) -> tuple[str, str] | None:
    """The first argument that an implementation asks for and its hook has not, and what helps.

    Args:
        thing: the hook module.
    """
    for hook, spec in vars(hookspecs).items():
        function = getattr(thing, hook, None) if hook.startswith("zoo_") else None
        if not inspect.isfunction(function):
            continue
        known = list(inspect.signature(spec).parameters)
        for name in inspect.signature(function).parameters:
            if name not in known:
                takes = f"It takes {', '.join(known)}." if known else "It takes none."
                return f"{hook} has no argument {name!r}", f"{_meant(name, known) or takes} {_PAGE}"
    return None


def _meant(name: str, names: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, names, n=1)
    return f"Did its author mean {near[0]!r}?" if near else ""
