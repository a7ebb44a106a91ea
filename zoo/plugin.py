"""What a plugin author imports, and all that is public to plugins.

The hook marker and the specs are light. The base classes need torch and are imported when first
touched, so a hook module that uses only specs stays light; use the classes in the module that a
spec's ``loader`` names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo.data.contract import InputContract
from zoo.errors import (
    BadSetting,
    ContractViolation,
    DataError,
    Incompatible,
    InputError,
    LabelProblem,
    TrainingFailed,
    UnknownName,
    WeightsInvalid,
    WeightsNotFound,
    ZooError,
)
from zoo.hookspecs import hookimpl
from zoo.specs import AdapterSpec, BackboneSpec, Setting, TaskSpec

if TYPE_CHECKING:
    from zoo.model import (
        Adapter,
        Backbone,
        Batch,
        Block,
        Features,
        Fetched,
        HeadProblem,
        Layout,
        NativeHead,
        Origin,
        Prediction,
        Preprocess,
        Solution,
        StockCode,
        Task,
        Weights,
    )

API_VERSION = 0

_NEEDS_TORCH = frozenset(
    {
        "Adapter",
        "Backbone",
        "Batch",
        "Block",
        "Features",
        "Fetched",
        "HeadProblem",
        "Layout",
        "NativeHead",
        "Origin",
        "Prediction",
        "Preprocess",
        "Solution",
        "StockCode",
        "Task",
        "Weights",
    }
)


def __getattr__(name: str) -> Any:
    if name in _NEEDS_TORCH:
        import zoo.model

        return getattr(zoo.model, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "API_VERSION",
    "Adapter",
    "AdapterSpec",
    "Backbone",
    "BackboneSpec",
    "BadSetting",
    "Batch",
    "Block",
    "ContractViolation",
    "DataError",
    "Features",
    "Fetched",
    "HeadProblem",
    "Incompatible",
    "InputContract",
    "InputError",
    "LabelProblem",
    "Layout",
    "NativeHead",
    "Origin",
    "Prediction",
    "Preprocess",
    "Setting",
    "Solution",
    "StockCode",
    "Task",
    "TaskSpec",
    "TrainingFailed",
    "UnknownName",
    "Weights",
    "WeightsInvalid",
    "WeightsNotFound",
    "ZooError",
    "hookimpl",
]
