"""One table: CSV, TSV, JSON lines or Parquet, read by the ``datasets`` library.

Nothing is guessed about values: ``NA``, ``None`` and ``01`` stay what the file says. The library
streams, so it keeps no copy that an edited file could be mistaken for.
"""

from __future__ import annotations

import contextlib
import csv
import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from zoo.data import conll
from zoo.data.beside import Beside
from zoo.data.cell import Cell, PictureColumn, TextColumn, text_of
from zoo.data.encoding import not_utf8
from zoo.data.json_lines import as_text, read_json
from zoo.data.mapped import gathered
from zoo.errors import ColumnMissing, DataNotFound, UnreadableFiles

SUFFIXES = conll.SUFFIXES | {".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet"}
_SAMPLED = 1000
_LOOKED_AT = 10_000  # characters of a value


@dataclass(frozen=True)
class Table:
    """Columns of text.

    Attributes:
        path: the file.
        data: a ``pyarrow.Table``.
        numbers: of the rows, as a person counts them in the file.
        names: of the values of columns that hold class numbers, by column.
        rows: which rows of ``data`` these are; ``None`` for all. They are never copied.
        called: what messages call it, where that is not the file's name.
    """

    path: Path
    data: Any
    numbers: Sequence[int]
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    rows: Sequence[int] | None = None
    called: str = ""

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of all columns, in order."""
        return tuple(self.data.column_names)

    @property
    def flat(self) -> tuple[str, ...]:
        """Names of the columns whose values can be written as text."""
        return tuple(name for name in self.columns if _is_flat(self.data.schema.field(name).type))

    @property
    def pictures(self) -> tuple[str, ...]:
        """Names of the columns that hold encoded images."""
        return tuple(
            name for name in self.columns if _is_picture(self.data.schema.field(name).type)
        )

    @cached_property
    def beside(self) -> Beside:
        """Images that its cells may name."""
        return Beside(self.path)

    @property
    def title(self) -> str:
        """What messages call it."""
        return self.called or self.path.name

    def column(self, name: str) -> list[str]:
        """All values of a column as text; a missing value is blank.

        Raises:
            ColumnMissing: the column holds lists, bytes or the like.
        """
        return self._texts(name, self.rows)

    def sample(self, name: str) -> list[str]:
        """Up to a thousand values of a column, from all over the table, long ones cut."""
        step = max(1, math.ceil(len(self) / _SAMPLED))
        every = range(len(self)) if self.rows is None else self.rows
        # One at a time: a thousand books at once are more than memory should hold for a look.
        return [self._texts(name, [row])[0][:_LOOKED_AT] for row in every[::step]]

    def cells(self, name: str) -> list[str]:
        """As :meth:`column`; lists and objects as JSON."""
        if name in self.flat:
            return self.column(name)
        return [as_text(value) or "" for value in self._values(name, self.rows)]

    def stored(self, name: str) -> list[Cell]:
        """All values of a column of texts or images, to be read when they are needed."""
        values = self.data.column(name)
        column = (
            PictureColumn(self.title, values, self.numbers, self.rows, folder=self.path.parent)
            if name in self.pictures
            else TextColumn(self.title, values, self.numbers, self.rows)
        )
        return [Cell(column, index) for index in range(len(self))]

    def take(self, rows: Sequence[int]) -> Table:
        """The table of some rows only."""
        chosen = [self.rows[i] for i in rows] if self.rows is not None else rows
        return replace(self, rows=chosen, numbers=[self.numbers[i] for i in rows])

    def _texts(self, name: str, rows: Sequence[int] | None) -> list[str]:
        if name not in self.flat:
            kind = self.data.schema.field(name).type
            raise ColumnMissing(
                f"The column {name!r} of {self.title} holds {kind}, not texts or paths.",
                hint="Save images as files and their paths in a column.",
            )
        values = self._values(name, rows)
        if name in self.names:
            return [self.names[name][v] if v is not None and v >= 0 else "" for v in values]
        return [text_of(value) for value in values]

    def _values(self, name: str, rows: Sequence[int] | None) -> list[Any]:
        column = self.data.column(name)
        return list(column.to_pylist() if rows is None else [column[i].as_py() for i in rows])


def is_table_name(path: str | Path) -> bool:
    """Whether the name ends as a table's does."""
    return Path(path).suffix.lower() in SUFFIXES


def read_table(path: Path) -> Table:
    """Read a table.

    Raises:
        DataNotFound: it has no rows.
        UnreadableFiles: it cannot be parsed.
        ColumnMissing: two columns of one name.
    """
    try:
        kind = path.suffix.lower()
        if kind == ".parquet":
            table = _parquet(path)
        elif kind in {".csv", ".tsv"}:
            table = _separated(path)
        elif kind in conll.SUFFIXES:
            table = Table(path, *conll.read_conll(path))
        else:
            data, numbers = read_json(_streaming("text", path, encoding="utf-8-sig"))
            table = Table(path, data, numbers)
    except UnicodeDecodeError as err:
        raise not_utf8(path, err) from err
    except (OSError, ValueError) as err:  # parsers' errors are ValueErrors
        first = str(err).strip().partition("\n")[0].removeprefix("Error tokenizing data. C error: ")
        raise UnreadableFiles(
            f"{path} cannot be read: {first}.", hint="Repair the file, or save it again."
        ) from err
    if not len(table):
        raise _empty(path)
    return table


def _empty(path: Path) -> DataNotFound:
    return DataNotFound(f"{path} has no rows.", hint="Give a table with a header and rows.")


def _separated(path: Path) -> Table:
    separator, columns = _header(path)
    if not columns:
        raise _empty(path)
    if len(set(columns)) < len(columns):
        twice = next(name for name in columns if columns.count(name) > 1)
        raise ColumnMissing(
            f"{path.name} has two columns named {twice!r}.", hint="Rename one of them."
        )
    import datasets

    texts = datasets.Features({name: datasets.Value("string") for name in columns})
    data = _streamed(
        "csv",
        path,
        sep=separator,
        features=texts,
        column_names=columns,
        header=0,
        na_filter=False,
        keep_default_na=False,
        encoding="utf-8-sig",
    )
    return Table(path, data, range(2, 2 + len(data)))


def _header(path: Path) -> tuple[str, list[str]]:
    """Separator and column names; a file whose first row does not fit its header is refused."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        start = file.readline()
        while start and not start.strip():
            start = file.readline()
        if "\0" in start:
            raise ValueError("it holds NUL bytes, as UTF-16 does and UTF-8 text never")
        separator = _separator(path, start)
        header = next(csv.reader([start], delimiter=separator), []) if start.strip() else []
        first = header
        with contextlib.suppress(csv.Error):  # a first text beyond what this reader takes
            first = next((row for row in csv.reader(file, delimiter=separator) if row), header)
    if len(first) > len(header):
        # pandas would silently take the first column for an index.
        raise ValueError(f"its header has {len(header)} columns, its first row {len(first)}")
    return separator, [name.strip() or f"column {i}" for i, name in enumerate(header, start=1)]


def _separator(path: Path, header: str) -> str:
    usual = "\t" if path.suffix.lower() == ".tsv" else ","
    return next((mark for mark in (usual, "\t", ";", ",") if mark in header), usual)


def _parquet(path: Path) -> Table:
    import datasets
    from pyarrow import parquet  # type: ignore[import-untyped]  # it has no annotations

    features = datasets.Features.from_arrow_schema(parquet.read_schema(path))
    names = {
        name: kind.names for name, kind in features.items() if isinstance(kind, datasets.ClassLabel)
    }
    data = _streamed("parquet", path)
    return Table(path, data, range(1, 1 + len(data)), names)


def _streamed(kind: str, path: Path, **options: Any) -> Any:
    """A file as one ``pyarrow.Table``."""
    return gathered(_streaming(kind, path, **options))


def _streaming(kind: str, path: Path, **options: Any) -> Iterator[Any]:
    """A file as tables of some thousand rows each."""
    import datasets

    with quiet(), tempfile.TemporaryDirectory(prefix="zoo-") as scratch:
        # The library takes names for patterns and URLs; a link has a name without surprises.
        link = Path(scratch, "table")
        link.symlink_to(path.resolve())
        stream = datasets.load_dataset(
            kind,
            data_files={"train": [str(link)]},
            split="train",
            streaming=True,
            cache_dir=scratch,
            **options,
        )
        yield from stream.with_format("arrow").iter(batch_size=10_000)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """No bars of the library, and nothing from its logger, which reports what is raised anyway."""
    import datasets
    from datasets.utils import logging

    before, bars = logging.get_verbosity(), datasets.is_progress_bar_enabled()
    logging.set_verbosity(logging.CRITICAL)
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        logging.set_verbosity(before)
        if bars:
            datasets.enable_progress_bars()


def _is_flat(kind: Any) -> bool:
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    return not (types.is_nested(kind) or types.is_binary(kind) or types.is_large_binary(kind))


def _is_picture(kind: Any) -> bool:
    """Whether these are records as the ``datasets`` library keeps images."""
    from pyarrow import types

    return types.is_struct(kind) and {field.name for field in kind} == {"bytes", "path"}
