"""Rules for how an adapter sits on a backbone, and how it is trained there."""

from __future__ import annotations

import torch

from zoo.errors import Incompatible
from zoo.model import ComposedModel
from zoo.testing import computing
from zoo.testing.reference import OneOfThree
from zoo.testing.rule import Broken, NotApplicable, require, rule, some
from zoo.testing.subjects import AdapterSubject, Load, samples_of


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

    subject.on_each(try_out)


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

    subject.on_each(try_out)


@rule(
    "What it asks of a fit is sound: rates of its own, parameters that rest, a penalty.",
    needs=[answers_when_new],
)
def what_it_asks_of_a_fit_is_sound(subject: AdapterSubject) -> None:
    """Groups of what is trained, each once; no gradient for anything else; a scalar."""

    def try_out(load: Load) -> None:
        model = subject.composed(load)
        adapter, backbone = model.adapter, model.backbone
        trained = {id(parameter) for parameter in model.trainable().values()}
        for epoch in (1, 2):
            adapter.start_epoch(backbone, epoch, 2)
            model.train()
            woken = [n for n, p in computing.trained_parts(model).items() if id(p) not in trained]
            require(not woken, f"start_epoch() lets {some(woken)} be trained")
        grouped = [
            p for g in adapter.groups(backbone, dict(model.heads.items())) for p in g.parameters
        ]
        require(len({*map(id, grouped)}) == len(grouped), "groups() has a parameter twice")
        require({*map(id, grouped)} <= trained, "groups() has a parameter that is not trained")
        penalty = adapter.penalty(backbone)
        if penalty is not None:
            require(penalty.ndim == 0, f"penalty() has shape {list(penalty.shape)}; it is a scalar")
            require(bool(torch.isfinite(penalty)), f"penalty() is {float(penalty.detach())}")
            require(penalty.requires_grad, "penalty() depends on nothing that is trained")

    subject.on_each(try_out)


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

    subject.on_each(try_out)


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

    subject.on_each(try_out)


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

    subject.on_each(try_out)


def _is_trained(model: ComposedModel, name: str) -> bool:
    """Whether a module of the backbone holds what is trained, or, having nothing, stands beside it."""
    module = model.backbone.module.get_submodule(name)
    own = [*module.parameters(recurse=False), *module.buffers(recurse=False)]
    if not own:
        module = model.backbone.module.get_submodule(name.rpartition(".")[0])
        own = list(module.parameters())
    return any(tensor.requires_grad for tensor in own)
