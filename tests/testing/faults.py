"""Plugins that are right but for one fault each. The fault is an option or setting of the spec."""

import itertools
import math
import time
from dataclasses import replace
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from zoo.errors import BadSetting
from zoo.plugin import (
    Adapter,
    AdapterSpec,
    Backbone,
    BackboneSpec,
    Batch,
    Block,
    Features,
    Incompatible,
    Layout,
    NativeHead,
    ParameterGroup,
    Prediction,
    Setting,
    TaskSpec,
    hookimpl,
)
from zoo.testing import reference
from zoo.torchvision_clash import mend_torchvision

mend_torchvision()

from zoo_tasks.classification import Classification  # noqa: E402  # imports torchvision

HERE = __name__
_count = itertools.count()

BACKBONES: dict[str, Any] = {}
ADAPTERS: dict[str, Any] = {}
TASKS: dict[str, Any] = {}


@hookimpl
def zoo_backbones() -> list[BackboneSpec]:
    specs = {"spec_is_well_formed": {"summary": "two\nlines"}, "features_are_as_declared": {"feature_size": 99}}  # fmt: skip
    return [
        BackboneSpec(
            name=f"faulty:{name}",
            loader=f"{HERE}:load",
            modality="text" if name.startswith("padding_does_not_matter") else "image",
            tags=("tiny",),
            **({"summary": "one line"} | specs.get(name, {})),
        )
        for name in ("nothing", "spec_is_well_formed", "features_are_as_declared", *BACKBONES)
    ]


@hookimpl
def zoo_adapters() -> list[AdapterSpec]:
    once = Setting("width", 1, "of something")
    return [
        AdapterSpec(
            name=name.replace("_", "-"),
            loader=f"{HERE}:adapter_{name}",
            summary="one line",
            settings=(once, once) if name == "spec_is_well_formed" else (once,),
        )
        for name in ("nothing", "spec_is_well_formed", *ADAPTERS)
    ]


@hookimpl
def zoo_tasks() -> list[TaskSpec]:
    settings = (
        Setting("class_weights", "none", "as the parent's"),
        Setting("label_smoothing", 0.0, "as the parent's"),
    )
    return [
        TaskSpec(
            name=f"task-{name.replace('_', '-')}",
            loader=f"{HERE}:task_{name}",
            summary="" if name == "spec_is_well_formed" else "one line",
            settings=settings,
        )
        for name in ("nothing", "spec_is_well_formed", *TASKS)
    ]


def load(spec: Any, weights: Any) -> Backbone:
    fault = spec.name.partition(":")[2]
    make = reference.load_text if spec.modality == "text" else reference.load_conv
    change = BACKBONES.get(fault, lambda backbone: None)
    backbone = make(spec, weights)
    return change(backbone) or backbone


def breaks(table: dict[str, Any]) -> Any:
    """Register a fault under its name without the leading underscore: the rule that catches it."""

    def register(fault: Any) -> Any:
        table[fault.__name__.removeprefix("_")] = fault
        return fault

    return register


def forward_by(backbone: Backbone, change: Any) -> None:
    """Change what ``backbone`` answers: ``change(features, batch)``."""
    kind = type(backbone)

    class Changed(kind):  # type: ignore[misc, valid-type]
        def forward(self, batch: Batch) -> Features:
            return change(super().forward(batch), batch)

    backbone.__class__ = Changed


def preprocess_by(backbone: Backbone, change: Any) -> None:
    """Change what its preprocessing gives: ``change(plain, sample)``."""
    kind = type(backbone.preprocess)

    class Changed(kind):  # type: ignore[misc, valid-type]
        def __call__(self, sample: Any) -> Any:
            return change(super().__call__, sample)

    backbone.preprocess = Changed()


@breaks(BACKBONES)
def _loads(backbone):
    backbone.module[0][1].train()


@breaks(BACKBONES)
def _tells_inputs_apart(backbone):
    forward_by(backbone, lambda features, batch: Features(features.pooled * 0 + 1))


@breaks(BACKBONES)
def _forward_is_deterministic(backbone):
    forward_by(backbone, lambda f, batch: Features(nn.functional.dropout(f.pooled, 0.5)))


@breaks(BACKBONES)
def _blocks_cover_all_parameters_once(backbone):
    backbone.blocks = (Block("stage1", ("0",)), Block("stage2", ("1.0",)))


@breaks(BACKBONES)
def _blocks_are_in_order(backbone):
    backbone.blocks = backbone.blocks[::-1]


@breaks(BACKBONES)
def _lora_targets_exist(backbone):
    backbone.lora_targets = {"conv": ("0.0", "0.1")}  # the second is a batch norm


@breaks(BACKBONES)
def _preprocessing_is_deterministic(backbone):
    def flip(plain, sample):
        pixels = plain(sample)["pixels"]
        return {"pixels": pixels + 0.1 * torch.rand(1)}

    preprocess_by(backbone, flip)


@breaks(BACKBONES)
def _preprocessing_is_deterministic_between_processes(backbone):
    salted = hash("salt") % 2**20 / 2**20
    preprocess_by(backbone, lambda plain, sample: {"pixels": plain(sample)["pixels"] + salted})


@breaks(BACKBONES)
def _preprocessing_is_deterministic_in_place(backbone):
    def blacken(plain, sample):
        prepared = plain(sample)
        sample.paste(0, (0, 0, *sample.size))
        return prepared

    preprocess_by(backbone, blacken)


@breaks(BACKBONES)
def _preprocessing_is_deterministic_in_what_it_says(backbone):
    kind = type(backbone.preprocess)
    order = list({str(number) for number in range(20)})
    backbone.preprocess = type("Said", (kind,), {"describe": lambda self: {"order": order}})()


@breaks(BACKBONES)
def _takes_what_the_contract_allows(backbone):
    def crop(plain, sample):
        if min(sample.size) < 32:
            raise ValueError("cannot crop 32 pixels")
        return plain(sample)

    preprocess_by(backbone, crop)


@breaks(BACKBONES)
def _refuses_what_the_contract_forbids(backbone):
    def lenient(plain, sample):
        try:
            return plain(sample)
        except AttributeError:
            return {"pixels": torch.zeros(3, reference.SIDE, reference.SIDE)}

    preprocess_by(backbone, lenient)


@breaks(BACKBONES)
def _refuses_what_the_contract_forbids_of_another_modality(backbone):
    def lenient(plain, sample):
        if isinstance(sample, str):
            return {"pixels": torch.zeros(3, reference.SIDE, reference.SIDE)}
        return plain(sample)

    preprocess_by(backbone, lenient)


@breaks(BACKBONES)
def _refuses_what_the_contract_forbids_of_values(backbone):
    def lenient(plain, sample):  # Pillow cuts deeper colours off at 255
        deep = isinstance(sample, Image.Image) and sample.mode != "L"
        return plain(sample.convert("L").convert("RGB") if deep else sample)

    preprocess_by(backbone, lenient)


@breaks(BACKBONES)
def _refuses_what_the_contract_forbids_of_a_range(backbone):
    backbone.contract = replace(backbone.contract, value_range=(0.0, 1.0))


@breaks(BACKBONES)
def _refuses_what_the_contract_forbids_of_channels(backbone):
    def lenient(plain, sample):
        if isinstance(sample, Image.Image) and sample.mode == "L":
            sample = Image.merge("RGB", (sample, sample.point(lambda _: 0), sample))
        return plain(sample)

    preprocess_by(backbone, lenient)


@breaks(BACKBONES)
def _batch_size_does_not_matter(backbone):
    def centre(features, batch):
        rows = features.pooled
        return Features(rows - rows.mean(0) if len(rows) > 1 else rows)

    forward_by(backbone, centre)


@breaks(BACKBONES)
def _padding_does_not_matter(backbone):
    forward_by(backbone, lambda f, batch: Features(f.tokens.mean(1), f.tokens, f.mask))


@breaks(BACKBONES)
def _padding_does_not_matter_to_the_pooled(backbone):
    forward_by(backbone, lambda f, batch: Features(f.pooled, f.tokens, torch.ones_like(f.mask)))


@breaks(BACKBONES)
def _features_are_as_declared_of_every_pooling(backbone):
    def narrow(features, batch):
        other = backbone.pooling != backbone.poolings[0]
        return Features(features.pooled[:, :3] if other else features.pooled)

    backbone.poolings += ("narrow",)
    forward_by(backbone, narrow)


@breaks(BACKBONES)
def _frozen_tensors_stay(backbone):
    kind = type(backbone)

    class Sticky(kind):
        def train(self, mode=True):
            super().train(mode)
            if mode:
                self.was_trained = True
            if getattr(self, "was_trained", False):
                self.module[0][1].train()
            return self

    backbone.__class__ = Sticky


@breaks(BACKBONES)
def _frozen_tensors_stay_under_gradients(backbone):
    def drop(features, batch):
        share = 0.5 if torch.is_grad_enabled() else 0.0
        return Features(nn.functional.dropout(features.pooled, share))

    forward_by(backbone, drop)


@breaks(BACKBONES)
def _state_round_trips(backbone):
    offset = torch.randn(reference.WIDTH)  # in no tensor of the module
    forward_by(backbone, lambda f, batch: Features(f.pooled + offset))


@breaks(BACKBONES)
def _every_adapter_attaches(backbone):
    kind = type(backbone)
    backbone.__class__ = type("Pooled", (kind,), {"native_pooling": "one that it does not have"})


@breaks(BACKBONES)
def _every_adapter_trains(backbone):
    forward_by(backbone, lambda f, batch: Features(f.pooled.detach()))


@breaks(BACKBONES)
def _every_adapter_round_trips(backbone):
    name = f"head{next(_count)}"
    kind = type(backbone)
    backbone.__class__ = type(
        "Named", (kind,), {"native_head": property(lambda s: NativeHead(name))}
    )


@breaks(BACKBONES)
def _a_tiny_one_is_fast(backbone):
    time.sleep(0.12)


class Scaled(nn.Module):
    def __init__(self, layer):
        super().__init__()
        outputs = layer.weight.shape[0]
        self.layer = layer
        self.gamma, self.beta = (
            nn.Parameter(torch.ones(outputs)),
            nn.Parameter(torch.zeros(outputs)),
        )

    def forward(self, x):
        shape = (-1, 1, 1) if isinstance(self.layer, nn.Conv2d) else (-1,)
        return self.gamma.view(shape) * self.layer(x) + self.beta.view(shape)


class Sound(Adapter):
    """A scale and a shift behind every target; keeps all rules."""

    def attach(self, backbone):
        self.names = [name for names in backbone.lora_targets.values() for name in names]
        for name in self.names:
            backbone.module.set_submodule(name, Scaled(backbone.module.get_submodule(name)))

    def scaled(self, backbone):
        return {name: backbone.module.get_submodule(name) for name in self.names}

    def tensors(self, backbone):
        return {
            f"{name}.{key}": tensor.detach()
            for name, scaled in self.scaled(backbone).items()
            for key, tensor in scaled.named_parameters(recurse=False)
        }

    def layout(self, backbone, heads, native):
        return Layout(tensors={"scales.safetensors": self.tensors(backbone)})

    def detach(self, backbone):
        for name, scaled in self.scaled(backbone).items():
            backbone.module.set_submodule(name, scaled.layer)

    def merge(self, backbone):
        for scaled in self.scaled(backbone).values():
            if scaled.layer.bias is None:
                raise Incompatible("no bias")
        with torch.no_grad():
            for scaled in self.scaled(backbone).values():
                scaled.layer.weight.mul_(scaled.gamma[:, None])
                scaled.layer.bias.mul_(scaled.gamma).add_(scaled.beta)
        self.detach(backbone)


adapter_nothing = adapter_spec_is_well_formed = Sound


@breaks(ADAPTERS)
class _loads_with_its_settings(Sound):  # noqa: N801
    def __init__(self, spec, settings):
        super().__init__(spec, {})


@breaks(ADAPTERS)
class _attaches(Sound):  # noqa: N801
    def attach(self, backbone):
        self.names = backbone.lora_targets["conv"]
        super().attach(backbone)


@breaks(ADAPTERS)
class _answers_when_new(Sound):  # noqa: N801
    def attach(self, backbone):
        super().attach(backbone)
        for scaled in self.scaled(backbone).values():
            scaled.gamma.data /= 0
            scaled.gamma.data -= scaled.gamma.data


@breaks(ADAPTERS)
class _switches_its_own_modules(Sound):  # noqa: N801
    def train(self, backbone, mode):
        for scaled in self.scaled(backbone).values():
            scaled.training = True


@breaks(ADAPTERS)
class _what_it_asks_of_a_fit_is_sound(Sound):  # noqa: N801
    def groups(self, backbone, heads):
        gammas = [scaled.gamma for scaled in self.scaled(backbone).values()]
        return [ParameterGroup(gammas, 0.1), ParameterGroup(gammas[:1])]


@breaks(ADAPTERS)
class _what_it_asks_of_a_fit_is_sound_of_rates(Sound):  # noqa: N801
    def groups(self, backbone, heads):
        return [ParameterGroup([s.layer.weight for s in self.scaled(backbone).values()], 0.1)]


@breaks(ADAPTERS)
class _what_it_asks_of_a_fit_is_sound_of_rests(Sound):  # noqa: N801
    def start_epoch(self, backbone, epoch, epochs):
        backbone.module.requires_grad_(epoch > 1)


@breaks(ADAPTERS)
class _what_it_asks_of_a_fit_is_sound_of_a_penalty(Sound):  # noqa: N801
    def penalty(self, backbone):
        return next(iter(self.scaled(backbone).values())).gamma ** 2


@breaks(ADAPTERS)
class _trains_only_what_it_says(Sound):  # noqa: N801
    def train(self, backbone, mode):
        if mode:
            next(backbone.module.buffers(), next(backbone.module.parameters())).data.add_(0.1)


@breaks(ADAPTERS)
class _trains_only_what_it_says_replacing(Sound):  # noqa: N801
    def attach(self, backbone):
        super().attach(backbone)
        for scaled in self.scaled(backbone).values():
            signs = torch.sign(scaled.layer.weight) * 0.05
            scaled.layer.weight = nn.Parameter(signs, requires_grad=False)


@breaks(ADAPTERS)
class _what_it_trains_matters(Sound):  # noqa: N801
    def attach(self, backbone):
        super().attach(backbone)
        for scaled in self.scaled(backbone).values():
            scaled.unused = nn.Parameter(torch.zeros(2))


@breaks(ADAPTERS)
class _solves(Sound):  # noqa: N801
    trains_backbone = False

    def attach(self, backbone):
        self.names = []

    def solve(self, problem):
        from zoo.plugin import Solution

        return Solution({}, problem.head(problem.val_features).detach())


@breaks(ADAPTERS)
class _files_are_publishable(Sound):  # noqa: N801
    def layout(self, backbone, heads, native):
        plain = super().layout(backbone, heads, native)
        return Layout(tensors=plain.tensors, configs={"scales.json": {"names": set(self.names)}})


@breaks(ADAPTERS)
class _state_round_trips_of_an_adapter(Sound):  # noqa: N801
    def tensors(self, backbone):
        return {k: t for k, t in super().tensors(backbone).items() if not k.endswith("beta")}


@breaks(ADAPTERS)
class _detach_restores(Sound):  # noqa: N801
    def detach(self, backbone):
        for scaled in self.scaled(backbone).values():
            scaled.requires_grad_(False)

    def merge(self, backbone):
        raise Incompatible("it cannot be merged")


@breaks(ADAPTERS)
class _merged_equals_unmerged(Sound):  # noqa: N801
    def merge(self, backbone):
        self.detach(backbone)


task_nothing = task_spec_is_well_formed = Classification


@breaks(TASKS)
class _makes_a_task(Classification):  # noqa: N801
    def __init__(self, spec, labels, settings, name):
        super().__init__(spec, sorted(labels, reverse=True), settings, name)


@breaks(TASKS)
class _targets_have_one_row_a_label(Classification):  # noqa: N801
    def targets(self, labels):
        return super().targets(sorted(set(labels)))


@breaks(TASKS)
class _unknown_labels_are_refused(Classification):  # noqa: N801
    def targets(self, labels):
        return super().targets([each if each in self.labels else self.labels[0] for each in labels])


@breaks(TASKS)
class _head_has_the_right_shape(Classification):  # noqa: N801
    def head(self, feature_size, *, bias=True):
        return nn.Linear(feature_size, len(self.labels))


@breaks(TASKS)
class _loss_can_be_trained_on(Classification):  # noqa: N801
    def loss(self, logits, targets):
        return super().loss(logits, targets).detach()


@breaks(TASKS)
class _metrics_tell_good_from_bad(Classification):  # noqa: N801
    def metrics(self, logits, targets):
        found = super().metrics(logits, targets)
        return found | {"accuracy": 1 - found["accuracy"]}


@breaks(TASKS)
class _majority_has_the_right_shape(Classification):  # noqa: N801
    def majority(self, targets, rows):
        return super().majority(targets, len(targets))


@breaks(TASKS)
class _metrics_stand_few_rows(Classification):  # noqa: N801
    def metrics(self, logits, targets):
        if len(set(targets.tolist())) < 2:
            raise ValueError("only one class")
        return super().metrics(logits, targets)


@breaks(TASKS)
class _decodes_every_row(Classification):  # noqa: N801
    def decode(self, logits):
        return super().decode(logits)[: max(1, len(logits) - 1)]


@breaks(TASKS)
class _decoding_agrees_with_targets(Classification):  # noqa: N801
    def decode(self, logits):
        return super().decode(-logits)


@breaks(TASKS)
class _confusion_counts_every_row(Classification):  # noqa: N801
    def confusion(self, logits, targets):
        return super().confusion(logits, targets) // 2


@breaks(TASKS)
class _state_round_trips_of_a_task(Classification):  # noqa: N801
    seen = 0

    def prepare(self, targets: Tensor) -> None:
        self.seen = len(targets)

    def decode(self, logits: Tensor) -> list[Prediction]:
        return [Prediction(p.label, p.score + self.seen, p.scores) for p in super().decode(logits)]


@breaks(TASKS)
class _temperature_leaves_answers(Classification):  # noqa: N801
    def temperature(self, logits: Tensor, targets: Tensor) -> float:
        return 0.5


@breaks(TASKS)
class _foreign_state_is_refused(Classification):  # noqa: N801
    def restore(self, state):
        self.state = dict(state)


@breaks(TASKS)
class _foreign_state_is_refused_of_another_size(Classification):  # noqa: N801
    remembers = ("shift",)

    def restore(self, state):
        if {*state} - {"shift"} or any(math.isnan(v) for v in state.get("shift", ())):
            raise BadSetting("not mine")
        self.state = {name: [*values] for name, values in state.items()}


@breaks(TASKS)
class _every_adapter_trains_it(Classification):  # noqa: N801
    def loss(self, logits, targets):
        return super().loss(logits @ torch.eye(len(self.labels)), targets)  # float32 only


globals().update({f"adapter_{name}": kind for name, kind in ADAPTERS.items()})
globals().update({f"task_{name}": kind for name, kind in TASKS.items()})
