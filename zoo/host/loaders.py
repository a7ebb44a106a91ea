"""What specs name as strings: importing it, calling it, and telling later whose code it was."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any

from zoo.errors import PluginError, ZooError
from zoo.host.raised import Raised, raised_by
from zoo.host.record import PluginRecord, Provided
from zoo.host.streams import stdout_to_stderr
from zoo.host.tampering import package_of


class Loaders:
    """The loaders of a host's plugins; remembers which packages they are in."""

    def __init__(self) -> None:
        self._owners: dict[str, PluginRecord] = {}

    def find(self, provided: Provided[Any], name: str) -> Callable[..., Any]:
        """Import what a string ``module:name`` of a spec means.

        Raises:
            PluginError: the import fails or finds nothing callable; says whose fault it is.
        """
        module_name, _, attribute = name.partition(":")
        self._owners.setdefault(package_of(module_name), provided.plugin)
        try:
            with stdout_to_stderr():
                loader = getattr(importlib.import_module(module_name), attribute)
        except KeyboardInterrupt:
            raise
        except BaseException as err:
            raise PluginError(
                f"{provided.plugin.origin} cannot load {provided.spec.name!r}: {Raised(err)}",
                hint=f"Reinstall {provided.plugin.distribution}, or see `zoo plugins`.",
            ) from err
        if not callable(loader):
            raise PluginError(
                f"{provided.plugin.origin}: {name!r} is not callable.",
                hint=f"Report this to the authors of {provided.plugin.distribution}.",
            )
        return loader  # type: ignore[no-any-return]  # getattr on a module is Any

    def call(self, provided: Provided[Any], loader: Callable[..., Any], *arguments: object) -> Any:
        """Call a loader; what it prints is not data.

        Raises:
            PluginError: it raises anything but an error of zoo's tree.
        """
        try:
            with stdout_to_stderr():
                return loader(*arguments)
        except (ZooError, KeyboardInterrupt):
            raise
        except BaseException as err:  # sys.exit included
            reason = str(Raised(err)).strip().partition("\n")[0]
            raise PluginError(
                f"{provided.plugin.origin} failed to load {provided.spec.name}: {reason}",
                hint="`--debug` shows where.",
            ) from err

    def whose(self, error: BaseException, records: Sequence[PluginRecord]) -> PluginRecord | None:
        """The plugin in whose code, or in what that called, an error was raised.

        Args:
            error: with its stack.
            records: of all plugins.
        """
        hooks = {package_of(record.module): record for record in reversed(records)}
        owners = self._owners | hooks
        owners.pop("zoo", None)  # a loader may be one that zoo has for everybody
        return raised_by(error, owners)
