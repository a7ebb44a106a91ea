"""Batches, features and steps of training, as the rules compute them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor, nn

from zoo.artifact.contents import contents
from zoo.artifact.tensors import copy_into, to_bytes
from zoo.model import Backbone, ComposedModel, Features, HeadProblem, extract
from zoo.testing.rule import Broken, require, some

TOLERANCE = 1e-4  # of the largest value: what other orders of addition may cost
STEPS = 3
LEARNING_RATE = 1e-2


def prepare(backbone: Backbone, samples: Sequence[Any]) -> list[dict[str, Tensor]]:
    """Preprocessed samples."""
    return [backbone.preprocess(sample) for sample in samples]


@torch.no_grad()
def features(backbone: Backbone, prepared: Sequence[Mapping[str, Tensor]]) -> Features:
    """Features of preprocessed samples in one batch."""
    return backbone(backbone.preprocess.collate(prepared))  # type: ignore[no-any-return]  # a module


def pooled(backbone: Backbone, prepared: Sequence[Mapping[str, Tensor]]) -> Tensor:
    """Pooled features of preprocessed samples in one batch."""
    return features(backbone, prepared).pooled


def differs(found: Tensor, expected: Tensor) -> str:
    """How far ``found`` lies from ``expected``; empty where that is rounding."""
    if found.shape != expected.shape:
        return f"shape {list(found.shape)} instead of {list(expected.shape)}"
    if not expected.numel():  # as where no word of a text is known
        return ""
    difference = float((found - expected).abs().max())
    scale = float(expected.abs().max())
    if difference <= TOLERANCE * scale:
        return ""
    return f"they differ by {difference:.3g} where values reach {scale:.3g}"


def snapshot(module: nn.Module) -> dict[str, tuple[Tensor, Tensor]]:
    """Every parameter and buffer by name, live and as a copy."""
    return {name: (tensor, tensor.detach().clone()) for name, tensor in _tensors(module).items()}


def changed(
    before: Mapping[str, tuple[Tensor, Tensor]],
    module: nn.Module,
    allowed: Collection[int] = (),
) -> list[str]:
    """The names of those that ``module`` no longer holds bit for bit as they were.

    One that was moved is looked for by itself; one that was replaced, in its place.

    Args:
        before: a snapshot.
        module: that it was taken of.
        allowed: ids of tensors that may change, or stand in the place of one.
    """
    now = _tensors(module)
    held = {id(tensor) for tensor in now.values()}
    return [
        name
        for name, (live, copy) in before.items()
        if not any(
            id(tensor) in allowed or _same_bits(tensor.detach(), copy)
            for tensor in ([live] if id(live) in held else _in_place_of(name, copy, now))
        )
    ]


def _tensors(module: nn.Module) -> dict[str, Tensor]:
    return {**dict(module.named_parameters()), **dict(module.named_buffers())}


def _in_place_of(name: str, copy: Tensor, now: Mapping[str, Tensor]) -> list[Tensor]:
    """What has the name now; where nothing has, what of its shape lies where it was."""
    if name in now:
        return [now[name]]
    place = name.rpartition(".")[0]
    return [t for n, t in now.items() if n.startswith(place) and t.shape == copy.shape]


def _same_bits(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.equal(
        one.contiguous().view(-1).view(torch.uint8), other.contiguous().view(-1).view(torch.uint8)
    )


def targets_of(
    model: ComposedModel, samples: Sequence[Any], labels: Sequence[str] | None = None
) -> Tensor:
    """Targets for samples of the tasks, by the labels given or the task's own in turn."""
    task = model.task
    given = labels or task.example_rows or task.labels
    return task.targets(
        [task.adjust(given[at % len(given)], sample) for at, sample in enumerate(samples)]
    )


def train(
    model: ComposedModel, samples: Sequence[Any], labels: Sequence[str] | None = None
) -> None:
    """A few steps on what requires a gradient, as the fit loop makes them.

    Raises:
        Broken: the loss is not a number, or cannot be differentiated.
    """
    task, preprocess = model.task, model.preprocess
    given = [model.sample(sample) for sample in samples]
    batch = preprocess.collate([preprocess(sample) for sample in given])
    targets = targets_of(model, given, labels)
    task.prepare(targets)
    optimizer = torch.optim.AdamW(list(model.trainable().values()), lr=LEARNING_RATE)
    model.train()
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = task.loss(model(batch)[task.name], targets)
        require(loss.requires_grad, "nothing that the loss depends on can be trained")
        require(bool(torch.isfinite(loss)), f"the loss is {float(loss.detach())}")
        loss.backward()
        optimizer.step()
    model.eval()


def solve(
    model: ComposedModel, samples: Sequence[Any], labels: Sequence[str] | None = None
) -> None:
    """Fit the head on frozen features, where the adapter does not train the backbone.

    Raises:
        Broken: the validation logits have another shape, or are no numbers.
    """
    task, head = model.task, model.heads[model.task.name]
    given = [model.sample(sample) for sample in samples]
    frozen = extract(model.backbone, given, task=task)
    every = targets_of(model, given, labels)
    task.prepare(every)
    targets = task.units(every)
    problem = HeadProblem(task, head, frozen, targets, frozen, targets)
    logits = model.adapter.solve(problem).val_logits
    expected = head(frozen)
    require(logits.shape == expected.shape, f"val_logits has shape {list(logits.shape)}")
    require(bool(torch.isfinite(logits).all()), "val_logits holds what is no number")


def learn(
    model: ComposedModel, samples: Sequence[Any], labels: Sequence[str] | None = None
) -> None:
    """:func:`train` or :func:`solve`, by what the adapter is."""
    (train if model.adapter.trains_backbone else solve)(model, samples, labels)


def logits(model: ComposedModel, samples: Sequence[Any]) -> Tensor:
    """Of the one task, in evaluation mode."""
    given = [model.sample(sample) for sample in samples]
    return model.logits(given, batch_size=len(samples))[model.task.name]


def copy_by_files(source: ComposedModel, target: ComposedModel) -> None:
    """Carry the state of one model over to another through the files of an artifact.

    Raises:
        Broken: the two would not be saved under the same file names.
    """
    saved, expected = contents(source), contents(target)
    if saved.names != expected.names:
        odd = sorted(saved.names ^ expected.names)
        raise Broken(f"the files differ from model to model: {some(odd)}")
    with TemporaryDirectory() as folder:
        for name, tensors in saved.tensors.items():
            path = Path(folder, name)
            path.write_bytes(to_bytes(name, tensors))
            copy_into(expected.tensors[name], path)


def trained_parts(model: ComposedModel) -> dict[str, nn.Parameter]:
    """What of the backbone requires a gradient, by name; of its own module as named there."""
    parameters = model.backbone.named_parameters()
    return {n.removeprefix("module."): p for n, p in parameters if p.requires_grad}
