"""Writes into ``docs/faults.md`` which tests show each row: those that carry ``row(n)``.

``make docs`` runs this; a test compares the page with what it would write.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

PAGE = Path(__file__).with_name("faults.md")
TESTS = Path(__file__).parents[1] / "tests"
ROWS = range(1, 62)

_ROW = re.compile(r"^\| (\d+) \| ([^|]*) \| ([^|]*) \|[^|\n]*\|$", re.MULTILINE)


def main() -> None:
    PAGE.write_text(with_tests(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def with_tests(text: str) -> str:
    """The page with the last column of its tables written anew."""
    found = by_row()

    def line(row: re.Match[str]) -> str:
        shown = "<br>".join(f"`{name}`" for name in found.get(int(row[1]), []))
        return f"| {row[1]} | {row[2]} | {row[3]} | {shown} |"

    return _ROW.sub(line, text)


def rows_of(text: str) -> list[int]:
    """The numbers of the rows that the page has."""
    return [int(row[1]) for row in _ROW.finditer(text)]


def by_row(folder: Path = TESTS) -> dict[int, list[str]]:
    """The tests that carry each row, as pytest names them, below ``folder``."""
    found: dict[int, list[str]] = {}
    for path in sorted(folder.rglob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        if "mark.row(" not in text:
            continue
        marked = list(_marked(ast.parse(text), path.relative_to(folder).as_posix()))
        if sum(len(rows) for _, rows in marked) != len(list(_rows(ast.parse(text)))):
            raise ValueError(f"{path}: a mark `row` stands on something else than a test")
        for name, rows in marked:
            for row in sorted(set(rows)):
                found.setdefault(row, []).append(name)
    return found


def _marked(tree: ast.Module | ast.ClassDef, name: str) -> Iterator[tuple[str, list[int]]]:
    """Tests and classes of tests with the rows in their decorators."""
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            inside = f"{name}::{node.name}"
            rows = [row for each in node.decorator_list for row in _rows(each)]
            if rows:
                yield inside, rows
            if isinstance(node, ast.ClassDef):
                yield from _marked(node, inside)


def _rows(tree: ast.AST) -> Iterator[int]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(ast.Attribute(attr="mark"), "row"), args=numbers):
                yield from (int(ast.literal_eval(number)) for number in numbers)


if __name__ == "__main__":
    main()
