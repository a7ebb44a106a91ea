"""What is told how a fit goes, described."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.settings import Types
from zoo.specs.forms import require_import_string, require_word

_CALLBACK_TYPES = Types(name=str, loader=str, summary=str)


@dataclass(frozen=True, kw_only=True, slots=True)
class CallbackSpec:
    """What is told how a fit goes, e.g. a logger.

    Attributes:
        name: e.g. ``tensorboard``; its folder in a run is called so.
        loader: ``"package.module:Class"``, a :class:`zoo.plugin.Callback`, called without arguments.
        summary: one line for people.
    """

    name: str
    loader: str
    summary: str = ""

    def __post_init__(self) -> None:
        require_word("Callback", self.name)
        require_import_string(self.name, self.loader)
        _CALLBACK_TYPES.require(self)
