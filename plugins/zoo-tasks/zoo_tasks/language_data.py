"""Texts as targets: what language tasks make of data. No torch."""

from __future__ import annotations

from collections.abc import Sequence

from zoo.plugin import Labelling


class Texts(Labelling):
    """Texts that are their own target."""

    optional = True

    def roles(self, columns: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
        """A column called ``text``; else the longest texts are looked for."""
        named = [name for name in columns if name.lower() == "text"]
        return named[:1], ()

    def likely(self, values: Sequence[str]) -> bool:
        """Never: there are no targets."""
        return False

    def fault(self, label: str) -> str:
        """A label is of no use."""
        return "the task takes texts without labels"

    def outputs(self, labels: Sequence[str]) -> tuple[str, ...]:
        """None that has a name."""
        return ()
