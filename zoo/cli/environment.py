"""Changing which plugins the environment has, with pip. Nothing of a plugin is imported before."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import Distribution, distributions
from pathlib import Path
from tempfile import TemporaryDirectory

from zoo.cli.output import one_line, say
from zoo.errors import InputError, PluginError, UnknownName
from zoo.host import PluginRecord
from zoo.host.discovery import installed_plugins

HOST = "zoo"


def install(arguments: Sequence[str]) -> None:
    """``pip install``, and a look at what came.

    Raises:
        PluginError: pip fails, or a plugin that came is broken.
    """
    before = {_identity(record) for record in _records()}
    _pip("install", *arguments)
    changed = [record for record in _looked_at_anew() if _identity(record) not in before]
    for record in changed:
        say(f"{record.origin}: {_state(record)}")
    if not changed:
        say("No plugin came that was not there; `zoo plugins` lists those that are.")
    broken = [record for record in changed if record.needs_mending]
    if broken:
        raise PluginError(
            f"{broken[0].origin} is installed and {broken[0].status}: {broken[0].reason}",
            hint=broken[0].remedy,
        )


def uninstall(names: Sequence[str]) -> None:
    """``pip uninstall`` of what the names mean, and an account of what remains.

    Raises:
        UnknownName: no plugin or distribution with one is called so.
        InputError: it is the host, or the name of plugins of several distributions.
        PluginError: pip fails.
    """
    records = _records()
    chosen = list(dict.fromkeys(_distribution(name, records) for name in names))
    needed = _requirements(chosen)
    _pip("uninstall", "--yes", *chosen)
    importlib.invalidate_caches()
    left = [record for record in _records() if record.distribution not in chosen]
    say(f"Removed {', '.join(chosen)}. {len(left)} plugins remain.")
    gone = {_plain(name) for name in chosen}
    for record in {record.distribution: record for record in left}.values():
        missing = sorted(gone & _requirements([record.distribution]))
        if missing:
            say(f"{record.origin} needs {', '.join(missing)} and will not work without.")
    plugins = {_plain(record.distribution) for record in left}
    orphans = sorted(needed & _unasked_for(gone) - plugins)
    if orphans:
        say(f"Nothing else asks for {', '.join(orphans)}; pip leaves what a plugin needed.")


def _looked_at_anew() -> list[PluginRecord]:
    """What plugins a new process finds: this one read the environment's path files as it began."""
    look = (
        "import dataclasses, json, pathlib, sys; from zoo import switches; from zoo.host import Host; "
        "found = [dataclasses.asdict(r) for r in Host(switches=switches.current()).plugins]; "
        "pathlib.Path(sys.argv[1]).write_text(json.dumps(found), encoding='utf-8')"
    )
    with TemporaryDirectory(prefix="zoo-install-") as folder:
        # Not by standard output, which plugins may print on.
        answer = Path(folder, "plugins.json")
        run = [sys.executable, "-c", look, str(answer)]
        # `-c` puts the folder one stands in on the path, where a source tree may hide what came.
        ended = subprocess.run(
            run, stdout=subprocess.DEVNULL, env=os.environ | {"PYTHONSAFEPATH": "1"}
        )
        if not answer.is_file():
            raise PluginError(
                f"What was installed ends Python with {ended.returncode} when it is looked at.",
                hint="`zoo doctor` says what is wrong with plugins.",
            )
        return [PluginRecord(**each) for each in json.loads(answer.read_text(encoding="utf-8"))]


def _records() -> list[PluginRecord]:
    return [found.record for found in installed_plugins()]


def _identity(record: PluginRecord) -> tuple[str, str, str]:
    return record.distribution, record.version, record.name


def _state(record: PluginRecord) -> str:
    if record.status == "ok":
        provides = ", ".join(record.provides[:8]) + (" …" if len(record.provides) > 8 else "")
        return f"provides {one_line(provides)}" if provides else "provides nothing"
    return f"{record.status}: {one_line(record.reason)}"


def _distribution(name: str, records: Sequence[PluginRecord]) -> str:
    plain = _plain(name)
    if plain == HOST:
        raise InputError(
            "zoo itself is not a plugin.",
            hint=f"`{sys.executable} -m pip uninstall zoo` removes it.",
        )
    for record in records:
        if _plain(record.distribution) == plain:
            return record.distribution
    owners = sorted({record.distribution for record in records if record.name == name})
    if len(owners) > 1:
        raise InputError(
            f"{' and '.join(owners)} have a plugin {name!r} each.",
            hint=f"Name the distribution, e.g. `zoo plugin uninstall {owners[0]}`.",
        )
    if not owners:
        known = {word for record in records for word in (record.name, record.distribution)}
        raise UnknownName("plugin", name, known)
    return owners[0]


def _pip(command: str, *arguments: str) -> None:
    if importlib.util.find_spec("pip") is None:
        raise PluginError(
            f"There is no pip in {sys.prefix}.",
            hint=f"`{sys.executable} -m ensurepip` makes one; or use what made this environment, "
            f"e.g. `uv pip {command} {' '.join(arguments)}`.",
        )
    run = [sys.executable, "-m", "pip", "--disable-pip-version-check", command, *arguments]
    # What pip says is talk; standard output stays free of it.
    ended = subprocess.run(run, stdout=sys.stderr.fileno() if _has_descriptor() else None)
    if ended.returncode:
        raise PluginError(f"pip {command} failed; it says why above.")


def _has_descriptor() -> bool:
    try:
        sys.stderr.fileno()
    except (AttributeError, OSError, ValueError):
        return False
    return True


def _requirements(names: Sequence[str]) -> set[str]:
    """What distributions ask for outside extras."""
    wanted = {_plain(name) for name in names}
    found = [d for d in distributions() if _plain(_name(d)) in wanted]
    return {requirement for distribution in found for requirement in _asked(distribution)}


def _unasked_for(gone: set[str]) -> set[str]:
    """What is installed and no installed distribution asks for."""
    left = {_plain(_name(d)): d for d in distributions()}
    asked = {word for name, d in left.items() if name not in gone for word in _asked(d)}
    return set(left) - gone - asked - {HOST}


def _asked(distribution: Distribution) -> set[str]:
    lines = [line for line in distribution.requires or [] if "extra ==" not in line]
    return {_plain(match[0]) for line in lines if (match := re.match(r"[\w.-]+", line))}


def _name(distribution: Distribution) -> str:
    return distribution.metadata["Name"] or ""


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
