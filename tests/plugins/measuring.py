"""The script beside a plugin that measures its catalogue, as a module."""

from __future__ import annotations

import functools
import importlib.util
import sys
from types import ModuleType

from tests.conftest import CHECKOUT


@functools.cache
def script_of(distribution: str) -> ModuleType:
    """``measure.py`` of a plugin."""
    path = CHECKOUT / "plugins" / distribution / "measure.py"
    found = importlib.util.spec_from_file_location(f"measure_{distribution[4:]}", path)
    assert found is not None
    assert found.loader is not None
    script = importlib.util.module_from_spec(found)
    sys.modules[found.name] = script  # dataclasses look their module up
    found.loader.exec_module(script)
    return script
