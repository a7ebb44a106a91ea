"""What plugins provide, by name; who provides it; and the loaders behind it."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from zoo import switches as switches_module
from zoo.errors import MissingPlugin, NameClash, UnknownName
from zoo.host.answers import nothing_of, reason_of, spec_of, specs_of
from zoo.host.discovery import given_plugins, installed_plugins, own_distributions
from zoo.host.excuses import RESOLVE, excuse, lacking
from zoo.host.loaders import Loaders
from zoo.host.plugins import Plugins
from zoo.host.record import PluginRecord, Provided, S
from zoo.specs import (
    AdapterSpec,
    AlignmentSpec,
    BackboneSpec,
    CallbackSpec,
    CommandSpec,
    NamespaceSpec,
    RankerSpec,
    TaskSpec,
    ValidatorSpec,
    is_backbone_name,
)
from zoo.switches import Switches


class Host:
    """Plugins, the specs they provide, and the loaders behind the specs.

    Args:
        points: the entry points to load; by default those of the installed distributions.
        switches: which of them may be loaded, and how.

    Raises:
        PluginError: a plugin is broken, and the switches are strict.
    """

    def __init__(
        self, points: Iterable[EntryPoint] | None = None, *, switches: Switches | None = None
    ) -> None:
        found = installed_plugins() if points is None else given_plugins(points)
        self._plugins = Plugins(found, switches or Switches())
        self._loaders = Loaders()
        self._found: dict[str, Provided[BackboneSpec]] = {}  # asking every plugin takes its time

    @property
    def plugins(self) -> list[PluginRecord]:
        """Every plugin found, broken ones included; asks each for what it provides."""
        # Filling `provides`.
        self.backbones, self.namespaces, self.adapters, self.tasks  # noqa: B018
        self.rankers, self.alignments, self.validators, self.callbacks, self.commands  # noqa: B018
        return self._plugins.records

    @functools.cached_property
    def backbones(self) -> list[Provided[BackboneSpec]]:
        """All listed backbones, in plugin order."""
        return self._collect("zoo_backbones", BackboneSpec)

    @functools.cached_property
    def namespaces(self) -> list[Provided[NamespaceSpec]]:
        """All open namespaces that plugins tell of, in plugin order."""
        return self._collect("zoo_namespaces", NamespaceSpec)

    @functools.cached_property
    def adapters(self) -> list[Provided[AdapterSpec]]:
        """All adapters, in plugin order."""
        return self._collect("zoo_adapters", AdapterSpec)

    @functools.cached_property
    def tasks(self) -> list[Provided[TaskSpec]]:
        """All tasks, in plugin order."""
        return self._collect("zoo_tasks", TaskSpec)

    @functools.cached_property
    def rankers(self) -> list[Provided[RankerSpec]]:
        """All rankers, in plugin order."""
        return self._collect("zoo_rankers", RankerSpec)

    @functools.cached_property
    def alignments(self) -> list[Provided[AlignmentSpec]]:
        """All alignments, in plugin order."""
        return self._collect("zoo_alignments", AlignmentSpec)

    @functools.cached_property
    def validators(self) -> list[Provided[ValidatorSpec]]:
        """All validators, in plugin order."""
        return self._collect("zoo_validators", ValidatorSpec)

    @functools.cached_property
    def callbacks(self) -> list[Provided[CallbackSpec]]:
        """All callbacks, in plugin order."""
        return self._collect("zoo_callbacks", CallbackSpec)

    @functools.cached_property
    def commands(self) -> list[Provided[CommandSpec]]:
        """All commands of plugins, in plugin order."""
        return self._collect("zoo_commands", CommandSpec)

    def backbone(self, name: str, *, also: Iterable[str] = ()) -> Provided[BackboneSpec]:
        """The backbone called ``name``, listed or in an open namespace.

        Args:
            name: in full.
            also: other names that may have been meant where there is none of that name.

        Raises:
            NameClash: two plugins provide it.
            UnknownName: none does.
        """
        if name not in self._found:
            self._found[name] = self._find(name, also)
        return self._found[name]

    def _find(self, name: str, also: Iterable[str]) -> Provided[BackboneSpec]:
        listed = [p for p in self.backbones if p.spec.name == name]
        owners = [p.plugin for p in listed]
        # A plugin may list names of a namespace that it also opens: that is one answer, not two.
        resolved = [p for p in self._resolved(name) if p.plugin not in owners]
        known = itertools.chain(also, (p.spec.name for p in self.backbones))
        return self._only("backbone", name, [*listed, *resolved], known)

    def adapter(self, name: str) -> Provided[AdapterSpec]:
        """The adapter called ``name``; raises as :meth:`backbone`."""
        return self._named("adapter", name, self.adapters)

    def task(self, name: str) -> Provided[TaskSpec]:
        """The task called ``name``; raises as :meth:`backbone`."""
        return self._named("task", name, self.tasks)

    def ranker(self, name: str) -> Provided[RankerSpec]:
        """The ranker called ``name``; raises as :meth:`backbone`."""
        return self._named("ranker", name, self.rankers)

    def alignment(self, name: str) -> Provided[AlignmentSpec]:
        """The alignment called ``name``; raises as :meth:`backbone`."""
        return self._named("alignment", name, self.alignments)

    def validator(self, name: str) -> Provided[ValidatorSpec]:
        """The validator called ``name``; raises as :meth:`backbone`."""
        return self._named("validator", name, self.validators)

    def callback(self, name: str) -> Provided[CallbackSpec]:
        """The callback called ``name``; raises as :meth:`backbone`."""
        return self._named("callback", name, self.callbacks)

    def command(self, name: str) -> Provided[CommandSpec]:
        """The plugins' command called ``name``; raises as :meth:`backbone`."""
        return self._named("command", name, self.commands)

    @property
    def clashes(self) -> list[NameClash]:
        """What several plugins provide under one name, which is an error on use."""
        kinds: dict[str, Sequence[Provided[Any]]] = {
            "backbone": self.backbones,
            "adapter": self.adapters,
            "task": self.tasks,
            "ranker": self.rankers,
            "alignment": self.alignments,
            "validator": self.validators,
            "callback": self.callbacks,
            "command": self.commands,
        }
        found = []
        for kind, provided in kinds.items():
            owners: dict[str, list[str]] = {}
            for p in provided:
                owners.setdefault(p.spec.name, []).append(p.plugin.origin)
            several = {name: of for name, of in owners.items() if len(of) > 1}
            keep = own_distributions() if several else ()
            found += [NameClash(kind, name, of, keep) for name, of in several.items()]
        return found

    def before_push(self, repo: str, manifest: Mapping[str, Any]) -> list[str]:
        """Why plugins do not let an artifact be pushed; one that breaks when asked is a reason too."""
        sound = [record for record in self._plugins.records if record.status == "ok"]
        answers = self._plugins.ask(
            "zoo_before_push", reason_of, limited=False, repo=repo, manifest=manifest
        )
        broken = [(record, record.reason) for record in sound if record.status == "broken"]
        return [f"{record.origin}: {reason}" for record, reason in (*answers, *broken)]

    def after_pull(self, repo: str, commit: str, folder: Path) -> list[str]:
        """Tell plugins of an artifact that was pulled; what broke of them, in words."""
        sound = [record for record in self._plugins.records if record.status == "ok"]
        self._plugins.ask(
            "zoo_after_pull", nothing_of, limited=False, repo=repo, commit=commit, folder=folder
        )
        return [f"{r.origin}: {r.reason}" for r in sound if r.status == "broken"]

    def load(self, provided: Provided[Any]) -> Callable[..., Any]:
        """Import what a spec's loader string names.

        Raises:
            PluginError: the import fails or finds nothing callable; says whose fault it is.
        """
        if not isinstance(provided.spec, CommandSpec):  # a command decides itself what it needs
            from zoo.torchvision_clash import mend_torchvision

            mend_torchvision()
        return self._loaders.find(provided, provided.spec.loader)

    def make(self, provided: Provided[Any], *arguments: object) -> Any:
        """Call what a spec's loader string names; what it prints is not data.

        Raises:
            PluginError: it cannot be imported, or raises anything but an error of zoo's tree.
        """
        return self._loaders.call(provided, self.load(provided), *arguments)

    def part(self, provided: Provided[Any], name: str, *arguments: object) -> Any:
        """Call what another import string of a spec names, one that needs no torch.

        Raises:
            PluginError: as :meth:`make`.
        """
        return self._loaders.call(provided, self._loaders.find(provided, name), *arguments)

    def excuse(self, kind: str, name: str) -> str:
        """Which plugins may provide a name that none does, and why they did not say so; or empty."""
        return excuse(kind, name, self._plugins.records)

    def whose(self, error: BaseException) -> PluginRecord | None:
        """The plugin in whose code, or in what that called, an error was raised."""
        return self._loaders.whose(error, self._plugins.records)

    def _collect(self, hook: str, kind: type[S]) -> list[Provided[S]]:
        found: list[Provided[S]] = []
        understand = functools.partial(specs_of, hook, kind)
        for record, (specs, complaint) in self._plugins.ask(hook, understand):
            if complaint:
                self._plugins.fail(record, complaint)
            found += [Provided(spec, record) for spec in specs]
            mark = ":*" if kind is NamespaceSpec else ""
            record.provides += [f"{spec.name}{mark}" for spec in specs]
        return found

    def _resolved(self, name: str) -> Iterator[Provided[BackboneSpec]]:
        """What open namespaces say of a backbone's name."""
        if not is_backbone_name(name):
            return
        understand = functools.partial(spec_of, RESOLVE, BackboneSpec, name)
        for record, (spec, complaint) in self._plugins.ask(RESOLVE, understand, name=name):
            if spec is not None:
                yield Provided(spec, record)
            else:
                self._plugins.fail(record, complaint)

    def _named(self, kind: str, name: str, provided: list[Provided[S]]) -> Provided[S]:
        matches = [p for p in provided if p.spec.name == name]
        return self._only(kind, name, matches, (p.spec.name for p in provided))

    def _only(
        self, kind: str, name: str, matches: list[Provided[S]], known: Iterable[str] = ()
    ) -> Provided[S]:
        if len(matches) > 1:
            origins = (p.plugin.origin for p in matches)
            raise NameClash(kind, name, origins, own_distributions())
        if matches:
            return matches[0]
        here = {record.distribution: lacking(record) for record in self._plugins.records}
        raise UnknownName(kind, name, known, hint=self.excuse(kind, name), here=here)


def require(find: Callable[[str], Provided[S]], name: str, owner: str) -> Provided[S]:
    """Find what an artifact names, turning "unknown" into "which distribution is missing".

    Args:
        find: :meth:`Host.backbone`, :meth:`Host.adapter` or :meth:`Host.task`.
        name: the name the artifact gives.
        owner: the distribution the artifact says provided it; shown, never installed.

    Raises:
        MissingPlugin: no installed plugin provides it.
    """
    try:
        return find(name)
    except UnknownName as err:
        distribution = owner.partition(" ")[0]
        hint = "`zoo plugins` lists what is installed."
        if distribution:
            install = f"If you trust it, install it: `pip install {distribution}`."
            hint = err.here.get(distribution, install)
        raise MissingPlugin(
            f"This artifact needs {name!r}, which no installed plugin provides"
            + (f"; it came from {owner}." if owner else "."),
            hint=hint,
        ) from err


@functools.cache
def installed() -> Host:
    """The host over everything installed in this environment; built once a process."""
    return Host(switches=switches_module.current())
