"""``zoo show``: all that is known of a name, an artifact or a repo. No torch."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zoo.cli import describe, manifests, sources
from zoo.cli.options import Json, Revision, Weights
from zoo.cli.output import count, emit, emit_facts, emit_json, emit_table, say
from zoo.errors import BadSetting, InputError

if TYPE_CHECKING:
    from zoo.cli.manifests import Known


def show(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME|ARTIFACT",
            help="A backbone, adapter, task or recipe; an artifact or run directory; a Hub repo.",
        ),
    ],
    revision: Revision = None,
    measure: Annotated[
        bool,
        typer.Option(
            "--measure", help="Build a backbone: also its sizes, and how long it takes here."
        ),
    ] = False,
    weights: Weights = None,
    as_json: Json = False,
) -> None:
    """Show all that is known of a backbone, adapter, task, recipe or artifact."""
    known = _known(name, revision)
    if known is not None:
        _require_backbone(measure, "an artifact")
        manifests.emit(name, known, as_json=as_json)
        return
    kind, facts = _named(name)
    if kind != "backbone":
        _require_backbone(measure, f"the {kind}")
    elif weights is None:
        _require_there(facts["name"])
    if measure:
        from zoo.cli.measuring import measure as measured

        facts |= {k: v for k, v in measured(name, weights).items() if facts.get(k) is None}
    if as_json:
        emit_json({"kind": kind, **facts})
        return
    emit(f"{kind} {facts['name']}")
    emit_facts(_shown(facts))
    if kind == "recipe":
        emit_facts({"settings": _words("settings", facts["settings"])})
        say(f"Use it: `zoo fit DATA --recipe {name} --out runs/first`")
    elif kind == "backbone":
        word = shlex.quote(name)
        if facts["params"] is None:
            say(f"Its sizes are in no catalogue: `zoo show {word} --measure` builds it to see.")
        say(f"Use it: `zoo fit DATA --backbone {word} --out runs/first`")
    else:
        _emit_settings(facts["settings"])


def _known(word: str, revision: str | None) -> Known | None:
    """What is known of the artifact or repo that ``word`` means; ``None`` where it is neither."""
    if sources.is_repo(word):
        with sources.may_be_a_path(word):
            return manifests.remote(word, revision)
    # A directory without one that happens to be called as an adapter does not hide the adapter.
    known = manifests.local(Path(word)) if sources.is_path(word) else None
    if known is not None:
        sources.require_path(word, revision)
    elif revision is not None:
        raise BadSetting(
            f"--revision is for repos, and {word} is none.", hint="Give the repo as owner/name."
        )
    return known


def _named(name: str) -> tuple[str, dict[str, Any]]:
    """The kind and the facts of the backbone, adapter, task or recipe of that name.

    Raises:
        NotAnArtifact: it is no name but a path, without an artifact.
        UnknownName: it is neither.
    """
    from zoo import registry
    from zoo.errors import NotAnArtifact, UnknownName
    from zoo.host import installed

    host, curation = installed(), registry.load()
    adapters = [p.spec.name for p in host.adapters]
    tasks = [p.spec.name for p in host.tasks]
    rankers = [p.spec.name for p in host.rankers]
    alignments = [p.spec.name for p in host.alignments]
    validators = [p.spec.name for p in host.validators]
    if name in adapters:
        return "adapter", describe.adapter(host.adapter(name))
    of_adapters = {adapter.partition(":")[0] for adapter in adapters if ":" in adapter}
    if name.partition(":")[0] not in of_adapters and (":" in name or name in curation.aliases):
        return "backbone", describe.backbone(curation.backbone(host, name))
    if name in tasks:
        return "task", describe.task(host.task(name))
    if name in rankers:
        return "ranker", describe.ranker(host.ranker(name))
    if name in alignments:
        return "alignment", describe.alignment(host.alignment(name))
    if name in validators:
        return "validator", describe.ranker(host.validator(name))
    if name in curation.recipes:
        return "recipe", describe.recipe(name, curation.recipe(name))
    sources.require_no_revision_in(name)
    if sources.is_path(name):
        if not Path(name).exists():
            raise NotAnArtifact(f"There is no {name}.", hint="Check the spelling.")
        raise NotAnArtifact(
            f"{name} is not an artifact.",
            hint="An artifact or run is a directory that `zoo fit --out` or `zoo pull --out` wrote.",
        )
    backbones = [p.spec.name for p in host.backbones]
    known = [
        *adapters,
        *tasks,
        *rankers,
        *alignments,
        *validators,
        *curation.recipes,
        *curation.aliases,
        *backbones,
    ]
    hint = "`zoo backbones`, `adapters`, `tasks`, `rankers`, `alignments`, `validators` and `recipes` list them."
    raise UnknownName("name", name, known, hint=hint)


_VERIFIED = {
    "weights": "weights: loaded, and compared with its source library",
    "architecture": "architecture: built and run, with random weights",
    "unverified": "unverified: as its source describes itself",
}
_UNSTATED = "not stated by the library; read from the repo's own card with the weights"


def _require_backbone(measure: bool, what: str) -> None:
    if measure:
        raise BadSetting(
            f"--measure is of a backbone, not of {what}.", hint="`zoo backbones` lists them."
        )


def _require_there(backbone: str) -> None:
    """Refuse a backbone of an open namespace whose name is a path with nothing there.

    Raises:
        InputError: it is one.
    """
    space, _, path = backbone.partition(":")
    place = os.path.expanduser(path)  # unlike Path's own, keeps the ./ that makes it one
    if sources.is_written_as_path(place) and not os.path.exists(place):
        raise InputError(
            f"There is no {path} here, which {backbone} stands for.",
            hint=f"Check the spelling. An artifact's {space}: name wants its `--weights`.",
        )


def _shown(facts: dict[str, Any]) -> dict[str, Any]:
    """What is said of one name, a backbone's own facts among the others."""
    hidden = ("name", "settings", "facts", "open")
    known = {key: facts[key] for key in facts if key not in hidden}
    if facts.get("source") and not facts.get("license"):
        known["license"] = _UNSTATED
    known |= {key: "yes" if v is True else v or "no" for key, v in facts.get("facts", {}).items()}
    return {key: _words(key, value) for key, value in known.items()}


def _words(key: str, value: Any) -> Any:
    """A fact as people read it."""
    if key == "params":
        return count(value)
    if key == "up_to":
        return f"{value} rows to train on for each label" if value else None
    if key == "verified":
        return _VERIFIED.get(value, value)
    if key == "latency":
        return (
            f"{value['milliseconds']} ms an input here, {value['per_second']} a second in batches "
            f"of 8, {value['preprocess_milliseconds']} ms of preprocessing "
            f"({value['threads']} threads)"
        )
    if isinstance(value, dict):
        return ", ".join(f"{k}={v}" for k, v in value.items())
    if isinstance(value, list):
        return " × ".join(map(str, value)) if key == "input_size" else ", ".join(value)
    return value


def _emit_settings(settings: list[dict[str, Any]]) -> None:
    if not settings:
        emit("It has no settings.")
        return
    emit_table(
        ("setting", "default", "valid", "meaning"),
        [(s["name"], _default(s["default"]), describe.bounds(s), s["help"]) for s in settings],
    )


def _default(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return (",".join(value) or "(empty)") if isinstance(value, list) else str(value)
