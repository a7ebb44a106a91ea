"""Entry points of installed distributions, found without importing anything of theirs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import (
    Distribution,
    EntryPoint,
    PackageNotFoundError,
    distributions,
    requires,
)
from pathlib import Path

from zoo.host.record import PluginRecord

GROUP = "zoo"
_UNKNOWN = "(unknown)"


@dataclass(frozen=True)
class Found:
    """A plugin before it is loaded; ``point`` is ``None`` where its metadata cannot be read."""

    record: PluginRecord
    point: EntryPoint | None


def installed_plugins() -> list[Found]:
    """The plugins of all installed distributions, by name.

    A distribution that is on the path twice counts once, as the one that Python imports.
    """
    found: dict[str, list[Found]] = {}
    for distribution in distributions():
        try:
            text = distribution.read_text("entry_points.txt") or ""
            # Most distributions end here: no name, no version, nothing parsed.
            if f"[{GROUP}]" not in text:
                continue
            name, version = _identity(distribution)
            key = name.lower().replace("_", "-")
            if key not in found or name == _UNKNOWN:
                points = distribution.entry_points.select(group=GROUP)
                found.setdefault(key, []).extend(_of(point, name, version) for point in points)
        except Exception as err:
            path = Path(str(getattr(distribution, "_path", _UNKNOWN)))
            name = path.name.partition("-")[0]
            record = PluginRecord(name, name, "?")
            record.break_with(
                f"its metadata cannot be read: {type(err).__name__}: {err}",
                f"Install it anew, or remove {path}.",
            )
            found.setdefault(name, []).append(Found(record, None))
    return _sorted(plugin for plugins in found.values() for plugin in plugins)


def given_plugins(points: Iterable[EntryPoint]) -> list[Found]:
    """Plugins of these entry points, by name."""
    identified = (
        (point, *(_identity(point.dist) if point.dist else (_UNKNOWN, "?"))) for point in points
    )
    return _sorted(_of(point, name, version) for point, name, version in identified)


def own_distributions() -> frozenset[str]:
    """The distributions of zoo's own plugins: those that its extra ``all`` installs."""
    try:
        lines = requires("zoo") or []
    except PackageNotFoundError:  # on the path and not installed
        return frozenset()
    pattern = re.compile(r"([\w.-]+).*extra == ['\"]all['\"]")
    return frozenset(match[1] for line in lines if (match := pattern.match(line)))


def _of(point: EntryPoint, distribution: str, version: str) -> Found:
    return Found(PluginRecord(point.name, distribution, version, module=point.value), point)


def _sorted(plugins: Iterable[Found]) -> list[Found]:
    return sorted(plugins, key=lambda p: (p.record.name, p.record.distribution))


def _identity(distribution: Distribution) -> tuple[str, str]:
    """Name and version; importlib.metadata parses the whole file as an e-mail for each of them."""
    text = distribution.read_text("METADATA") or distribution.read_text("PKG-INFO") or ""
    fields = dict(_fields(text))
    return fields.get("name", _UNKNOWN), fields.get("version", "?")


def _fields(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        if not line.strip():
            return  # what follows is the description
        key, colon, value = line.partition(":")
        if colon and key.lower() in ("name", "version"):
            yield key.lower(), value.strip()
