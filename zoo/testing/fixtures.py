"""A pytest fixture: a host with the plugins that a test puts there, and none that are installed.

Import it in a ``conftest.py``: ``from zoo.testing import zoo_host``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import zoo.host.host as host_module
from zoo.host import GROUP, Host, PluginRecord, installed
from zoo.host.discovery import Found, given_plugins


class _InMemory(Distribution):
    """What is known of a distribution that is not installed."""

    def __init__(self, name: str, version: str, points: str) -> None:
        self._files = {
            "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
            "entry_points.txt": f"[{GROUP}]\n{points}\n",
        }

    def read_text(self, filename: str) -> str | None:
        return self._files.get(filename)

    def locate_file(self, path: Any) -> Any:
        return Path(path)


class IsolatedHost:
    """What zoo finds while a test runs: nothing, until it is added here."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._patch = patch
        self._points: list[EntryPoint] = []
        patch.setattr(host_module, "installed_plugins", self._found)
        installed.cache_clear()

    @property
    def host(self) -> Host:
        """The host over what was added; zoo's own functions and commands use it too."""
        return installed()

    def add(
        self,
        plugin: str | ModuleType,
        *,
        name: str = "under-test",
        distribution: str = "",
        version: str = "0",
    ) -> PluginRecord:
        """Put a plugin there, and say how the host found it.

        Args:
            plugin: its hook module, or that module's name.
            name: of the plugin.
            distribution: that it is to come from; by default called like the plugin.
            version: of the distribution.
        """
        if isinstance(plugin, ModuleType):
            self._patch.setitem(sys.modules, plugin.__name__, plugin)
            plugin = plugin.__name__
        origin = _InMemory(distribution or name, version, f"{name} = {plugin}")
        self._points += origin.entry_points
        installed.cache_clear()
        records = {(r.name, r.distribution): r for r in self.host.plugins}
        return records[name, distribution or name]

    def _found(self) -> list[Found]:
        return given_plugins(self._points)


@pytest.fixture
def zoo_host(monkeypatch: pytest.MonkeyPatch) -> Iterator[IsolatedHost]:
    """A host without the plugins that happen to be installed; add those that a test is about."""
    yield IsolatedHost(monkeypatch)
    monkeypatch.undo()
    installed.cache_clear()
