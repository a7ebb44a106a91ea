"""Features with their inputs, labels and splits as files that other tools open."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.errors import BadSetting

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from zoo.data.dataset import Dataset
    from zoo.data.rows import Input

    Pooled = NDArray[np.float32]

Origin = Mapping[str, str]


@dataclass(frozen=True)
class Rows:
    """What is embedded, a row each: inputs, and their labels and splits where there are any."""

    inputs: list[Input]
    labels: list[str] = field(default_factory=list)
    splits: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, dataset: Dataset) -> Rows:
        """All rows of a dataset, split after split."""
        rows = cls([])
        for name, split in dataset.splits.items():
            rows.inputs.extend(split.inputs)
            rows.labels.extend(split.labels)
            rows.splits.extend([name] * len(split))
        return rows

    def columns(self) -> dict[str, list[str]]:
        """Texts by column, without the columns that are not there."""
        columns = {
            "input": [str(entry) for entry in self.inputs],
            "label": self.labels,
            "split": self.splits,
        }
        return {name: column for name, column in columns.items() if column}


Writer = Callable[[Path, "Pooled", Rows, Origin], None]


def writer(path: Path) -> Writer:
    """How to write a file of that suffix.

    Raises:
        BadSetting: a suffix that stands for none of the formats.
    """
    if path.suffix not in _WRITERS:
        raise BadSetting(
            f"--out {str(path)!r} does not say the format by its suffix.",
            hint=f"Valid: {', '.join(_WRITERS)}.",
        )
    return _WRITERS[path.suffix]


def _write_npz(path: Path, pooled: Pooled, rows: Rows, origin: Origin) -> None:
    """``features``, and ``input``, ``label``, ``split`` as arrays of text; opens without pickle."""
    import numpy as np

    texts = {name: np.array(column, dtype=np.str_) for name, column in rows.columns().items()}
    facts = {name: np.array(value) for name, value in origin.items()}
    arrays: dict[str, Any] = {"features": pooled, **texts, **facts}
    np.savez_compressed(path, **arrays)


def _write_parquet(path: Path, pooled: Pooled, rows: Rows, origin: Origin) -> None:
    """A row each, the features as a list of fixed length."""
    import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    flat = pa.array(pooled.reshape(-1))
    lists = pa.FixedSizeListArray.from_arrays(flat, pooled.shape[1])
    table = pa.table({**rows.columns(), "features": lists})
    pq.write_table(table.replace_schema_metadata(dict(origin)), path)


def _write_safetensors(path: Path, pooled: Pooled, rows: Rows, origin: Origin) -> None:
    """``features``; texts stand as JSON in the metadata, as tensors hold none."""
    from safetensors.numpy import save_file

    texts = {name: json.dumps(column) for name, column in rows.columns().items()}
    save_file({"features": pooled}, path, metadata={**origin, **texts})


_WRITERS: dict[str, Writer] = {
    ".npz": _write_npz,
    ".parquet": _write_parquet,
    ".safetensors": _write_safetensors,
}
