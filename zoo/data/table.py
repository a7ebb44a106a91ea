"""One table as text: CSV, TSV, JSON lines or Parquet, read by the ``datasets`` library.

Nothing is guessed about values: ``NA``, ``None`` and ``01`` stay what the file says. The library
streams, so it keeps no copy that an edited file could be mistaken for.
"""

from __future__ import annotations

import contextlib
import csv
import json
import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.errors import ColumnMissing, DataNotFound, UnreadableFiles

SUFFIXES = frozenset({".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet"})
_SAMPLED = 1000


@dataclass(frozen=True)
class Table:
    """Columns of text.

    Attributes:
        path: the file.
        data: a ``pyarrow.Table``.
        numbers: of the rows, as a person counts them in the file.
        names: of the values of columns that hold class numbers, by column.
    """

    path: Path
    data: Any
    numbers: Sequence[int]
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)

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

    def column(self, name: str) -> list[str]:
        """All values of a column as text; a missing value is blank.

        Raises:
            ColumnMissing: the column holds lists, bytes or the like.
        """
        return self._texts(name, self.data)

    def cells(self, name: str) -> list[str]:
        """As :meth:`column`; lists and objects as JSON."""
        if name in self.flat:
            return self.column(name)
        return [_json_text(value) or "" for value in self.data.column(name).to_pylist()]

    def sample(self, name: str) -> list[str]:
        """Up to a thousand values of a column, from all over the table."""
        step = max(1, math.ceil(len(self) / _SAMPLED))
        return self._texts(name, self.data.take(list(range(0, len(self), step))))

    def take(self, rows: Sequence[int]) -> Table:
        """The table of some rows only."""
        return Table(self.path, self.data.take(rows), [self.numbers[i] for i in rows], self.names)

    def _texts(self, name: str, data: Any) -> list[str]:
        if name not in self.flat:
            kind = self.data.schema.field(name).type
            raise ColumnMissing(
                f"The column {name!r} of {self.path.name} holds {kind}, not texts or paths.",
                hint="Save images as files and their paths in a column.",
            )
        values = data.column(name).to_pylist()
        if name in self.names:
            return [self.names[name][v] if v is not None and v >= 0 else "" for v in values]
        return [_text(value) for value in values]


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
        else:
            table = _json(path)
    except UnicodeDecodeError as err:
        raise UnreadableFiles(
            f"{path} is not UTF-8 text: byte 0x{err.object[err.start]:02x}.",
            hint="Save it as UTF-8, e.g. `iconv -f latin1 -t utf-8`.",
        ) from err
    except (OSError, ValueError) as err:  # parsers' errors are ValueErrors
        first = str(err).strip().partition("\n")[0].removeprefix("Error tokenizing data. C error: ")
        raise UnreadableFiles(
            f"{path} cannot be read: {first}.", hint="Repair the file, or save it again."
        ) from err
    if not len(table):
        raise DataNotFound(f"{path} has no rows.", hint="Give a table with a header and rows.")
    return table


def _separated(path: Path) -> Table:
    separator, columns = _header(path)
    if not columns:
        return _table(path, {})
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


def _json(path: Path) -> Table:
    """Lines are parsed here: the library would turn ``"2020-01-01"`` into a date and 1 into 1.0."""
    lines = _streamed("text", path, encoding="utf-8-sig").column("text").to_pylist()
    if lines and lines[0].lstrip().startswith("["):
        objects = _loads("\n".join(lines), "it")
        numbers = list(range(1, len(objects) + 1))
    else:
        numbers = [i for i, line in enumerate(lines, start=1) if line.strip()]
        objects = [_loads(lines[i - 1], f"line {i}") for i in numbers]
    for number, one in zip(numbers, objects, strict=True):
        if not isinstance(one, dict):
            raise ValueError(f"line {number} is not a JSON object, {{…}}")
    columns = list(dict.fromkeys(key for one in objects for key in one))
    values = {name: [_json_text(one.get(name)) for one in objects] for name in columns}
    return _table(path, values, numbers)


def _loads(text: str, what: str) -> Any:
    try:
        return json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError) as err:
        raise ValueError(f"{what} is not JSON ({err})") from None


def _json_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


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
    import datasets
    import pyarrow

    with _quiet(), tempfile.TemporaryDirectory(prefix="zoo-") as scratch:
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
        parts = list(stream.with_format("arrow").iter(batch_size=10_000))
    return pyarrow.concat_tables(parts) if parts else pyarrow.table({"text": []})


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Nothing from the library's logger, which reports what is raised anyway."""
    from datasets.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity(logging.CRITICAL)
    try:
        yield
    finally:
        logging.set_verbosity(before)


def _table(
    path: Path, columns: Mapping[str, Sequence[str | None]], numbers: Sequence[int] = ()
) -> Table:
    import pyarrow

    arrays = {name: pyarrow.array(values, pyarrow.string()) for name, values in columns.items()}
    return Table(path, pyarrow.table(arrays), numbers)


def _is_flat(kind: Any) -> bool:
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    return not (types.is_nested(kind) or types.is_binary(kind) or types.is_large_binary(kind))


def _text(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
