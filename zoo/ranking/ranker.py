"""Ranker: from the frozen features of labelled rows, how well a backbone will transfer. No torch."""

from __future__ import annotations

import abc
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from zoo.specs import RankerSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

Kind = Literal["classes", "marks", "numbers"]
EVERY: frozenset[Kind] = frozenset({"classes", "marks", "numbers"})


@dataclass(frozen=True)
class RankProblem:
    """Frozen features of a backbone, and what is to be learned from them.

    Attributes:
        features: ``[rows, size]`` float64, finite.
        targets: of ``classes`` their positions, ``[rows]`` int64; of ``marks`` 0 or 1 and of
            ``numbers`` any value, ``[rows, outputs]`` float64, NaN where one is missing.
        kind: of the targets.
        source: probabilities of the classes that the backbone was trained on, ``[rows, classes]``
            float64; ``None`` where it has no head for them.
        seed: for whatever is random.
    """

    features: Numbers
    targets: NDArray[Any]
    kind: Kind
    source: Numbers | None = None
    seed: int = 0

    def __len__(self) -> int:
        return len(self.targets)

    def rows(self, chosen: NDArray[Any]) -> RankProblem:
        """The same of some rows, by position or by a mask."""
        return replace(
            self,
            features=self.features[chosen],
            targets=self.targets[chosen],
            source=None if self.source is None else self.source[chosen],
        )

    def outputs(self) -> Iterator[RankProblem]:
        """A problem for each output: of marks one of two classes, with the rows that are known.

        Outputs whose known rows are all alike are left out; there is nothing to learn of them.
        """
        import numpy as np

        if self.kind == "classes":
            yield self
            return
        for column in self.targets.T:
            known = ~np.isnan(column)
            values = column[known]
            if len(values) == 0 or (values == values[0]).all():
                continue
            part = self.rows(known)
            if self.kind == "marks":
                yield replace(part, targets=values.astype(np.int64), kind="classes")
            else:
                yield replace(part, targets=values[:, None])


class Ranker(abc.ABC):
    """Base class of every ranker.

    Args:
        spec: what the plugin declared.
        settings: checked options.

    Attributes:
        takes: the kinds of targets it can estimate for.
        needs_source: it needs :attr:`RankProblem.source`.
    """

    takes: ClassVar[frozenset[Kind]] = EVERY
    needs_source: ClassVar[bool] = False

    def __init__(self, spec: RankerSpec, settings: Mapping[str, Any]) -> None:
        self.spec = spec
        self.settings = dict(settings)

    @abc.abstractmethod
    def estimate(self, problem: RankProblem) -> float:
        """How well the backbone will transfer: higher is better.

        At least two classes, or a number that varies, are there. Raises an error of
        :mod:`zoo.plugin` where these rows allow no estimate.
        """


__all__ = ["Kind", "RankProblem", "Ranker"]
