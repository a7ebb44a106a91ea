"""The plugin host: discovery through the entry-point group ``zoo``, and isolation.

A plugin can break at load, at registration, or in a hook. Whatever breaks is recorded with the
plugin's name and distribution, and everything else goes on. pluggy isolates nothing by itself (one
raising hook aborts the call), so hooks are called one implementation at a time here.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, Literal, TypeVar

import pluggy

from zoo import hookspecs
from zoo.errors import MissingPlugin, NameClash, PluginError, UnknownName
from zoo.specs import AdapterSpec, BackboneSpec, Spec, TaskSpec, is_backbone_name

GROUP = "zoo"
Status = Literal["ok", "broken"]
S = TypeVar("S", bound=Spec)


@dataclass
class PluginRecord:
    """One entry point: where it comes from, whether it works, and if not, why."""

    name: str
    distribution: str
    version: str
    status: Status = "ok"
    reason: str = ""
    load_seconds: float = 0.0
    provides: list[str] = field(default_factory=list)

    @property
    def origin(self) -> str:
        """``distribution version (plugin name)``, as errors print it."""
        return f"{self.distribution} {self.version} (plugin {self.name!r})"

    def break_with(self, reason: str) -> None:
        """Mark the plugin broken; the first reason is the one that is kept."""
        if self.status == "ok":
            self.status, self.reason = "broken", reason


@dataclass(frozen=True)
class Provided(Generic[S]):
    """A spec and the plugin it came from."""

    spec: S
    plugin: PluginRecord


class Host:
    """Plugins, the specs they provide, and the loaders behind the specs.

    Args:
        points: the entry points to load; by default those of the installed distributions.
    """

    def __init__(self, points: Iterable[EntryPoint] | None = None) -> None:
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._records: dict[str, PluginRecord] = {}
        found = entry_points(group=GROUP) if points is None else points
        for point in sorted(found, key=lambda p: (p.name, p.dist.name if p.dist else "")):
            self._load(point)
        self._refuse_misspelt_hooks()

    @property
    def plugins(self) -> list[PluginRecord]:
        """Every plugin found, broken ones included; asks each for what it provides."""
        self.backbones, self.adapters, self.tasks  # noqa: B018 - filling `provides`
        return list(self._records.values())

    @functools.cached_property
    def backbones(self) -> list[Provided[BackboneSpec]]:
        """All listed backbones, in plugin order."""
        return self._collect("zoo_backbones", BackboneSpec)

    @functools.cached_property
    def adapters(self) -> list[Provided[AdapterSpec]]:
        """All adapters, in plugin order."""
        return self._collect("zoo_adapters", AdapterSpec)

    @functools.cached_property
    def tasks(self) -> list[Provided[TaskSpec]]:
        """All tasks, in plugin order."""
        return self._collect("zoo_tasks", TaskSpec)

    def backbone(self, name: str) -> Provided[BackboneSpec]:
        """The backbone called ``name``, listed or in an open namespace.

        Raises:
            NameClash: two plugins provide it.
            UnknownName: none does.
        """
        listed = [p for p in self.backbones if p.spec.name == name]
        owners = [p.plugin for p in listed]
        # A plugin may list names of a namespace that it also opens: that is one answer, not two.
        resolved = [p for p in self._resolved(name) if p.plugin not in owners]
        known = [p.spec.name for p in self.backbones]
        return self._only("backbone", name, [*listed, *resolved], known)

    def adapter(self, name: str) -> Provided[AdapterSpec]:
        """The adapter called ``name``; raises as :meth:`backbone`."""
        return self._named("adapter", name, self.adapters)

    def task(self, name: str) -> Provided[TaskSpec]:
        """The task called ``name``; raises as :meth:`backbone`."""
        return self._named("task", name, self.tasks)

    def load(self, provided: Provided[Any]) -> Callable[..., Any]:
        """Import what a spec's loader string names.

        Raises:
            PluginError: the import fails or finds nothing callable; says whose fault it is.
        """
        from zoo.torchvision_clash import mend_torchvision

        mend_torchvision()
        module_name, _, attribute = provided.spec.loader.partition(":")
        try:
            with _stdout_to_stderr():
                loader = getattr(importlib.import_module(module_name), attribute)
        except (Exception, SystemExit) as err:
            raise PluginError(
                f"{provided.plugin.origin} cannot load {provided.spec.name!r}: "
                f"{type(err).__name__}: {err}",
                hint=f"Reinstall {provided.plugin.distribution}, or see `zoo plugins`.",
            ) from err
        if not callable(loader):
            raise PluginError(
                f"{provided.plugin.origin}: {provided.spec.loader!r} is not callable.",
                hint=f"Report this to the authors of {provided.plugin.distribution}.",
            )
        return loader  # type: ignore[no-any-return]  # getattr on a module is Any

    def _load(self, point: EntryPoint) -> None:
        distribution = point.dist.name if point.dist else "(unknown)"
        version = point.dist.version if point.dist else "?"
        record = PluginRecord(point.name, distribution, version)
        key = f"{distribution}:{point.name}"
        self._records[key] = record
        start = time.perf_counter()
        try:
            with _stdout_to_stderr():
                module = point.load()
                self._manager.register(module, key)
        except (Exception, SystemExit) as err:
            record.break_with(f"{type(err).__name__}: {err}")
            if self._manager.has_plugin(key):
                self._manager.unregister(name=key)
        record.load_seconds = time.perf_counter() - start

    def _refuse_misspelt_hooks(self) -> None:
        """A hook without a specification is never called; say so instead of staying silent."""
        for hook in vars(self._manager.hook).values():
            if hook.spec is not None:
                continue
            for implementation in hook.get_hookimpls():
                if not implementation.optionalhook:
                    self._records[implementation.plugin_name].break_with(
                        f"implements {hook.name!r}, which is not a hook of zoo"
                    )

    def _call(self, hook: str, **arguments: object) -> Iterator[tuple[PluginRecord, Any]]:
        """Yield each plugin's answer to a hook; a plugin that raises is recorded and passed over."""
        for implementation in getattr(self._manager.hook, hook).get_hookimpls():
            record = self._records[implementation.plugin_name]
            accepted = {name: arguments[name] for name in implementation.argnames}
            try:
                with _stdout_to_stderr():
                    answer = implementation.function(**accepted)
            except (Exception, SystemExit) as err:
                record.break_with(f"{hook} raised {type(err).__name__}: {err}")
                continue
            if answer is not None:
                yield record, answer

    def _collect(self, hook: str, kind: type[S]) -> list[Provided[S]]:
        found: list[Provided[S]] = []
        for record, answer in self._call(hook):
            if not isinstance(answer, Sequence):
                record.break_with(f"{hook} returned {type(answer).__name__}, not a list of specs")
                continue
            for spec in answer:
                if self._is_spec(record, hook, spec, kind):
                    found.append(Provided(spec, record))
                    record.provides.append(spec.name)
        return found

    def _resolved(self, name: str) -> Iterator[Provided[BackboneSpec]]:
        """What open namespaces say of a backbone's name."""
        hook = "zoo_resolve_backbone"
        if not is_backbone_name(name):
            return
        for record, spec in self._call(hook, name=name):
            if not self._is_spec(record, hook, spec, BackboneSpec):
                continue
            if spec.name == name:
                yield Provided(spec, record)
            else:
                record.break_with(f"{hook} was asked for {name!r} and described {spec.name!r}")

    def _is_spec(self, record: PluginRecord, hook: str, spec: object, kind: type) -> bool:
        if isinstance(spec, kind):
            return True
        record.break_with(f"{hook} returned {type(spec).__name__}, not {kind.__name__}")
        return False

    def _named(self, kind: str, name: str, provided: list[Provided[S]]) -> Provided[S]:
        matches = [p for p in provided if p.spec.name == name]
        return self._only(kind, name, matches, [p.spec.name for p in provided])

    def _only(
        self, kind: str, name: str, matches: list[Provided[S]], known: Sequence[str] = ()
    ) -> Provided[S]:
        if len(matches) > 1:
            raise NameClash(kind, name, (p.plugin.origin for p in matches))
        if matches:
            return matches[0]
        broken = [r for r in self._records.values() if r.status == "broken"]
        hint = ""
        if broken:
            reason = broken[0].reason.strip().partition("\n")[0][:200]
            hint = f"{broken[0].origin} is broken and may provide it: {reason}"
        raise UnknownName(kind, name, known, hint=hint)


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
        raise MissingPlugin(
            f"This artifact needs {name!r}, which no installed plugin provides"
            + (f"; it came from {owner}." if owner else "."),
            hint=f"If you trust it, install it: `pip install {owner.split()[0]}`."
            if owner
            else "`zoo plugins` lists what is installed.",
        ) from err


@contextlib.contextmanager
def _stdout_to_stderr() -> Iterator[None]:
    """Keep what a plugin prints out of the data that commands write to stdout."""
    with contextlib.redirect_stdout(sys.stderr):
        yield


@functools.cache
def installed() -> Host:
    """The host over everything installed in this environment; built once a process."""
    return Host()


__all__ = ["GROUP", "Host", "PluginRecord", "Provided", "installed", "require"]
