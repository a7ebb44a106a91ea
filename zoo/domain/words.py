"""A gap in words."""

from __future__ import annotations

from zoo.domain.record import Gap

_FAR = ((0.4, "slightly"), (1.2, "clearly"), (2.1, "almost wholly"))  # of the A-distance
_MOST = 5


def lines(found: Gap) -> list[str]:
    """What the figures say, the verdict first."""
    said = [_verdict(found)]
    if found.proportions_differ:
        said.append(_proportions(found))
    if found.shifted:
        labels = [each.label for each in found.shifted]
        tested = sum(each.test is not None for each in found.classes)
        said.append(f"Inputs of {len(labels)} of {tested} classes differ: {_named(labels)}.")
    if found.unknown:
        said.append(
            f"{found.source} has no {_named(list(found.unknown))}: a model trained on it will call "
            "these something else."
        )
    if found.shared:
        said.append(f"{found.shared} inputs are in both and were left out of {found.target}.")
    return said


def _verdict(found: Gap) -> str:
    chance = f"(p {_p(min(found.classifier.p, found.mmd.p))})"
    told = f"a linear classifier tells them apart {found.classifier.statistic:.0%} of the time"
    if not found.differs:
        return (
            f"No gap between {found.source} and {found.target} is to be seen in the features of "
            f"{found.backbone}: {told}, which is chance {chance}."
        )
    if found.proportions_differ and not found.inputs_differ:
        return (
            f"{found.target} has other proportions of classes than {found.source}; within classes "
            f"no gap is to be seen in the features of {found.backbone}."
        )
    far = next(word for limit, word in _FAR if found.a_distance < limit)
    return (
        f"{found.target} is {far} apart from {found.source} in the features of {found.backbone}: "
        f"{told} {chance}."
    )


def _proportions(found: Gap) -> str:
    shift = found.label_shift
    assert shift is not None  # proportions differ
    theirs = shift.actual or shift.estimated
    changes = sorted(
        zip(shift.labels, shift.source, theirs, strict=True),
        key=lambda change: -abs(change[2] - change[1]),
    )
    shown = [f"{label} {before:.0%} → {after:.0%}" for label, before, after in changes[:_MOST]]
    how = "by its labels" if shift.actual else "by estimate"
    unsure = not shift.actual and found.inputs_differ
    return f"Classes from {found.source} to {found.target}, {how}: {', '.join(shown)}" + (
        "; inputs differ as well, which makes this estimate unsafe." if unsure else "."
    )


def _p(value: float) -> str:
    return "below 0.002" if value < 0.002 else f"{value:.3f}"


def _named(labels: list[str]) -> str:
    more = f" and {len(labels) - _MOST} more" if len(labels) > _MOST else ""
    return ", ".join(labels[:_MOST]) + more
