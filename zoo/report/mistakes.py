"""``mistakes.json``: the rows that a model is worst on, to be looked at. No torch.

They hold pieces of the data, so they are kept out of ``run.json`` and never leave the machine with an
artifact.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

MISTAKES = "mistakes.json"


class Mistake(BaseModel):
    """One row, what it is and what it was taken for.

    Attributes:
        row: its position in the split.
        true, answer: in words.
        score: how sure the model was of its answer, where it says.
        loss: of the row.
        text: the input, or the beginning of it; empty for an image.
        image: a small JPEG, base64; empty where the input is none.
    """

    model_config = ConfigDict(extra="forbid")

    row: int
    true: str
    answer: str
    score: float | None = None
    loss: float
    text: str = ""
    image: str = ""


def write_mistakes(folder: Path, mistakes: Sequence[Mistake]) -> None:
    """Write ``folder/mistakes.json``; nothing where there are none."""
    if mistakes:
        content = json.dumps([m.model_dump() for m in mistakes], indent=1, ensure_ascii=False)
        (folder / MISTAKES).write_text(content + "\n", encoding="utf-8")


def read_mistakes(folder: Path) -> list[Mistake]:
    """Those of a run; none where the file is not there or cannot be read, for they are a help only."""
    try:
        content = (folder / MISTAKES).read_bytes()
        return TypeAdapter(list[Mistake]).validate_json(content)
    except (OSError, ValidationError):
        return []
