"""Labels of several tasks, any of which a row may lack; in one table, or each task in its own."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from zoo.data.labelling import Labelling, Learnable, cells, labelling_of
from zoo.data.rows import Row
from zoo.errors import BadSetting, LabelProblem


class Several(Labelling):
    """What several tasks make of a row: a JSON object of their labels, by name.

    Args:
        tasks: what each makes of its label, and its columns.
        places: of the data of those tasks that are in another data set than the one read.

    Raises:
        BadSetting: they take different numbers of inputs.
    """

    several = True
    missing = True

    def __init__(
        self,
        tasks: Mapping[str, tuple[Labelling, Sequence[str]]],
        places: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__({})
        self.places = dict(places or {})
        self.parts = {name: part for name, (part, _) in tasks.items()}
        self._columns = {name: tuple(columns) for name, (_, columns) in tasks.items()}
        self.columns = tuple(
            dict.fromkeys(c for several in self._columns.values() for c in several)
        )
        if len({part.inputs for part in self.parts.values()}) > 1:
            raise BadSetting(
                f"The tasks {', '.join(self.parts)} cannot be learned by one model.",
                hint="Of pairs of texts give all or none.",
            )

    def by_place(self) -> dict[str, Several]:
        """What the tasks of each data set make of its rows; ``""`` is the one without a place."""
        names: dict[str, list[str]] = {}
        for name in self.parts:
            names.setdefault(self.places.get(name, ""), []).append(name)
        return {
            place: Several({name: (self.parts[name], self._columns[name]) for name in of_place})
            for place, of_place in sorted(names.items(), key=lambda each: bool(each[0]))
        }

    def likely(self, values: Sequence[str]) -> bool:
        """Never: the columns are told."""
        return False

    def join(self, cells: Mapping[str, str]) -> str:
        """The labels of all tasks."""
        told = {
            name: part.join({column: cells[column] for column in self._columns[name]})
            for name, part in self.parts.items()
        }
        return json.dumps(told, ensure_ascii=False) if any(told.values()) else ""

    def fault(self, label: str) -> str:
        """The first of any task."""
        for name, own in cells(label).items():
            if own and (why := self.parts[name].fault(own)):
                return f"{name}: {why}"
        return ""

    def outputs(self, labels: Sequence[str]) -> tuple[str, ...]:
        """The names of the tasks."""
        return tuple(self.parts)

    def stratum(self, label: str) -> str:
        """That of the first task."""
        name, part = next(iter(self.parts.items()))
        own = cells(label).get(name, "")
        return part.stratum(own) if own else ""

    def learn(self, rows: Mapping[str, Sequence[Row]], where: str, *, skip_bad: bool) -> Learnable:
        """As :meth:`Labelling.learn`; each task learns from the rows that have a label of it.

        Where one cannot use its label, the row stays for the others.
        """
        told = {role: [cells(row.label) for row in several] for role, several in rows.items()}
        by_task: dict[str, tuple[str, ...]] = {}
        skipped: list[str] = []
        for name, part in self.parts.items():
            own = {
                role: [
                    (at, replace(row, label=given[name]))
                    for at, (row, given) in enumerate(zip(rows[role], told[role], strict=True))
                    if given.get(name)
                ]
                for role in rows
            }
            found = self._learnt(name, part, own, where, skip_bad=skip_bad)
            by_task[name] = found.labels
            skipped += found.skipped
            for role, several in own.items():
                kept = {row.place: row.label for row in found.rows.get(role, [])}
                for at, row in several:
                    told[role][at][name] = kept.get(row.place, "")
        labelled = {
            role: [
                replace(row, label=json.dumps(given, ensure_ascii=False))
                for row, given in zip(rows[role], told[role], strict=True)
                if any(given.values())
            ]
            for role in rows
        }
        return Learnable(labelled, self.outputs(()), skipped, by_task)

    def _learnt(
        self,
        name: str,
        part: Labelling,
        own: Mapping[str, Sequence[tuple[int, Row]]],
        where: str,
        *,
        skip_bad: bool,
    ) -> Learnable:
        if not own["train"]:
            raise LabelProblem(
                f"No row of train in {where} has a label for the task {name!r}.",
                hint=f"Its columns: {', '.join(self._columns[name])}.",
            )
        try:
            return part.learn(
                {role: [row for _, row in several] for role, several in own.items() if several},
                where,
                skip_bad=skip_bad,
            )
        except LabelProblem as err:
            err.message = f"{name}: {err.message}"
            raise

    def keep(
        self, rows: Sequence[Row], outputs: Collection[str], role: str, *, skip_bad: bool
    ) -> tuple[list[Row], list[str]]:
        """Never: a model is measured on one task at a time.

        Raises:
            BadSetting: always.
        """
        raise BadSetting(f"Which task? There are {', '.join(self.parts)}.")


def several(
    tasks: Mapping[str, tuple[str, ...]],
    settings: Mapping[str, Mapping[str, object]] | None = None,
) -> Several:
    """What tasks make of labels, e.g. of ``{"price": ("regression", "price"), …}``.

    Args:
        tasks: by the name that each is to have, its kind and its columns, with commas between them;
            and the place of its data, where that is in a data set of its own.
        settings: of tasks, by name.

    Raises:
        UnknownName, NameClash: no plugin, or two, provide such a kind.
        BadSetting: a task without columns, or with more than it takes; fewer than two tasks.
    """
    if len(tasks) < 2:
        raise BadSetting(
            f"Of several tasks {len(tasks)} is given.", hint="Give one task by its kind alone."
        )
    parts: dict[str, tuple[Labelling, Sequence[str]]] = {}
    places: dict[str, str] = {}
    for name, (kind, told, *place) in tasks.items():
        if any(place):
            places[name] = str(*place)
        columns = [column.strip() for column in told.split(",") if column.strip()]
        part = labelling_of(kind, (settings or {}).get(name))
        if not columns or (len(columns) > 1 and not part.several):
            raise BadSetting(
                f"The task {name!r} names {len(columns)} columns; {kind} takes "
                f"{'one or more' if part.several else 'one'}.",
                hint=f"For example {name}={kind}:COLUMN.",
            )
        parts[name] = (part, columns)
    return Several(parts, places)
