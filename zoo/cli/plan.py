"""What a fit is asked to do, worked out and checked before anything is computed. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo import registry
from zoo.data.contract import InputContract
from zoo.host import installed
from zoo.registry import Recipe
from zoo.specs import check_settings
from zoo.training.adaptation.adapt import Adapt, defaults_for
from zoo.training.config import FitConfig

if TYPE_CHECKING:
    from zoo.model import ComposedModel


@dataclass(frozen=True)
class Plan:
    """The parts of a model and how to train it; all names and settings are known to be valid.

    Attributes:
        backbone: a name, or ``None`` where the data decides.
        modality: what that backbone takes.
        adapter, task: names.
        settings, task_settings: of the adapter and the task, all of them.
        training: what differs from the adapter's own defaults.
    """

    backbone: str | None
    modality: str | None
    adapter: str
    task: str
    settings: Mapping[str, Any]
    task_settings: Mapping[str, Any]
    training: Mapping[str, Any]

    def resolved(self, adapt: Adapt | None, model: ComposedModel) -> dict[str, Any]:
        """All options of training, those of the defaults too."""
        return FitConfig.resolve(defaults_for(adapt, model), self.training).model_dump(mode="json")

    def backbone_for(self, modality: str) -> str:
        """The backbone for data of that modality.

        Raises:
            ContractViolation: the one chosen takes another modality.
            InputError: none was chosen and the registry has no default.
        """
        if self.backbone is not None and self.modality is not None:
            InputContract(modality=self.modality).require_modality(modality, self.backbone)
            return self.backbone
        return registry.load().defaults.backbone_for(modality)


def by_itself(modality: str, rows: int, classes: int) -> tuple[str, str] | None:
    """The recipe for data of which nothing was said, and a line that says why.

    Args:
        modality: of the inputs.
        rows: to train on.
        classes: or other outputs.
    """
    each = rows // max(classes, 1)
    found = registry.load().choose(modality, each)
    if found is None:
        return None
    name, recipe = found
    bound = f", up to {recipe.up_to} of which it is for" if recipe.up_to else ""
    return name, (
        f"Recipe {name}, chosen for {modality} data with {each} rows to train on for each of "
        f"{classes} labels{bound}: {recipe.summary}"
    )


def adapter_of(recipe: str | None, adapter: str | None) -> str:
    """The adapter that was named, else the recipe's, else the default one.

    Raises:
        UnknownName: there is no such recipe.
    """
    if adapter:
        return adapter
    curation = registry.load()
    return curation.recipe(recipe).adapter if recipe else curation.defaults.adapter


def plan(
    *,
    recipe: str | None,
    backbone: str | None,
    adapter: str | None,
    task: str | None,
    settings: Mapping[str, Any],
    task_settings: Mapping[str, Any],
    training: Mapping[str, Any],
) -> Plan:
    """What was typed, over the recipe, over the registry's defaults.

    Raises:
        UnknownName, NameClash: a recipe, backbone, adapter or task that is not to be had.
        BadSetting: a setting or training option that is not valid.
    """
    curation, host = registry.load(), installed()
    chosen = curation.recipe(recipe) if recipe else None
    if chosen and adapter not in (None, chosen.adapter):
        # Its settings and training are tuned for its own adapter and mean nothing to another.
        chosen = Recipe(summary=chosen.summary, backbone=chosen.backbone, adapter=adapter or "")
    base = backbone or (chosen.backbone if chosen else None)
    modality = curation.backbone(host, base).spec.modality if base else None
    adapter_name = adapter_of(recipe, adapter)
    task_name = task or curation.defaults.task
    adapter_spec = host.adapter(adapter_name).spec
    task_spec = host.task(task_name).spec
    options = {**(chosen.training if chosen else {}), **training}
    FitConfig.resolve(adapter_spec.training, options)
    return Plan(
        backbone=base,
        modality=modality,
        adapter=adapter_name,
        task=task_name,
        settings=check_settings(
            adapter_name,
            adapter_spec.settings,
            {**(chosen.settings if chosen else {}), **settings},
        ),
        task_settings=check_settings(task_name, task_spec.settings, task_settings),
        training=options,
    )
