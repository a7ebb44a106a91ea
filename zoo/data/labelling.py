"""What a task makes of the labels that data gives: which columns, which values, which outputs.

A label is text: the cell of the one target column, or a JSON object of cells by column where a task
may have several. Nothing here needs torch, so data is refused before anything heavy is imported.
"""

from __future__ import annotations

import abc
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from zoo.data import values
from zoo.data.cell import Cell
from zoo.data.labels import keep_known, require_learnable
from zoo.data.rows import Input, Row, named, ordered_labels
from zoo.errors import LabelProblem, PluginError
from zoo.host import installed
from zoo.settings import check_settings

_HINT_ALL = "Name another column with `--label-column NAME`, or another task: `zoo tasks`."
_HINT = "Correct or remove these rows, or leave them out with `--skip-bad`."
_HINT_GAPS = "Correct these cells, empty those that are not known, or use `--skip-bad`."


@dataclass(frozen=True)
class Learnable:
    """What a task can learn from.

    Attributes:
        rows: by role, those that can be used.
        labels: names of the task's outputs, as the training rows tell them.
        skipped: why others are left out, one entry a row.
        by_task: of several tasks, the outputs of each.
    """

    rows: dict[str, list[Row]]
    labels: tuple[str, ...]
    skipped: list[str]
    by_task: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class Labelling(abc.ABC):
    """Base class: labels that are good or bad one by one.

    Args:
        settings: the task's, checked.

    Attributes:
        inputs: how many input columns a row has: 1, or 2 for a pair.
        several: there may be several target columns, so that a label is a JSON object of cells.
        missing: a label may be blank, in part or wholly.
        optional: there may be no target column at all; :meth:`read` then judges the input alone.
        names: of columns that are taken for targets unseen, in lower case; by default the usual
            names of a label.
        columns: target columns that were told with the task.
    """

    inputs: ClassVar[int] = 1
    several: ClassVar[bool] = False
    missing: ClassVar[bool] = False
    optional: ClassVar[bool] = False
    names: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = dict(settings)
        self.columns: tuple[str, ...] = ()

    @abc.abstractmethod
    def likely(self, values: Sequence[str]) -> bool:
        """Whether a column with these values looks as one of targets."""

    def choose(self, likely: Sequence[str]) -> Sequence[str]:
        """Which of the columns that look right are meant; none where a person has to say."""
        return likely if len(likely) == 1 else ()

    def roles(self, columns: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
        """Input and target columns that are known by their names, of those that a person did not name.

        Either may be empty: it is then found by looking; of targets that are optional there are then
        none.
        """
        return (), ()

    def join(self, cells: Mapping[str, str]) -> str:
        """The label of a row, from the cells of its target columns."""
        if not self.several:
            return next(iter(cells.values()))
        return json.dumps(dict(cells), ensure_ascii=False) if any(cells.values()) else ""

    def look(self, labels: Sequence[str]) -> None:
        """Look at all training labels that are not blank, before any of them is judged."""

    @abc.abstractmethod
    def fault(self, label: str) -> str:
        """What is wrong with a label that is not blank, e.g. ``"'abc' is no number"``; else empty."""

    def read(self, label: str, given: Any) -> str:
        """The label as the task takes it, where that depends on the input, ``given``.

        Raises:
            ValueError: it does not fit the input; says why, as :meth:`fault` does.
        """
        return label

    @abc.abstractmethod
    def outputs(self, labels: Sequence[str]) -> tuple[str, ...]:
        """Names of the task's outputs, from the training labels, none of them blank.

        Raises:
            LabelProblem: nothing can be learned from them.
        """

    def unknown(self, label: str, outputs: Collection[str]) -> str:
        """What a label has that is no output, e.g. ``"'dog'"``; empty where all is known."""
        return ""

    def stratum(self, label: str) -> str:
        """Held-out rows are drawn from each stratum alike."""
        return ""

    def alike(self, labels: Sequence[str]) -> str:
        """What validation labels share so that no model can be chosen by them, e.g. ``"one class"``."""
        return ""

    def learn(self, rows: Mapping[str, Sequence[Row]], where: str, *, skip_bad: bool) -> Learnable:
        """Rows that can be learned from and measured on, and the outputs.

        Args:
            rows: by role, ``"train"`` among them.
            where: the data, for messages.
            skip_bad: leave out rows with bad labels instead of stopping.

        Raises:
            LabelProblem: bad labels, or none.
        """
        sound: dict[str, list[Row]] = {}
        skipped: list[str] = []
        self.look([row.label for row in rows["train"] if row.label])
        for role in sorted(rows, key=lambda role: role != "train"):
            sound[role], out = self._sound(rows[role], skip_bad=skip_bad)
            skipped += out
            self._require_some(sound[role], role, where)
        outputs = self._outputs_of(sound["train"], where)
        for role in sound.keys() - {"train"}:
            sound[role], out = self._known(sound[role], outputs, role, skip_bad=skip_bad)
            skipped += out
        self._require_choice(sound.get("val", []))
        return Learnable(sound, outputs, skipped)

    def keep(
        self, rows: Sequence[Row], outputs: Collection[str], role: str, *, skip_bad: bool
    ) -> tuple[list[Row], list[str]]:
        """Rows of a split to measure on whose labels are sound and known; why others are left out.

        Raises:
            LabelProblem: others there are, and ``skip_bad`` is not given.
        """
        sound, skipped = self._sound(rows, skip_bad=skip_bad)
        kept, unknown = self._known(sound, outputs, role, skip_bad=skip_bad)
        return kept, skipped + unknown

    def _outputs_of(self, rows: Sequence[Row], where: str) -> tuple[str, ...]:
        try:
            return self.outputs([row.label for row in rows if row.label])
        except LabelProblem as err:
            err.message = f"{where}: {err.message}"
            raise

    def _known(
        self, rows: Sequence[Row], outputs: Collection[str], role: str, *, skip_bad: bool
    ) -> tuple[list[Row], list[str]]:
        odd = [self.unknown(row.label, outputs) if row.label else "" for row in rows]
        unknown = [(row, what) for row, what in zip(rows, odd, strict=True) if what]
        if unknown and not skip_bad:
            shown = [f"{what} at {row.place}" for row, what in unknown]
            raise LabelProblem(
                f"{_rows(unknown)} of {role} {'has' if len(unknown) == 1 else 'have'} a label never "
                f"seen in training: {named(shown)}.",
                hint=f"Training has {named(list(outputs), 6)}. {_HINT}",
            )
        kept = [row for row, what in zip(rows, odd, strict=True) if not what]
        return kept, [f"{row.place}: {what} is not trained on" for row, what in unknown]

    def _sound(self, rows: Sequence[Row], *, skip_bad: bool) -> tuple[list[Row], list[str]]:
        sound: list[Row] = []
        bad: list[tuple[Row, str]] = []
        for row in rows:
            why = self.fault(row.label) if row.label else ""
            try:
                read = not why and (row.label or self.optional)
                label = self.read(row.label, _text(row.input)) if read else ""
            except ValueError as err:
                why = str(err)
            if why:
                bad.append((row, why))
            else:
                sound.append(row if label == row.label else replace(row, label=label))
        if bad and not skip_bad:
            shown = [f"{why} at {row.place}" for row, why in bad]
            raise LabelProblem(
                f"{len(bad)} label{'s' * (len(bad) > 1)} cannot be used: {named(shown)}.",
                hint=(_HINT_GAPS if self.missing else _HINT) if sound else _HINT_ALL,
            )
        return sound, [f"{row.place}: {why}" for row, why in bad]

    def _require_choice(self, val: Sequence[Row]) -> None:
        """Rows that are alike say of any model only how often it answers so."""
        known = [row for row in val if row.label]
        what = self.alike([row.label for row in known]) if len(known) > 1 else ""
        if what:
            raise LabelProblem(
                f"All {len(known)} rows of val have {what}, from {known[0].place} to "
                f"{known[-1].place}; no model can be chosen on them.",
                hint="Give validation rows of every kind, or leave them out, e.g. `--splits "
                "train=train,test=test`: some are then taken from train.",
            )

    def _require_some(self, rows: Sequence[Row], role: str, where: str) -> None:
        if rows and not self.optional and not any(row.label for row in rows):
            raise LabelProblem(
                f"No row of {role} in {where} has a label, from {rows[0].place} on.",
                hint="Give the column that holds the labels with `--label-column NAME`.",
            )


class Classes(Labelling):
    """One class a row, the labelling of every task that names no other."""

    def likely(self, values_: Sequence[str]) -> bool:
        """Few values, each of them often."""
        return values.are_few(values_)

    def fault(self, label: str) -> str:
        """Any text is a class."""
        return ""

    def outputs(self, labels: Sequence[str]) -> tuple[str, ...]:
        """The classes, numbers in numeric order and others in natural order."""
        return ordered_labels(set(labels))

    def stratum(self, label: str) -> str:
        """Each class."""
        return label

    def alike(self, labels: Sequence[str]) -> str:
        """One class."""
        return f"one class, {labels[0]!r}" if len(set(labels)) == 1 else ""

    def learn(self, rows: Mapping[str, Sequence[Row]], where: str, *, skip_bad: bool) -> Learnable:
        """As :meth:`Labelling.learn`; a class needs two examples, and there are two classes."""
        kept, skipped = require_learnable(rows, where, skip_bad=skip_bad)
        self._require_choice(kept.get("val", []))
        return Learnable(kept, self._outputs_of(kept["train"], where), skipped)

    def keep(
        self, rows: Sequence[Row], outputs: Collection[str], role: str, *, skip_bad: bool
    ) -> tuple[list[Row], list[str]]:
        """As :meth:`Labelling.keep`."""
        return keep_known(rows, outputs, role, skip_bad=skip_bad)


def cells(label: str) -> dict[str, str]:
    """The cells of a label by column; a label that is no JSON object is one cell, without a name."""
    if label.startswith("{"):
        try:
            found = json.loads(label, parse_int=str, parse_float=str, parse_constant=str)
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, dict):
            return {str(name): "" if v is None else str(v) for name, v in found.items()}
    return {"": label}


def _text(given: Input) -> Any:
    return given.read() if isinstance(given, Cell) else given


def _rows(rows: Sequence[object]) -> str:
    return f"{len(rows)} row{'s' if len(rows) != 1 else ''}"


def labelling_of(task: str, settings: Mapping[str, object] | None = None) -> Labelling:
    """What the task of that name makes of labels.

    Raises:
        UnknownName, NameClash: no plugin, or two, provide it.
        BadSetting: a setting it does not have.
        PluginError: the plugin's labelling broke.
    """
    provided = installed().task(task)
    checked = check_settings(task, provided.spec.settings, settings or {})
    if not provided.spec.labelling:
        return Classes(checked)
    made = installed().part(provided, provided.spec.labelling, checked)
    if not isinstance(made, Labelling):
        raise PluginError(
            f"{provided.plugin.origin}: {provided.spec.labelling!r} gives {type(made).__name__}, "
            "no Labelling."
        )
    return made
