"""What the texts that a model makes are worth, beside what it says of given ones."""

from __future__ import annotations

from zoo.data.dataset import Dataset
from zoo.model import ComposedModel
from zoo.progress import Progress
from zoo.report.record import Result


def judged(model: ComposedModel, dataset: Dataset, result: Result, progress: Progress) -> Result:
    """``result`` with the metrics of the answers that ``model`` makes to the inputs of its split.

    Args:
        model: trained, with one task that makes texts.
        dataset: that it was measured on.
        result: of a split.
        progress: whom to tell.
    """
    task, split = model.task, dataset.splits[result.split]
    samples = model.samples(split.inputs, convert=dataset.convert)
    progress.note(f"Making {len(samples)} texts for {result.split}.")
    answers = model.answers(samples, [task])[task.name]
    metrics = result.metrics | task.judged(answers, samples, split.labels)
    return result.model_copy(update={"metrics": metrics})
