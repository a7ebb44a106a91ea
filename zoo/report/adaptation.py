"""What a fit for a target domain tried, and what of it was chosen by which figure. No torch.

The states that are chosen among are all epochs of all candidates. The model that is kept is chosen
without target labels; the oracle's choice by them is only reported.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

TARGET = "target"  # the split that is adapted to, and that results of labelled targets are of
SOURCE_ONLY = "source-only"
LABEL_FREE = "label-free-selected"
ORACLE, ORACLE_SOURCE_ONLY = "oracle", "source-only, oracle"


class State(BaseModel):
    """A model as it was after one epoch.

    Attributes:
        epoch: counted from 1; 0 is the best head on frozen features.
        risk: of the source's validation rows; lower is better, ``None`` where it is no number.
        score: the validator's; higher is better, ``None`` likewise.
        source: the headline metric on the source's validation rows.
        reverse: see :mod:`zoo.training.adaptation.reverse`; ``None`` where there are no classes.
        balance: see :mod:`zoo.training.adaptation.balance`; likewise.
        others: scores of validators that choose nothing here.
        metrics: on the target, where that has labels.
    """

    model_config = ConfigDict(extra="forbid")

    epoch: int
    risk: float | None
    score: float | None
    source: float | None = None
    reverse: float | None = None
    balance: float | None = None
    others: dict[str, float | None] = Field(default_factory=dict)
    metrics: dict[str, float] = Field(default_factory=dict)


class Candidate(BaseModel):
    """One training, with or without the alignment.

    Attributes:
        method: ``source-only``, or the alignment's name.
        settings: of the alignment, those that differ from candidate to candidate.
        lr: learning rate.
        states: by epoch.
    """

    model_config = ConfigDict(extra="forbid")

    method: str
    settings: dict[str, Any] = Field(default_factory=dict)
    lr: float
    states: list[State] = Field(default_factory=list)


class Pick(BaseModel):
    """A state that was chosen, and from which candidate."""

    model_config = ConfigDict(extra="forbid")

    candidate: int
    state: State


class Adaptation(BaseModel):
    """What ``run.json`` says of an adaptation.

    Attributes:
        alignment: its name.
        settings: with which it was chosen.
        validator: whose scores chose.
        floor: what an aligned state has to reach on the source's validation rows.
        reverse_floor: what its reverse accuracy has to reach.
        balance_floor: what its classes of the target have to have in common with the source's.
        kept: what this model is.
        target: description, fingerprint, rows, whether labelled, classes the source lacks.
        candidates: all that was tried.
        picks: by name: source-only, label-free-selected, and with labels the oracle's two.
    """

    model_config = ConfigDict(extra="forbid")

    alignment: str
    settings: dict[str, Any]
    validator: str
    floor: float | None = None
    reverse_floor: float | None = None
    balance_floor: float | None = None
    kept: Literal["aligned", "source-only"]
    target: dict[str, Any]
    candidates: list[Candidate]
    picks: dict[str, Pick]

    @property
    def side(self) -> str:
        """The name of the pick that this model is."""
        return LABEL_FREE if self.kept == "aligned" else SOURCE_ONLY


@dataclass(frozen=True)
class Floor:
    """What an aligned state has to reach to be chosen; ``None`` asks nothing.

    A model that has lost the source is sure of the target all the same, and so is one whose labels of
    the target have nothing to do with the source's, or are nearly all of one class.

    Attributes:
        source: the headline metric on the source's validation rows.
        reverse: the reverse accuracy.
        balance: what the target's classes have in common with the source's.
    """

    source: float | None = None
    reverse: float | None = None
    balance: float | None = None

    def keeps(self, state: State) -> bool:
        """Whether ``state`` reaches it."""
        pairs = (
            (state.source, self.source),
            (state.reverse, self.reverse),
            (state.balance, self.balance),
        )
        return all(least is None or found is None or found >= least for found, least in pairs)


def value_of(method: str, state: State, floor: Floor) -> float:
    """What chooses among states of one method, lower is better: source risk, or minus the score.

    An aligned state below ``floor`` is not to be chosen.
    """
    if method == SOURCE_ONLY:
        return math.inf if state.risk is None else state.risk
    return -state.score if state.score is not None and floor.keeps(state) else math.inf


def floor_of(
    candidates: Sequence[Candidate], *, validation: int, training: int, target: int, classes: int
) -> Floor:
    """Two standard errors below source-only.

    Args:
        candidates: asks nothing where there is no source-only state, or its figure is no proportion.
        validation: rows of the source that states are measured on.
        training: rows of the source that the reverse accuracy is of. It is compared with another that
            was measured, so its standard error is that of a difference.
        target: rows of the target. What these and ``training`` have in common differs by chance, by most
            where all ``classes`` are as often.
        classes: how many there are.
    """
    source = [c for c in _all(candidates) if candidates[c[0]].method == SOURCE_ONLY]
    if not source:
        return Floor()
    state = _least(candidates, source, Floor()).state
    by_chance = math.sqrt(max(classes - 1, 0) * (1 / training + 1 / target))
    return Floor(
        source=_below(state.source, validation),
        reverse=_below(state.reverse, training / 2),
        balance=None if state.balance is None else state.balance - by_chance,
    )


def _below(share: float | None, rows: float) -> float | None:
    if share is None or not 0 <= share <= 1:
        return None
    return share - 2 * math.sqrt(share * (1 - share) / rows)


def picked(candidates: Sequence[Candidate], headline: str, floor: Floor) -> dict[str, Pick]:
    """The states that are chosen; the oracle's where the target has labels.

    Raises:
        ValueError: no candidate has a state.
    """
    source = [c for c in _all(candidates) if candidates[c[0]].method == SOURCE_ONLY]
    aligned = [c for c in _all(candidates) if candidates[c[0]].method != SOURCE_ONLY]
    found = {SOURCE_ONLY: _least(candidates, source, floor)}
    if aligned:
        found[LABEL_FREE] = _least(candidates, aligned, floor)
    if headline in found[SOURCE_ONLY].state.metrics:
        found[ORACLE_SOURCE_ONLY] = _most(source, headline)
        if aligned:
            found[ORACLE] = _most(aligned, headline)
    return found


def gains(candidates: Sequence[Candidate], picks: Mapping[str, Pick], floor: Floor) -> bool:
    """Whether the validator sees more in the aligned state than in any source-only one.

    Longer training alone makes a model surer of the target, and most validators look at that.
    """
    if LABEL_FREE not in picks or not reaches(picks[LABEL_FREE], floor):
        return False
    after, alone = picks[LABEL_FREE].state.score, best_alone(candidates)
    return after is not None and (alone is None or after > alone)


def reaches(pick: Pick, floor: Floor) -> bool:
    """Whether an aligned state may be chosen: it has a score, and what it has to reach."""
    return math.isfinite(value_of(LABEL_FREE, pick.state, floor))


def best_alone(candidates: Sequence[Candidate]) -> float | None:
    """The highest score of all source-only states; ``None`` where none has any."""
    plain = (state for at, state in _all(candidates) if candidates[at].method == SOURCE_ONLY)
    return max((state.score for state in plain if state.score is not None), default=None)


@dataclass(frozen=True)
class Choice:
    """A pick as a page shows it: who chose, what, and how that does on the target if it has labels."""

    name: str
    method: str
    settings: dict[str, Any]
    epoch: int
    score: float | None
    value: float | None


def choices(adaptation: Adaptation, headline: str) -> list[Choice]:
    """All picks, in the order they were made."""
    found = []
    for name, pick in adaptation.picks.items():
        candidate, state = adaptation.candidates[pick.candidate], pick.state
        found.append(
            Choice(
                name=name,
                method=candidate.method,
                settings={**candidate.settings, "lr": candidate.lr},
                epoch=state.epoch,
                score=state.score,
                value=state.metrics.get(headline),
            )
        )
    return found


def _all(candidates: Sequence[Candidate]) -> Iterator[tuple[int, State]]:
    for at, candidate in enumerate(candidates):
        for state in candidate.states:
            yield at, state


def _least(
    candidates: Sequence[Candidate], among: Sequence[tuple[int, State]], floor: Floor
) -> Pick:
    at, state = min(among, key=lambda c: value_of(candidates[c[0]].method, c[1], floor))
    return Pick(candidate=at, state=state)


def _most(among: Sequence[tuple[int, State]], headline: str) -> Pick:
    at, state = max(among, key=lambda c: c[1].metrics[headline])
    return Pick(candidate=at, state=state)
