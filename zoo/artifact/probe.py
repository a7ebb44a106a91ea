"""The probe: a few raw synthetic inputs and the logits the trained model gave for them.

Raw input to logits is compared, so that a change anywhere (preprocessing, backbone, adapter, head,
or a library that computes them) is noticed when an artifact is opened. Always float32 on the CPU.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zoo.artifact import synthetic
from zoo.artifact.tensors import read_tensors
from zoo.errors import CorruptFile, PluginError, ProbeMismatch, TensorMismatch, TrainingFailed
from zoo.model import Backbone, ComposedModel

PROBE = "probe.safetensors"
MAX_BYTES = 8 * 1024 * 1024
TOLERANCE = 1e-4  # of the largest logit; merging adapters and other processors cost less
_MAX_INPUTS = 64
_INPUT, _LOGITS = "input.", "logits."


@dataclass(frozen=True)
class ProbeResult:
    """How far a model's logits lie from the recorded ones, and how far they may."""

    difference: float
    tolerance: float


def record(model: ComposedModel) -> dict[str, Tensor]:
    """The probe of a trained model: raw inputs and the logits by task, as tensors by name.

    Raises:
        TrainingFailed: the model answers the same for every input, or not with numbers.
        PluginError: the backbone takes a modality of its own and offers no inputs for the probe.
    """
    raw = _raw_inputs(model.backbone)
    logits = _answer(model, raw)
    for task, rows in logits.items():
        if not torch.isfinite(rows).all() or _spread(rows) <= _tolerance(rows):
            raise TrainingFailed(
                f"The model gives the same logits of {task!r} for every input: it diverged, or "
                "learnt nothing; nothing was saved.",
                hint="Fit again with a smaller learning rate, and look at the training data.",
            )
    inputs = {f"{_INPUT}{i}": tensor for i, tensor in enumerate(raw)}
    return inputs | {f"{_LOGITS}{task}": rows for task, rows in logits.items()}


def samples(backbone: Backbone) -> list[Any]:
    """The synthetic raw samples that a probe of ``backbone`` is made of; raises as :func:`record`."""
    return [_sample(backbone, tensor) for tensor in _raw_inputs(backbone)]


def check(model: ComposedModel, path: Path) -> ProbeResult:
    """Compare a model's logits with those recorded in ``path``.

    Returns the comparison of the task that is nearest to its limit.

    Raises:
        UnsafeFile, CorruptFile: the file is not a probe.
        TensorMismatch: its logits are not those of this model's tasks.
        ProbeMismatch: the model answers differently, or no model could have been told apart.
    """
    return compare(model, read_tensors(path, max_bytes=MAX_BYTES), path)


def compare(model: ComposedModel, tensors: Mapping[str, Tensor], path: Path) -> ProbeResult:
    """As :func:`check`, with what :func:`record` gave or ``path`` holds."""
    raw, recorded = _split(tensors, path)
    found = _answer(model, raw)
    _require_same_shapes(found, recorded, path)
    results = [_compare(task, found[task], rows) for task, rows in recorded.items()]
    return max(results, key=lambda result: result.difference / result.tolerance)


def _compare(task: str, found: Tensor, recorded: Tensor) -> ProbeResult:
    tolerance = _tolerance(recorded)
    if _spread(recorded) <= tolerance:
        raise ProbeMismatch(
            f"The recorded logits of {task!r} are the same for every input: the model that was "
            "saved had diverged, and no other could be told from it.",
            hint="Do not use this artifact; its author has to fit again.",
        )
    difference = float((found - recorded).abs().max())
    if not difference <= tolerance or _changes_mind(found, recorded, tolerance):
        raise ProbeMismatch(
            f"The model answers differently from the one that was saved: its logits of {task!r} "
            f"differ by up to {difference:.3g}, where {tolerance:.3g} is allowed.",
            hint="A plugin or library of another version computes something else; "
            "`zoo show` on the artifact lists those it was made with.",
        )
    return ProbeResult(difference, tolerance)


def _changes_mind(found: Tensor, recorded: Tensor, tolerance: float) -> bool:
    """Whether the first choice differs where it was clear."""
    if recorded.ndim < 2 or recorded.shape[-1] < 2:
        return False
    best = recorded.topk(2, dim=-1).values
    clear = best[..., 0] - best[..., 1] > tolerance
    return bool((found.argmax(-1) != recorded.argmax(-1))[clear].any())


def _tolerance(logits: Tensor) -> float:
    return TOLERANCE * float(logits.abs().max())


def _spread(logits: Tensor) -> float:
    return float((logits.amax(0) - logits.amin(0)).max())


def _raw_inputs(backbone: Backbone) -> list[Tensor]:
    modality = backbone.contract.modality
    raw = list(backbone.probe_inputs()) or synthetic.inputs(backbone.contract)
    if not raw:
        raise PluginError(
            f"{backbone.spec.name} takes {modality} inputs and offers none for the probe.",
            hint="Its plugin must implement Backbone.probe_inputs and Backbone.probe_sample.",
        )
    return raw


def _sample(backbone: Backbone, raw: Tensor) -> Any:
    if backbone.contract.modality in synthetic.MODALITIES:
        return synthetic.sample(raw, backbone.contract)
    return backbone.probe_sample(raw)


def _answer(model: ComposedModel, raw: Sequence[Tensor]) -> dict[str, Tensor]:
    samples = [model.sample(_sample(model.backbone, tensor)) for tensor in raw]
    with _on_cpu(model), torch.autocast("cpu", enabled=False):
        return model.logits(samples, batch_size=len(samples))


@contextlib.contextmanager
def _on_cpu(model: ComposedModel) -> Iterator[None]:
    device = model.device
    model.to("cpu")
    try:
        yield
    finally:
        model.to(device)


def _split(tensors: Mapping[str, Tensor], path: Path) -> tuple[list[Tensor], dict[str, Tensor]]:
    logits = {n.removeprefix(_LOGITS): t for n, t in tensors.items() if n.startswith(_LOGITS)}
    count = len(tensors) - len(logits)
    names = [f"{_INPUT}{i}" for i in range(count)]
    if not 2 <= count <= _MAX_INPUTS or any(name not in tensors for name in names):
        raise CorruptFile(f"{path} is not a probe: its inputs are not numbered from 0.")
    return [tensors[name] for name in names], logits


def _require_same_shapes(
    found: Mapping[str, Tensor], recorded: Mapping[str, Tensor], path: Path
) -> None:
    shapes = {task: tuple(rows.shape) for task, rows in found.items()}
    if shapes != {task: tuple(rows.shape) for task, rows in recorded.items()} or any(
        rows.dtype != torch.float32 for rows in recorded.values()
    ):
        raise TensorMismatch(
            f"{path} records logits of other tasks or shapes than this model gives "
            f"({', '.join(f'{task} {list(shape)}' for task, shape in shapes.items())})."
        )
