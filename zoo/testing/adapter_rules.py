"""Rules for what becomes of a trained adapter, and all rules for adapters in order."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from zoo.artifact.contents import contents
from zoo.errors import Incompatible
from zoo.model import Backbone, ComposedModel
from zoo.testing import computing
from zoo.testing.learning_rules import (
    answers_when_new,
    attaches,
    loads_with_its_settings,
    solves,
    switches_its_own_modules,
    trains_only_what_it_says,
    what_it_asks_of_a_fit_is_sound,
    what_it_trains_matters,
)
from zoo.testing.plugin_rules import hooks_import_nothing_heavy, spec_is_well_formed
from zoo.testing.reference import OneOfThree
from zoo.testing.rule import Broken, NotApplicable, Rule, require, rule, some
from zoo.testing.subjects import AdapterSubject, Load, samples_of


@rule("An artifact can hold its files: free names, plain configurations.", needs=[attaches])
def files_are_publishable(subject: AdapterSubject) -> None:
    """Safetensors and JSON, and nothing of this machine in them."""

    def try_out(load: Load) -> None:
        for name, config in contents(subject.composed(load)).configs.items():
            try:
                json.dumps(config, allow_nan=False)
            except (TypeError, ValueError) as err:
                raise Broken(f"{name} is not plain JSON: {err}") from err

    subject.on_each(try_out)


@rule(
    "What it trained survives being saved and loaded, settings included.",
    needs=[trains_only_what_it_says, files_are_publishable],
)
def state_round_trips(subject: AdapterSubject) -> None:
    """Through the files of an artifact, into a model made from nothing."""

    def try_out(load: Load) -> None:
        model = subject.composed(load)
        samples = samples_of(model.backbone)
        computing.learn(model, samples)
        settings = subject.checked(json.loads(json.dumps(model.adapter.settings)))
        other = ComposedModel(load(), subject.fresh(settings), [OneOfThree()], seed=1)
        computing.copy_by_files(model, other)
        found, expected = (computing.logits(m, samples) for m in (other, model))
        difference = computing.differs(found, expected)
        require(not difference, f"loaded again, {difference}")

    subject.on_each(try_out)


@rule("Taken off, it leaves the backbone as it found it.", needs=[trains_only_what_it_says])
def detach_restores(subject: AdapterSubject) -> None:
    """The same tensors under the same names, the same answers, nothing that requires a gradient."""

    def try_out(load: Load) -> None:
        model = subject.composed(load)
        samples = samples_of(model.backbone)
        computing.learn(model, samples)
        _or_not_applicable(lambda: model.adapter.detach(model.backbone))
        _require_like(model.backbone, load(), samples)

    subject.on_each(try_out)


@rule("Merged, it answers as unmerged.", needs=[trains_only_what_it_says])
def merged_equals_unmerged(subject: AdapterSubject) -> None:
    """In tensors that have the names and shapes of the bare backbone's."""

    def try_out(load: Load) -> None:
        model = subject.composed(load)
        samples = samples_of(model.backbone)
        computing.learn(model, samples)
        expected = computing.logits(model, samples)
        _or_not_applicable(lambda: model.adapter.merge(model.backbone))
        difference = computing.differs(computing.logits(model, samples), expected)
        require(not difference, difference)
        _require_same_names(model.backbone, load())

    subject.on_each(try_out)


def _require_like(found: Backbone, bare: Backbone, samples: Any) -> None:
    _require_same_names(found, bare)
    trained = [name for name, p in found.named_parameters() if p.requires_grad]
    require(not trained, f"{some(trained)} still requires a gradient")
    one, other = (computing.pooled(b, computing.prepare(b, samples)) for b in (found, bare))
    difference = computing.differs(one, other)
    require(not difference, f"the features are others: {difference}")


def _require_same_names(found: Backbone, bare: Backbone) -> None:
    one, other = ({k: v.shape for k, v in b.module.state_dict().items()} for b in (found, bare))
    odd = sorted(k for k in one.keys() | other.keys() if one.get(k) != other.get(k))
    require(not odd, f"other tensors than the bare backbone's: {some(odd)}")


def _or_not_applicable(act: Callable[[], None]) -> None:
    try:
        act()
    except Incompatible as err:
        raise NotApplicable(err.message) from err


ADAPTER_RULES: tuple[Rule[Any], ...] = (
    spec_is_well_formed,
    hooks_import_nothing_heavy,
    loads_with_its_settings,
    attaches,
    answers_when_new,
    switches_its_own_modules,
    what_it_asks_of_a_fit_is_sound,
    trains_only_what_it_says,
    what_it_trains_matters,
    solves,
    files_are_publishable,
    state_round_trips,
    detach_restores,
    merged_equals_unmerged,
)
