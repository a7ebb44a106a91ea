"""What the benchmark table is made of: a model on one test set, kept in a file each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

CELLS = Path(__file__).parent / "table"
PEER = "logistic regression"
PROBE = "linear-probe"
MAIN = (PROBE, "lora", "partial", "finetune")  # first, and with columns of their own


@dataclass(frozen=True)
class Cell:
    """One model on one test set: which rows it got right, and what it cost.

    ``refused`` says why the adapter does not fit the backbone; such a cell has no rows. ``best_epoch``
    is that by validation, 0 being the probe that training starts from. ``verdict`` is what the run
    itself says of that probe, on test rows.
    """

    case: str
    backbone: str
    model: str
    seed: int
    right: str = ""  # a 1 or 0 for each test row
    seconds: float = 0.0
    refused: str = ""
    best_epoch: int | None = None
    verdict: str = ""

    @property
    def rows(self) -> np.ndarray:
        """1 for each test row that is right, else 0, ``[rows]``."""
        return np.array([int(row) for row in self.right])


def path_of(case: str, backbone: str, model: str, seed: int) -> Path:
    """Where a cell is kept."""
    words = (case, backbone, model, str(seed))
    plain = (word.translate(str.maketrans(" /:", "---")) for word in words)
    return CELLS / f"{'--'.join(plain)}.json"


def keep(cell: Cell) -> None:
    """Write a cell."""
    path = path_of(cell.case, cell.backbone, cell.model, cell.seed)
    path.write_text(json.dumps(asdict(cell)), encoding="utf-8")


def finished() -> Iterator[Cell]:
    """All cells there are."""
    for path in sorted(CELLS.glob("*.json")):
        yield Cell(**json.loads(path.read_text(encoding="utf-8")))
