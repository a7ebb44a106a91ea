"""zoo: compose a pretrained backbone with an adapter and tasks, fit it, and share the result.

Everything is imported when first touched, so ``import zoo`` and listing stay light.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.artifact.load import load
    from zoo.artifact.save import save
    from zoo.artifact.verify import verify
    from zoo.catalogue import adapters, alignments, backbones, rankers, recipes, tasks, validators
    from zoo.data.load import load as load_data
    from zoo.domain.gap import gap
    from zoo.hub.pull import pull
    from zoo.hub.push import push
    from zoo.model import ComposedModel, Prediction, compose, load_backbone
    from zoo.model import make_adapter as adapter
    from zoo.model import make_task as task
    from zoo.ranking.rank import rank
    from zoo.training.adaptation.adapt import Adapt
    from zoo.training.evaluate import evaluate
    from zoo.training.fit import fit
    from zoo.training.run import Run
    from zoo.training.sweep import sweep

__version__ = "0.1.0"

_EXPORTS = {
    "Adapt": "zoo.training.adaptation.adapt:Adapt",
    "ComposedModel": "zoo.model:ComposedModel",
    "Prediction": "zoo.model:Prediction",
    "Run": "zoo.training.run:Run",
    "adapter": "zoo.model:make_adapter",
    "adapters": "zoo.catalogue:adapters",
    "alignments": "zoo.catalogue:alignments",
    "backbones": "zoo.catalogue:backbones",
    "compose": "zoo.model:compose",
    "evaluate": "zoo.training.evaluate:evaluate",
    "fit": "zoo.training.fit:fit",
    "gap": "zoo.domain.gap:gap",
    "load": "zoo.artifact.load:load",
    "load_backbone": "zoo.model:load_backbone",
    "load_data": "zoo.data.load:load",
    "pull": "zoo.hub.pull:pull",
    "push": "zoo.hub.push:push",
    "rank": "zoo.ranking.rank:rank",
    "rankers": "zoo.catalogue:rankers",
    "recipes": "zoo.catalogue:recipes",
    "save": "zoo.artifact.save:save",
    "sweep": "zoo.training.sweep:sweep",
    "task": "zoo.model:make_task",
    "tasks": "zoo.catalogue:tasks",
    "validators": "zoo.catalogue:validators",
    "verify": "zoo.artifact.verify:verify",
}


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = _EXPORTS[name].partition(":")
    return getattr(importlib.import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted([*globals(), *_EXPORTS])


__all__ = [
    "Adapt",
    "ComposedModel",
    "Prediction",
    "Run",
    "adapter",
    "adapters",
    "alignments",
    "backbones",
    "compose",
    "evaluate",
    "fit",
    "gap",
    "load",
    "load_backbone",
    "load_data",
    "pull",
    "push",
    "rank",
    "rankers",
    "recipes",
    "save",
    "sweep",
    "task",
    "tasks",
    "validators",
    "verify",
]
