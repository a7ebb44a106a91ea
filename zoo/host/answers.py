"""What hooks answered: whether it is what they were asked for, and if not, what is wrong with it.

All of it runs where the plugin's code runs, since looking at an answer can run a plugin's code.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zoo.host.record import PluginRecord, S


def specs_of(hook: str, kind: type[S], _: PluginRecord, answer: Any) -> tuple[list[S], str]:
    """The specs in an answer up to the first that is none, and what is wrong with that one."""
    if not isinstance(answer, Sequence) or isinstance(answer, str):
        return [], f"{hook} returned {type(answer).__name__}, not a list of specs"
    specs: list[S] = []
    for spec in answer:
        # Specs are data: what a subclass does when it is looked at would end every listing.
        if type(spec) is not kind:
            return specs, f"{hook} returned {type(spec).__name__}, not {kind.__name__}"
        specs.append(spec)
    return specs, ""


def spec_of(
    hook: str, kind: type[S], name: str, _: PluginRecord, answer: Any
) -> tuple[S | None, str]:
    """The spec of that name, or what is wrong with the answer."""
    if type(answer) is not kind:
        return None, f"{hook} returned {type(answer).__name__}, not {kind.__name__}"
    if answer.name != name:
        return None, f"{hook} was asked for {name!r} and described {answer.name!r}"
    return answer, ""


def reason_of(_: PluginRecord, answer: Any) -> str:
    """A reason to refuse, as plain text; an answer that is none refuses too."""
    if isinstance(answer, str):
        return str.__str__(answer)
    return f"returned {type(answer).__name__}, not a reason"


def nothing_of(_: PluginRecord, answer: Any) -> None:
    """Of a hook that is only told something."""
