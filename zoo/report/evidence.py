"""What a run found out about itself, as plain data: verdicts, and the figures behind them. No torch."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Level = Literal["good", "note", "warning"]


class Verdict(BaseModel):
    """One finding in words and in numbers.

    Attributes:
        about: ``over-fitting``, ``transfer``, ``adaptation``, ``rows``, ``saved`` or ``gap``.
        level: whether it is good to hear, worth knowing, or a warning.
        text: a sentence or two.
        figures: what they rest on.
    """

    model_config = ConfigDict(extra="forbid")

    about: str
    level: Level
    text: str
    figures: dict[str, float] = Field(default_factory=dict)


class CurvePoint(BaseModel):
    """The headline metric after training on so many rows: mean and spread over draws of them."""

    model_config = ConfigDict(extra="forbid")

    rows: int
    value: float
    spread: float = 0.0


class LearningCurve(BaseModel):
    """How a model gets better with rows, and what more of them would bring.

    Attributes:
        model: whose curve it is.
        split: on which it is measured.
        metric: the task's headline.
        points: by rows, all training rows last.
        ahead: at twice as many rows, by extrapolation.
        low, high: of the value ahead, 80%.
    """

    model_config = ConfigDict(extra="forbid")

    model: str
    split: str
    metric: str
    points: list[CurvePoint]
    ahead: CurvePoint
    low: float
    high: float


class Bin(BaseModel):
    """Answers of like confidence: how sure they were on average, how many were right."""

    model_config = ConfigDict(extra="forbid")

    confidence: float
    right: float
    count: int


class Reliability(BaseModel):
    """Whether confidence can be believed, bin by bin.

    Attributes:
        split: on which it is measured.
        of: what is counted: ``answers``, or ``labels`` where each has a probability of its own.
        bins: those that are not empty.
        error: expected calibration error: mean distance of the two, weighted by count.
    """

    model_config = ConfigDict(extra="forbid")

    split: str
    of: str
    bins: list[Bin]
    error: float


class Scatter(BaseModel):
    """True and predicted numbers of one output, a few rows."""

    model_config = ConfigDict(extra="forbid")

    split: str
    output: str
    true: list[float]
    predicted: list[float]


class Evidence(BaseModel):
    """All of it.

    Attributes:
        verdicts: in the order in which a person should read them.
        curve: by frozen features; ``None`` where it was not computed.
        reliability: ``None`` where answers come with no probability.
        details: metrics of each output on the split that is reported.
        scatters: of tasks that predict numbers.
        gap: as :meth:`zoo.domain.record.Gap.plain` gives it, with the points of its plot; between
            training rows and the test rows that were given.
    """

    model_config = ConfigDict(extra="forbid")

    verdicts: list[Verdict] = Field(default_factory=list)
    curve: LearningCurve | None = None
    reliability: Reliability | None = None
    details: dict[str, dict[str, float]] = Field(default_factory=dict)
    scatters: list[Scatter] = Field(default_factory=list)
    gap: dict[str, Any] | None = None
