"""What ``--task`` and ``--task-set`` ask for: one task by its kind, or several by names of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.data.labelling import Labelling, labelling_of
from zoo.errors import BadSetting, Incompatible
from zoo.host import installed
from zoo.specs import TaskSpec, check_settings, works_on

if TYPE_CHECKING:
    from zoo.cli.plan import Plan
    from zoo.data.dataset import Dataset
    from zoo.model import Task


@dataclass(frozen=True)
class AskedTasks:
    """Tasks as they were typed.

    Attributes:
        words: of ``--task``.
        kind: of the one task; ``None`` where none was typed, or several.
        several: kind, columns and place of the data by name, where they were typed so; the place is
            empty where it is DATA.
        settings: of the one task, or of several by name.
        typed: the settings as they were typed.
    """

    words: tuple[str, ...]
    kind: str | None
    several: Mapping[str, tuple[str, str, str]]
    settings: Mapping[str, Any]
    typed: Mapping[str, Any]

    def require_fit(self, chosen: Plan) -> None:
        """Refuse a backbone that one of them does not sit on, before any data is read.

        Raises:
            Incompatible: it is of a modality that the task does not take; or none was named, and the
                task needs one with a language head, which no default has.
        """
        for spec in self._specs(chosen):
            if chosen.backbone and chosen.modality:
                works_on(spec, chosen.modality, chosen.backbone)
            elif spec.language:
                raise Incompatible(
                    f"{spec.name} uses a backbone's own {spec.language} language head, so it needs "
                    "to be told which backbone.",
                    hint="Name one with `--backbone`: `zoo backbones` lists them.",
                )

    def modality(self, chosen: Plan) -> str | None:
        """What the data has to be; ``None`` where looking at it is to decide."""
        taken = {spec.modalities for spec in self._specs(chosen) if len(spec.modalities) == 1}
        return chosen.modality or (min(taken)[0] if taken else None)

    def labelling(self, chosen: Plan) -> Labelling:
        """What they make of labels."""
        if not self.several:
            return labelling_of(chosen.task, chosen.task_settings)
        from zoo.data.several import several

        return several(self.several, self.settings)

    def make(self, chosen: Plan, dataset: Dataset) -> list[Task]:
        """The tasks, for data that has been read."""
        import zoo

        if not self.several:
            return [zoo.task(chosen.task, labels=dataset.labels, **chosen.task_settings)]
        return [
            zoo.task(kind, labels=dataset.tasks[name], name=name, **self.settings.get(name, {}))
            for name, (kind, *_) in self.several.items()
        ]

    def _specs(self, chosen: Plan) -> list[TaskSpec]:
        kinds = [kind for kind, *_ in self.several.values()] or [chosen.task]
        return [installed().task(kind).spec for kind in kinds]

    def describe(self, chosen: Plan) -> str:
        """For the line that says what the model is."""
        if not self.several:
            return chosen.task
        return ", ".join(f"{name} ({kind})" for name, (kind, *_) in self.several.items())


def asked_tasks(words: Sequence[str], settings: Mapping[str, Any]) -> AskedTasks:
    """Parse ``KIND``, or several ``NAME=KIND:COLUMNS[@DATA]`` with settings ``NAME.KEY=VALUE``.

    Raises:
        BadSetting: a word is of neither form, a name comes twice, or a setting is of no task.
        UnknownName, NameClash: no plugin, or two, provide such a kind.
    """
    if len(words) < 2 and not any("=" in word for word in words):
        _require_kind(words)
        return AskedTasks(tuple(words), words[0] if words else None, {}, settings, settings)
    several: dict[str, tuple[str, str, str]] = {}
    for word in words:
        name, equals, rest = word.partition("=")
        kind, _, rest = rest.partition(":")
        columns, at, place = rest.partition("@")
        if not (name and equals and kind and columns) or bool(at) != bool(place):
            raise BadSetting(
                f"--task {word!r} is not of the form NAME=KIND:COLUMNS or NAME=KIND:COLUMNS@DATA.",
                hint="Of several tasks each has a name, e.g. `--task price=regression:price "
                "--task kind=classification:kind`.",
            )
        if name in several:
            raise BadSetting(f"--task gives {name!r} twice.", hint="Give each task its own name.")
        several[name] = (kind, columns, place)
    if len(several) < 2:
        raise BadSetting(
            f"--task {words[0]!r} names one task among several, and there are no others.",
            hint="Give the kind alone, and its columns with `--label-column`.",
        )
    if all(place for _, _, place in several.values()):
        raise BadSetting(
            "Every --task names a data set of its own, and none is left for DATA.",
            hint="Leave out the @… of those whose data set is DATA.",
        )
    return AskedTasks(tuple(words), None, several, _by_task(several, settings), settings)


def placed(words: Sequence[str]) -> list[str]:
    """Words of ``--task`` whose data sets are meant wherever one stands."""
    found = []
    for word in words:
        before, at, place = word.partition("@")
        here = Path(place).expanduser()
        found.append(f"{before}@{here.absolute()}" if at and place and here.exists() else word)
    return found


def _require_kind(words: Sequence[str]) -> None:
    """Of a single task the columns are told elsewhere."""
    known = {provided.spec.name for provided in installed().tasks}
    for word in words:
        kind, colon, columns = word.partition(":")
        if colon and kind in known and word not in known:
            raise BadSetting(
                f"--task {word!r} names columns, as only those of several tasks are.",
                hint=f"Give `--task {kind} --label-column {columns or 'NAME'}`.",
            )


def _by_task(
    several: Mapping[str, tuple[str, str, str]], settings: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {name: {} for name in several}
    for key, value in settings.items():
        name, dot, setting = key.partition(".")
        if not dot or name not in several:
            raise BadSetting(
                f"--task-set {key!r} says no task; there are {', '.join(several)}.",
                hint=f"For example `--task-set {next(iter(several))}.KEY=VALUE`.",
            )
        found[name][setting] = value
    for name, (kind, *_) in several.items():
        check_settings(kind, installed().task(kind).spec.settings, found[name])
    return found
