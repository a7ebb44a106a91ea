"""What labels must be for something to be learned and measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from zoo.data.rows import Row, named, ordered_labels
from zoo.data.values import are_numbers
from zoo.errors import LabelProblem

Rows = dict[str, list[Row]]

_HINT = "Add examples, remove the class, or leave it out with `--skip-bad`."
_HINT_NUMBERS = (
    "Where these are numbers rather than classes, choose a task on numbers: `zoo tasks`."
)


def require_learnable(
    rows: Mapping[str, Sequence[Row]], where: str, *, skip_bad: bool
) -> tuple[Rows, list[str]]:
    """Rows whose labels can be learned, and why others are left out.

    A class with one row cannot be both learned and measured.

    Args:
        rows: by role, ``"train"`` among them.
        where: the data, for messages.
        skip_bad: leave out classes with one training row and labels never seen in training.

    Raises:
        LabelProblem: one class only, a class with one row, or a label never seen in training.
    """
    counts = Counter(row.label for row in rows["train"])
    _require_two(counts, where)
    single = [row for row in rows["train"] if counts[row.label] == 1]
    if single and not skip_bad:
        raise LabelProblem(
            f"{_classes(single)} only one example to train on: {_labelled(single)}.",
            hint=_HINT_NUMBERS if len(single) > 2 and are_numbers(counts) else _HINT,
        )
    skipped = [f"{row.place}: the only example of {row.label!r}" for row in single]
    known = set(counts) - {row.label for row in single}
    _require_two(known, where)
    kept: Rows = {"train": [row for row in rows["train"] if row.label in known]}
    for role in rows.keys() - {"train"}:
        kept[role], unknown = keep_known(rows[role], known, role, skip_bad=skip_bad)
        skipped += unknown
    return kept, skipped


def keep_known(
    rows: Sequence[Row], known: Collection[str], role: str, *, skip_bad: bool
) -> tuple[list[Row], list[str]]:
    """Rows whose label is known, and why others are left out.

    Raises:
        LabelProblem: a label is not known, and ``skip_bad`` is not given.
    """
    unknown = [row for row in rows if row.label not in known]
    if unknown and not skip_bad:
        raise LabelProblem(
            f"{len(unknown)} {'row' if len(unknown) == 1 else 'rows'} of {role} "
            f"{'has' if len(unknown) == 1 else 'have'} a label never seen in training: "
            f"{_labelled(unknown)}.",
            hint=f"Training has {named(ordered_labels(set(known)), 6)}. Correct or remove these "
            "rows, or leave them out with `--skip-bad`.",
        )
    kept = [row for row in rows if row.label in known]
    return kept, [f"{row.place}: {row.label!r} is not trained on" for row in unknown]


def _require_two(labels: Collection[str], where: str) -> None:
    if len(labels) == 1:
        (label,) = labels
        raise LabelProblem(
            f"There is only one class, {label!r}, in the training data of {where}.",
            hint="Add examples of at least one other class.",
        )
    if not labels:
        raise LabelProblem(
            f"No row of the training data of {where} can be used.",
            hint="Add examples of at least two classes.",
        )


def _classes(rows: Sequence[Row]) -> str:
    labels = [repr(row.label) for row in rows]
    if len(labels) == 1:
        return f"The class {labels[0]} has"
    return f"The classes {named(labels)} have"


def _labelled(rows: Sequence[Row]) -> str:
    return named([f"{row.label!r} at {row.place}" for row in rows])
