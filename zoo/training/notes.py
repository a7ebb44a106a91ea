"""What is remarked on a fit, in words: nothing that is wrong with it, but that people should know."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Set

from zoo.data.augment import ONLY_IMAGES
from zoo.errors import Incompatible
from zoo.model import ComposedModel
from zoo.model.backbone import Backbone
from zoo.model.lengths import long_in, told_of_long
from zoo.training.adaptation.adapt import defaults_for
from zoo.training.config import ALONE, FitConfig
from zoo.training.outcome import Epoch
from zoo.training.prepared import PreparedSplit

NO_TEST = (
    "There is no test split: the figures are on validation rows, which also chose the model, and are "
    "optimistic."
)
BEFORE_REFIT = "Figures on validation rows are from before the head was fitted on them too."
NO_BETTER_EPOCH = (
    "No epoch was better on validation than the head on frozen features by more than two standard "
    "errors."
)

_DIVERGED = 5.0  # times what validation was before training
_SAMPLED = 1000  # rows whose words are counted
_KNOWN = 0.7  # the share of words that usually is known
_SMALL = 0.1  # of a loss: what is as good as none, and says nothing of divergence
_OF_TASKS = ALONE.keys() - {"baselines"}
_OF_IMAGES = frozenset({"augment", "views"})
_OF_STEPS = _OF_IMAGES | {
    "average",
    "balance",
    "batch_size",
    "clip",
    "ema_decay",
    "epochs",
    "gradient_checkpointing",
    "lr",
    "micro_batch",
    "patience",
    "schedule",
    "warmup",
    "weight_decay",
}


def of_idle_options(model: ComposedModel, config: FitConfig) -> list[str]:
    """A line for each reason for which options have no effect on a fit of ``model``."""
    adapter, backbone = model.adapter, model.backbone
    usual = FitConfig.resolve(defaults_for(None, model), {})
    asked = {n for n in FitConfig.model_fields if getattr(config, n) != getattr(usual, n)}
    name = adapter.spec.name
    reasons: dict[str, Set[str]] = {}
    if not adapter.trains_backbone:
        reasons[f"{name} fits the head of each task by itself"] = asked & _OF_TASKS
        reasons[f"{name} solves for its head and takes no steps"] = asked & _OF_STEPS
    elif backbone.contract.modality != "image":
        reasons[ONLY_IMAGES] = asked & _OF_IMAGES
    return [
        f"{', '.join(sorted(idle))}: without effect, for {reason}."
        for reason, idle in reasons.items()
        if idle
    ]


def of_long_texts(backbone: Backbone, splits: Mapping[str, PreparedSplit]) -> list[str]:
    """How many texts are cut; nothing where none is."""
    counts = {
        f"{name} rows": (long_in(backbone, split.ready), len(split))
        for name, split in splits.items()
    }
    text = told_of_long(backbone, counts)
    return [text] if text else []


def of_unknown_words(backbone: Backbone, train: PreparedSplit) -> list[str]:
    """That many words are left out, as when vectors are of another language than the data."""
    if backbone.contract.modality != "text":
        return []
    rows = range(0, len(train), math.ceil(len(train) / _SAMPLED))
    texts = [text for at in rows if isinstance(text := train.ready.samples[at], str)]
    counts = [found for text in texts if (found := backbone.preprocess.known_words(text))]
    known, words = (sum(each) for each in zip(*counts, strict=True)) if counts else (0, 0)
    if known >= _KNOWN * words:
        return []
    return [
        f"{backbone.spec.name} knows {known} of {words} words in {len(rows)} rows of train, and leaves "
        "out the others: is it of the data's language and subject?"
    ]


def of_learned_weights(factors: Mapping[str, float]) -> list[str]:
    """What the losses of tasks weigh, where that was learned."""
    told = ", ".join(f"{name} {value:.2f}" for name, value in factors.items())
    return [f"Weights of the losses, as learned: {told}."] if told else []


def of_divergence(history: Sequence[Epoch], monitor: str, rate: float) -> list[str]:
    """That validation got much worse than it was before training, where it did."""
    first, last = (history[at]["val"][monitor] for at in (0, -1))
    if last <= _DIVERGED * max(first, _SMALL):
        return []
    return [
        f"Training diverged: {monitor} on validation rose from {first:.3g} to {last:.3g}. "
        f"Try a smaller learning rate, e.g. `--lr {rate / 10:.0e}`, or `--find-lr`."
    ]


def of_no_probe(err: Incompatible) -> str:
    """Why nothing could be fitted on frozen features."""
    return f"Training starts from a new head, with no probe to compare with: {err.message}"
