"""The options of ``zoo fit`` that adapt a model to a target."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.cli import options
from zoo.cli.output import say, say_each
from zoo.errors import BadSetting

if TYPE_CHECKING:
    from zoo.data.dataset import Dataset
    from zoo.data.labelling import Labelling
    from zoo.report.record import RunRecord
    from zoo.training.adaptation.adapt import Adapt


@dataclass(frozen=True)
class Asked:
    """What was typed of them."""

    target: Path | None
    align: str | None
    align_set: Sequence[str]
    validator: str | None
    tries: int | None
    target_unlabelled: bool
    target_labelled: Path | None
    source: Sequence[Path]

    def require(self, *, seeds: int) -> None:
        """Refuse what makes no sense together.

        Raises:
            BadSetting: the target or the alignment is missing, or several seeds are asked for.
        """
        more = {
            "--align-set": self.align_set,
            "--validator": self.validator,
            "--tries": self.tries,
            "--target-unlabelled": self.target_unlabelled,
            "--target-labelled": self.target_labelled,
        }
        typed = next((name for name, value in more.items() if value), "--align")
        if self.target is None and (self.align or typed != "--align"):
            raise BadSetting(
                f"{typed} needs a target.",
                hint="For example `zoo fit SOURCE --target TARGET --align coral`.",
            )
        if self.target is not None and self.align is None:
            raise BadSetting(
                "--target needs an alignment.",
                hint="For example `--align coral`; `zoo alignments` lists them.",
            )
        if self.target is not None and seeds > 1:
            raise BadSetting(
                "--seeds is for fits without a target.", hint="Fit with each --seed by itself."
            )

    def adapt(self, **reading: Any) -> Adapt | None:
        """For :func:`zoo.fit`; ``None`` where there is no target."""
        if self.target is None or self.align is None:
            return None
        from zoo.training.adaptation.adapt import Adapt

        return Adapt(
            self.target,
            self.align,
            options.pairs("--align-set", list(self.align_set)),
            validator=self.validator,
            tries=self.tries,
            labelled=self.target_labelled,
            unlabelled=self.target_unlabelled,
            reading=reading,
        )

    def sources(
        self, first: Dataset, load: Callable[[Path], Dataset], labelling: Labelling
    ) -> Dataset:
        """The first source and the others, as one."""
        from zoo.data.merge import merged

        others = [load(path) for path in self.source]
        for other in others:
            say_each(other.describe())
        return merged([first, *others], labelling)

    def plain(self) -> dict[str, Any]:
        """As a fit's file has them."""
        return {
            "target": _absolute(self.target),
            "align": self.align,
            "align_set": list(self.align_set),
            "validator": self.validator,
            "tries": self.tries,
            "target_unlabelled": self.target_unlabelled,
            "target_labelled": _absolute(self.target_labelled),
            "source": [str(path.expanduser().absolute()) for path in self.source],
        }


def say_choice(record: RunRecord) -> None:
    """What was chosen without labels, where there are no figures that would show it."""
    found = record.adaptation
    if found is None:
        return
    for name, pick in found.picks.items():
        method = found.candidates[pick.candidate].method
        score = (
            "no score" if pick.state.score is None else f"{found.validator} {pick.state.score:.4f}"
        )
        shown = pick.state.metrics.get(record.headline)
        figure = "" if shown is None else f", {record.headline} {shown:.3f} on the target"
        say(f"{name}: {method}, epoch {pick.state.epoch}, {score}{figure}")


def _absolute(path: Path | None) -> str | None:
    return None if path is None else str(path.expanduser().absolute())
