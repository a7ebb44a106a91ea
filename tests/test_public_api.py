"""What is public, exactly; changing it means changing this file."""

import zoo
import zoo.plugin

API = [
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

PLUGIN_API = [
    "API_VERSION",
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
    "IGNORED",
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
    "TARGETS",
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


def test_the_public_names_are_these() -> None:
    assert sorted(zoo.__all__) == API
    assert [name for name in API if not callable(getattr(zoo, name))] == []
    assert set(API) <= set(dir(zoo))


def test_the_names_public_to_plugins_are_these() -> None:
    assert sorted(zoo.plugin.__all__) == PLUGIN_API
    assert [name for name in PLUGIN_API if not hasattr(zoo.plugin, name)] == []


def test_what_is_not_public_is_not_there() -> None:
    assert not hasattr(zoo, "trian")
    assert not hasattr(zoo.plugin, "ComposedModel")
