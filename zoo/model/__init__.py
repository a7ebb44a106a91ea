"""Backbones, adapters, tasks, and the model composed of them."""

from zoo.model.adapter import Adapter, HeadProblem, Layout, ParameterGroup, Solution
from zoo.model.backbone import (
    Backbone,
    Batch,
    Block,
    Features,
    NativeHead,
    NativeModel,
    Origin,
    Preprocess,
    StockCode,
)
from zoo.model.batches import Preprocessed, batches, extract
from zoo.model.composed import (
    ComposedModel,
    compose,
    load_backbone,
    load_spec,
    make_adapter,
    make_task,
)
from zoo.model.prediction import Prediction
from zoo.model.task import Task
from zoo.model.weights import Fetched, Weights

__all__ = [
    "Adapter",
    "Backbone",
    "Batch",
    "Block",
    "ComposedModel",
    "Features",
    "Fetched",
    "HeadProblem",
    "Layout",
    "NativeHead",
    "NativeModel",
    "Origin",
    "ParameterGroup",
    "Prediction",
    "Preprocess",
    "Preprocessed",
    "Solution",
    "StockCode",
    "Task",
    "Weights",
    "batches",
    "compose",
    "extract",
    "load_backbone",
    "load_spec",
    "make_adapter",
    "make_task",
]
