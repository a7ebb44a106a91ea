"""Alignments and validators by name, and whether a model has something for them to work on."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from zoo.errors import Incompatible, ZooError
from zoo.host import installed, make_with_settings
from zoo.model import ComposedModel
from zoo.training.adaptation.alignment import Alignment
from zoo.training.adaptation.validator import Validator


def make_alignment(name: str, settings: Mapping[str, object] | None = None) -> Alignment:
    """An alignment by name.

    Raises:
        UnknownName, NameClash: no plugin, or two, provide it.
        BadSetting: a setting it does not have.
    """
    made: Alignment = make_with_settings(Alignment, installed().alignment(name), settings)
    return made


def make_validator(name: str) -> Validator:
    """A validator by name; raises as :func:`make_alignment`."""
    made: Validator = make_with_settings(Validator, installed().validator(name))
    return made


def require_alignable(
    model: ComposedModel, alignment: Alignment, validator: Validator, targets: Tensor
) -> None:
    """Refuse what an alignment could do nothing to, or could not read.

    Args:
        model, alignment, validator: of the fit.
        targets: of the source's training rows.

    Raises:
        Incompatible: features are constant, no batch norm is saved, or logits are of no classes.
    """
    name, adapter = alignment.spec.name, model.adapter.spec.name
    if len(model.tasks) > 1 or model.task.several_units:
        raise Incompatible(
            f"{name} is for one task with one answer an input; this model has "
            f"{', '.join(model.tasks)}.",
            hint="Fit it for one task, such as classification.",
        )
    if not model.adapter.trains_backbone:
        raise Incompatible(
            f"{name} has nothing to train: {adapter} leaves the features as they are, so source and "
            "target stay as far apart.",
            hint="Choose an adapter that changes features, e.g. `--adapter bottleneck` or "
            "`--adapter lora`.",
        )
    if alignment.settles_norms and not settled(model):
        raise Incompatible(
            f"{name} has nothing to adapt: {adapter} on {model.backbone.spec.name} keeps no batch "
            "norm.",
            hint="`--adapter bottleneck --set norm=batch` has one; so has `--adapter finetune --set "
            "batch_norm=updated` on a network with batch norms.",
        )
    if targets.is_floating_point() or targets.ndim != 1:
        _require_no_classes("align", alignment, model.task.spec.name)
        _require_no_classes("validator", validator, model.task.spec.name)


def _require_no_classes(option: str, method: Alignment | Validator, task: str) -> None:
    if not method.needs_classes:
        return
    others = " or ".join(f"`--{option} {name}`" for name in _taking_any(option))
    raise Incompatible(
        f"{method.spec.name} is for one class a row; {task} has other targets.",
        hint=f"Choose {others}." if others else "No other is installed.",
    )


def _taking_any(option: str) -> list[str]:
    """Those that read no logits as classes; what a broken plugin has is no choice."""
    host, found = installed(), []
    make = make_alignment if option == "align" else make_validator
    for provided in host.alignments if option == "align" else host.validators:
        with contextlib.suppress(ZooError):
            if not make(provided.spec.name).needs_classes:
                found.append(provided.spec.name)
    return found


def settled(model: ComposedModel) -> list[_BatchNorm]:
    """The batch norms whose statistics an artifact of this model keeps."""
    layout = model.adapter.layout(model.backbone, dict(model.heads.items()), model.native_head)
    kept = {tensor.data_ptr() for part in layout.tensors.values() for tensor in part.values()}
    kept |= {
        tensor.data_ptr()
        for name, tensor in model.backbone.module.state_dict().items()
        if name in layout.changed
    }
    return [
        module
        for module in model.modules()
        if isinstance(module, _BatchNorm)
        and module.running_mean is not None
        and module.running_mean.data_ptr() in kept
    ]
