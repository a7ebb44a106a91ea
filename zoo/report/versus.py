"""Several runs side by side: a table, what differs between them, and one HTML page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.errors import BadSetting
from zoo.report.adaptation import TARGET, Adaptation
from zoo.report.comparison import words
from zoo.report.html import data_uri, environment
from zoo.report.plots import BLUE, GREY, canvas, png, short
from zoo.report.record import THIS_MODEL, RunRecord, read_history, read_record

TEMPLATE = "compare.html.j2"
_SURE = 2.0  # standard errors


@dataclass(frozen=True)
class Side:
    """One run: its name, its record, the lines of its history."""

    name: str
    record: RunRecord
    history: Sequence[Mapping[str, Any]]

    def metrics(self, split: str) -> dict[str, float]:
        """Of this model on ``split``; empty where it was not measured there."""
        own = (r for r in self.record.results if r.model == THIS_MODEL and r.split == split)
        return next((r.metrics for r in own), {})


@dataclass(frozen=True)
class Versus:
    """Runs of one task, the best first.

    Attributes:
        sides: the runs.
        split: that all were measured on.
        metrics: names, the headline first.
        differing: facts that are not the same in all, by name, one value a run.
        notes: what makes the comparison unsafe.
    """

    sides: tuple[Side, ...]
    split: str
    metrics: tuple[str, ...]
    differing: Mapping[str, tuple[str, ...]]
    notes: tuple[str, ...]

    @property
    def headline(self) -> str:
        """The metric that orders them."""
        return self.sides[0].record.headline

    def best(self, metric: str) -> float | None:
        """The best value of a metric; ``None`` where no run has it."""
        values = [m[metric] for side in self.sides if metric in (m := side.metrics(self.split))]
        choose = min if metric in self.sides[0].record.lower else max
        return choose(values, default=None)

    def plain(self) -> dict[str, Any]:
        """All of it for JSON."""
        return {
            "split": self.split,
            "headline": self.headline,
            "runs": [
                {
                    "run": side.name,
                    "backbone": side.record.backbone,
                    "adapter": side.record.adapter,
                    "metrics": side.metrics(self.split),
                    "trainable_parameters": side.record.trainable_parameters,
                    "seconds": side.record.seconds,
                }
                for side in self.sides
            ],
            "differing": {name: list(values) for name, values in self.differing.items()},
            "notes": list(self.notes),
        }


def versus(runs: Sequence[Path]) -> Versus:
    """Compare the runs in these folders.

    Raises:
        NotAnArtifact: one of them is no run.
        BadSetting: there is but one, or they predict different things, or have no split in common.
    """
    if len(runs) < 2:
        raise BadSetting(
            "A comparison needs two runs.", hint="`zoo report RUN` shows a single one."
        )
    names = _names(runs)
    sides = [
        Side(name, read_record(run), read_history(run))
        for name, run in zip(names, runs, strict=True)
    ]
    headlines = {side.record.headline for side in sides}
    if len(headlines) > 1:
        told = ", ".join(f"{side.name} {side.record.task}" for side in sides)
        raise BadSetting(
            f"These runs are of different tasks and have no figure in common: {told}.",
            hint="Compare runs of one task.",
        )
    (headline,) = headlines
    common = [s for s in _splits(sides) if all(headline in side.metrics(s) for side in sides)]
    if not common:
        raise BadSetting(
            f"These runs were not all measured on one split by {words(headline)}.",
            hint="Fit those that were interrupted again: `zoo fit --resume RUN`.",
        )
    split = common[0]
    sides.sort(key=lambda side: -side.metrics(split)[headline])
    known = dict.fromkeys(name for side in sides for name in side.metrics(split))
    return Versus(
        sides=tuple(sides),
        split=split,
        metrics=tuple(sorted(known, key=lambda name: name != headline)),
        differing=_differing(sides),
        notes=tuple(_notes(sides, split)),
    )


def write_versus(found: Versus, path: Path) -> None:
    """Write the comparison as one self-contained page."""
    curves = [side for side in found.sides if len(side.history) > 1]
    page = (
        environment()
        .get_template(TEMPLATE)
        .render(
            found=found,
            bars=data_uri(_bars_png(found)),
            curves=data_uri(_curves_png(curves, found.headline)) if curves else None,
        )
    )
    path.write_text(page, encoding="utf-8")


def _names(runs: Sequence[Path]) -> list[str]:
    """The last part of each path; whole paths where two would be the same."""
    short_names = [run.resolve().name for run in runs]
    return short_names if len(set(short_names)) == len(runs) else [str(run) for run in runs]


def _splits(sides: Sequence[Side]) -> tuple[str, ...]:
    """What counts, first: a target that all were adapted to, and that has labels."""
    adapted = [side.record.adaptation for side in sides]
    targets = {each.target.get("fingerprint") if each else None for each in adapted}
    shared = len(targets) == 1 and all(targets)
    return (TARGET, "test", "val") if shared else ("test", "val")


def _notes(sides: Sequence[Side], split: str) -> list[str]:
    found = []
    alike = split == TARGET or len({side.record.data.get("fingerprint") for side in sides}) == 1
    if split != TARGET and any(side.record.adaptation for side in sides):
        found.append(
            "These figures are of each run's own source: the runs have no labelled target in common."
        )
    if not alike:
        found.append(
            "These runs are not on the same data: their figures cannot be held against each other."
        )
    found += [
        f"{side.name} {_STATUS[side.record.status]}."
        for side in sides
        if side.record.status in _STATUS
    ]
    if split == "val":
        found.append("On validation rows, which also chose each model: all figures are optimistic.")
    first, second = sides[0], sides[1]
    error = _error(first, split)
    headline = first.record.headline
    apart = first.metrics(split)[headline] - second.metrics(split)[headline]
    if alike and error is not None and apart <= _SURE * error:
        found.append(
            f"{first.name} and {second.name} are {apart:.3f} apart, which is within chance "
            f"(one standard error is {error:.3f})."
        )
    return found


_STATUS = {"interrupted": "was interrupted", "failed": "failed"}


def _error(side: Side, split: str) -> float | None:
    """The standard error of a difference to this run, as its own verdicts have it."""
    about = "adaptation" if split == TARGET else "transfer"
    evidence = side.record.evidence
    verdicts = evidence.verdicts if evidence else []
    return next((v.figures["error"] for v in verdicts if v.about == about), None)


def _differing(sides: Sequence[Side]) -> dict[str, tuple[str, ...]]:
    """Facts and settings that are not the same in all runs."""
    facts = [_facts(side.record) for side in sides]
    names = dict.fromkeys(name for each in facts for name in each)
    found = {name: tuple(each.get(name, "–") for each in facts) for name in names}
    return {name: values for name, values in found.items() if len(set(values)) > 1}


def _facts(record: RunRecord) -> dict[str, str]:
    config = record.config
    nested = {
        **{f"adapter {k}": v for k, v in config.get("adapter_settings", {}).items()},
        **{f"task {k}": v for k, v in config.get("task_settings", {}).items()},
        **config.get("training", {}),
    }
    plain = {
        "backbone": record.backbone,
        "adapter": record.adapter,
        "pooling": config.get("pooling"),
        **nested,
        **(_adapted(record.adaptation) if record.adaptation else {}),
        "data": str(record.data.get("fingerprint", ""))[:12],
        "training rows": record.data.get("rows", {}).get("train"),
        **record.versions,
    }
    return {words(name): str(value) for name, value in plain.items() if value is not None}


def _adapted(adaptation: Adaptation) -> dict[str, str]:
    """By which alignment, and what came of it."""
    settings = {f"alignment {name}": str(value) for name, value in adaptation.settings.items()}
    return {
        "alignment": adaptation.alignment,
        **settings,
        "validator": adaptation.validator,
        "kept": adaptation.kept,
        "target": str(adaptation.target.get("fingerprint", ""))[:12],
    }


def _bars_png(found: Versus) -> bytes:
    values = [side.metrics(found.split)[found.headline] for side in found.sides]
    figure, (axes,) = canvas(6.5, 0.8 + 0.4 * len(values))
    errors = [_SURE * (_error(side, found.split) or 0) / 2**0.5 for side in found.sides]
    at = range(len(values))
    axes.barh(at, values, xerr=errors, color=[BLUE, *[GREY] * (len(values) - 1)], height=0.6)
    axes.set_yticks(at, [short(side.name) for side in found.sides], parse_math=False)
    axes.invert_yaxis()
    axes.set_xlabel(f"{words(found.headline)} on {found.split}")
    axes.spines[["top", "right"]].set_visible(False)
    return png(figure)


def _curves_png(sides: Sequence[Side], headline: str) -> bytes:
    from matplotlib.ticker import MaxNLocator

    figure, (axes,) = canvas(6.5, 3.4)
    for side in sides:
        points = [
            (line["epoch"], line["val"][headline])
            for line in side.history
            if headline in line.get("val", {})
        ]
        axes.plot(*zip(*points, strict=True), marker="o", markersize=3, label=short(side.name))
    axes.set_xlabel("epoch")
    axes.set_ylabel(f"{words(headline)} on validation")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.spines[["top", "right"]].set_visible(False)
    legend = axes.legend(frameon=False, fontsize=8)
    for text in legend.get_texts():
        text.set_parse_math(False)
    return png(figure)
