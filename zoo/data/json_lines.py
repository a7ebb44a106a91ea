"""JSON as a table of text, a line or an element of a list a row.

It is parsed here: the library would turn ``"2020-01-01"`` into a date and 1 into 1.0.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

from zoo.data.mapped import gathered


def read_json(batches: Iterable[Any]) -> tuple[Any, Sequence[int]]:
    """A ``pyarrow.Table`` of text, and the number of each row's line (or element).

    Args:
        batches: tables of lines, in a column ``text``.

    Raises:
        ValueError: something in it is not JSON, or not an object.
    """
    lines = (line for batch in batches for line in batch.column("text").to_pylist())
    first = next(lines, "")
    numbers = array("q")
    if first.lstrip().startswith("["):
        objects = _loads("\n".join([first, *lines]), "it")
        return gathered(_tables(_numbered(enumerate(objects, start=1), numbers))), numbers
    found = _parsed(chain([first], lines))
    return gathered(_tables(_numbered(found, numbers))), numbers


def _parsed(lines: Iterable[str]) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield number, _loads(line, f"line {number}")


def as_text(value: Any) -> str | None:
    """A value of JSON as a cell of a table: texts as they are, the rest as JSON."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


def _numbered(found: Iterable[tuple[int, Any]], numbers: array[int]) -> Iterator[dict[str, Any]]:
    for number, one in found:
        if not isinstance(one, dict):
            raise ValueError(f"line {number} is not a JSON object, {{…}}")
        numbers.append(number)
        yield one


def _tables(objects: Iterable[dict[str, Any]], rows: int = 10_000) -> Iterator[Any]:
    held: list[dict[str, Any]] = []
    for one in objects:
        held.append(one)
        if len(held) == rows:
            yield _table(held)
            held = []
    if held:
        yield _table(held)


def _table(objects: Sequence[dict[str, Any]]) -> Any:
    import pyarrow  # type: ignore[import-untyped]  # it has no annotations

    columns = dict.fromkeys(key for one in objects for key in one)
    return pyarrow.table(
        {
            name: pyarrow.array([as_text(one.get(name)) for one in objects], pyarrow.string())
            for name in columns
        }
    )


def _loads(text: str, what: str) -> Any:
    try:
        return json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError) as err:
        raise ValueError(f"{what} is not JSON ({err})") from None
