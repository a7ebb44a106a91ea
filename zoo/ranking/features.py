"""Frozen features of some inputs, one pass a backbone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zoo.data.samples import Samples
from zoo.model import Backbone, Preprocessed, Task, extract
from zoo.progress import Progress
from zoo.training.features import features_of

_DATA = "the data"


def frozen(
    backbone: Backbone,
    inputs: Sequence[Any],
    *,
    modality: str,
    convert: bool,
    progress: Progress,
    task: Task | None = None,
) -> Tensor:
    """Features, ``[units, size]`` on the CPU, as the head of ``task`` would take them.

    Pooled ones are kept from run to run, for whatever computes with the same backbone.

    Raises:
        ContractViolation: the backbone takes other inputs.
    """
    backbone.contract.require_modality(modality, backbone.spec.name)
    each = task.labelling.inputs if task else 1
    samples = Samples(inputs, backbone.contract, convert=convert, each=each)
    if task is None or task.reads_pooled:
        ready = {_DATA: Preprocessed(samples, backbone.preprocess)}
        return features_of(backbone, ready, progress=progress)[_DATA]
    return extract(backbone, samples, task=task, progress=progress, stage=f"features of {_DATA}")


def source_probabilities(backbone: Backbone, features: Tensor) -> NDArray[np.float64] | None:
    """What the head that the backbone was trained with says, ``[rows, classes]``, if it is there."""
    head = backbone.source_head()
    if head is None or features.shape[1] != backbone.feature_size:
        return None
    with torch.inference_mode():
        found: NDArray[np.float64] = head(features).double().softmax(dim=1).numpy()
    return found
