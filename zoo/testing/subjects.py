"""What the rules are asked of: a plugin, a backbone, an adapter, a task, each made afresh at will."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch

from zoo.artifact import probe
from zoo.data.labelling import labelling_of
from zoo.host import PluginRecord, Provided, installed
from zoo.host.discovery import own_distributions
from zoo.host.record import S
from zoo.model import ComposedModel, load_spec
from zoo.plugin import (
    Adapter,
    AdapterSpec,
    Backbone,
    BackboneSpec,
    Incompatible,
    Task,
    TaskSpec,
    Weights,
)
from zoo.specs import check_settings
from zoo.testing import reference
from zoo.testing.rule import Broken, NotApplicable, Subject

TINY = "tiny"  # the tag of a backbone that is small enough to be tried
TINY_SECONDS = 2.0
Load = Callable[[], Backbone]


@contextlib.contextmanager
def seeded(seed: int = 0) -> Iterator[None]:
    """Draw the same random numbers from torch every time, and leave its generator as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


class PluginSubject(Subject):
    """A plugin: an entry point and what is behind it."""

    def __init__(self, record: PluginRecord) -> None:
        super().__init__()
        self.plugin = record
        self.title = f"plugin {record.name}"


class BackboneSubject(Subject):
    """A backbone.

    Args:
        provided: its spec and plugin.
        weights: where from; by default random ones.
        seconds: how long loading and a first answer may take; ``None``: as long as they like.
        adapters: the names of those to try on it; by default zoo's own and its plugin's.
    """

    def __init__(
        self,
        provided: Provided[BackboneSpec],
        *,
        weights: Weights | None = None,
        seconds: float | None = TINY_SECONDS,
        adapters: Sequence[str] | None = None,
    ) -> None:
        super().__init__()
        self.provided = provided
        self.spec = provided.spec
        self.plugin = provided.plugin
        self.weights = weights or Weights(pretrained=False)
        self.seconds = seconds
        self.title = f"backbone {self.spec.name}"
        self.adapters = _adapters(adapters, self.plugin)

    def fresh(self, seed: int = 0) -> Backbone:
        """A newly loaded one; random weights are those of ``seed``."""
        with seeded(seed):
            return load_spec(self.provided, self.weights)

    @functools.cached_property
    def backbone(self) -> Backbone:
        """One for the rules that change nothing."""
        return self.fresh()

    @functools.cached_property
    def samples(self) -> list[Any]:
        """Synthetic raw samples, as artifacts carry them."""
        return samples_of(self.backbone)


class AdapterSubject(Subject):
    """An adapter.

    Args:
        provided: its spec and plugin.
        settings: other than its defaults.
        backbones: names to try it on besides the reference backbones; by default zoo's own and
            its plugin's that are tagged tiny.
    """

    def __init__(
        self,
        provided: Provided[AdapterSpec],
        *,
        settings: Mapping[str, object] | None = None,
        backbones: Sequence[str] | None = None,
    ) -> None:
        super().__init__()
        self.provided = provided
        self.spec = provided.spec
        self.plugin = provided.plugin
        self.settings = self.checked(settings or {})
        self.backbones = backbones_to_try(backbones, self.plugin)
        self.title = f"adapter {self.spec.name}"

    def checked(self, settings: Mapping[str, object]) -> dict[str, Any]:
        """``settings`` in their own types, the others at their default."""
        return check_settings(self.spec.name, self.spec.settings, settings)

    def fresh(self, settings: Mapping[str, Any] | None = None) -> Adapter:
        """A new one that is attached to nothing."""
        made = installed().load(self.provided)(self.spec, settings or self.settings)
        if not isinstance(made, Adapter):
            raise TypeError(f"{self.spec.loader} gave {type(made).__name__}, not an Adapter")
        return made

    def composed(self, load: Callable[[], Backbone]) -> ComposedModel:
        """A model of a new backbone and a reference task with this adapter attached."""
        return ComposedModel(load(), self.fresh(), [reference.OneOfThree()])

    def on_each(self, try_out: Callable[[Load], None]) -> None:
        """Try something on each backbone that the adapter does not refuse; say on which it failed."""
        held, reasons = 0, []
        for name, load in self.backbones.items():
            try:
                self.composed(load)
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


class TaskSubject(Subject):
    """A task.

    Args:
        provided: its spec and plugin.
        labels: names of the outputs; by default those of ``rows``, or of the task's own example.
        rows: labels as data would give them; by default the task's own example.
        settings: other than its defaults.
        adapters: the names of those to train it with; by default zoo's own and its plugin's.
    """

    feature_size = 8

    def __init__(
        self,
        provided: Provided[TaskSpec],
        *,
        labels: Sequence[str] | None = None,
        rows: Sequence[str] | None = None,
        settings: Mapping[str, object] | None = None,
        adapters: Sequence[str] | None = None,
    ) -> None:
        super().__init__()
        self.provided = provided
        self.spec = provided.spec
        self.plugin = provided.plugin
        self.settings = check_settings(self.spec.name, self.spec.settings, settings or {})
        self.title = f"task {self.spec.name}"
        self.adapters = _adapters(adapters, self.plugin)
        self._labels, self._rows = labels, rows

    @functools.cached_property
    def labels(self) -> Sequence[str]:
        """Names of the outputs."""
        if self._labels is not None:
            return self._labels
        if self._rows:
            return labelling_of(self.spec.name, self.settings).outputs(self._rows)
        return self._class().example_labels  # type: ignore[no-any-return]  # of a plugin's class

    @functools.cached_property
    def rows(self) -> Sequence[str]:
        """Labels of some rows, each of them often enough to be learnt."""
        return [*(self._rows or self._class().example_rows or self.labels)] * 4

    def fresh(self) -> Task:
        """A new one that has seen no data."""
        made = self._class()(self.spec, tuple(self.labels), dict(self.settings), self.spec.name)
        if not isinstance(made, Task):
            raise TypeError(f"{self.spec.loader} gave {type(made).__name__}, not a Task")
        return made

    def _class(self) -> Any:
        return installed().load(self.provided)


def ours_or(plugin: PluginRecord | None, provided: Sequence[Provided[S]]) -> list[Provided[S]]:
    """What zoo's own distributions provide, and the plugin in question: neighbours are no measure."""
    mine = plugin.distribution if plugin else ""
    ours = own_distributions() | {mine}
    return [p for p in provided if p.plugin.distribution in ours]


def samples_of(backbone: Backbone) -> list[Any]:
    """Synthetic raw samples, as artifacts carry them."""
    return probe.samples(backbone)


def reference_backbones() -> dict[str, Callable[[], Backbone]]:
    """Loaders of the backbones that belong to no plugin, by name."""

    def loader(name: str) -> Callable[[], Backbone]:
        spec, load = reference.BACKBONES[name]
        return _seeded(lambda: load(spec, Weights(pretrained=False)))

    return {name: loader(name) for name in reference.BACKBONES}


def backbones_to_try(
    names: Sequence[str] | None, plugin: PluginRecord | None = None
) -> dict[str, Callable[[], Backbone]]:
    """Loaders of the reference backbones and of those called ``names``, by name.

    Where no names are given: of those tagged tiny of zoo's own distributions and of ``plugin``'s.
    """
    found = [p for p in ours_or(plugin, installed().backbones) if TINY in p.spec.tags]
    if names is not None:
        found = [_provided(name) for name in names]

    def loader(provided: Provided[BackboneSpec]) -> Callable[[], Backbone]:
        return _seeded(lambda: load_spec(provided, Weights(pretrained=False)))

    return reference_backbones() | {p.spec.name: loader(p) for p in found}


def _provided(name: str) -> Provided[BackboneSpec]:
    from zoo import registry

    return registry.load().backbone(installed(), name)


def _seeded(load: Callable[[], Backbone]) -> Callable[[], Backbone]:
    def loaded() -> Backbone:
        with seeded():
            return load()

    return loaded


def _adapters(names: Sequence[str] | None, plugin: PluginRecord) -> Sequence[str]:
    if names is not None:
        return names
    return [p.spec.name for p in ours_or(plugin, installed().adapters)]
