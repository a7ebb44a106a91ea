"""What a plugin author imports, and all that is public to plugins.

The hook marker and the specs are light. The base classes need torch and are imported when first
touched, so a hook module that uses only specs stays light; use the classes in the module that a
spec's ``loader`` names.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from zoo.data.contract import InputContract
from zoo.data.labelling import Classes, Labelling, cells
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
from zoo.hookspecs import API_VERSION, hookimpl
from zoo.settings import Setting
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
)
from zoo.unchanged import FileState

if TYPE_CHECKING:
    from zoo.model import (
        IGNORED,
        TARGETS,
        Adapter,
        Backbone,
        Batch,
        Block,
        Features,
        Fetched,
        Generation,
        HeadProblem,
        LanguagePreprocess,
        Larger,
        Layout,
        NativeHead,
        NativeModel,
        Origin,
        ParameterGroup,
        Parts,
        Prediction,
        Preprocess,
        Skeleton,
        Solution,
        StockCode,
        Task,
        Tell,
        Weights,
    )
    from zoo.ranking.ranker import Ranker, RankProblem
    from zoo.training.adaptation.alignment import Alignment, AlignStep
    from zoo.training.adaptation.validator import JudgeProblem, Validator
    from zoo.training.callback import Callback

_NEEDS_TORCH = frozenset(
    {
        "Adapter",
        "Backbone",
        "Batch",
        "Block",
        "Features",
        "IGNORED",
        "TARGETS",
        "Fetched",
        "Generation",
        "HeadProblem",
        "Larger",
        "LanguagePreprocess",
        "Layout",
        "NativeHead",
        "NativeModel",
        "Origin",
        "ParameterGroup",
        "Parts",
        "Prediction",
        "Preprocess",
        "Skeleton",
        "Solution",
        "StockCode",
        "Task",
        "Tell",
        "Weights",
    }
)


_OF_ADAPTATION = {
    "AlignStep": "alignment",
    "Alignment": "alignment",
    "JudgeProblem": "validator",
    "Validator": "validator",
}
_NEEDS_NUMPY = frozenset({"RankProblem", "Ranker"})


def __getattr__(name: str) -> Any:
    if name in _NEEDS_TORCH:
        import zoo.model

        return getattr(zoo.model, name)
    if name == "Callback":
        from zoo.training.callback import Callback

        return Callback
    if name in _OF_ADAPTATION:
        module = importlib.import_module(f"zoo.training.adaptation.{_OF_ADAPTATION[name]}")
        return getattr(module, name)
    if name in _NEEDS_NUMPY:
        import zoo.ranking.ranker

        return getattr(zoo.ranking.ranker, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "API_VERSION",
    "IGNORED",
    "TARGETS",
    "Adapter",
    "AdapterSpec",
    "AlignStep",
    "Alignment",
    "AlignmentSpec",
    "Backbone",
    "BackboneSpec",
    "BadSetting",
    "Batch",
    "Block",
    "Callback",
    "CallbackSpec",
    "Classes",
    "CommandSpec",
    "ContractViolation",
    "DataError",
    "Features",
    "Fetched",
    "FileState",
    "Generation",
    "HeadProblem",
    "Incompatible",
    "InputContract",
    "InputError",
    "JudgeProblem",
    "LabelProblem",
    "Labelling",
    "LanguagePreprocess",
    "Larger",
    "Layout",
    "NamespaceSpec",
    "NativeHead",
    "NativeModel",
    "Origin",
    "ParameterGroup",
    "Parts",
    "Prediction",
    "Preprocess",
    "RankProblem",
    "Ranker",
    "RankerSpec",
    "Setting",
    "Skeleton",
    "Solution",
    "StockCode",
    "Task",
    "TaskSpec",
    "Tell",
    "TrainingFailed",
    "UnknownName",
    "Validator",
    "ValidatorSpec",
    "Weights",
    "WeightsInvalid",
    "WeightsNotFound",
    "ZooError",
    "cells",
    "hookimpl",
]
