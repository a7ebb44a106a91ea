"""Which plugins may be loaded, and how the host treats them: environment and ``registry.toml``.

A plugin that any place disables is disabled, and one that any list of allowed plugins leaves out as
well: a project can only tighten what its user allows.
"""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from zoo import layers
from zoo.errors import BadSetting

DISABLE, ALLOW = "ZOO_DISABLE_PLUGINS", "ZOO_ALLOW_PLUGINS"
STRICT, TRACE, TIMEOUT = "ZOO_STRICT", "ZOO_TRACE", "ZOO_PLUGIN_TIMEOUT"
LIMIT = 5.0  # hook modules import nothing heavy: milliseconds are usual


@dataclass(frozen=True)
class Rule:
    """What one place says of plugins; names are of plugins or distributions and may have ``*``.

    Attributes:
        place: where it is written.
        disable: never loaded.
        allow: where given, nothing else is loaded.
    """

    place: str
    disable: tuple[str, ...] = ()
    allow: tuple[str, ...] | None = None

    def forbids(self, plugin: str, distribution: str) -> bool:
        """Whether a plugin may not be loaded."""
        if _matches(self.disable, plugin, distribution):
            return True
        return self.allow is not None and not _matches(self.allow, plugin, distribution)


@dataclass(frozen=True)
class Switches:
    """How a host treats plugins.

    Attributes:
        rules: what may be loaded; each must agree.
        strict: raise the first failure of a plugin instead of recording it.
        trace: tell of every load and every call of a hook on stderr.
        limit: seconds that a hook module may take to import, or a hook that describes to answer;
            0 is no limit.
    """

    rules: tuple[Rule, ...] = ()
    strict: bool = False
    trace: bool = False
    limit: float = LIMIT

    def forbidden_by(self, plugin: str, distribution: str) -> str:
        """The place that forbids a plugin; empty where none does."""
        found = (rule.place for rule in self.rules if rule.forbids(plugin, distribution))
        return next(found, "")

    def strangers(self, known: Collection[str]) -> list[tuple[str, str]]:
        """Places, each with a name that it gives and that fits none of the ``known``."""
        return [
            (rule.place, name)
            for rule in self.rules
            for name in (*rule.disable, *(rule.allow or ()))
            if "*" not in name and not _matches((name,), *known)
        ]


def current() -> Switches:
    """The switches in force for this process.

    Raises:
        BadSetting: ``ZOO_PLUGIN_TIMEOUT`` is no number of seconds.
        RegistryInvalid: a ``registry.toml`` cannot be used.
    """
    return Switches(
        rules=tuple(_rules()),
        strict=_is_set(STRICT),
        trace=_is_set(TRACE),
        limit=_limit(os.environ.get(TIMEOUT, "")),
    )


def _rules() -> Iterator[Rule]:
    disable, allow = os.environ.get(DISABLE, ""), os.environ.get(ALLOW, "")
    if disable.strip():
        yield Rule(f"{DISABLE} or --disable-plugins", disable=_names(disable))
    if allow.strip():
        yield Rule(f"{ALLOW} or --allow-plugins", allow=_names(allow))
    for path in layers.paths():
        table = layers.read(path).get("plugins", {})
        if table:
            allowed = tuple(table["allow"]) if "allow" in table else None
            yield Rule(str(path), disable=tuple(table.get("disable", ())), allow=allowed)


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.replace(",", " ").split())


def _matches(patterns: tuple[str, ...], *names: str) -> bool:
    plain = [_plain(name) for name in names]
    return any(fnmatchcase(name, _plain(pattern)) for pattern in patterns for name in plain)


def _plain(name: str) -> str:
    """Distributions are one and the same with ``-``, ``_`` and ``.``, in either case."""
    return name.lower().replace("_", "-").replace(".", "-")


def _is_set(name: str) -> bool:
    return os.environ.get(name, "").strip().lower() not in ("", "0", "false", "no")


def _limit(text: str) -> float:
    if not text.strip():
        return LIMIT
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not (math.isfinite(seconds) and seconds >= 0):
        raise BadSetting(
            f"{TIMEOUT}={text[:40]!r} is not a number of seconds.",
            hint=f"For example `{TIMEOUT}=30`; 0 is no limit.",
        )
    return seconds
