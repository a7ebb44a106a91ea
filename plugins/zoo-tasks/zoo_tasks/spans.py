"""Targets that are spans of a text: entities. No torch.

What the data gives, ``[[start, end, type], …]`` or objects with ``start``, ``end`` and ``label``, in
characters, or a list of tags of what stands between blanks, becomes a tag for each word of the task:
``["O", "B-person", "I-person"]``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from zoo.plugin import Labelling, LabelProblem

OUTSIDE = "O"
_WORDS = {"punctuation": re.compile(r"\w+|[^\w\s]"), "spaces": re.compile(r"\S+")}
_TAG = re.compile(r"O\Z|[BIES]-.")
_TYPES = ("label", "type", "entity_group", "tag")


class Spans(Labelling):
    """Entities of a text, none of which overlap, each of whole words."""

    names = frozenset({"entities", "spans", "ner", "tags"})

    def likely(self, values: Sequence[str]) -> bool:
        """Lists of spans."""
        filled = [value for value in values if value.strip()]
        try:
            return any(_given(value) for value in filled)
        except ValueError:
            return False

    def fault(self, label: str) -> str:
        """What is wrong with it without a look at the text."""
        try:
            _given(label)
        except ValueError as err:
            return str(err)
        return ""

    def read(self, label: str, given: Any) -> str:
        """The tags of the words of ``given``."""
        found, text = _given(label), str(given)
        tags = [one for one in found if isinstance(one, str)]
        spans = _spans_of_tags(tags, text) if tags else [o for o in found if not isinstance(o, str)]
        return json.dumps(self._tags(spans, text), ensure_ascii=False)

    def outputs(self, labels: Sequence[str]) -> tuple[str, ...]:
        """``O``, and for each type ``B-`` and ``I-``.

        Raises:
            LabelProblem: there is no entity.
        """
        kinds = sorted({tag[2:] for label in labels for tag in tags_in(label) if tag != OUTSIDE})
        if not kinds:
            raise LabelProblem("The training rows hold no entity.", hint="Add examples with some.")
        return (OUTSIDE, *(f"{prefix}-{kind}" for kind in kinds for prefix in "BI"))

    def unknown(self, label: str, outputs: Collection[str]) -> str:
        """A type that is not among the outputs."""
        odd = [tag[2:] for tag in tags_in(label) if tag not in outputs]
        return repr(odd[0]) if odd else ""

    def stratum(self, label: str) -> str:
        """The first type that occurs."""
        return next((tag[2:] for tag in tags_in(label) if tag != OUTSIDE), OUTSIDE)

    def alike(self, labels: Sequence[str]) -> str:
        """No entity."""
        return "" if any({*tags_in(label)} - {OUTSIDE} for label in labels) else "no entity"

    def _tags(self, spans: Sequence[tuple[int, int, str]], text: str) -> list[str]:
        words = words_of(text, self.settings)
        tags = [OUTSIDE] * len(words)
        for start, end, kind in spans:
            shown = f"the span {start}-{end} ({kind})"
            if end > len(text):
                raise ValueError(f"{shown} leaves the text, which has {len(text)} characters")
            inside = [at for at, (a, b) in enumerate(words) if a < end and b > start]
            if not inside:
                raise ValueError(f"{shown} holds no word")
            first, last = words[inside[0]], words[inside[-1]]
            cut = first if first[0] < start else last if last[1] > end else None
            if cut:
                raise ValueError(f"{shown} cuts the word {text[cut[0] : cut[1]]!r}")
            if any(tags[at] != OUTSIDE for at in inside):
                raise ValueError(f"{shown} overlaps another")
            tags[inside[0]] = f"B-{kind}"
            for at in inside[1:]:
                tags[at] = f"I-{kind}"
        return tags


def words_of(text: str, settings: Mapping[str, Any]) -> list[tuple[int, int]]:
    """Where the words of a text begin and end; punctuation stands by itself unless told otherwise."""
    pattern = _WORDS[settings.get("words", "punctuation")]
    return [found.span() for found in pattern.finditer(text)]


def tags_in(label: str) -> list[str]:
    """The tags of a label as :meth:`Spans.read` gives it.

    Raises:
        ValueError: it is none.
    """
    found = json.loads(label)
    if not isinstance(found, list) or not all(isinstance(tag, str) for tag in found):
        raise ValueError("not a list of tags")
    return found


def chunks(tags: Sequence[str]) -> list[tuple[int, int, str]]:
    """Entities as ``(first, last + 1, type)`` of tags in IOB, IOB2 or IOBES, by CoNLL's own rules.

    An ``I-`` of another type, or after ``O``, begins an entity as a ``B-`` does.
    """
    found: list[tuple[int, int, str]] = []
    start, kind, before = 0, "", OUTSIDE
    for at, tag in enumerate([*tags, OUTSIDE]):
        prefix, _, this = tag.partition("-")
        goes_on = kind and prefix in ("I", "E") and this == kind and before not in ("E", "S")
        if not goes_on:
            if kind:
                found.append((start, at, kind))
            start, kind = at, "" if prefix == OUTSIDE else this
        before = prefix
    return found


def _given(label: str) -> list[tuple[int, int, str]] | list[str]:
    """Spans in the order of the text, or tags.

    Raises:
        ValueError: it is neither; says what is wrong.
    """
    try:
        found = json.loads(label)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list):
        raise ValueError(f"{label[:40]!r} is not a list of spans")
    if found and all(isinstance(one, str) for one in found):
        if odd := [tag for tag in found if not _TAG.match(tag)]:
            raise ValueError(f"{odd[0][:40]!r} is no tag; tags are O, B-TYPE and I-TYPE")
        return found
    return sorted(_span(one) for one in found)


def _spans_of_tags(tags: Sequence[str], text: str) -> list[tuple[int, int, str]]:
    tokens = [found.span() for found in _WORDS["spaces"].finditer(text)]
    if len(tokens) != len(tags):
        raise ValueError(f"{len(tags)} tags for {len(tokens)} tokens")
    return [(tokens[a][0], tokens[b - 1][1], kind) for a, b, kind in chunks(tags)]


def _span(one: Any) -> tuple[int, int, str]:
    if isinstance(one, dict):
        one = [one.get("start"), one.get("end"), next((one[n] for n in _TYPES if n in one), None)]
    shown = json.dumps(one, ensure_ascii=False)[:60]
    if not isinstance(one, list) or len(one) != 3 or not isinstance(one[2], str) or not one[2]:
        raise ValueError(f"the span {shown} is not [start, end, type]")
    try:
        start, end = int(one[0]), int(one[1])
    except (TypeError, ValueError):
        raise ValueError(f"the span {shown} has no start or end") from None
    shown = f"{start}-{end} ({one[2]})"
    if start < 0:
        raise ValueError(f"the span {shown} begins before the text")
    if start >= end:
        raise ValueError(f"the span {shown} is empty or ends before it begins")
    return start, end, one[2]
