"""Which versions a run was made with."""

from __future__ import annotations

import functools
import platform
import sys
from importlib.metadata import version

_RECORDED = ("torch", "timm", "transformers", "peft", "safetensors", "accelerate", "torchmetrics")


def versions() -> dict[str, str]:
    """Python, zoo, and the libraries that this process imported."""
    used = [name for name in _RECORDED if name in sys.modules]
    return {
        "python": platform.python_version(),
        "zoo": _version("zoo"),
        **{name: _version(name) for name in used},
    }


_version = functools.cache(version)  # each look-up reads a file
