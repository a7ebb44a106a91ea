"""``zoo backbones``, ``adapters``, ``tasks``, ``rankers`` and their kin: what can be composed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zoo.cli import describe
from zoo.cli.options import Json
from zoo.cli.output import count, emit_json, emit_table, say

if TYPE_CHECKING:
    from zoo.host import Host

Modality = Annotated[str | None, typer.Option(help="Only those for image, text, …")]


def backbones(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[WORD]...",
            help="Only those with these words in name, source, summary or tags.",
            show_default=False,
        ),
    ] = None,
    modality: Modality = None,
    max_params: Annotated[
        str | None, typer.Option(metavar="N", help="Only those of at most so many parameters: 30M.")
    ] = None,
    license: Annotated[
        str | None,
        typer.Option(help="Only those under this licence, or kind of licences: permissive, …"),
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option(help="Only those with this tag; several: with all of them.")
    ] = None,
    sort: Annotated[
        str | None, typer.Option(help="By name, params, features, license or verified.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also those the registry does not show by default.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List backbones: pretrained feature extractors, and namespaces that resolve any name."""
    from zoo import registry
    from zoo.host import installed

    host, curation = installed(), registry.load()
    listed = host.backbones if everything else curation.shown(host)
    opened = host.namespaces if everything else curation.shown_namespaces(host)
    found: list[Mapping[str, Any]] = [
        *map(describe.backbone, listed),
        *map(describe.namespace, opened),
    ]
    silent: list[str] = []
    instead: list[str] = []
    asked = (words, modality, max_params, license, tag, sort)
    if any(word is not None and word != [] for word in asked):
        from zoo.cli.search import Wanted, parse_count  # a plain listing has no use for it

        limit = parse_count(max_params)
        wanted = Wanted(words or (), modality, limit, license, tag or (), sort)
        wanted.check(_everything(host))
        found, silent, instead = wanted.of(found), wanted.silent(found), wanted.without(found)
    if as_json:
        emit_json(found)
        return
    emit_table(
        ("name", "takes", "parameters", "features", "license", "verified", "summary"),
        [
            (
                b["name"],
                b["modality"],
                count(b["params"]),
                b["feature_size"],
                b["license"],
                b["verified"],
                b["summary"],
            )
            for b in found
        ],
        right=("parameters", "features"),
    )
    if not found:
        say("No listed backbone is all of that" + "; ".join(["", *instead]) + ".")
    if silent:
        say(
            f"{len(silent)} left out because their size or licence is not stated, "
            f"e.g. {silent[0]}; `zoo show` says what is known."
        )
    hidden = len(host.backbones) - len(listed) + len(host.namespaces) - len(opened)
    if hidden:
        say(f"{hidden} more with `zoo backbones --all`.")
    _mention_broken()


def _everything(host: Host) -> list[dict[str, Any]]:
    """All that can be asked for, shown by default or not."""
    backbones = map(describe.backbone, host.backbones)
    return [*backbones, *map(describe.namespace, host.namespaces)]


def adapters(as_json: Json = False) -> None:
    """List adapters: what is trained, and how."""
    from zoo.host import installed

    found = [describe.adapter(p) for p in installed().adapters]
    _list(found, ("name", "summary", "plugin"), as_json=as_json)


def tasks(modality: Modality = None, as_json: Json = False) -> None:
    """List tasks: what can be predicted."""
    from zoo.host import installed

    everything = [describe.task(p) for p in installed().tasks]
    found = [t for t in everything if modality is None or modality in (t["modalities"] or modality)]
    _list(found, ("name", "modalities", "summary", "plugin"), as_json=as_json)


def rankers(as_json: Json = False) -> None:
    """List rankers: estimates of how well a backbone will transfer."""
    from zoo.host import installed

    found = [describe.ranker(p) for p in installed().rankers]
    _list(found, ("name", "summary", "reference", "plugin"), as_json=as_json)


def alignments(as_json: Json = False) -> None:
    """List alignments: what draws source and target together in a fit."""
    from zoo.host import installed

    found = [describe.alignment(p) for p in installed().alignments]
    _list(found, ("name", "summary", "reference", "plugin"), as_json=as_json)


def validators(as_json: Json = False) -> None:
    """List validators: what judges a model on a target without labels."""
    from zoo.host import installed

    found = [describe.ranker(p) for p in installed().validators]
    _list(found, ("name", "summary", "reference", "plugin"), as_json=as_json)


def recipes(modality: Modality = None, as_json: Json = False) -> None:
    """List recipes: named, tested combinations."""
    from zoo import registry

    found = [
        describe.recipe(name, recipe)
        for name, recipe in registry.load().recipes.items()
        if modality is None or describe.modality_of(recipe.backbone) == modality
    ]
    _list(found, ("name", "backbone", "adapter", "summary"), as_json=as_json)


def _list(found: Sequence[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool) -> None:
    if as_json:
        emit_json(found)
        return
    cells = [[_cell(entry[column]) for column in columns] for entry in found]
    emit_table(columns, cells)
    _mention_broken()


def _cell(value: object) -> object:
    return ", ".join(value) if isinstance(value, (list, tuple)) else value


def _mention_broken() -> None:
    from zoo.host import installed

    for status in ("broken", "skipped"):
        found = [record.origin for record in installed().plugins if record.status == status]
        if found:
            say(f"{status.capitalize()}: {', '.join(found)}; `zoo plugins` says why.")
