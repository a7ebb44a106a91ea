"""Rules for adapters."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import torch

from zoo.artifact.contents import contents
from zoo.errors import Incompatible
from zoo.model import Backbone, ComposedModel
from zoo.testing import computing
from zoo.testing.plugin_rules import hooks_import_nothing_heavy, spec_is_well_formed
from zoo.testing.reference import OneOfThree
from zoo.testing.rule import Broken, NotApplicable, Rule, require, rule, some
from zoo.testing.subjects import AdapterSubject, samples_of

Load = Callable[[], Backbone]


@rule("Its loader makes an adapter that keeps its settings.")
def loads_with_its_settings(subject: AdapterSubject) -> None:
    """What was set is what the manifest will say."""
    adapter = subject.fresh()
    require(adapter.spec is subject.spec, "its spec is not the one it was made with")
    kept = {name: adapter.settings.get(name) for name in subject.settings}
    require(kept == subject.settings, f"made with {subject.settings}, it has {kept}")


@rule(
    "It attaches to every tiny backbone, or says which it cannot sit on, and to at least one.",
    needs=[loads_with_its_settings],
)
def attaches(subject: AdapterSubject) -> str:
    """Refusals by Incompatible are honest; anything else is a fault."""
    held, refusals = [], []
    for name, load in subject.backbones.items():
        try:
            subject.composed(load)
            held.append(name)
        except Incompatible as err:
            refusals.append(f"not {name}: {err.message}")
        except Exception as err:
            raise Broken(f"{name}: {type(err).__name__}: {err}") from err
    require(held, "; ".join(refusals))
    return "; ".join([", ".join(held), *refusals])


@rule("A new one answers at once, with numbers.", needs=[attaches])
def answers_when_new(subject: AdapterSubject) -> None:
    """Before any training."""

    def try_out(load: Load) -> None:
        model = subject.composed(load)
        found = computing.logits(model, samples_of(model.backbone))
        require(bool(torch.isfinite(found).all()), "the logits are NaN or infinite")

    _on_each(subject, try_out)


@rule(
    "In training mode its own modules are, and no others; out of it, none.",
    needs=[answers_when_new],
)
def switches_its_own_modules(subject: AdapterSubject) -> None:
    """A frozen batch norm that is in training mode changes although nothing requires a gradient."""

    def try_out(load: Load) -> None:
        model = subject.composed(load)
        bare = {name for name, _ in load().module.named_modules() if name}
        model.train()
        training = {n: m for n, m in model.backbone.module.named_modules() if m.training}
        odd = [name for name in training if name in bare and not _is_trained(model, name)]
        require(not odd, f"in training mode without being trained: {some(odd)}")
        model.eval()
        left = [name or "the module" for name, m in model.backbone.named_modules() if m.training]
        require(not left, f"still in training mode after eval(): {some(left)}")

    _on_each(subject, try_out)


@rule("Training changes what requires a gradient and nothing else.", needs=[answers_when_new])
def trains_only_what_it_says(subject: AdapterSubject) -> None:
    """Buffers may move only beside a parameter that is trained."""

    def try_out(load: Load) -> None:
        backbone = load()
        samples = samples_of(backbone)
        before = computing.snapshot(backbone.module)
        model = ComposedModel(backbone, subject.fresh(), [OneOfThree()])
        trained = {id(p) for p in backbone.parameters() if p.requires_grad}
        require(
            model.adapter.trains_backbone or not trained,
            "it says that it does not train the backbone, and switches on gradients in it",
        )
        moving = {
            id(buffer)
            for module in backbone.modules()
            if any(id(p) in trained for p in module.parameters(recurse=False))
            for buffer in module.buffers(recurse=False)
        }
        computing.learn(model, samples)
        allowed = trained | moving
        odd = computing.changed(before, backbone.module, allowed)
        require(not odd, f"changed or replaced although frozen: {some(odd)}")

    _on_each(subject, try_out)


@rule(
    "What it trains is used: the gradient reaches it and changes the answers.",
    needs=[answers_when_new],
)
def what_it_trains_matters(subject: AdapterSubject) -> None:
    """A module beside the path of the data learns nothing."""

    def try_out(load: Load) -> None:
        model = subject.composed(load)
        samples = samples_of(model.backbone)
        if not model.adapter.trains_backbone:
            raise NotApplicable("it does not train the backbone")
        parts = computing.trained_parts(model)
        require(parts, "nothing in the backbone requires a gradient; see trains_backbone")
        before = computing.pooled(model.backbone, computing.prepare(model.backbone, samples))
        computing.train(model, samples)
        untouched = [name for name, p in parts.items() if p.grad is None]
        require(not untouched, f"no gradient reaches {some(untouched)}")
        after = computing.pooled(model.backbone, computing.prepare(model.backbone, samples))
        require(not torch.equal(before, after), "training leaves the features as they were")

    _on_each(subject, try_out)


@rule(
    "Where it does not train the backbone, it fits the head better than guessing.",
    needs=[answers_when_new],
)
def solves(subject: AdapterSubject) -> None:
    """The loss of the fitted head against that of the most frequent label."""

    def try_out(load: Load) -> None:
        model = subject.composed(load)
        if model.adapter.trains_backbone:
            raise NotApplicable("it trains the backbone by gradient")
        samples = samples_of(model.backbone)
        computing.solve(model, samples)
        targets = computing.targets_of(model, samples)
        loss = float(model.task.loss(computing.logits(model, samples), targets))
        guess = float(model.task.loss(model.task.majority(targets, len(samples)), targets))
        require(loss < guess, f"its loss is {loss:.3g}, that of guessing {guess:.3g}")

    _on_each(subject, try_out)


@rule("An artifact can hold its files: free names, plain configurations.", needs=[attaches])
def files_are_publishable(subject: AdapterSubject) -> None:
    """Safetensors and JSON, and nothing of this machine in them."""

    def try_out(load: Load) -> None:
        for name, config in contents(subject.composed(load)).configs.items():
            try:
                json.dumps(config, allow_nan=False)
            except (TypeError, ValueError) as err:
                raise Broken(f"{name} is not plain JSON: {err}") from err

    _on_each(subject, try_out)


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

    _on_each(subject, try_out)


@rule("Taken off, it leaves the backbone as it found it.", needs=[trains_only_what_it_says])
def detach_restores(subject: AdapterSubject) -> None:
    """The same tensors under the same names, the same answers, nothing that requires a gradient."""

    def try_out(load: Load) -> None:
        model = subject.composed(load)
        samples = samples_of(model.backbone)
        computing.learn(model, samples)
        _or_not_applicable(lambda: model.adapter.detach(model.backbone))
        _require_like(model.backbone, load(), samples)

    _on_each(subject, try_out)


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

    _on_each(subject, try_out)


def _is_trained(model: ComposedModel, name: str) -> bool:
    """Whether a module of the backbone holds what is trained, or, having nothing, stands beside it."""
    module = model.backbone.module.get_submodule(name)
    own = [*module.parameters(recurse=False), *module.buffers(recurse=False)]
    if not own:
        module = model.backbone.module.get_submodule(name.rpartition(".")[0])
        own = list(module.parameters())
    return any(tensor.requires_grad for tensor in own)


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


def _on_each(subject: AdapterSubject, try_out: Callable[[Load], None]) -> None:
    """Try it on each backbone that the adapter does not refuse; say on which it failed."""
    held, reasons = 0, []
    for name, load in subject.backbones.items():
        try:
            subject.composed(load)
        except Incompatible:
            continue
        try:
            try_out(load)
            held += 1
        except NotApplicable as err:
            reasons.append(str(err))
        except Exception as err:
            said = str(err) if isinstance(err, Broken) else f"{type(err).__name__}: {err}"
            raise Broken(f"on {name}: {said}") from err
    if not held:
        raise NotApplicable("; ".join(dict.fromkeys(reasons)))


ADAPTER_RULES: tuple[Rule[Any], ...] = (
    spec_is_well_formed,
    hooks_import_nothing_heavy,
    loads_with_its_settings,
    attaches,
    answers_when_new,
    switches_its_own_modules,
    trains_only_what_it_says,
    what_it_trains_matters,
    solves,
    files_are_publishable,
    state_round_trips,
    detach_restores,
    merged_equals_unmerged,
)
