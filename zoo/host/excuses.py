"""Why a name that nobody provides may be one that a plugin could not be asked for."""

from __future__ import annotations

from collections.abc import Sequence

from zoo.host.record import PluginRecord

RESOLVE = "zoo_resolve_backbone"
_NAMED = 8


def excuse(kind: str, name: str, records: Sequence[PluginRecord]) -> str:
    """The likeliest plugin to have had it and why it did not say so, and which others may have.

    Args:
        kind: of what was asked for, e.g. ``backbone``.
        name: what was asked for.
        records: every plugin found.

    Returns:
        One line, empty where every plugin was asked.
    """

    def unlikely(record: PluginRecord) -> tuple[bool, bool, bool]:
        namespace = f"{name.partition(':')[0]}:"
        owns = kind == "backbone" and any(p.startswith(namespace) for p in record.provides)
        broke_on_it = kind == "backbone" and record.reason.startswith(RESOLVE)
        return not owns, not broke_on_it, not record.needs_mending

    silent = sorted((record for record in records if record.excuse), key=unlikely)
    if not silent:
        return ""
    first, *others = silent
    if not others:
        return first.excuse
    named = [f"{record.distribution} ({record.status})" for record in others[:_NAMED]]
    rest = len(others) - len(named)
    more = f" and {rest} more" if rest else ""
    return f"{first.excuse.rstrip('.')}. So may {', '.join(named)}{more}: `zoo plugins` says why."


def lacking(record: PluginRecord) -> str:
    """Why a plugin's distribution does not provide what an artifact says came from it."""
    return record.excuse or (
        f"{record.distribution} {record.version} is installed and has no such name; another "
        f"version may: `pip install --upgrade {record.distribution}`."
    )
