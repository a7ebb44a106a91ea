"""``run.json``: all that a run leaves behind besides the artifact, as plain data. No torch.

``metrics.jsonl`` beside it has one line per epoch.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from zoo.errors import NotAnArtifact
from zoo.report.adaptation import Adaptation
from zoo.report.evidence import Evidence

RECORD = "run.json"
HISTORY = "metrics.jsonl"
ARTIFACT = "artifact"
REPORT = "report.html"

THIS_MODEL = "this model"


class Result(BaseModel):
    """The metrics of one model on one split.

    ``model`` is ``this model``, ``majority class``, ``linear-probe``, ``from scratch``, …
    """

    model_config = ConfigDict(extra="forbid")

    model: str
    split: str
    rows: int
    metrics: dict[str, float]
    settings: dict[str, Any] = Field(default_factory=dict)


class Confusion(BaseModel):
    """Counts ``[true][predicted]`` of this model on one split."""

    model_config = ConfigDict(extra="forbid")

    split: str
    labels: list[str]
    counts: list[list[int]]


class RunRecord(BaseModel):
    """What ``run.json`` holds."""

    model_config = ConfigDict(extra="forbid")

    status: Literal["finished", "interrupted", "failed"]
    backbone: str
    adapter: str
    task: str
    headline: str  # the metric a person reads first
    monitor: str = "log_loss"  # the metric that chose among epochs
    lower: list[str] = Field(default_factory=lambda: ["log_loss", "calibration_error"])  # better
    data: dict[str, Any]  # path, description, fingerprint, rows
    config: dict[str, Any]  # all that repeats the run
    weights: str | None = None  # the local folder the backbone was loaded from, on this machine
    results: list[Result] = Field(default_factory=list)
    confusions: list[Confusion] = Field(default_factory=list)
    trainable_parameters: int = 0
    total_parameters: int = 0
    seconds: float = 0.0
    versions: dict[str, str] = Field(default_factory=dict)
    notes: list[str] = Field(default_factory=list)
    evidence: Evidence | None = None  # ``None`` where the fit was cut short
    adaptation: Adaptation | None = None  # to a target

    def write(self, folder: Path) -> None:
        """Write ``folder/run.json``."""
        content = json.dumps(self.model_dump(), indent=2, ensure_ascii=False)
        (folder / RECORD).write_text(content + "\n", encoding="utf-8")


def read_record(folder: Path) -> RunRecord:
    """Read ``folder/run.json``.

    Raises:
        NotAnArtifact: there is none, or it is not a run's record.
    """
    try:
        return RunRecord.model_validate_json((folder / RECORD).read_bytes())
    except (OSError, ValidationError) as err:
        raise NotAnArtifact(
            f"{folder} is not a run: it has no usable {RECORD}.",
            hint="A run is a directory that `zoo fit --out` wrote.",
        ) from err


def read_history(folder: Path) -> list[dict[str, Any]]:
    """The lines of ``metrics.jsonl``: one dict an epoch; empty where nothing was trained by epochs."""
    path = folder / HISTORY
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
