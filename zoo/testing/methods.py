"""What rules are asked of that is made from settings alone: rankers, alignments, validators."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, ClassVar

from zoo.host import Provided, installed
from zoo.plugin import Alignment, Ranker, Validator
from zoo.specs import check_settings
from zoo.testing.rule import Subject


class MethodSubject(Subject):
    """What is made from settings alone: a ranker, an alignment, a validator.

    Args:
        provided: its spec and plugin.
        settings: other than its defaults.

    Attributes:
        kind: what it is called.
        base: what its loader has to give.
    """

    kind: ClassVar[str]
    base: ClassVar[type]

    def __init__(
        self, provided: Provided[Any], *, settings: Mapping[str, object] | None = None
    ) -> None:
        super().__init__()
        self.provided = provided
        self.spec = provided.spec
        self.plugin = provided.plugin
        self.settings = check_settings(self.spec.name, self.spec.settings, settings or {})
        self.title = f"{self.kind} {self.spec.name}"

    def fresh(self) -> Any:
        """A new one."""
        made = installed().make(self.provided, self.spec, dict(self.settings))
        if not isinstance(made, self.base):
            name = type(made).__name__
            raise TypeError(f"{self.spec.loader} gave {name}, not {self.base.__name__}")
        return made

    @functools.cached_property
    def one(self) -> Any:
        """One for the rules that change nothing."""
        return self.fresh()


class RankerSubject(MethodSubject):
    """A ranker."""

    kind, base = "ranker", Ranker


class AlignmentSubject(MethodSubject):
    """An alignment."""

    kind, base = "alignment", Alignment


class ValidatorSubject(MethodSubject):
    """A validator."""

    kind, base = "validator", Validator
