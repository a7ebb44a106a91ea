"""Labelled rows as they are read, before they are checked and split."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.data.cell import Cell

_DIGITS = re.compile(r"(\d+)")


# A text, the path of an image, either as a cell that is read when it is needed; or a pair of them.
Part = str | Path | Cell
Input = Part | tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled input.

    Attributes:
        input: a text, the path of an image, a cell that holds one, or a pair.
        label: as the data spells it, a JSON object of cells where a task may have several; blank
            where it is missing.
        place: where it stands, for messages, or the cell that knows.
        digest: sha256 of the text or of the file, once it has been read.
        sketch: of an image, for :mod:`zoo.data.looks`; where it is one of those compared.
    """

    input: Input
    label: str
    place: str | Cell
    digest: bytes = b""
    sketch: bytes = b""


@dataclass(frozen=True)
class Found:
    """What was read: rows by role, what it was taken for, and what was left out of it.

    Attributes:
        labelled: whether it has a column of labels.
    """

    kind: str
    modality: str
    description: str
    rows: Mapping[str, Sequence[Row]]
    notes: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    labelled: bool = True


def parts(given: Input) -> tuple[Part, ...]:
    """The one or two of an input."""
    return given if isinstance(given, tuple) else (given,)


def natural(text: str) -> list[tuple[int, int, str]]:
    """Sort key under which ``class2`` comes before ``class10``."""
    parts = _DIGITS.split(text)
    key = [(0, int(p), "") if p.isdecimal() else (1, 0, p.casefold()) for p in parts if p]
    return [*key, (2, 0, text)]


def ordered_labels(labels: set[str]) -> tuple[str, ...]:
    """Distinct labels in the order a person expects: by value where all are numbers."""
    try:
        values = {label: float(label) for label in labels}
    except ValueError:
        values = {}
    if values and all(map(math.isfinite, values.values())):  # a nan has no place in any order
        return tuple(sorted(labels, key=lambda label: (values[label], label)))
    return tuple(sorted(labels, key=natural))


def named(places: Sequence[Any], shown: int = 3) -> str:
    """The first few of many places, for a message."""
    more = f" and {len(places) - shown} more" if len(places) > shown else ""
    return ", ".join(map(str, places[:shown])) + more
