"""Means over what is known."""

from __future__ import annotations

from torch import Tensor


def masked_mean(values: Tensor, known: Tensor) -> Tensor:
    """The mean of the ``values`` that are ``known``, a scalar.

    What is not known gets a gradient of exactly zero; where nothing is known the mean is zero.
    """
    return values.where(known, 0).sum() / known.sum().clamp(min=1)
