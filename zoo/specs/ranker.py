"""An estimate of transfer, described."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.settings import Setting, Types, require_all
from zoo.specs.forms import require_import_string, require_name

_RANKER_TYPES = Types(name=str, loader=str, summary=str, settings=tuple, reference=str)


@dataclass(frozen=True, kw_only=True, slots=True)
class RankerSpec:
    """An estimate of how well a backbone will transfer, from its frozen features.

    Attributes:
        name: e.g. ``logme``.
        loader: ``"package.module:Class"``, a :class:`zoo.plugin.Ranker`, called with the checked
            settings.
        summary: one line for the catalogue.
        settings: its options.
        reference: the paper it follows.
    """

    name: str
    loader: str
    summary: str = ""
    settings: tuple[Setting, ...] = ()
    reference: str = ""

    def __post_init__(self) -> None:
        require_name("Ranker", self.name)
        require_import_string(self.name, self.loader)
        _RANKER_TYPES.require(self)
        require_all(self.name, "settings", self.settings, Setting)
