"""An estimate of transfer, described."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from zoo.specs.method import MethodSpec


@dataclass(frozen=True, kw_only=True, slots=True)
class RankerSpec(MethodSpec):
    """An estimate of how well a backbone will transfer, from its frozen features.

    Attributes:
        name: e.g. ``logme``.
        loader: ``"package.module:Class"``, a :class:`zoo.plugin.Ranker`, called with the checked
            settings.
        summary: one line for the catalogue.
        settings: its options.
        reference: the paper it follows.
    """

    KIND: ClassVar[str] = "Ranker"
