"""``zoo plugin check``: the conformance kit on a plugin, installed or as a source tree."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zoo.cli import options
from zoo.cli.failures import FAILED
from zoo.cli.output import emit_json, emit_table, one_line, say

if TYPE_CHECKING:
    from zoo.testing import Verdict


def check(
    plugin: Annotated[
        str,
        typer.Argument(
            metavar="PLUGIN",
            help="A name from `zoo plugins`, of plugin or distribution; or the root of a source tree.",
        ),
    ],
    backbone: Annotated[
        list[str] | None,
        typer.Option(
            help="Build and try this one, of its open namespaces too; an adapter is tried on it. "
            "Repeatable."
        ),
    ] = None,
    adapter: Annotated[
        list[str] | None,
        typer.Option(
            help="Try this one on backbones and with tasks, instead of zoo's own. Repeatable."
        ),
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(help="A folder with the weights of that backbone; by default random."),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Hold a plugin to every rule of the conformance kit.

    For example: zoo plugin check zoo-digits
    """
    verdicts = _verdicts(plugin, backbone or [], adapter or [], weights)
    count = Counter(verdict.status for verdict in verdicts)
    if as_json:
        emit_json([asdict(verdict) for verdict in verdicts])
    else:
        rows = [(v.subject, v.rule, v.status, one_line(v.reason)) for v in verdicts]
        emit_table(("of", "rule", "verdict", "why"), rows)
    for verdict in verdicts:
        if verdict.status == "failed":
            say(f"{verdict.subject}: {verdict.sentence}\n  {one_line(verdict.reason)}")
    say(", ".join(f"{count[word]} {word}" for word in ("passed", "skipped", "failed")) + ".")
    if count["failed"]:
        raise typer.Exit(FAILED)


def _is_tree(word: str) -> bool:
    """Whether a source tree is meant: written as a path, or there and no plugin is called so."""
    if word in (".", "..") or any(separator in word for separator in (os.sep, "/")):
        return True
    from zoo.host.discovery import installed_plugins

    records = [found.record for found in installed_plugins()]
    names = {name for record in records for name in (record.name, record.distribution)}
    return word not in names and Path(word, "pyproject.toml").is_file()


def _verdicts(
    plugin: str, backbones: list[str], adapters: list[str], weights: Path | None
) -> list[Verdict]:
    from zoo import progress
    from zoo.testing.checking import check
    from zoo.testing.source import on_path

    with contextlib.ExitStack() as stack:
        if _is_tree(plugin):
            plugin = stack.enter_context(on_path(Path(plugin)))
        asked = check(plugin, backbones=backbones, adapters=adapters, weights=weights)
        advance = stack.enter_context(progress.default().stage("rules", len(asked)))
        verdicts = []
        for ask in asked:
            verdicts.append(ask())
            advance(1)
        return verdicts
