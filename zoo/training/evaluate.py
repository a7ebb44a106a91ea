"""``zoo.evaluate``: how good a model is on labelled data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.artifact.load import load as load_artifact
from zoo.data.dataset import EvaluationSplit
from zoo.data.load import load_for_evaluation
from zoo.model import ComposedModel, Prediction, Preprocessed
from zoo.model.lengths import long_in, told_of_long
from zoo.progress import Progress
from zoo.training.prepared import KEEP_BYTES


@dataclass(frozen=True)
class Evaluation:
    """A model's answers on one split, and what they are worth.

    Attributes:
        split: the name of the split, ``all`` for data without splits.
        description: what the data was taken for.
        labels: of the task, in the order of ``confusion``.
        confusion: counts ``[true][predicted]``, ``None`` where the task has no such thing.
        truth: the data's own labels, a row each, as are ``predictions``.
    """

    split: str
    description: str
    rows: int
    metrics: dict[str, float]
    headline: str
    labels: tuple[str, ...]
    confusion: list[list[int]] | None
    truth: tuple[str, ...]
    predictions: list[Prediction]


def evaluate(
    model: ComposedModel | str | Path,
    data: EvaluationSplit | str | Path,
    *,
    task: str | None = None,
    batch_size: int = 32,
    progress: Progress | None = None,
    **options: Any,
) -> Evaluation:
    """Measure a model on the test split of ``data``, else on validation, else on all of it.

    Args:
        model: a composed model, or the path of an artifact or run.
        data: a path, or what :func:`zoo.data.load.load_for_evaluation` gave.
        task: of a model with several tasks, the one to measure.
        batch_size: rows at a time.
        progress: whom to tell; nobody by default.
        **options: for :func:`zoo.data.load.load_for_evaluation`, e.g. ``split="val"``.

    Raises:
        DataError: the data cannot be read, or does not fit the model.
        ArtifactError: the artifact is refused.
    """
    composed = model if isinstance(model, ComposedModel) else load_artifact(Path(model))
    chosen, contract = composed.chosen(task), composed.backbone.contract
    split = (
        data
        if isinstance(data, EvaluationSplit)
        else load_for_evaluation(
            data, contract=contract, task=chosen.labelling, labels=chosen.labels, **options
        )
    )
    contract.require_modality(split.modality, composed.backbone.spec.name)
    samples = composed.samples(split.inputs, convert=split.convert)
    whole = chosen.in_parts(samples, split.labels, composed.backbone.preprocess)
    targets = chosen.targets(whole.labels)
    ready = Preprocessed(
        chosen.taught(whole.samples, whole.labels), composed.preprocess, keep_bytes=KEEP_BYTES
    )
    logits = composed.logits(
        ready,
        batch_size=batch_size,
        progress=progress,
        stage=f"evaluating {split.name}",
    )[chosen.name]
    long = long_in(composed.backbone, ready)
    if progress and (text := told_of_long(composed.backbone, {"rows": (long, len(ready))})):
        progress.note(text)
    metrics = chosen.metrics(logits, targets)
    predictions = chosen.predictions(whole.by_sample(logits), samples)
    if chosen.makes_texts:
        predictions = composed.answers(samples, [chosen], batch_size=batch_size)[chosen.name]
        metrics |= chosen.judged(predictions, samples, split.labels)
    counts = chosen.confusion(logits, targets)
    return Evaluation(
        split=split.name,
        description=split.description,
        rows=len(samples),
        metrics=metrics,
        headline=chosen.headline,
        labels=chosen.labels,
        confusion=None if counts is None else counts.tolist(),
        truth=tuple(split.labels),
        predictions=predictions,
    )
