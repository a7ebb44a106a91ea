"""Trained blocks compiled by torch for the time of a training; only where it is asked for.

Blocks of one class share what is compiled, so a deep backbone costs little more than a shallow one.
Compiling takes from ten seconds to minutes, and what it gains of a step is known only afterwards, so
nothing is compiled unasked: see docs/training/options.md for what was measured.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator

import torch
from torch import nn

from zoo.errors import BadSetting
from zoo.model import Backbone
from zoo.training.cache.cut import replaced
from zoo.training.cache.find import first_moving

_COMPILERS = ("c++", "g++", "clang++", "cl")


def require_compiler(device: str) -> None:
    """Look before an hour of reading and computing.

    Raises:
        BadSetting: on a CPU torch compiles to C++, and there is nothing that could compile that.
    """
    if device == "cpu" and not any(map(shutil.which, _COMPILERS)):
        raise BadSetting(
            "compile=true needs a C++ compiler on this machine, and there is none.",
            hint="Install one, e.g. `apt-get install g++`, or leave it out.",
        )


@contextlib.contextmanager
def compiled(backbone: Backbone, *, wanted: bool) -> Iterator[None]:
    """Inside, the blocks that are trained at this moment run compiled."""
    with contextlib.ExitStack() as stack:
        for module in _trained(backbone) if wanted else []:
            # The method and not the module: hooks on it, as a cut has, stay outside of the graph.
            stack.enter_context(replaced(module, "forward", torch.compile(module.forward)))
        yield


def _trained(backbone: Backbone) -> list[nn.Module]:
    named = dict(backbone.module.named_modules())
    behind = backbone.blocks[first_moving(backbone) :]
    found = (named.get(root) for block in behind for root in block.modules)
    return [module for module in found if module is not None]
