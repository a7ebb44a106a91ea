"""What commands write: data on stdout, talk on stderr, and no terminal escape out of anyone's data."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

# Controls (C0 without tab and newline, DEL, C1), and the characters that turn the reading direction
# round: whoever wrote a label or a card decides what these do to a terminal.
_UNSAFE = [
    *(code for code in range(0x20) if code not in b"\t\n"),
    *range(0x7F, 0xA0),
    *(0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)),
]
_VISIBLE = {code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" for code in _UNSAFE}
_IN_JSON = {code: f"\\u{code:04x}" for code in _UNSAFE}
_NO_TERMINAL_WIDTH = 240


def plain(text: object) -> str:
    r"""``text`` with terminal escapes made visible, e.g. ``\x1b``; tabs and newlines stay."""
    return str(text).translate(_VISIBLE)


def one_line(text: object, limit: int = 2000) -> str:
    """``text`` made safe, on one line and cut to ``limit`` characters."""
    line = " ".join(plain(text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def emit(text: str) -> None:
    """A line of data on stdout."""
    sys.stdout.write(plain(text) + "\n")


def emit_json(data: object) -> None:
    r"""Data on stdout as JSON; what a terminal would obey is written as ``\uXXXX``."""
    text = json.dumps(data, indent=2, ensure_ascii=False)
    sys.stdout.write(text.translate(_IN_JSON) + "\n")


def say(text: str) -> None:
    """A line of talk on stderr."""
    sys.stderr.write(plain(text) + "\n")


def emit_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    right: Sequence[str] = (),
    bold: int | None = None,
) -> None:
    """A table on stdout; ``None`` is an empty cell.

    Args:
        columns: their headings.
        rows: one cell a column.
        right: the columns that hold numbers.
        bold: the row to point out.
    """
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, collapse_padding=True)
    for position, column in enumerate(columns):
        table.add_column(
            column,
            justify="right" if column in right else "left",
            overflow="fold",
            no_wrap=position == 0,  # a name is what gets copied
        )
    for number, row in enumerate(rows):
        cells = [Text("" if cell is None else one_line(cell, limit=300)) for cell in row]
        table.add_row(*cells, style="bold" if number == bold else None)
    if sys.stdout.isatty():
        Console().print(table)
        return
    # A pipe has no width: nothing is folded there because of one, and no line ends in blanks.
    console = Console(width=_NO_TERMINAL_WIDTH, file=io.StringIO())
    with console.capture() as captured:
        console.print(table)
    sys.stdout.writelines(f"{line.rstrip()}\n" for line in captured.get().splitlines())


def emit_facts(facts: Mapping[str, Any]) -> None:
    """Names and values in two columns on stdout; what is unknown is left out."""
    known = {name: value for name, value in facts.items() if value not in (None, "", (), [], {})}
    width = max(map(len, known), default=0)
    for name, value in known.items():
        emit(f"{name:<{width}}  {one_line(value)}")


def count(number: int | None) -> str | None:
    """A count as people read it: 950, 22.7 k, 2.26 M."""
    if number is None or number < 1000:
        return None if number is None else str(number)
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    raise AssertionError("unreachable: every number of at least 1000 has a unit")
