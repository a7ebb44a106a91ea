"""``zoo predict``: what a model says of new inputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zoo.cli import options, sources
from zoo.cli.output import data, emit_json, emit_table, one_line, plain
from zoo.cli.streaming import readable as read_one
from zoo.cli.streaming import stream
from zoo.errors import BadSetting, DataError

if TYPE_CHECKING:
    from zoo.data.rows import Input
    from zoo.model import ComposedModel, Prediction, Task
    from zoo.progress import Progress

_CHUNK = 256  # inputs decoded at a time


@dataclass(frozen=True)
class _Answer:
    """What each task says of one input."""

    input: Input
    said: dict[str, Prediction]


def predict(
    artifact: options.Artifact,
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT...",
            help="Files, folders, tables, texts, or - for standard input, one input a line.",
        ),
    ],
    top: Annotated[
        int | None, typer.Option(min=1, help="So many labels an input, best first.")
    ] = None,
    task: Annotated[
        str | None, typer.Option(help="Of a model with several tasks, this one alone.")
    ] = None,
    as_json: options.Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV on stdout.")] = False,
    revision: options.Revision = None,
    locked: options.Locked = False,
    weights: options.Weights = None,
    input_column: options.InputColumn = None,
    convert: options.Convert = False,
    skip_bad: options.SkipBad = False,
    batch_size: options.BatchSize = 32,
) -> None:
    """Predict the labels of new inputs.

    For example: zoo predict runs/flowers photo.jpg more-photos/ --top 3
    """
    from zoo import progress
    from zoo.data.inputs import inputs_from

    if as_json and as_csv:
        raise BadSetting("--json and --csv exclude each other.", hint="Give one of them.")
    tell = progress.default()
    model = sources.open_model(
        artifact, progress=tell, revision=revision, locked=locked, weights=weights
    )
    tasks = [model.chosen(task)] if task is not None else list(model.tasks.values())
    found = inputs_from(
        words,
        model.backbone.contract.modality,
        input_column=input_column,
        labelling=tasks[0].labelling,
    )
    if model.language and tasks[0].speaks and not (as_json or as_csv):
        stream(model, found, skip_bad=skip_bad)
        return
    answers = list(
        _predict(
            model, tasks, found, tell, convert=convert, skip_bad=skip_bad, batch_size=batch_size
        )
    )
    if not answers:
        raise DataError("None of the inputs could be read.", hint="The lines above say why.")
    if as_json:
        emit_json([_as_data(answer, top) for answer in answers])
    elif as_csv:
        _emit_csv(answers, top or 1)
    else:
        _emit_people(answers, top or 1)


def _predict(
    model: ComposedModel,
    tasks: Sequence[Task],
    found: Sequence[Input],
    progress: Progress,
    *,
    convert: bool,
    skip_bad: bool,
    batch_size: int,
) -> Iterator[_Answer]:
    from zoo.model import Preprocessed
    from zoo.model.lengths import long_in, told_of_long

    samples, long = model.samples(found, convert=convert), 0
    with progress.stage("predicting", len(found)) as advance:
        for start in range(0, len(found), _CHUNK):
            numbers = range(start, min(start + _CHUNK, len(found)))
            readable = {
                n: s for n in numbers if (s := read_one(samples, n, skip_bad=skip_bad)) is not None
            }
            if readable:
                chunk = list(readable.values())
                if not model.language:  # such tasks read long texts in parts
                    long += long_in(model.backbone, Preprocessed(chunk, model.preprocess))
                said = model.answers(chunk, tasks, batch_size=batch_size)
                each = (said[task.name] for task in tasks)
                for number, row in zip(readable, zip(*each, strict=True), strict=True):
                    named = {task.name: one for task, one in zip(tasks, row, strict=True)}
                    yield _Answer(found[number], named)
            advance(len(numbers))
    if text := told_of_long(model.backbone, {"inputs": (long, len(found))}):
        progress.note(text)


def _as_data(answer: _Answer, top: int | None) -> dict[str, Any]:
    given = answer.input
    shown = [str(part) for part in given] if isinstance(given, tuple) else str(given)
    said = {name: _cut(prediction, top) for name, prediction in answer.said.items()}
    if len(said) == 1:
        return {"input": shown, **next(iter(said.values()))}
    return {"input": shown, "tasks": said}


def _cut(prediction: Prediction, top: int | None) -> dict[str, Any]:
    found = prediction.as_dict()
    if prediction.scores:
        best = sorted(prediction.scores.items(), key=lambda pair: -pair[1])
        first = [pair for pair in prediction.ranked if pair[0] in prediction.scores]
        found["scores"] = dict(best if top is None else first[:top])
    return found


def _emit_csv(answers: Sequence[_Answer], top: int) -> None:
    import csv

    rows = [
        {"input": plain(_words(answer.input)), **_cells(name, prediction, answer, top)}
        for answer in answers
        for name, prediction in answer.said.items()
    ]
    columns = dict.fromkeys(name for row in rows for name in row)
    writer = csv.DictWriter(data(), columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def _cells(name: str, prediction: Prediction, answer: _Answer, top: int) -> dict[str, Any]:
    """One prediction as columns: what it is, then the numbers it consists of."""
    import json

    cells: dict[str, Any] = {"task": plain(name)} if len(answer.said) > 1 else {}
    for place, (label, score) in enumerate(_shown(prediction, top), start=1):
        suffix = f"_{place}" if place > 1 else ""
        cells[f"label{suffix}"] = plain(label)
        if score is not None:
            cells[f"score{suffix}"] = score
    if prediction.score is None:
        cells |= {plain(f"score {label}"): score for label, score in prediction.scores.items()}
    for key, value in prediction.data.items():
        if isinstance(value, dict):
            # The numbers that are the answer bear their own names; what else is told of each does not.
            own = not (prediction.scores or {*value} & cells.keys())
            cells |= {plain(n if own else f"{key} {n}"): one for n, one in value.items()}
        else:
            cells[key] = json.dumps(value, ensure_ascii=False)
    return cells


def _emit_people(answers: Sequence[_Answer], top: int) -> None:
    several = len(answers[0].said) > 1
    told = [p for answer in answers for p in answer.said.values()]
    limited = any("thresholds" in p.data for p in told)
    scored = limited or any(p.score is not None for p in told)
    rows = []
    for answer in answers:
        shown = one_line(_words(answer.input), limit=80)
        for name, prediction in answer.said.items():
            limits = prediction.data.get("thresholds", {})
            each = _applying(prediction, top) if limits else _shown(prediction, top)
            for place, (label, score) in enumerate(each):
                row = [shown, *([name] if several else []), label]
                row += [_figure(score)] if scored else []
                row += [_figure(limits.get(label))] if limited else []
                rows.append(tuple("" if place and at == 0 else c for at, c in enumerate(row)))
            shown = ""
    heads = ["input", *(["task"] if several else []), "label", *(["score"] if scored else [])]
    heads += ["threshold"] if limited else []
    emit_table(heads, rows, right=("score", "threshold"))


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _applying(prediction: Prediction, top: int) -> Sequence[tuple[str, float | None]]:
    """The labels that reach their thresholds, best first, and others where more are asked for."""
    limits = prediction.data["thresholds"]
    scores = [pair for pair in prediction.scores.items() if pair[0] in limits]
    scores.sort(key=lambda pair: (pair[1] < limits[pair[0]], -pair[1]))
    applying = sum(score >= limits[name] for name, score in scores)
    return scores[: max(applying, top if top > 1 else 0)] or [(prediction.label, None)]


def _shown(prediction: Prediction, top: int) -> Sequence[tuple[str, float | None]]:
    """The answer; where it is one of its labels, also the next best."""
    if prediction.score is None:
        return prediction.ranked[:1]
    return prediction.ranked[:top]


def _words(given: Input) -> str:
    return " | ".join(map(str, given)) if isinstance(given, tuple) else str(given)
