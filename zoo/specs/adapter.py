"""A way to train a backbone, described."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from zoo.settings import Setting, Types, require_all
from zoo.specs.forms import require_import_string, require_name

# A family may share a namespace, e.g. peft:ia3; each of its members is listed.
_ADAPTER_NAME = re.compile(r"([a-z0-9][a-z0-9_-]*:)?[a-z0-9][a-z0-9._-]*\Z")
_ADAPTER_TYPES = Types(
    name=str,
    loader=str,
    summary=str,
    settings=tuple,
    training=(dict, Mapping),
    reference=str,
    language=bool,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class AdapterSpec:
    """What is trainable and how.

    Attributes:
        name: e.g. ``linear-probe``.
        loader: ``"package.module:Class"``, a :class:`zoo.plugin.Adapter`, called with the checked
            settings.
        summary: one line for the catalogue.
        settings: its options.
        training: this adapter's own defaults for the training loop (names of
            :class:`zoo.training.FitConfig`), with the source cited in ``reference``.
        reference: the paper or specification it follows.
        language: whether it can train a backbone that keeps its own language head.
    """

    name: str
    loader: str
    summary: str = ""
    settings: tuple[Setting, ...] = ()
    training: Mapping[str, Any] = field(default_factory=dict)
    reference: str = ""
    language: bool = True

    def __post_init__(self) -> None:
        require_name("Adapter", self.name, _ADAPTER_NAME)
        require_import_string(self.name, self.loader)
        _ADAPTER_TYPES.require(self)
        require_all(self.name, "settings", self.settings, Setting)
        require_all(self.name, "training", self.training, str)
        require_all(self.name, "training", self.training.values(), (bool, int, float, str))
