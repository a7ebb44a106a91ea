"""A command of the command line, described."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.settings import Types
from zoo.specs.forms import require_import_string, require_word

_COMMAND_TYPES = Types(name=str, loader=str, summary=str)


@dataclass(frozen=True, kw_only=True, slots=True)
class CommandSpec:
    """A command of the command line.

    Attributes:
        name: what is typed after ``zoo``; never the name of one that zoo has.
        loader: ``"package.module:attribute"``, a function as typer takes it, or a ``typer.Typer``
            with commands of its own; imported only when the command is typed.
        summary: one line for ``zoo --help``.
    """

    name: str
    loader: str
    summary: str = ""

    def __post_init__(self) -> None:
        require_word("Command", self.name)
        require_import_string(self.name, self.loader)
        _COMMAND_TYPES.require(self)
