"""What a result is held against: the majority class, a probe, the same architecture untrained."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from zoo import registry
from zoo.model import (
    Adapter,
    Backbone,
    ComposedModel,
    HeadProblem,
    Larger,
    Layout,
    NativeHead,
    Solution,
    Task,
    extract,
    make_adapter,
)
from zoo.model.joint import Beside, Joint, logits_of, parts_of
from zoo.progress import Progress, Silent
from zoo.report.record import Result
from zoo.specs import AdapterSpec
from zoo.training import features, jointly
from zoo.training.config import FitConfig
from zoo.training.loop import train
from zoo.training.prepared import PreparedSplit
from zoo.training.processes import processes
from zoo.training.sharing import shared_features

Splits = Mapping[str, PreparedSplit]
Logits = Mapping[str, Tensor]  # by split

SCRATCH = "from scratch"
_SCRATCH_SPEC = AdapterSpec(name="from-scratch", loader="zoo.training.baselines:FromScratch")


def results(
    model: str, task: Task, splits: Splits, logits: Logits, settings: dict[str, Any] | None = None
) -> list[Result]:
    """Metrics of ``logits``, one result a split; thresholds and the like are this model's own."""
    own = task.tuned(logits["val"], splits["val"].targets) if "val" in logits else task
    return [
        Result(
            model=model,
            split=name,
            rows=len(splits[name]),
            metrics=own.metrics(rows, splits[name].targets),
            settings=settings or {},
        )
        for name, rows in logits.items()
    ]


def held_out(splits: Splits) -> list[str]:
    """The splits results are reported on."""
    return [name for name in ("val", "test") if name in splits]


def features_of(
    backbone: Backbone,
    splits: Splits,
    progress: Progress,
    task: Task | None = None,
    *,
    bf16: bool = False,
    tell: Callable[[str], None] | None = None,
    weights: str | None = None,
) -> dict[str, Tensor]:
    """Features by split, ``[units, size]``, as the head of ``task`` takes them.

    Pooled ones are kept from run to run; ``tell`` is told what a person should know of it, and
    ``weights`` is the backbone's digest as it is now, where that is known.
    """
    if processes().size > 1 and (task is None or task.reads_pooled):
        return {
            name: shared_features(backbone, split, bf16=bf16, progress=progress)
            for name, split in splits.items()
        }
    if task is None or task.reads_pooled:
        samples = {name: split.ready for name, split in splits.items()}
        return features.features_of(
            backbone, samples, bf16=bf16, progress=progress, tell=tell, weights=weights
        )
    return {
        name: extract(
            backbone,
            split.ready,
            task=task,
            bf16=bf16,
            progress=progress,
            stage=f"features of {name}",
        )
        for name, split in splits.items()
    }


def majority(task: Task, splits: Splits) -> list[Result]:
    """The model that ignores its input."""
    seen = task.units(splits["train"].targets)
    logits = {}
    for name in held_out(splits):
        targets = splits[name].targets
        logits[name] = task.by_row(task.majority(seen, len(task.units(targets))), targets)
    return results(task.guess, task, splits, logits)


def guesses(
    model: ComposedModel, task: Task, splits: Splits, measure: Callable[[list[str]], Logits]
) -> list[Result]:
    """The least to be beaten: see :func:`majority`; with a language head the model as it is now.

    Args:
        model: before training.
        task: its task.
        splits: what it is measured on.
        measure: gives the model's logits on splits.
    """
    if not model.language:
        return majority(task, splits)
    return results(task.guess, task, splits, measure(held_out(splits)))


def solve(
    adapter: Adapter,
    task: Task,
    head: nn.Module,
    splits: Splits,
    features: Mapping[str, Tensor],
    seed: int,
    *,
    refit: bool = True,
    larger: Larger | None = None,
) -> tuple[Solution, dict[str, Tensor]]:
    """Fit ``head`` on frozen features; returns the solution and its logits on what is held out.

    Validation logits are those of the head before it saw any validation row; with ``refit`` it may
    see them in the end. ``larger`` is a solved problem of which this one has some of the rows.
    """
    if isinstance(task, Joint) and isinstance(head, Beside):
        targets = {name: split.targets for name, split in splits.items()}
        solution = jointly.solve(adapter, task, head, targets, features, seed, refit=refit)
    else:
        solution = adapter.solve(
            replace(problem(task, head, splits, features, seed, refit), larger=larger)
        )
    with torch.inference_mode():
        logits = {name: head(features[name]) for name in held_out(splits)}
    if "val" in logits:
        logits["val"] = solution.val_logits
    return solution, {name: task.by_row(z, splits[name].targets) for name, z in logits.items()}


def problem(
    task: Task,
    head: nn.Module,
    splits: Splits,
    features: Mapping[str, Tensor],
    seed: int,
    refit: bool,
) -> HeadProblem:
    """The fit of ``head`` on frozen features as an adapter is given it."""
    val = splits["val"].targets if "val" in splits else splits["train"].targets[:0]
    return HeadProblem(
        task=task,
        head=head,
        features=features["train"],
        targets=task.units(splits["train"].targets),
        val_features=features.get("val", features["train"][:0]),
        val_targets=task.units(val),
        refit=refit,
        seed=seed,
    )


def baseline_adapter(settings: Mapping[str, Any] | None = None) -> Adapter | None:
    """The adapter that the registry names as the baseline, if it is installed and frozen."""
    name = registry.load().defaults.baseline_adapter
    if not name:
        return None
    adapter = make_adapter(name, settings)
    return None if adapter.trains_backbone else adapter


def is_baseline(adapter: Adapter) -> bool:
    """Whether it is the one that the registry names as the baseline."""
    return adapter.spec.name == registry.load().defaults.baseline_adapter


def probe(
    adapter: Adapter,
    task: Task,
    splits: Splits,
    features: Mapping[str, Tensor],
    seed: int,
    *,
    bias: bool,
) -> list[Result]:
    """The baseline adapter with its defaults on frozen features; ``bias`` is its head's."""
    head = task.head(features["train"].shape[1], bias=bias)
    solution, logits = solve(adapter, task, head, splits, features, seed)
    return results(adapter.spec.name, task, splits, logits, solution.chosen)


def scratch(
    model: ComposedModel, task: Task, splits: Splits, config: FitConfig, progress: Progress
) -> list[Result]:
    """The same architecture from random weights, all of it trained with the same budget."""
    assert model.backbone.reload is not None  # the caller asked
    torch.manual_seed(config.seed)
    untrained = ComposedModel(
        model.backbone.reload(False),
        FromScratch(_SCRATCH_SPEC, {}),
        parts_of(task),
        pooling=model.backbone.pooling,
        seed=config.seed,
    )
    progress.note(f"Baseline: training {model.backbone.spec.name} from random weights.")
    start = time.perf_counter()
    # Random weights do not get anywhere within the patience that pretrained ones are given.
    patient = config.model_copy(update={"patience": sys.maxsize})
    outcome = train(untrained, task, splits, patient, progress=progress, on_epoch=lambda line: None)
    if outcome.interrupted:  # a baseline cut short would flatter the model
        raise KeyboardInterrupt
    logits = {
        name: logits_of(task, untrained.logits(splits[name].ready, progress=Silent()))
        for name in held_out(splits)
    }
    seconds = round(time.perf_counter() - start, 3)
    return results(SCRATCH, task, splits, logits, {"seconds": seconds})


class FromScratch(Adapter):
    """Everything is trained, in training mode, from random weights."""

    def attach(self, backbone: Backbone) -> None:
        """Let every parameter be trained."""
        backbone.module.requires_grad_(True)

    def train(self, backbone: Backbone, mode: bool) -> None:
        """Everything switches."""
        backbone.module.train(mode)

    def layout(
        self, backbone: Backbone, heads: Mapping[str, nn.Module], native: NativeHead | None
    ) -> Layout:
        """Never saved."""
        return Layout()
