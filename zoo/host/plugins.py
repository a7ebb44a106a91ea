"""Loading plugins, and calling their hooks, each by itself.

pluggy finds and checks the implementations of hooks. It isolates nothing (one raising hook aborts
the call), so they are called one at a time here.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import pluggy

from zoo import hookspecs
from zoo.errors import PluginError
from zoo.host.api import DECLARATION, agrees
from zoo.host.culprits import culprits
from zoo.host.discovery import Found
from zoo.host.guard import Guard
from zoo.host.isolation import Outcome, TookTooLong, run_each
from zoo.host.misspelt import foreign_argument, hook_meant
from zoo.host.raised import Raised
from zoo.host.record import PluginRecord
from zoo.host.tampering import Change, package_of
from zoo.host.trace import traced
from zoo.switches import TIMEOUT, Switches

T = TypeVar("T")


class Plugins:
    """The plugins of a host: what is known of each, and a way to ask them.

    Args:
        found: what to load.
        switches: what may be loaded, and how.

    Raises:
        PluginError: one of them breaks, and the switches are strict.
    """

    def __init__(self, found: Sequence[Found], switches: Switches) -> None:
        self._switches = switches
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._packages = {package_of(plugin.record.module) for plugin in found} - {"", "zoo"}
        self._records: dict[str, PluginRecord] = {}
        for number, plugin in enumerate(found):
            key = f"{plugin.record.distribution}:{plugin.record.name}"
            self._records[f"{key}#{number}" if key in self._records else key] = plugin.record
        self._load([plugin for plugin in found if self._is_wanted(plugin)])
        self._refuse_misspelt_hooks()

    @property
    def records(self) -> list[PluginRecord]:
        """Every plugin found, whether or not it works."""
        return list(self._records.values())

    def ask(
        self,
        hook: str,
        understand: Callable[[PluginRecord, Any], T],
        *,
        limited: bool = True,
        **arguments: object,
    ) -> list[tuple[PluginRecord, T]]:
        """Each plugin's answer to a hook; one that raises is recorded and passed over.

        Args:
            hook: its name.
            understand: turns an answer that is not ``None`` into what is wanted of it; runs isolated
                as well, since looking at an answer can run a plugin's code.
            limited: for hooks that only describe; others may take their time.
            arguments: the hook's own; each implementation is given those it takes.

        Raises:
            PluginError: a plugin breaks, and the switches are strict.
        """
        implementations = getattr(self._manager.hook, hook).get_hookimpls()
        records = [self._records[implementation.plugin_name] for implementation in implementations]
        pieces = [
            functools.partial(_call, implementation, record, understand, arguments)
            for implementation, record in zip(implementations, records, strict=True)
        ]
        outcomes = self._run(pieces, records, f"{hook}({_shown(arguments)})", limited=limited)
        answers: list[tuple[PluginRecord, T]] = []
        for record, outcome in zip(records, outcomes, strict=True):
            if outcome.error is not None:
                self._break(record, f"{hook} raised ", hook, outcome.error)
            elif outcome.value is not None:
                answers.append((record, outcome.value))
        return answers

    def _is_wanted(self, plugin: Found) -> bool:
        record = plugin.record
        place = self._switches.forbidden_by(record.name, record.distribution)
        if place:
            record.end_as("disabled", f"by {place}", f"Change {place} to load it.")
        elif self._switches.strict and record.status == "broken":
            raise PluginError(f"{record.origin}: {record.reason}", hint=record.remedy)
        return plugin.point is not None and record.status == "ok"

    def _load(self, wanted: Sequence[Found]) -> None:
        keys = {id(record): key for key, record in self._records.items()}
        records = [plugin.record for plugin in wanted]
        pieces = [
            functools.partial(self._register, plugin, keys[id(plugin.record)]) for plugin in wanted
        ]
        outcomes = self._run(pieces, records, "load")
        for plugin, outcome in zip(wanted, outcomes, strict=True):
            record = plugin.record
            record.load_seconds = outcome.seconds
            key = keys[id(record)]
            if outcome.error is not None:
                self._break(record, "", f"importing {record.module}", outcome.error)
            elif self._switches.strict and record.needs_mending:
                raise PluginError(f"{record.origin}: {record.reason}", hint=record.remedy)
            if record.status != "ok" and self._manager.has_plugin(key):
                self._manager.unregister(name=key)

    def _register(self, plugin: Found, key: str) -> None:
        assert plugin.point is not None, "a plugin whose metadata cannot be read is not wanted"
        if plugin.point.pattern.match(plugin.point.value) is None:
            plugin.record.break_with(f"its entry point, {plugin.point.value!r}, names no module")
            return
        thing = plugin.point.load()
        if not agrees(plugin.record, getattr(thing, DECLARATION, None)):
            return
        twin = self._manager.get_name(thing)
        if twin is not None:
            plugin.record.break_with(
                f"names the same module as {self._records[twin].origin}",
                "One entry point for each module is enough.",
            )
            return
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                self._manager.register(thing, key)
            except pluggy.PluginValidationError:
                found = foreign_argument(thing)
                if found is None:
                    raise
                plugin.record.break_with(*found)
        for warning in caught:
            plugin.record.warnings.append(str(warning.message))
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )

    def _refuse_misspelt_hooks(self) -> None:
        """A hook without a specification is never called; say so instead of staying silent."""
        for hook in vars(self._manager.hook).values():
            if hook.spec is not None:
                continue
            for implementation in hook.get_hookimpls():
                if not implementation.optionalhook:
                    record = self._records[implementation.plugin_name]
                    reason = f"implements {hook.name!r}, which is not a hook of zoo"
                    self.fail(record, reason, hook_meant(hook.name))

    def _run(
        self,
        pieces: Sequence[Callable[[], T]],
        records: Sequence[PluginRecord],
        what: str,
        *,
        limited: bool = True,
    ) -> list[Outcome[T]]:
        """Run one piece of code of each plugin, and undo what they do to zoo and to each other."""
        guard = Guard(self._packages)
        guarded: list[Callable[[], T]] = [
            functools.partial(guard.run, piece, package_of(record.module))
            for piece, record in zip(pieces, records, strict=True)
        ]
        if self._switches.trace:
            guarded = [
                traced(f"{what} {record.origin}", piece)
                for piece, record in zip(guarded, records, strict=True)
            ]
        packages = [package_of(record.module) for record in records]
        limit = self._switches.limit if limited else 0
        outcomes = run_each(guarded, limit, packages, guard.put_back)
        self._settle(guard.changes_of_others(), records)
        return outcomes

    def _settle(self, changes: Sequence[Change], records: Sequence[PluginRecord]) -> None:
        """Put back what one plugin replaced of another, where it can be told who that was."""
        for change in changes:
            guilty = culprits(change, records)
            if guilty:
                change.undo()
            for record in guilty:
                self.fail(record, f"replaced {change}")

    def _break(self, record: PluginRecord, before: str, what: str, error: Exception) -> None:
        if isinstance(error, TookTooLong):
            remedy = (
                f"A plugin imports its libraries in its loaders only. `{TIMEOUT}=60` allows more, "
                f"`ZOO_DISABLE_PLUGINS={record.name}` does without it."
            )
            self.fail(record, f"{what} took longer than {error}", remedy, error)
        elif isinstance(error, Raised):
            self.fail(record, f"{before}{error}", _advice(record, error), error)
        else:
            self.fail(record, str(error), "", error)

    def fail(
        self,
        record: PluginRecord,
        reason: str,
        remedy: str = "",
        error: BaseException | None = None,
    ) -> None:
        """Record that a plugin is broken.

        Raises:
            PluginError: the switches are strict.
        """
        record.break_with(reason, remedy)
        if self._switches.strict:
            raise PluginError(f"{record.origin}: {reason}", hint=record.remedy) from error


def _call(
    implementation: Any,
    record: PluginRecord,
    understand: Callable[[PluginRecord, Any], T],
    arguments: dict[str, object],
) -> T | None:
    answer = implementation.function(*(arguments[name] for name in implementation.argnames))
    return None if answer is None else understand(record, answer)


def _shown(arguments: dict[str, object]) -> str:
    return ", ".join(f"{name}={str(value)[:60]!r}" for name, value in arguments.items())


def _advice(record: PluginRecord, error: Raised) -> str:
    if error.library.partition(".")[0] == "zoo":
        return f"It may be for another zoo: `pip install --upgrade zoo {record.distribution}`."
    own, dot, _ = error.library.partition(".")
    if error.missing and dot and own == package_of(record.module):
        return (
            f"A module of its own, {error.library!r}, is missing: report it to the authors of "
            f"{record.distribution}, or set ZOO_DISABLE_PLUGINS={record.name}."
        )
    if error.missing and error.library:
        return (
            f"Reinstall it with what it needs: `zoo plugin install {record.distribution}`; "
            f"{error.library!r} is missing."
        )
    return ""
