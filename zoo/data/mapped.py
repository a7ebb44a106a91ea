"""Arrow tables gathered piece by piece: in memory while they are small, mapped from disk beyond.

What is written lies in the cache of the ``datasets`` library and has no name once it is mapped:
the disk gets its room back with the table, and no edited file is mistaken for an old copy.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

KEPT_BYTES = 64 * 1024**2


def gathered(parts: Iterable[Any], kept_bytes: int | None = None) -> Any:
    """One ``pyarrow.Table`` of all parts; a column that a part lacks is empty there.

    Args:
        parts: tables, one at a time.
        kept_bytes: how much is held in memory before it goes to disk.

    Raises:
        OSError: the disk is full.
    """
    import pyarrow  # type: ignore[import-untyped]  # it has no annotations

    limit = KEPT_BYTES if kept_bytes is None else kept_bytes
    mapped: list[Any] = []
    held: list[Any] = []
    size = 0
    for part in parts:
        held.append(part)
        size += part.nbytes
        if size > limit:
            mapped.append(_mapped(_joined(held)))
            held, size = [], 0
    return _joined([*mapped, *held]) if mapped or held else pyarrow.table({})


def _joined(tables: list[Any]) -> Any:
    import pyarrow

    return pyarrow.concat_tables(tables, promote_options="default")


def _mapped(table: Any) -> Any:
    import pyarrow
    from datasets import config

    cache = Path(config.HF_DATASETS_CACHE)
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=cache, prefix="zoo-", suffix=".arrow") as file:
        with pyarrow.ipc.new_stream(file, table.schema) as writer:
            writer.write_table(table)
        file.flush()
        return pyarrow.ipc.open_stream(pyarrow.memory_map(file.name)).read_all()
