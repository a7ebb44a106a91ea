"""What a comparison of two data sets found, as plain data. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.domain.classes import ClassShift, LabelShift
from zoo.domain.twosample import ALARM, Test

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Gap:
    """How far a target lies from a source in the features of a backbone.

    Attributes:
        backbone: in whose features.
        source, target: their names.
        rows: of each that were compared.
        classifier: accuracy of telling the two apart, and its p-value.
        a_distance: proxy A-distance, 0 alike to 2 wholly apart.
        mmd: squared maximum mean discrepancy, and its p-value.
        within: the two tests again on source rows in the target's proportions of classes, which
            tells whether more than proportions differ; ``None`` without labels.
        label_shift: proportions of classes; ``None`` without labels of the source.
        classes: the shift of each class; empty without labels of both.
        unknown: classes of the target that the source lacks.
        shared: target inputs that are also in the source; left out.
        plane: both sets in their first two principal components.
        explained: shares of variance of these two.
    """

    backbone: str
    source: str
    target: str
    rows: Mapping[str, int]
    classifier: Test
    a_distance: float
    mmd: Test
    within: tuple[Test, Test] | None
    label_shift: LabelShift | None
    classes: tuple[ClassShift, ...]
    unknown: tuple[str, ...]
    shared: int
    plane: Mapping[str, Array] = field(repr=False)
    explained: tuple[float, float]

    @property
    def differs(self) -> bool:
        """Whether the two sets are told apart by more than chance."""
        return _alarm(self.classifier, self.mmd)

    @property
    def inputs_differ(self) -> bool:
        """Whether more than the proportions of classes differs, as far as labels tell."""
        return self.differs if self.within is None else _alarm(*self.within)

    @property
    def proportions_differ(self) -> bool:
        """Whether classes have other proportions in the target."""
        return self.label_shift is not None and _alarm(self.label_shift.test)

    @property
    def shifted(self) -> tuple[ClassShift, ...]:
        """The classes whose inputs differ."""
        tested = [c for c in self.classes if c.test is not None]
        return tuple(c for c in tested if c.test and c.test.p * len(tested) <= ALARM)

    def plain(self) -> dict[str, Any]:
        """All of it for JSON, without the points of the plot."""
        kept = {name: getattr(self, name) for name in _PLAIN}
        verdicts = {name: getattr(self, name) for name in _VERDICTS}
        within = [asdict(test) for test in self.within] if self.within else None
        return {
            **kept,
            "rows": dict(self.rows),
            "classifier": asdict(self.classifier),
            "mmd": asdict(self.mmd),
            "within": dict(zip(("classifier", "mmd"), within, strict=True)) if within else None,
            "label_shift": asdict(self.label_shift) if self.label_shift else None,
            "classes": [asdict(each) for each in self.classes],
            **verdicts,
            "shifted": [each.label for each in self.shifted],
        }


_PLAIN = ("backbone", "source", "target", "a_distance", "unknown", "shared")
_VERDICTS = ("differs", "inputs_differ", "proportions_differ")


def _alarm(*tests: Test) -> bool:
    """Whether the least p-value is below what chance gives to one comparison in a hundred."""
    return min(test.p for test in tests) * len(tests) <= ALARM
