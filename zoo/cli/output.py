"""What commands write: data on stdout, talk on stderr, and no terminal escape out of anyone's data."""

from __future__ import annotations

import contextlib
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TextIO

# Controls (C0 without tab and newline, DEL, C1), and the characters that turn the reading direction
# round: whoever wrote a label or a card decides what these do to a terminal.
_UNSAFE = [
    *(code for code in range(0x20) if code not in b"\t\n"),
    *range(0x7F, 0xA0),
    *(0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)),
]
_ANY_UNSAFE = re.compile(f"[{''.join(map(chr, _UNSAFE))}]")
_VISIBLE = {code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" for code in _UNSAFE}
_IN_JSON = {code: f"\\u{code:04x}" for code in _UNSAFE}
_GAP = "  "
_FOLDED = 1000  # rows
_LONG = 500  # entries
_kept: list[TextIO] = []  # what writes to stdout while nobody else may


@contextlib.contextmanager
def only_data() -> Iterator[None]:
    """Send what plugins and libraries print to stderr; what this module writes is data."""
    from zoo.host.streams import stdout_to_stderr

    with stdout_to_stderr() as stdout:
        _kept.append(stdout)
        try:
            yield
        finally:
            _kept.pop().flush()


def data() -> TextIO:
    """What writes to stdout."""
    return _kept[-1] if _kept else sys.stdout


def plain(text: object) -> str:
    r"""``text`` with terminal escapes made visible, e.g. ``\x1b``; tabs and newlines stay."""
    return _escaped(str(text), _VISIBLE)


def _escaped(text: str, table: Mapping[int, str]) -> str:
    # Most texts have none of them, and looking takes a tenth of the time that translating does.
    return text.translate(table) if _ANY_UNSAFE.search(text) else text


def one_line(text: object, limit: int = 2000) -> str:
    """``text`` made safe, on one line and cut to ``limit`` characters."""
    line = " ".join(plain(text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def emit(text: str) -> None:
    """A line of data on stdout."""
    data().write(plain(text) + "\n")


def emit_json(found: object) -> None:
    r"""Data on stdout as JSON; what a terminal would obey is written as ``\uXXXX``."""
    if isinstance(found, list) and len(found) > _LONG:
        # json is written in C for compact text alone, which is ten times as fast.
        entries = (json.dumps(entry, ensure_ascii=False) for entry in found)
        text = "[\n  " + ",\n  ".join(entries) + "\n]"
    else:
        text = json.dumps(found, indent=2, ensure_ascii=False)
    data().write(_escaped(text, _IN_JSON) + "\n")


def say(text: str) -> None:
    """A line of talk on stderr."""
    sys.stderr.write(plain(text) + "\n")


def say_each(texts: Iterable[object]) -> None:
    """A line of talk for each, cut where it is long."""
    for text in texts:
        say(one_line(text))


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
    cells = [["" if cell is None else one_line(cell, limit=300) for cell in row] for row in rows]
    # A pipe has no width: nothing is folded there because of one. Folding a catalogue takes rich
    # some seconds.
    if data().isatty() and len(cells) <= _FOLDED:
        _emit_folded(columns, cells, right, bold)
    else:
        _emit_plain(columns, cells, right)


def _emit_folded(
    columns: Sequence[str], rows: list[list[str]], right: Sequence[str], bold: int | None
) -> None:
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
        table.add_row(*map(Text, row), style="bold" if number == bold else None)
    Console(file=data()).print(table)


def _emit_plain(columns: Sequence[str], rows: list[list[str]], right: Sequence[str]) -> None:
    from rich.cells import cell_len  # letters of some scripts are two wide

    widths = [max(map(cell_len, column)) for column in zip(columns, *rows, strict=True)]
    rule = "─" * (sum(widths) + len(_GAP) * (len(widths) - 1))
    lines = [_line(columns, columns, widths, right, cell_len), rule]
    lines += [_line(row, columns, widths, right, cell_len) for row in rows]
    data().write("\n".join(lines) + "\n")


def _line(
    cells: Sequence[str],
    columns: Sequence[str],
    widths: Sequence[int],
    right: Sequence[str],
    length: Callable[[str], int],
) -> str:
    padded = []
    for cell, column, width in zip(cells, columns, widths, strict=True):
        blanks = " " * (width - length(cell))
        padded.append(blanks + cell if column in right else cell + blanks)
    return _GAP.join(padded).rstrip()


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
