"""Inputs without labels from one place, checked as those of labelled data are."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from zoo.data.check import check
from zoo.data.inputs import inputs_from
from zoo.data.recognise import absent
from zoo.data.rows import Found, Input, Row
from zoo.errors import DataNotFound
from zoo.progress import Progress

_ALL = "all"
_KINDS = {
    "image": "Give a folder of images, or a table that names them.",
    "text": "Give a table, a file with one text a line, or a folder of .txt files.",
}


@dataclass(frozen=True)
class Unlabelled:
    """Inputs, and what a person should know of them."""

    inputs: list[Input]
    notes: tuple[str, ...]


def unlabelled(
    path: Path,
    modality: str,
    *,
    input_column: str | None = None,
    skip_bad: bool = False,
    convert: bool = False,
    progress: Progress | None = None,
) -> Unlabelled:
    """What a file or folder holds.

    Args:
        path: a folder of images or of ``.txt`` files, a table, or a file with one text a line.
        modality: ``"image"`` or ``"text"``.
        input_column: of a table, where looking should not decide.
        skip_bad: leave out images that cannot be used.
        convert: images of other modes are to be converted, so they are no violation.
        progress: is told how many images have been read.

    Raises:
        DataNotFound: there is nothing, or no such input.
        DataError: and the other kinds that reading raises.
    """
    if not os.path.exists(path):
        raise absent(path)
    try:
        given = inputs_from([str(path)], modality, input_column=input_column)
    except DataNotFound as err:
        raise DataNotFound(err.message, hint=_KINDS.get(modality, _KINDS["text"])) from err
    rows = [Row(each, "", _place(each, number)) for number, each in enumerate(given, start=1)]
    found = check(
        Found("inputs", modality, path.name, {_ALL: rows}),
        skip_bad=skip_bad,
        convert=convert,
        unlabelled=True,
        progress=progress,
    )
    notes = list(found.notes)
    if found.skipped:
        count = len(found.skipped)
        notes.append(f"{count} of {len(rows)} inputs are left out, e.g. {found.skipped[0]}")
    return Unlabelled([row.input for row in found.rows[_ALL]], tuple(notes))


def _place(given: Input, number: int) -> str:
    return str(given) if isinstance(given, Path) else f"input {number}"
