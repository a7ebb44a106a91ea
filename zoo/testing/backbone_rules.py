"""Rules for backbones: what training does to one, and all of them in order."""

from __future__ import annotations

import time
from typing import Any

import safetensors.torch
import torch

from zoo.errors import Incompatible
from zoo.model import ComposedModel, make_adapter
from zoo.model.backbone import digest
from zoo.testing import computing
from zoo.testing.contract_rules import (
    refuses_what_the_contract_forbids,
    takes_what_the_contract_allows,
)
from zoo.testing.input_rules import (
    batch_size_does_not_matter,
    blocks_are_in_order,
    features_are_as_declared,
    forward_is_deterministic,
    padding_does_not_matter,
    preprocessing_is_deterministic,
    tells_inputs_apart,
)
from zoo.testing.plugin_rules import hooks_import_nothing_heavy, spec_is_well_formed
from zoo.testing.reference import HeadOnly, OneOfThree
from zoo.testing.rule import Broken, NotApplicable, Rule, require, rule, some
from zoo.testing.structure_rules import blocks_cover_all_parameters_once, loads, lora_targets_exist
from zoo.testing.subjects import BackboneSubject


@rule(
    "While a head is trained on it, no tensor or buffer of it changes, nor what it answers.",
    needs=[forward_is_deterministic],
)
def frozen_tensors_stay(subject: BackboneSubject) -> None:
    """Running statistics are not switched off by requires_grad."""
    backbone = subject.fresh()
    model = ComposedModel(backbone, HeadOnly(), [OneOfThree()])
    prepared = computing.prepare(backbone, subject.samples[:1])
    expected = computing.pooled(backbone, prepared)
    before = computing.snapshot(backbone.module)
    computing.train(model, subject.samples)
    moved = computing.changed(before, backbone.module)
    require(not moved, f"changed: {some(moved)}")
    model.train()
    difference = computing.differs(computing.pooled(backbone, prepared), expected)
    require(not difference, f"in training mode {difference}")
    answer = backbone(backbone.preprocess.collate(prepared)).pooled.detach()
    difference = computing.differs(answer, expected)
    require(not difference, f"where gradients are taken {difference}")


@rule(
    "Its tensors, saved as safetensors and loaded into another instance, give the same features.",
    needs=[forward_is_deterministic, preprocessing_is_deterministic],
)
def state_round_trips(subject: BackboneSubject) -> None:
    """Whatever the features depend on is in the tensors: they are its identity."""
    other = subject.fresh(seed=1)
    state = {k: v.clone().contiguous() for k, v in subject.backbone.module.state_dict().items()}
    loaded = safetensors.torch.load(safetensors.torch.save(state))
    other.module.load_state_dict(loaded)
    require(
        digest(other.module.state_dict()) == subject.backbone.digest,
        "the digest of the tensors is another afterwards",
    )
    ours, theirs = (computing.prepare(b, subject.samples) for b in (subject.backbone, other))
    difference = computing.differs(
        torch.cat([computing.pooled(other, [one]) for one in theirs]),
        torch.cat([computing.pooled(subject.backbone, [one]) for one in ours]),
    )
    require(not difference, f"with equal tensors {difference}")


@rule("Every adapter tried attaches to it, or says why it cannot.", needs=[lora_targets_exist])
def every_adapter_attaches(subject: BackboneSubject) -> str:
    """Refusals by Incompatible are honest; anything else is a fault."""
    return _with_each_adapter(subject, lambda model: None, "attaching")


@rule(
    "Every adapter that attaches trains: the gradient reaches what it trains.",
    needs=[every_adapter_attaches, frozen_tensors_stay],
)
def every_adapter_trains(subject: BackboneSubject) -> str:
    """A forward that detaches or runs under no_grad leaves an adapter as it began."""
    own = dict(subject.backbone.module.named_parameters())

    def try_out(model: ComposedModel) -> None:
        computing.learn(model, subject.samples)
        parts = computing.trained_parts(model)
        untouched = [name for name, p in parts.items() if p.grad is None]
        # A backbone may have parts of its own that this pooling does not use.
        inserted = [name for name in untouched if name not in own]
        in_vain = inserted or (untouched if len(untouched) == len(parts) else [])
        require(
            not model.adapter.trains_backbone or not in_vain,
            f"no gradient reaches {some(in_vain)}",
        )

    return _with_each_adapter(subject, try_out, "training")


@rule(
    "What every adapter trained on it survives being saved and loaded.",
    needs=[every_adapter_trains, state_round_trips],
)
def every_adapter_round_trips(subject: BackboneSubject) -> str:
    """Through the files of an artifact, into a model made from nothing."""

    def try_out(model: ComposedModel) -> None:
        computing.learn(model, subject.samples)
        adapter = make_adapter(model.adapter.spec.name)
        other = ComposedModel(subject.fresh(), adapter, [OneOfThree()], seed=1)
        computing.copy_by_files(model, other)
        found, expected = (computing.logits(m, subject.samples) for m in (other, model))
        difference = computing.differs(found, expected)
        require(not difference, f"loaded again, {difference}")

    return _with_each_adapter(subject, try_out, "a round trip")


@rule("A tiny configuration loads and answers in under 2 s.", needs=[tells_inputs_apart])
def a_tiny_one_is_fast(subject: BackboneSubject) -> str:
    """Tests of those who build on it make many."""
    if subject.seconds is None:
        raise NotApplicable("it is not tagged tiny; tag a small one, and the kit tries that")
    taken = min(_seconds_to_answer(subject) for _ in range(2))
    require(taken < subject.seconds, f"it takes {taken:.1f} s; {subject.seconds:g} s are allowed")
    return f"{taken:.2f} s"


def _seconds_to_answer(subject: BackboneSubject) -> float:
    start = time.perf_counter()
    backbone = subject.fresh()
    computing.pooled(backbone, computing.prepare(backbone, subject.samples))
    return time.perf_counter() - start


def _with_each_adapter(subject: BackboneSubject, try_out: Any, what: str) -> str:
    if not subject.adapters:
        raise NotApplicable("no adapter is installed")
    refusals, faults, held = [], [], []
    for name in subject.adapters:
        try:
            model = ComposedModel(subject.fresh(), make_adapter(name), [OneOfThree()])
        except Incompatible as err:
            refusals.append(f"{name} cannot: {err.message}")
            continue
        except Exception as err:
            faults.append(f"{name}: {what} fails with {type(err).__name__}: {err}")
            continue
        try:
            try_out(model)
        except Broken as err:
            faults.append(f"{name}: {err}")
        except Exception as err:
            faults.append(f"{name}: {what} fails with {type(err).__name__}: {err}")
        else:
            held.append(name)
    require(not faults, "; ".join(faults))
    if not held:
        raise NotApplicable("; ".join(refusals))
    return "; ".join([", ".join(held), *refusals])


BACKBONE_RULES: tuple[Rule[Any], ...] = (
    spec_is_well_formed,
    hooks_import_nothing_heavy,
    loads,
    tells_inputs_apart,
    forward_is_deterministic,
    features_are_as_declared,
    blocks_cover_all_parameters_once,
    blocks_are_in_order,
    lora_targets_exist,
    preprocessing_is_deterministic,
    takes_what_the_contract_allows,
    refuses_what_the_contract_forbids,
    batch_size_does_not_matter,
    padding_does_not_matter,
    frozen_tensors_stay,
    state_round_trips,
    every_adapter_attaches,
    every_adapter_trains,
    every_adapter_round_trips,
    a_tiny_one_is_fast,
)
