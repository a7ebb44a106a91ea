"""``zoo plugins``: what is installed, and what is wrong with it."""

from __future__ import annotations

from zoo.cli import describe
from zoo.cli.options import Json
from zoo.cli.output import emit_json, emit_table, one_line, say


def plugins(as_json: Json = False) -> None:
    """List plugins, and say what is wrong with those that are broken."""
    from zoo import switches
    from zoo.cli import COMMANDS, extensions
    from zoo.host import installed

    host = installed()
    extensions.refuse_hiding(host, COMMANDS)
    records = host.plugins
    if as_json:
        emit_json([describe.plugin(record) for record in records])
        return
    emit_table(
        ("plugin", "distribution", "version", "status", "load", "provides"),
        [
            (
                record.name,
                record.distribution,
                record.version,
                record.status,
                f"{1000 * record.load_seconds:.1f} ms",
                ", ".join(record.provides),
            )
            for record in records
        ],
        right=("load",),
    )
    for record in records:
        if record.status == "disabled":
            say(f"{record.origin} is disabled {one_line(record.reason)}.")
        elif record.status != "ok":
            say(f"{record.origin} is {record.status}: {one_line(record.reason)}")
            say(f"    {one_line(record.remedy)}")
        for warning in record.warnings:
            say(f"{record.origin}: {one_line(warning)}")
    known = [name for record in records for name in (record.name, record.distribution)]
    for place, name in switches.current().strangers(known):
        say(f"{place} names {name!r}, which is no plugin and no distribution here.")
    for clash in host.clashes:
        say(f"{clash.message} {clash.hint}")
