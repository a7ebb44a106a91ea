"""Files of plain text as tables: a text a line, blank lines left out. No labels."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path

from zoo.data.encoding import not_utf8
from zoo.data.roles import UNSPLIT, split_in
from zoo.data.rows import natural
from zoo.data.table import Table
from zoo.data.tables import Part
from zoo.errors import DataNotFound, UnreadableFiles

SUFFIX = ".txt"
TEXT = "text"


def find_texts(path: Path, wanted: Collection[str]) -> dict[str, Part]:
    """Splits of a text file, or of a folder that holds such files and no tables; none elsewhere.

    Args:
        path: a file or folder.
        wanted: names that the user calls splits, beside the usual ones.
    """
    if path.is_file():
        return {UNSPLIT: partial(_read, [path])} if path.suffix.lower() == SUFFIX else {}
    if not path.is_dir():
        return {}
    files = [file for file in path.iterdir() if file.is_file() and not file.name.startswith(".")]
    texts = sorted(
        (file for file in files if file.suffix.lower() == SUFFIX),
        key=lambda file: natural(file.name),
    )
    if not texts or len(texts) < len(files):
        return {}
    names = [file.stem if file.stem in wanted else split_in(file.stem) for file in texts]
    if not all(names):
        return {UNSPLIT: partial(_read, texts)}
    groups: dict[str, list[Path]] = {}
    for name, file in zip(names, texts, strict=True):
        groups.setdefault(str(name), []).append(file)
    return {name: partial(_read, several) for name, several in groups.items()}


def _read(paths: Sequence[Path]) -> list[Table]:
    tables = [_table(path) for path in paths]
    filled = [table for table in tables if len(table)]
    if not filled:
        raise DataNotFound(f"{paths[0]} holds no text.", hint="Give a file with one text a line.")
    return filled


def _table(path: Path) -> Table:
    import pyarrow  # type: ignore[import-untyped,unused-ignore]  # it has no annotations

    try:
        lines = path.read_bytes().decode("utf-8-sig").split("\n")
    except OSError as err:
        raise UnreadableFiles(
            f"{path} cannot be read: {err.strerror}.", hint="Check its permissions."
        ) from err
    except UnicodeDecodeError as err:
        raise not_utf8(path, err) from err
    found = [(number, line.strip()) for number, line in enumerate(lines, start=1) if line.strip()]
    texts = pyarrow.array([line for _, line in found], pyarrow.string())
    return Table(path, pyarrow.table({TEXT: texts}), [number for number, _ in found])
