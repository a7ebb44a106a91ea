"""Inputs to predict on: files, folders, tables, texts, standard input."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from zoo.data.cell import Values, is_blank
from zoo.data.columns import find_columns
from zoo.data.folder import walk
from zoo.data.images import is_image_name
from zoo.data.labelling import Classes, Labelling
from zoo.data.rows import Input, named, parts
from zoo.data.saved import is_saved, read_saved
from zoo.data.table import Table, is_table_name, read_table
from zoo.data.tables import inputs
from zoo.errors import ContractViolation, DataError, DataNotFound, UnreadableFiles

STDIN = "-"


def inputs_from(
    arguments: Sequence[str],
    modality: str,
    *,
    input_column: str | None = None,
    labelling: Labelling | None = None,
) -> list[Input]:
    """What the arguments of ``zoo predict`` stand for, in order.

    Args:
        arguments: ``-`` is standard input, one input a line; a table or a saved dataset stands for its
            input column.
            For images, a file is itself and a folder all images in and below it. For texts, a
            file holds one text a line, a folder stands for the ``.txt`` files in and below it,
            and what is neither is a text itself.
        modality: ``"image"`` or ``"text"``.
        input_column: of tables, where looking should not decide.
        labelling: of the task; where that takes pairs, a line is two texts with a tab between them.

    Raises:
        DataNotFound: a path with nothing there, or an argument that holds no inputs.
        UnreadableFiles: a file that is no text, or a table that cannot be parsed.
        ColumnMissing: the input column of a table is not there or cannot be guessed.
        ContractViolation: an image for a text model.
        DataError: blank rows in a table, blank lines between others.
    """
    several = _images if modality == "image" else _texts
    labelling = labelling or Classes({})
    found: list[Input] = []
    these: list[Input]
    for argument in arguments:
        if argument != STDIN and is_table_name(argument) and os.path.isfile(argument):
            these = _rows(read_table(Path(argument)), modality, input_column, labelling)
        elif os.path.isdir(argument) and is_saved(Path(argument)):
            splits = read_saved(Path(argument)).values()
            tables = [table for part in splits for table in part()]
            these = [
                row for table in tables for row in _rows(table, modality, input_column, labelling)
            ]
        else:
            these = list(several(argument))
            if labelling.inputs > 1:
                these = [_pair(str(line), labelling.inputs) for line in these]
        if not these:  # beside others it would be lost without a word
            raise DataNotFound(
                f"There is no {modality} in {_called(argument, modality)}.",
                hint="Give files, folders, texts, or `-` for standard input.",
            )
        found += these
    return found


def _pair(line: str, count: int) -> tuple[str | Path, ...]:
    texts = line.split("\t")
    if len(texts) != count or not all(text.strip() for text in texts):
        raise DataError(
            f"The task takes {count} texts at a time; {line[:60]!r} is {len(texts)}.",
            hint="Put a tab between them, or give a table with a column for each.",
        )
    return tuple(texts)


def _called(argument: str, modality: str) -> str:
    if argument == STDIN:
        return "standard input"
    if os.path.isdir(argument):
        wanted = "images" if modality == "image" else ".txt files"
        return f"the folder {argument!r}, of which the {wanted} are read"
    return repr(argument)


def _images(argument: str) -> Iterator[Path]:
    if argument == STDIN:
        yield from map(Path, _lines_of_stdin())
    elif os.path.isdir(argument):
        yield from (path for path in walk(Path(argument)) if is_image_name(path))
    elif os.path.exists(argument):
        yield Path(argument)
    else:
        raise DataNotFound(
            f"There is no file or folder {argument}.", hint="Give image files, or folders of them."
        )


def _texts(argument: str) -> Iterator[str]:
    if argument == STDIN:
        yield from _lines_of_stdin()
    elif os.path.isdir(argument):
        for path in walk(Path(argument)):
            if path.suffix.lower() == ".txt":
                yield from _lines_of_file(path)
    elif os.path.exists(argument):
        yield from _lines_of_file(Path(argument))
    elif argument.startswith(("./", "/")) or _is_file_name(argument):
        raise DataNotFound(
            f"There is no file {argument}.",
            hint="Give a file that exists; a text does not begin with ./ or /.",
        )
    elif argument.strip():
        yield argument


def _is_file_name(argument: str) -> bool:
    """Whether a text reads as the mistyped name of a file that holds inputs."""
    known = is_table_name(argument) or is_image_name(argument) or argument.lower().endswith(".txt")
    return known and " " not in argument


def _lines_of_file(path: Path) -> Iterator[str]:
    if is_image_name(path):
        raise ContractViolation(f"{path} is an image; the model takes texts.", hint="Give texts.")
    try:
        content = path.read_bytes().decode("utf-8-sig")
    except OSError as err:
        raise UnreadableFiles(
            f"{path} cannot be read: {err.strerror}.", hint="Check its permissions."
        ) from err
    except UnicodeDecodeError as err:
        raise UnreadableFiles(
            f"{path} is not UTF-8 text.", hint="Give a text file with one text a line, or a table."
        ) from err
    yield from _lines(content, str(path))


def _lines_of_stdin() -> Iterator[str]:
    try:
        yield from _lines(sys.stdin.buffer.read().decode("utf-8-sig"), "standard input")
    except UnicodeDecodeError as err:
        raise UnreadableFiles(
            "Standard input is not UTF-8 text.", hint="Give one input a line, as UTF-8."
        ) from err


def _lines(content: str, source: str) -> list[str]:
    """The lines, split at line ends only, not at what Unicode calls one; blank ones may end it.

    A blank line between others is refused: left out, answers would no longer stand beside inputs.
    """
    lines = [line.removesuffix("\r") for line in content.split("\n")]
    while lines and not lines[-1].strip():
        lines.pop()
    blank = [f"line {number}" for number, line in enumerate(lines, start=1) if not line.strip()]
    if blank:
        raise DataError(
            f"There is nothing in {named(blank)} of {source}.", hint="Fill or remove these lines."
        )
    return lines


def _rows(
    table: Table, modality: str, input_column: str | None, labelling: Labelling
) -> list[Input]:
    columns = find_columns(
        table,
        modality=modality,
        input_column=input_column,
        labelled=False,
        labelling=labelling,
    )
    found: list[Input] = list(Values(inputs(table, columns)))
    blank = [
        f"row {number}"
        for given, number in zip(found, table.numbers, strict=True)
        if any(is_blank(part) for part in parts(given))
    ]
    if blank:
        raise DataError(
            f"The column {columns.input!r} of {table.title} is blank in {named(blank)}.",
            hint="Fill or remove these rows.",
        )
    return found
