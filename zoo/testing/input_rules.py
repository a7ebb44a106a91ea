"""Rules for what goes into a backbone, and what comes out."""

from __future__ import annotations

import functools
import itertools
import json
import pickle
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from zoo.model import Backbone, Features
from zoo.testing import computing
from zoo.testing.elsewhere import preprocessed, preprocessed_elsewhere
from zoo.testing.rule import Broken, NotApplicable, require, rule
from zoo.testing.structure_rules import blocks_cover_all_parameters_once, finite, loads, within
from zoo.testing.subjects import BackboneSubject, samples_of

_SHUFFLED = ("one two three four", "two one four three", "four three two one")


@rule("It has synthetic inputs to be tried with, and tells them apart.", needs=[loads])
def tells_inputs_apart(subject: BackboneSubject) -> None:
    """Artifacts carry such inputs; a model that answers all alike cannot be recognised."""
    prepared = computing.prepare(subject.backbone, subject.samples)
    features = torch.cat([computing.pooled(subject.backbone, [one]) for one in prepared])
    require(finite(features), "some features are NaN or infinite")
    spread = float((features.amax(0) - features.amin(0)).max())
    scale = float(features.abs().max())
    require(
        spread > computing.TOLERANCE * scale,
        f"{len(features)} different inputs get the same features",
    )


@rule("It answers the same twice.", needs=[tells_inputs_apart])
def forward_is_deterministic(subject: BackboneSubject) -> None:
    """Dropout that is not switched off, noise, state that a forward pass leaves behind."""
    prepared = computing.prepare(subject.backbone, subject.samples[:1])
    first = computing.pooled(subject.backbone, prepared)
    torch.rand(1)
    again = computing.pooled(subject.backbone, prepared)
    require(torch.equal(first, again), f"asked twice, {computing.differs(again, first) or 'no'}")


@rule(
    "Features have the declared size, and tokens, where there are any, their mask.",
    needs=[tells_inputs_apart],
)
def features_are_as_declared(subject: BackboneSubject) -> None:
    """Of the backbone and of its spec."""
    backbone = subject.backbone
    rows, size = len(subject.samples), backbone.feature_size
    for pooling in backbone.poolings:
        pooled, by = _pooled_by(pooling, subject), f"pooled by {pooling!r}"
        shape = list(pooled.shape)
        require(shape == [rows, size], f"{rows} inputs {by} are {shape}, not [{rows}, {size}]")
        require(pooled.dtype == torch.float32, f"{by} they are {pooled.dtype}")
        require(finite(pooled), f"{by} some are NaN or infinite")
    declared = subject.spec.feature_size
    require(declared in (None, size), f"the spec says feature_size={declared}; it is {size}")
    count = sum(p.numel() for p in backbone.module.parameters())
    stated = subject.spec.params
    require(stated in (None, count), f"the spec says params={stated}; there are {count}")
    features = computing.features(backbone, computing.prepare(backbone, subject.samples))
    if features.tokens is None:
        require(features.mask is None, "there is a mask and no tokens")
        return
    tokens = list(features.tokens.shape)
    require(len(tokens) == 3 and tokens[0] == rows, f"tokens has shape {tokens}")
    mask = None if features.mask is None else list(features.mask.shape)
    require(mask in (None, tokens[:2]), f"the mask has shape {mask}, the tokens {tokens}")


@rule(
    "Blocks are in order, input to output.",
    needs=[blocks_cover_all_parameters_once, tells_inputs_apart],
)
def blocks_are_in_order(subject: BackboneSubject) -> None:
    """By which block a forward pass enters first."""
    entered = _order_of_calls(subject.backbone, subject.samples[:1])
    times = {
        block.name: min(found)
        for block in subject.backbone.blocks
        if (found := [at for n, at in entered.items() if any(within(n, r) for r in block.modules)])
    }
    names = list(times)
    for earlier, later in itertools.pairwise(names):
        require(
            times[earlier] < times[later],
            f"{later!r} is computed before {earlier!r}, which is listed before it",
        )


@rule(
    "Preprocessing the same sample twice gives the same, bit for bit, in another process too.",
    needs=[loads],
)
def preprocessing_is_deterministic(subject: BackboneSubject) -> None:
    """Augmentation is the training's business; features are computed once and kept."""
    backbone = subject.backbone
    try:
        json.dumps(backbone.preprocess.describe(), allow_nan=False)
    except (TypeError, ValueError) as err:
        raise Broken(f"describe() is not plain JSON data: {err}") from err
    for sample in samples_of(backbone):
        before = pickle.dumps(sample)
        backbone.preprocess(sample)
        require(pickle.dumps(sample) == before, "it changes the sample in place: copy it first")
    first = preprocessed(backbone)
    random.seed(1)
    torch.rand(3)
    again = preprocessed(backbone)
    require(first["tensors"] == again["tensors"], "two goes at one sample differ")
    require(first["described"] == again["described"], "describe() says another thing each time")
    there = preprocessed_elsewhere(subject)
    why = "in another process; does it go by hash() or by the order of a set?"
    require(first["tensors"] == there["tensors"], f"one sample gives something else {why}")
    require(first["described"] == there["described"], f"describe() says another thing {why}")


@rule(
    "A sample gets the same features alone and among others.",
    needs=[forward_is_deterministic, features_are_as_declared],
)
def batch_size_does_not_matter(subject: BackboneSubject) -> None:
    """Of samples of one shape, so that nothing is padded."""
    group = max(_by_shape(subject).values(), key=len)
    if len(group) < 2:
        raise NotApplicable("no two synthetic inputs have the same shape")
    together = computing.pooled(subject.backbone, group)
    alone = torch.cat([computing.pooled(subject.backbone, [one]) for one in group])
    difference = computing.differs(together, alone)
    require(not difference, f"in a batch of {len(group)} and alone {difference}")


@rule(
    "A sample gets the same features padded and unpadded.",
    needs=[batch_size_does_not_matter],
)
def padding_does_not_matter(subject: BackboneSubject) -> None:
    """Where inputs differ in length: the mask is made, and obeyed."""
    groups = _by_shape(subject)
    if len(groups) < 2:
        raise NotApplicable("all inputs have one shape")
    prepared = [group[0] for group in groups.values()]
    together = computing.features(subject.backbone, prepared)
    alone = [computing.features(subject.backbone, [one]) for one in prepared]
    difference = computing.differs(together.pooled, torch.cat([one.pooled for one in alone]))
    require(not difference, f"padded and unpadded {difference}: obey the mask")
    if together.tokens is None:
        return
    for row, one in enumerate(alone):
        difference = computing.differs(_real(together, row), _real(one, 0))
        require(not difference, f"of tokens that the mask calls real, padded and not, {difference}")


def _real(features: Features, row: int) -> Tensor:
    """The tokens of one input that are no padding."""
    assert features.tokens is not None, "the caller looked"
    tokens = features.tokens[row]
    return tokens if features.mask is None else tokens[features.mask[row].bool()]


def _pooled_by(pooling: str, subject: BackboneSubject) -> Tensor:
    backbone = subject.backbone
    usual = backbone.pooling
    try:
        backbone.pool_by(pooling)
        return computing.pooled(backbone, computing.prepare(backbone, subject.samples))
    finally:
        backbone.pool_by(usual)


def _by_shape(subject: BackboneSubject) -> Mapping[tuple[Any, ...], Sequence[dict[str, Tensor]]]:
    samples = [*subject.samples]
    if subject.backbone.contract.modality == "text":
        samples += _SHUFFLED
    groups: dict[tuple[Any, ...], list[dict[str, Tensor]]] = defaultdict(list)
    for prepared in computing.prepare(subject.backbone, samples):
        groups[tuple(sorted((k, tuple(t.shape)) for k, t in prepared.items()))].append(prepared)
    return groups


def _order_of_calls(backbone: Backbone, samples: Sequence[Any]) -> dict[str, int]:
    """When a forward pass first enters each module that has parameters, by name."""
    entered: dict[str, int] = {}

    def note(name: str, *_: object) -> None:  # what a hook returns would become the input
        entered.setdefault(name, len(entered))

    handles = [
        module.register_forward_pre_hook(functools.partial(note, name))
        for name, module in backbone.module.named_modules()
        if name and next(module.parameters(), None) is not None
    ]
    try:
        computing.pooled(backbone, computing.prepare(backbone, samples))
    finally:
        for handle in handles:
            handle.remove()
    return entered
