"""What options may be that are one of a few words."""

from __future__ import annotations

from enum import StrEnum


class Precision(StrEnum):
    """Of the arithmetic, as accelerate names them."""

    no = "no"
    bf16 = "bf16"
    fp16 = "fp16"


class Schedule(StrEnum):
    """How the learning rate goes after the warm-up."""

    cosine = "cosine"
    one_cycle = "one-cycle"
    linear = "linear"
    constant = "constant"


class Average(StrEnum):
    """Of the weights over training."""

    none = "none"
    ema = "ema"
    swa = "swa"


class Balance(StrEnum):
    """Of classes in an epoch."""

    none = "none"
    sampler = "sampler"


class Augment(StrEnum):
    """How images are changed from epoch to epoch."""

    none = "none"
    crop = "crop"
    mild = "mild"


class Baseline(StrEnum):
    """What is fitted beside the model on request; the cheap ones always are."""

    scratch = "scratch"
    twins = "twins"
    curve = "curve"


class Mixing(StrEnum):
    """How often rows of each of several tasks are seen."""

    proportional = "proportional"
    equal = "equal"
    temperature = "temperature"


class Weighting(StrEnum):
    """Of the losses of several tasks."""

    fixed = "fixed"
    uncertainty = "uncertainty"
    gradnorm = "gradnorm"


class Layers(StrEnum):
    """Which layers of a Transformer backbones are ranked by."""

    mean = "mean"
    last = "last"
