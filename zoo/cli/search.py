"""Which backbones are asked for: filters and order of ``zoo backbones``, each checked. No torch."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

from zoo.artifact.licences import Kind, kind_of, tag_of
from zoo.errors import BadSetting, UnknownName

Facts = Mapping[str, Any]

_COUNT = re.compile(r"(\d+(?:\.\d+)?)\s*([kmg]?)", re.IGNORECASE)
_WORD = re.compile(r"[\w.-]{3,}")
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
_RANKS = {"weights": 0, "architecture": 1, "unverified": 2}
_ALL = "`zoo backbones --all --json` shows {}."
_ORDERS: dict[str, Callable[[Facts], Any]] = {
    "name": lambda facts: facts["name"],
    "params": lambda facts: facts["params"],
    "features": lambda facts: facts["feature_size"],
    "license": lambda facts: facts["license"],
    "verified": lambda facts: _RANKS.get(facts["verified"]),
}


@dataclass(frozen=True)
class Wanted:
    """What somebody asks for; ``None`` and empty ask for nothing.

    Attributes:
        words: all of them in what is said of a backbone: its name, source, summary and tags.
        modality: what goes in.
        max_params: at most so many parameters.
        license: a licence, or a kind of licences such as ``permissive``.
        tags: all of them.
        sort: the fact to sort by; what is not known comes last.
    """

    words: Sequence[str] = ()
    modality: str | None = None
    max_params: int | None = None
    license: str | None = None
    tags: Sequence[str] = ()
    sort: str | None = None

    def check(self, known: Iterable[Facts]) -> None:
        """Refuse what nothing in the whole catalogue has, with the nearest that is there.

        Raises:
            UnknownName: of a word, modality, licence, tag or order.
        """
        entries = list(known)
        said = " ".join(map(_said, entries))
        for word in self.words:
            if word.casefold() not in said:
                _require("word", word, _WORD.findall(said), _ALL.format("what is said of each"))
        licences = {facts["license"] for facts in entries if facts["license"]}
        tags = {tag for facts in entries for tag in facts["tags"]}
        modalities = {facts["modality"] for facts in entries if facts["modality"]}
        _require("modality", self.modality, modalities, _ALL.format("what each takes"))
        if kind_of(self.license) == "unknown":
            names = {*get_args(Kind), *licences}
            _require("license", self.license, names, _ALL.format("each one's"))
        for tag in self.tags:
            _require("tag", tag, tags, _ALL.format("those of each"))
        _require("order", self.sort, _ORDERS, f"`--sort` takes {', '.join(_ORDERS)}.")

    def of(self, entries: Iterable[Facts]) -> list[Facts]:
        """Those of ``entries`` that are asked for, in the order that is asked for."""
        found = [facts for facts in entries if self.takes(facts)]
        if self.sort is None:
            return found
        order = _ORDERS[self.sort]
        known = [facts for facts in found if order(facts) is not None]
        return sorted(known, key=order) + [facts for facts in found if order(facts) is None]

    def takes(self, facts: Facts) -> bool:
        """Whether one entry is asked for; a fact that is not known fits no limit."""
        if not all(word.casefold() in _said(facts) for word in self.words):
            return False
        if self.modality not in (None, facts["modality"] or self.modality):
            return False
        if self.max_params is not None and not _within(facts["params"], self.max_params):
            return False
        if self.license is not None and not _is_under(facts["license"], self.license):
            return False
        return set(self.tags) <= set(facts["tags"])

    def silent(self, entries: Iterable[Facts]) -> list[str]:
        """Names of listed ones left out only because their size or licence is not known."""
        return [
            facts["name"]
            for facts in entries
            if not facts["open"] and not self.takes(facts) and self._may_take(facts)
        ]

    def without(self, entries: Iterable[Facts]) -> list[str]:
        """What could be left unasked for something to fit, and how much then does."""
        listed = list(entries)
        asked = {
            "the words": replace(self, words=()),
            "--modality": replace(self, modality=None),
            "--max-params": replace(self, max_params=None),
            "--license": replace(self, license=None),
            "--tag": replace(self, tags=()),
        }
        counts = {option: len(fewer.of(listed)) for option, fewer in asked.items()}
        return [f"without {option} {count}" for option, count in counts.items() if count]

    def _may_take(self, facts: Facts) -> bool:
        """Whether nothing that is known of an entry speaks against it."""
        limit = None if facts["params"] is None else self.max_params
        stated = facts["license"] is not None or self.license == "unknown"
        return replace(self, max_params=limit, license=self.license if stated else None).takes(
            facts
        )


def parse_count(text: str | None) -> int | None:
    """A number of parameters as people write it: ``30M``, ``1.5G``, ``500k``, ``30000000``.

    Raises:
        BadSetting: it is none.
    """
    if text is None:
        return None
    found = _COUNT.fullmatch(text.strip().replace(",", "").replace("_", ""))
    if found is None:
        raise BadSetting(
            f"{text!r} is no number of parameters.", hint="Write e.g. `30M`, `500k` or `1.2G`."
        )
    return round(float(found[1]) * _UNITS[found[2].lower()])


def _said(facts: Facts) -> str:
    """All that words are looked for in."""
    return " ".join(
        [facts["name"], facts["source"] or "", facts["summary"], *facts["tags"]]
    ).casefold()


def _within(params: int | None, limit: int) -> bool:
    return params is not None and params <= limit


def _is_under(stated: str | None, wanted: str) -> bool:
    if kind_of(stated) == wanted:
        return True
    return stated is not None and tag_of(stated) == tag_of(wanted)


def _require(kind: str, word: str | None, known: Iterable[str], hint: str) -> None:
    names = set(known)
    if word is not None and word not in names:
        raise UnknownName(kind, word, names, hint=hint)
