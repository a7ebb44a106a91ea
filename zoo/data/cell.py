"""Single values of a table that stay where they are, mapped from disk, until they are asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, overload


class Column(Protocol):
    """A column of a table."""

    def place(self, index: int) -> str:
        """Where a value stands, for messages."""

    def read(self, index: int) -> Any:
        """The value: a text, or the bytes of an image."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One value of a column; written out as text it is the place where it stands."""

    column: Column
    index: int

    def read(self) -> Any:
        """The value: a text, or the bytes of an image.

        Raises:
            OSError: an image that is kept as a file cannot be read.
        """
        return self.column.read(self.index)

    @property
    def is_picture(self) -> bool:
        """Whether it holds an image."""
        return isinstance(self.column, PictureColumn)

    def __str__(self) -> str:
        return self.column.place(self.index)


@dataclass(frozen=True, eq=False)
class TextColumn:
    """Texts of a table.

    Attributes:
        source: what the table is called, for messages.
        values: a ``pyarrow.ChunkedArray`` of text.
        numbers: of the rows, as a person counts them.
        rows: which rows of ``values`` these are; ``None`` for all.
    """

    source: str
    values: Any
    numbers: Sequence[int]
    rows: Sequence[int] | None = None

    def place(self, index: int) -> str:
        """File and row."""
        return f"{self.source} row {self.numbers[index]}"

    def read(self, index: int) -> Any:
        """The text; empty where it is missing."""
        return text_of(self._value(index))

    def _value(self, index: int) -> Any:
        return self.values[index if self.rows is None else int(self.rows[index])].as_py()


@dataclass(frozen=True, eq=False)
class PictureColumn(TextColumn):
    """Encoded images of a table: records of ``bytes`` and, beside or instead of them, ``path``.

    Attributes:
        folder: that paths without bytes are relative to.
    """

    folder: Path = Path()

    def read(self, index: int) -> Any:
        """The bytes; empty where there is no image.

        Raises:
            OSError: the file that stands in place of bytes cannot be read.
        """
        from zoo.data.images import content_of

        value = self._value(index)
        if value is None:
            return b""
        if value.get("bytes") is not None:
            return bytes(value["bytes"])
        return content_of(self.folder / value["path"]) if value.get("path") else b""


class Values(Sequence[Any]):
    """Inputs in their order, texts read when they are asked for; images stay cells.

    Args:
        given: texts, paths, cells, and pairs of these.
    """

    def __init__(self, given: Sequence[Any]) -> None:
        self._given = given

    def __len__(self) -> int:
        return len(self._given)

    @overload
    def __getitem__(self, index: int) -> Any: ...

    @overload
    def __getitem__(self, index: slice) -> Values: ...

    def __getitem__(self, index: int | slice) -> Any:
        """A text, a path, the cell of an image, or a pair; of a slice, values again."""
        found = self._given[index]
        if isinstance(index, slice):
            return Values(found)
        return tuple(map(value_of, found)) if isinstance(found, tuple) else value_of(found)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # as a list's


def value_of(given: Any) -> Any:
    """An input with the text of a cell read; images stay cells, as they are decoded elsewhere."""
    if isinstance(given, Cell) and not given.is_picture:
        return given.read()
    return given


def is_blank(given: Any) -> bool:
    """Whether an input is nothing: no text, no path. Images tell when they are read."""
    return not str(value_of(given)).strip()


def text_of(value: Any) -> str:
    """A value as text; empty where it is missing."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
