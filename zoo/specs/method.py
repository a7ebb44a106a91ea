"""What the specs of named methods with settings have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from zoo.settings import Setting, Types, require_all
from zoo.specs.forms import require_import_string, require_name

_TYPES = Types(name=str, loader=str, summary=str, settings=tuple, reference=str)


@dataclass(frozen=True, kw_only=True, slots=True)
class MethodSpec:
    """A method after a paper, by name.

    Attributes:
        name: lower-case.
        loader: ``"package.module:Class"``, called with the checked settings.
        summary: one line for the catalogue.
        settings: its options.
        reference: the paper it follows.
    """

    KIND: ClassVar[str]

    name: str
    loader: str
    summary: str = ""
    settings: tuple[Setting, ...] = ()
    reference: str = ""

    def __post_init__(self) -> None:
        _TYPES.require(self)
        require_name(self.KIND, self.name)
        require_import_string(self.name, self.loader)
        require_all(self.name, "settings", self.settings, Setting)
