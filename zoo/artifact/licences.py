"""Licences: the tags the Hub knows, what each asks of a model made from it, and who contradicts whom.

This is a table of what licences say of themselves, not legal advice. A licence that is not in it is
never guessed at: it is passed on by name, and nothing that asks something can go on under it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from zoo.errors import LicenceConflict

Kind = Literal[
    "permissive", "share-alike", "non-commercial", "no-derivatives", "use-restricted", "unknown"
]

# https://huggingface.co/docs/hub/repositories-licenses
# A family shares its terms: a work under one of it may go on under another of it.
# fmt: off
_FAMILIES: dict[str, tuple[Kind, tuple[str, ...]]] = {
    "permissive": ("permissive", (
        "afl-3.0", "apache-2.0", "artistic-2.0", "bsd", "bsd-2-clause", "bsd-3-clause",
        "bsd-3-clause-clear", "bsl-1.0", "cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0",
        "cc0-1.0", "cdla-permissive-1.0", "cdla-permissive-2.0", "ecl-2.0", "etalab-2.0", "isc",
        "mit", "ms-pl", "ncsa", "odc-by", "pddl", "postgresql", "unlicense", "wtfpl", "zlib",
    )),
    "agpl": ("share-alike", ("agpl-3.0",)),
    "gpl": ("share-alike", ("gpl", "gpl-2.0", "gpl-3.0")),
    "lgpl": ("share-alike", ("lgpl", "lgpl-2.1", "lgpl-3.0", "lgpl-lr")),
    "mpl": ("share-alike", ("mpl-2.0",)),
    "epl": ("share-alike", ("epl-1.0", "epl-2.0")),
    "eupl": ("share-alike", ("eupl-1.1", "eupl-1.2")),
    "osl": ("share-alike", ("osl-3.0",)),
    "odbl": ("share-alike", ("odbl",)),
    "ofl": ("share-alike", ("ofl-1.1",)),
    "gfdl": ("share-alike", ("gfdl",)),
    "cdla-sharing": ("share-alike", ("cdla-sharing-1.0",)),
    "cc-by-sa": ("share-alike", ("cc-by-sa-3.0", "cc-by-sa-4.0")),
    "cc-by-nc": ("non-commercial", ("cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0")),
    "cc-by-nc-sa": ("non-commercial", ("cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0")),
    "cc-by-nd": ("no-derivatives", ("cc-by-nd-4.0",)),
    "cc-by-nc-nd": ("no-derivatives", ("cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0")),
    "openrail": ("use-restricted", ("openrail",)),
    "openrail++": ("use-restricted", ("openrail++",)),
    "creativeml-openrail-m": ("use-restricted", ("creativeml-openrail-m",)),
    "bigscience-openrail-m": ("use-restricted", ("bigscience-openrail-m",)),
    "bigscience-bloom-rail-1.0": ("use-restricted", ("bigscience-bloom-rail-1.0",)),
    "bigcode-openrail-m": ("use-restricted", ("bigcode-openrail-m",)),
    "llama2": ("use-restricted", ("llama2",)),
    "llama3": ("use-restricted", ("llama3",)),
    "llama3.1": ("use-restricted", ("llama3.1",)),
    "llama3.2": ("use-restricted", ("llama3.2",)),
    "llama3.3": ("use-restricted", ("llama3.3",)),
    "llama4": ("use-restricted", ("llama4",)),
    "gemma": ("use-restricted", ("gemma",)),
}
# fmt: on
_FAMILY = {tag: name for name, (_, tags) in _FAMILIES.items() for tag in tags}
# What a name without a version means is clear enough, though it is no tag of the Hub's.
_KNOWN = {**{name: name for name in _FAMILIES if name != "permissive"}, **_FAMILY}
_LONG = (
    ("creative commons", "cc"),
    ("attribution", "by"),
    ("non-?commercial", "nc"),
    ("no-?deriv(?:ative)?s?", "nd"),
    ("share-?alike", "sa"),
    ("gnu affero general", "agpl"),
    ("gnu lesser general", "lgpl"),
    ("gnu general", "gpl"),
)
_SAME_FAMILY: tuple[Kind, ...] = ("share-alike", "use-restricted")
SILENT = ("unknown", "other")  # tags that say nothing


@dataclass(frozen=True)
class Stated:
    """What is stated about one model.

    Attributes:
        model: its own licence; where nothing is said, it goes on under the backbone's.
        backbone, data: of what it was made from.
        accepted: licences of the backbone or the data that the author may contradict, by name.
    """

    model: str | None = None
    backbone: str | None = None
    data: str | None = None
    accepted: Iterable[str] = field(default=())

    @property
    def effective(self) -> str | None:
        """What the model is under."""
        return self.model or self.backbone


def tag_of(name: str) -> str:
    """A licence as the Hub spells it, where it is one of the Hub's in another spelling.

    >>> tag_of("GPL-3.0-or-later"), tag_of("Apache License, Version 2.0"), tag_of("GPLv3")
    ('gpl-3.0', 'apache-2.0', 'gpl-3.0')
    >>> tag_of("Creative Commons Attribution-NonCommercial 4.0"), tag_of("CC BY-NC")
    ('cc-by-nc-4.0', 'cc-by-nc')
    """
    plain = name.strip().lower().removesuffix("-only").removesuffix("-or-later")
    if plain in _KNOWN:
        return plain
    letters = _letters(plain)
    return _SPELLED.get(letters) or _SPELLED.get(letters.removesuffix("+")) or plain


def _letters(name: str) -> str:
    """What is left of a spelling: letters and digits, without the words that all licences have."""
    for long, short in _LONG:
        name = re.sub(long, short, name)
    bare = re.sub(r"\b(?:the|licen[cs]e|version|public|international)\b|\bv(?=\d)", "", name)
    return re.sub(r"(?<=\d)\.0\b|(?<=[a-z])v(?=\d)|[^a-z0-9+]", "", bare)


_SPELLED = {_letters(tag): tag for tag in sorted(_KNOWN)}


def kind_of(name: str | None) -> Kind:
    """What a licence asks of a model made from what it covers.

    >>> kind_of("CC-BY-NC-4.0"), kind_of("Apache-2.0"), kind_of("Our own")
    ('non-commercial', 'permissive', 'unknown')
    """
    family = _KNOWN.get(tag_of(name)) if name else None
    return _FAMILIES[family][0] if family else "unknown"


def hub_licence(name: str | None) -> dict[str, str]:
    """The metadata fields for an SPDX identifier, a tag of the Hub's, or a licence it has not.

    >>> hub_licence("Apache-2.0")
    {'license': 'apache-2.0'}
    >>> hub_licence("Our own")
    {'license': 'other', 'license_name': 'Our own'}
    >>> hub_licence(None)
    {}
    """
    if not name or tag_of(name) in SILENT:
        return {}
    tag = tag_of(name)
    return {"license": tag} if tag in _FAMILY else {"license": "other", "license_name": name}


def contradictions(stated: Stated) -> Iterator[str]:
    """What the model's licence allows and that of a source does not, in words."""
    accepted = {tag_of(name) for name in stated.accepted}
    model = stated.effective
    for what, source in (("backbone", stated.backbone), ("data", stated.data)):
        if source and tag_of(source) not in accepted:
            reason = _contradicts(model, source)
            if reason:
                yield f"the {what} is under {source}, {reason}"


def unknown(stated: Stated) -> list[str]:
    """Which of the licences are not stated, or are not in the table, in words."""
    licences = {"model": stated.model, "backbone": stated.backbone, "data": stated.data}
    return [
        f"the {what}'s is {'not stated' if not name else f'{name!r}, which zoo does not know'}"
        for what, name in licences.items()
        if kind_of(name) == "unknown"
    ]


def require_consistent(stated: Stated, *, saved: bool = False) -> None:
    """Refuse a licence that gives away what is not the author's to give.

    Args:
        stated: what is stated about the model.
        saved: whether it has to be saved again to state something else; for the hint.

    Raises:
        LicenceConflict: the model's contradicts the backbone's or the data's, and that was not
            accepted by name.
    """
    found = list(contradictions(stated))
    if not found:
        return
    blocking = [
        source
        for source in (stated.backbone, stated.data)
        if source
        and list(
            contradictions(replace(stated, model=stated.effective, backbone=source, data=None))
        )
    ]
    fitting = next((tag_of(s) for s in blocking if kind_of(s) != "no-derivatives"), None)
    accepted = [tag_of(source) for source in dict.fromkeys(blocking)]
    raise LicenceConflict(
        f"The model would be under {stated.effective or 'no licence'}, but {'; and '.join(found)}.",
        hint=_way_out(fitting, accepted, saved=saved),
    )


def _way_out(fitting: str | None, accepted: list[str], *, saved: bool) -> str:
    use, names = f"Use `--license {fitting}`", " ".join(f"`--accept-license {n}`" for n in accepted)
    if saved:
        use = f"Save it anew, `zoo.save(zoo.load(FOLDER), FOLDER, license={fitting!r})`"
        names = f"`accept_licenses={accepted!r}` there"
    return f"{use if fitting else 'Do not publish it'}; or, if you have the right to, {names}."


def _contradicts(model: str | None, source: str) -> str:
    """Why a model made from something under ``source`` cannot be under ``model``; or nothing."""
    asks, gives = kind_of(source), kind_of(model)
    if asks == "no-derivatives":
        return "which allows no adapted versions"
    if asks in ("unknown", "permissive") or model is None or tag_of(model) == tag_of(source):
        return ""
    if gives == "unknown":
        return f"and zoo does not know whether {model!r} asks what that asks"
    same = _KNOWN[tag_of(model)] == _KNOWN[tag_of(source)]
    if asks in _SAME_FAMILY and not same:
        return "which asks that what is made from it stays under the same terms"
    if asks == "non-commercial":
        if gives != "non-commercial" and "-nc" not in tag_of(model):
            return "which allows no commercial use"
        if "-nc-sa" in tag_of(source) and not same:
            return "which asks that what is made from it stays under the same terms"
    return ""
