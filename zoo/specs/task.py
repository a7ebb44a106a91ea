"""What is predicted, described; and what trains it, on what."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.errors import Incompatible, InvalidSpec
from zoo.settings import Setting, Types, require_all
from zoo.specs.adapter import AdapterSpec
from zoo.specs.forms import require_import_string, require_name

_LANGUAGES = ("", "masked", "causal", "seq2seq")
_TASK_TYPES = Types(
    name=str, loader=str, modalities=tuple, summary=str, settings=tuple, labelling=str, language=str
)


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskSpec:
    """What is predicted.

    Attributes:
        name: e.g. ``classification``.
        loader: ``"package.module:Class"``, a :class:`zoo.plugin.Task`, called with ``labels`` and
            the checked settings.
        modalities: which backbones it can sit on; empty means any.
        summary: one line for the catalogue.
        settings: its options.
        labelling: ``"package.module:Class"``, a :class:`zoo.plugin.Labelling`: what the task makes
            of the labels that data gives, called with the checked settings. It is imported before
            torch is, so its module must not need torch. Empty: one class a row.
        language: the kind of the backbone's own language head that it uses, ``masked``, ``causal`` or
            ``seq2seq``; empty: it has a head of its own.
    """

    name: str
    loader: str
    modalities: tuple[str, ...] = ()
    summary: str = ""
    settings: tuple[Setting, ...] = ()
    labelling: str = ""
    language: str = ""

    def __post_init__(self) -> None:
        require_name("Task", self.name)
        require_import_string(self.name, self.loader)
        _TASK_TYPES.require(self)
        if self.labelling:
            require_import_string(self.name, self.labelling)
        if self.language not in _LANGUAGES:
            raise InvalidSpec(
                f"{self.name}: language={self.language!r} is not {', '.join(_LANGUAGES[1:])} or empty."
            )
        require_all(self.name, "modalities", self.modalities, str)
        require_all(self.name, "settings", self.settings, Setting)


def misfit(task: TaskSpec, adapter: AdapterSpec) -> str:
    """Why this adapter cannot train this task on any backbone; empty where it can on some."""
    if task.language and not adapter.language:
        return (
            f"{task.name} uses the language head that the backbone was trained with; "
            f"{adapter.name} trains a backbone without one."
        )
    return ""


def works_on(task: TaskSpec, modality: str, backbone: str) -> None:
    """Refuse a backbone of a modality that the task does not take.

    Raises:
        Incompatible: it does not.
    """
    if task.modalities and modality not in task.modalities:
        raise Incompatible(
            f"{task.name} works on {' and '.join(task.modalities)}; {backbone} takes {modality}.",
            hint="`zoo tasks` lists what each task works on.",
        )
