"""Making the parts of a model by name, and putting them together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from zoo import registry
from zoo.errors import BadSetting, PluginError
from zoo.host import Provided, installed, make_kind, make_with_settings
from zoo.model.adapter import Adapter
from zoo.model.backbone import Backbone
from zoo.model.composed import ComposedModel
from zoo.model.per_task import PerTask
from zoo.model.task import Task
from zoo.model.weights import Weights
from zoo.specs import BackboneSpec, check_settings


def load_backbone(
    name: str,
    *,
    weights: Path | None = None,
    revision: str | None = None,
    pretrained: bool = True,
    language: str = "",
) -> Backbone:
    """Load a backbone by name or alias.

    Args:
        name: ``namespace:name`` or an alias.
        weights: a folder to take the weights from, before anything else.
        revision: branch, tag or commit, where the weights come from a Hub.
        pretrained: ``False`` gives the same architecture with random weights.
        language: the kind of its own language head to keep, ``masked``, ``causal`` or ``seq2seq``.

    Raises:
        UnknownName, NameClash: no plugin, or two, provide it.
        WeightsNotFound: the weights are nowhere to be had.
        PluginError: the plugin's loader broke.
        BadSetting: both ``weights`` and ``revision``, or an empty ``revision``.
    """
    if revision is not None and (weights is not None or not revision):
        raise BadSetting(
            f"A revision, {revision!r}, is for weights from a Hub repo.",
            hint="Leave it out, or name a branch, tag or commit and leave --weights out.",
        )
    return load_spec(
        registry.load().backbone(installed(), name),
        Weights(weights, revision, pretrained, language),
    )


def load_spec(provided: Provided[BackboneSpec], weights: Weights) -> Backbone:
    """Load the backbone that a spec describes; raises as :func:`load_backbone`."""
    backbone = installed().make(provided, provided.spec, weights)
    if not isinstance(backbone, Backbone):
        raise PluginError(
            f"{provided.plugin.origin}: the loader of {provided.spec.name} returned "
            f"{type(backbone).__name__}, not a Backbone."
        )
    backbone.reload = lambda pretrained: load_spec(
        provided, replace(weights, pretrained=pretrained)
    )
    return backbone


def make_task(
    kind: str, *, labels: Sequence[str], name: str | None = None, **settings: object
) -> Task:
    """A task by name, e.g. ``zoo.task("classification", labels=["ants", "bees"])``.

    Raises:
        UnknownName, NameClash: no plugin, or two, provide it.
        BadSetting: a setting it does not have.
    """
    provided = installed().task(kind)
    checked = check_settings(kind, provided.spec.settings, settings)
    made: Task = make_kind(Task, provided, labels, checked, name or kind)
    return made


def language_of(tasks: Sequence[Task]) -> str:
    """The kind of language head that these tasks use, to load a backbone with."""
    return next((task.spec.language for task in tasks if task.spec.language), "")


def make_adapter(kind: str, settings: Mapping[str, object] | None = None) -> Adapter:
    """An adapter by name, e.g. ``zoo.adapter("lora", {"rank": 4})``; raises as :func:`make_task`."""
    made: Adapter = make_with_settings(Adapter, installed().adapter(kind), settings)
    return made


def compose(
    backbone: str | Backbone,
    adapter: str | Adapter,
    tasks: Task | Sequence[Task],
    *,
    weights: Path | None = None,
    revision: str | None = None,
    pooling: str | None = None,
    seed: int = 0,
    adapter_per_task: bool = False,
) -> ComposedModel:
    """Put a backbone, an adapter and one or more tasks together.

    Args:
        backbone: a name, or a loaded backbone, which becomes part of the model.
        adapter: a name, or an adapter made with its settings.
        tasks: what to predict.
        weights, revision: as for :func:`load_backbone`, where ``backbone`` is a name.
        pooling: how tokens become one vector, where not the backbone's default.
        seed: initialises what is new.
        adapter_per_task: each of several tasks gets an adapter of its own, of this kind.

    Raises:
        Incompatible: the parts do not fit each other.
    """
    several = [tasks] if isinstance(tasks, Task) else tasks
    made = make_adapter(adapter) if isinstance(adapter, str) else adapter
    if adapter_per_task:
        made = PerTask(made, [task.name for task in several])
    base = (
        load_backbone(backbone, weights=weights, revision=revision, language=language_of(several))
        if isinstance(backbone, str)
        else backbone
    )
    return ComposedModel(base, made, several, pooling=pooling, seed=seed)
