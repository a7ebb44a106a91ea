"""Frozen features of some inputs, one pass a backbone, images opened once for those that see them alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zoo.data.samples import Samples
from zoo.model import Backbone, Preprocess, Preprocessed, Task, extract
from zoo.progress import Progress
from zoo.training.features import features_of

ROOM = 512 * 1024**2  # bytes of images that are kept for the next backbone
_DATA = "the data"
_FIRST = 4  # rows that two have to preprocess alike


class Opened:
    """Images as backbones take them, for every backbone that takes the same of them.

    Opening and resizing a photo costs about as much as a small network's pass over it.

    Args:
        keep_bytes: how much to keep, all kinds of preprocessing together.
    """

    def __init__(self, keep_bytes: int = ROOM) -> None:
        self._known: list[Preprocessed] = []
        self._keep = keep_bytes

    def ready(self, samples: Samples, preprocess: Preprocess) -> Preprocessed:
        """``samples`` preprocessed, those of an earlier backbone where they are the same."""
        if samples.contract.modality != "image":
            return Preprocessed(samples, preprocess)
        for known in self._known:
            if _same_samples(known.samples, samples) and _alike(known, samples, preprocess):
                return known
        left = self._known[-1].room if self._known else self._keep
        made = Preprocessed(samples, preprocess, keep_bytes=left)
        self._known.append(made)
        return made


def _same_samples(known: Sequence[Any], samples: Samples) -> bool:
    return (
        isinstance(known, Samples)
        and known.inputs is samples.inputs
        and known.contract == samples.contract
        and (known.convert, known.each) == (samples.convert, samples.each)
    )


def _alike(known: Preprocessed, samples: Samples, preprocess: Preprocess) -> bool:
    """Whether both say that they do the same, and do so with the first rows."""
    other = known.preprocess
    if type(other) is not type(preprocess) or other.describe() != preprocess.describe():
        return False
    pairs = ((known.sample(at), preprocess(samples[at])) for at in range(min(_FIRST, len(samples))))
    return all(
        a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a) for a, b in pairs
    )


def frozen(
    backbone: Backbone,
    inputs: Sequence[Any],
    *,
    modality: str,
    convert: bool,
    progress: Progress,
    task: Task | None = None,
    opened: Opened | None = None,
) -> Tensor:
    """Features, ``[units, size]`` on the CPU, as the head of ``task`` would take them.

    Pooled ones are kept from run to run, for whatever computes with the same backbone.

    Args:
        backbone: computes.
        inputs: texts, or paths of images.
        modality: of these.
        convert: whether images of other modes are converted.
        progress: whom to tell.
        task: says what its head takes; by default that is pooled features.
        opened: images of earlier calls with the same ``inputs``.

    Raises:
        ContractViolation: the backbone takes other inputs.
    """
    backbone.contract.require_modality(modality, backbone.spec.name)
    each = task.labelling.inputs if task else 1
    samples = Samples(inputs, backbone.contract, convert=convert, each=each)
    if task is None or task.reads_pooled:
        ready = (opened or Opened(0)).ready(samples, backbone.preprocess)
        return features_of(backbone, {_DATA: ready}, progress=progress)[_DATA]
    return extract(backbone, samples, task=task, progress=progress, stage=f"features of {_DATA}")


def source_probabilities(backbone: Backbone, features: Tensor) -> NDArray[np.float64] | None:
    """What the head that the backbone was trained with says, ``[rows, classes]``, if it is there."""
    head = backbone.source_head()
    if head is None or features.shape[1] != backbone.feature_size:
        return None
    with torch.inference_mode():
        found: NDArray[np.float64] = head(features).double().softmax(dim=1).numpy()
    return found
