"""``zoo.rank``: which backbone will transfer best to some data, before any is fine-tuned."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from zoo import catalogue
from zoo.data.dataset import Dataset
from zoo.data.load import load
from zoo.errors import BadSetting, Incompatible, ZooError
from zoo.host import installed, make_with_settings
from zoo.model import Backbone, Task, load_backbone, make_task
from zoo.progress import Progress, default
from zoo.ranking.features import Opened, frozen, source_probabilities
from zoo.ranking.latency import alone
from zoo.ranking.layers import over_layers
from zoo.ranking.problem import FEWEST, Labels, estimate, halves, targets_of
from zoo.ranking.ranker import Kind, Ranker, RankProblem
from zoo.ranking.record import Candidate, Ranking, Skipped
from zoo.ranking.sample import chosen

PARAMS = 50_000_000  # beyond which a backbone that nobody named is not fetched to be ranked
ROWS = 1000  # of the training split; more change an order seldom and cost in proportion
_UNITS = 4  # for each row, where a row has several, as words of a text
_LATENCY_SECONDS = 0.2

Layers = Literal["mean", "last"]
Backbones = Sequence[str | Backbone] | Mapping[str, str | Backbone]


@dataclass(frozen=True)
class _Question:
    """What is asked of every backbone."""

    task: Task
    ranker: Ranker
    kind: Kind
    targets: Labels
    inputs: Sequence[Any]
    modality: str
    convert: bool
    seed: int
    progress: Progress
    layers: Layers
    opened: Opened


def rank(
    data: Dataset | str | Path,
    backbones: Backbones | None = None,
    ranker: str | Ranker = "logme",
    *,
    task: str | Task = "classification",
    rows: int = ROWS,
    layers: Layers = "mean",
    seed: int = 0,
    progress: Progress | None = None,
) -> Ranking:
    """Order backbones by an estimate of how well they will transfer to ``data``.

    Only training rows are looked at, so that held-out rows stay unseen. Each backbone reads them
    once.

    Args:
        data: a dataset from :func:`zoo.load_data`, or a path that it understands.
        backbones: names, loaded backbones, or either by the name to show; by default those that
            ``zoo backbones`` shows for this kind of data, of at most 50 M parameters.
        ranker: from ``zoo rankers``, or one made by :func:`make_ranker`.
        task: what is to be learned.
        rows: at most so many training rows; the spread says what that costs.
        layers: features of Transformers are the ``mean`` over their layers, see
            :mod:`zoo.ranking.layers`, or those of the ``last``; rankers that read the source head
            always take the last.
        seed: draws rows, halves and folds.
        progress: whom to tell; by default bars where stderr is a terminal.

    Raises:
        LabelProblem: rows or labels that allow no estimate.
        Incompatible: no backbone can be ranked.
        UnknownName: no such ranker or task.
        DataError: and the other kinds that :func:`zoo.load_data` raises.
    """
    if layers not in get_args(Layers):
        raise BadSetting(f"layers={layers!r} is none of {', '.join(get_args(Layers))}.")
    if rows < FEWEST:
        raise BadSetting(f"rows={rows} are too few to rank by.", hint=f"Give at least {FEWEST}.")
    made = make_ranker(ranker) if isinstance(ranker, str) else ranker
    kind = task if isinstance(task, str) else task.labelling
    dataset = data if isinstance(data, Dataset) else load(data, task=kind)
    what = task if isinstance(task, Task) else make_task(task, labels=dataset.labels)
    question = _question(dataset, what, made, rows, seed, progress or default(), layers)
    candidates: list[Candidate] = []
    skipped: list[Skipped] = []
    named = _named(backbones, dataset.modality)
    with question.progress.stage("ranking", len(named)) as advance:
        for name, given in named.items():
            answer = _answer(name, given, question)
            (candidates if isinstance(answer, Candidate) else skipped).append(answer)  # type: ignore[arg-type]  # each to its own list
            advance(1)
    if not candidates:
        raise Incompatible(_why_none(skipped), hint="`zoo backbones` lists what there is.")
    candidates.sort(key=lambda candidate: -candidate.estimate)
    return Ranking(
        ranker=made.spec.name,
        task=what.spec.name,
        rows=len(question.inputs),
        of=len(dataset.splits["train"]),
        candidates=tuple(candidates),
        skipped=tuple(skipped),
    )


def make_ranker(kind: str, settings: Mapping[str, object] | None = None) -> Ranker:
    """A ranker by name, e.g. ``make_ranker("knn", {"neighbours": 1})``.

    Raises:
        UnknownName, NameClash: no plugin, or two, provide it.
        BadSetting: a setting it does not have.
    """
    made: Ranker = make_with_settings(Ranker, installed().ranker(kind), settings)
    return made


def _named(backbones: Backbones | None, modality: str) -> dict[str, str | Backbone]:
    if backbones is None:
        listed = catalogue.backbones(modality=modality)
        backbones = [spec.name for spec in listed if (spec.params or 0) <= PARAMS]
    if isinstance(backbones, Mapping):
        return dict(backbones)
    if isinstance(backbones, str):
        backbones = [backbones]
    return {given if isinstance(given, str) else given.spec.name: given for given in backbones}


def _question(
    dataset: Dataset,
    task: Task,
    ranker: Ranker,
    rows: int,
    seed: int,
    progress: Progress,
    layers: Layers,
) -> _Question:
    train = dataset.splits["train"]
    strata = [task.labelling.stratum(label) for label in train.labels]
    picked = chosen(strata, rows, seed)
    kind, targets = targets_of(task, [train.labels[at] for at in picked])
    if kind not in ranker.takes:
        raise Incompatible(
            f"{ranker.spec.name} estimates for {' and '.join(sorted(ranker.takes))}; "
            f"{task.spec.name} has {kind}.",
            hint="`zoo rankers` lists the others.",
        )
    return _Question(
        task=task,
        ranker=ranker,
        kind=kind,
        targets=targets,
        inputs=[train.inputs[at] for at in picked],
        modality=dataset.modality,
        convert=dataset.convert,
        seed=seed,
        progress=progress,
        layers=layers,
        opened=Opened(),
    )


def _answer(name: str, given: str | Backbone, question: _Question) -> Candidate | Skipped:
    """One backbone's estimate, or why there is none: it must not end the ranking of all others."""
    try:
        return _candidate(name, given, question)
    except ZooError as err:
        return Skipped(name, err.message)
    except Exception as err:  # whatever a foreign network raises at work
        reason = " ".join(str(err).split())[:200]
        return Skipped(name, f"it failed with {type(err).__name__}: {reason}")


def _candidate(name: str, given: str | Backbone, question: _Question) -> Candidate:
    start = time.perf_counter()
    task, ranker = question.task, question.ranker
    backbone = load_backbone(given) if isinstance(given, str) else given
    if task.spec.modalities and backbone.contract.modality not in task.spec.modalities:
        raise Incompatible(f"{task.spec.name} works on {' and '.join(task.spec.modalities)}.")
    task.require(backbone)
    averaged = question.layers == "mean" and not ranker.needs_source
    features = frozen(
        over_layers(backbone) if averaged else backbone,
        question.inputs,
        modality=question.modality,
        convert=question.convert,
        progress=question.progress,
        task=task,
        opened=question.opened,
    )
    problem = RankProblem(
        features.double().numpy(),
        question.targets,
        question.kind,
        source=source_probabilities(backbone, features) if ranker.needs_source else None,
        seed=question.seed,
    )
    problem = _some_units(problem, _UNITS * len(question.inputs))
    found, parts = estimate(ranker, problem), halves(ranker, problem)
    seconds = time.perf_counter() - start
    return Candidate(
        name=name,
        estimate=found,
        halves=parts,
        params=sum(p.numel() for p in backbone.parameters()),
        feature_size=backbone.feature_size,
        milliseconds=_milliseconds(backbone),
        license=backbone.license,
        seconds=round(seconds, 3),
    )


def _some_units(problem: RankProblem, limit: int) -> RankProblem:
    """At most so many units that have a target, of each class its share."""
    if problem.kind != "classes":
        return problem  # of these a row is one unit
    known = problem.rows(problem.targets >= 0)
    return known.rows(np.array(chosen([str(each) for each in known.targets], limit, problem.seed)))


def _milliseconds(backbone: Backbone) -> float | None:
    try:
        return round(alone(backbone, seconds=_LATENCY_SECONDS) * 1000, 3)
    except ZooError:  # a modality of its own, without samples to time
        return None


def _why_none(skipped: Sequence[Skipped]) -> str:
    if not skipped:
        return "There is no backbone to rank."
    first = skipped[0]
    if len(skipped) == 1:
        return f"{first.name} cannot be ranked: {first.reason}"
    return f"None of {len(skipped)} backbones can be ranked; {first.name}: {first.reason}"
