"""What trains for an unlabelled target and what judges there, described."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from zoo.errors import BadSetting, InvalidSpec
from zoo.settings import Types, check_settings, require_all
from zoo.specs.method import MethodSpec

_ALIGNMENT_TYPES = Types(tries=tuple, training=(dict, Mapping))


@dataclass(frozen=True, kw_only=True, slots=True)
class AlignmentSpec(MethodSpec):
    """A domain-adaptation term that is added to the loss.

    Attributes:
        name: e.g. ``coral``.
        loader: ``"package.module:Class"``, a :class:`zoo.plugin.Alignment`, called with the checked
            settings.
        summary: one line for the catalogue.
        settings: its options.
        tries: settings of the candidates that a fit chooses among, in the order they are tried;
            empty tries the defaults alone.
        training: its own defaults for the training loop (names of
            :class:`zoo.training.FitConfig`), above the adapter's.
        reference: the paper it follows.
    """

    KIND: ClassVar[str] = "Alignment"

    tries: tuple[Mapping[str, Any], ...] = ()
    training: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        MethodSpec.__post_init__(self)  # super() knows no class that slots have made anew
        _ALIGNMENT_TYPES.require(self)
        require_all(self.name, "training", self.training, str)
        require_all(self.name, "training", self.training.values(), (bool, int, float, str))
        require_all(self.name, "tries", self.tries, (dict, Mapping))
        try:
            for each in self.tries:
                check_settings(self.name, self.settings, each)
        except BadSetting as err:
            raise InvalidSpec(f"{self.name}: tries do not fit its settings. {err.message}") from err


@dataclass(frozen=True, kw_only=True, slots=True)
class ValidatorSpec(MethodSpec):
    """A judge of models on a target domain that needs none of its labels.

    Attributes:
        name: e.g. ``infomax``.
        loader: ``"package.module:Class"``, a :class:`zoo.plugin.Validator`, called with the checked
            settings.
        summary: one line for the catalogue.
        settings: its options.
        reference: the paper it follows.
    """

    KIND: ClassVar[str] = "Validator"
