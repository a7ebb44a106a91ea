"""``zoo doctor``: is everything there, does it fit together, and what mends what does not."""

from __future__ import annotations

from dataclasses import asdict

import typer

from zoo.cli.options import Json
from zoo.cli.output import emit_json, emit_table, one_line, say

_BROKEN = 1


def doctor(as_json: Json = False) -> None:
    """Check the installation: versions, hub, caches, plugins. Ends with 1 where something is broken."""
    from zoo.cli import checks

    parts = (
        checks.zoo_itself,
        checks.torch_pair,
        checks.registry_files,
        checks.hub,
        checks.caches,
        checks.plugins,
    )
    found = [check for part in parts for check in part()]
    broken = [check for check in found if check.status == "broken"]
    if as_json:
        emit_json({"ok": not broken, "checks": [asdict(check) for check in found]})
    else:
        emit_table(
            ("check", "status", "what was found"), [(c.name, c.status, c.detail) for c in found]
        )
        for check in broken:
            say(f"To mend {check.name}: {one_line(check.remedy)}")
    if broken:
        raise typer.Exit(_BROKEN)
