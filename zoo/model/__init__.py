"""Backbones, adapters, tasks, and the model composed of them."""

from zoo.model.adapter import Adapter, HeadProblem, Larger, Layout, ParameterGroup, Solution
from zoo.model.backbone import Backbone, Batch, Block, Features, Origin
from zoo.model.batches import Preprocessed, batches, extract
from zoo.model.composed import ComposedModel
from zoo.model.composing import compose, load_backbone, load_spec, make_adapter, make_task
from zoo.model.language import IGNORED, TARGETS, Generation, LanguagePreprocess, Tell
from zoo.model.native import NativeHead, NativeModel, StockCode
from zoo.model.parts import Parts
from zoo.model.prediction import Prediction
from zoo.model.preprocess import Preprocess
from zoo.model.skeleton import Skeleton
from zoo.model.task import Task
from zoo.model.weights import Fetched, Weights

__all__ = [
    "IGNORED",
    "TARGETS",
    "Adapter",
    "Backbone",
    "Batch",
    "Block",
    "ComposedModel",
    "Features",
    "Fetched",
    "Generation",
    "HeadProblem",
    "LanguagePreprocess",
    "Larger",
    "Layout",
    "NativeHead",
    "NativeModel",
    "Origin",
    "ParameterGroup",
    "Parts",
    "Prediction",
    "Preprocess",
    "Preprocessed",
    "Skeleton",
    "Solution",
    "StockCode",
    "Task",
    "Tell",
    "Weights",
    "batches",
    "compose",
    "extract",
    "load_backbone",
    "load_spec",
    "make_adapter",
    "make_task",
]
