"""``zoo predict``: what a model says of new inputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zoo.cli import options, sources
from zoo.cli.output import data, emit_json, emit_table, one_line, plain, say
from zoo.errors import BadSetting, DataError

if TYPE_CHECKING:
    from zoo.data.rows import Input
    from zoo.model import ComposedModel
    from zoo.progress import Progress

_CHUNK = 256  # inputs decoded at a time


@dataclass(frozen=True)
class _Answer:
    """The labels and scores for one input, best first."""

    input: str
    ranked: tuple[tuple[str, float], ...]


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
    modality = model.backbone.contract.modality
    found = inputs_from(words, modality, input_column=input_column)
    answers = list(
        _predict(model, found, tell, convert=convert, skip_bad=skip_bad, batch_size=batch_size)
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
    found: Sequence[Input],
    progress: Progress,
    *,
    convert: bool,
    skip_bad: bool,
    batch_size: int,
) -> Iterator[_Answer]:
    from zoo.data.samples import Samples

    samples = Samples(found, model.backbone.contract, convert=convert)
    with progress.stage("predicting", len(found)) as advance:
        for start in range(0, len(found), _CHUNK):
            numbers = range(start, min(start + _CHUNK, len(found)))
            readable = {n: s for n in numbers if (s := _read(samples, n, skip_bad)) is not None}
            logits = model.logits(list(readable.values()), batch_size=batch_size)
            decoded = model.task.decode(logits[model.task.name]) if readable else []
            for number, prediction in zip(readable, decoded, strict=True):
                ranked = sorted(prediction.scores.items(), key=lambda pair: -pair[1])
                yield _Answer(str(found[number]), tuple(ranked))
            advance(len(numbers))


def _read(samples: Sequence[Any], number: int, skip_bad: bool) -> Any:
    try:
        return samples[number]
    except DataError as err:
        if not skip_bad:
            err.hint = f"{err.hint} `--skip-bad` goes on without it."
            raise
        say(f"Skipped: {one_line(err.message)}")
        return None


def _as_data(answer: _Answer, top: int | None) -> dict[str, Any]:
    label, score = answer.ranked[0]
    scores = dict(answer.ranked[:top])
    return {"input": answer.input, "label": label, "score": score, "scores": scores}


def _emit_csv(answers: Sequence[_Answer], top: int) -> None:
    import csv

    shown = min(top, len(answers[0].ranked))
    suffixes = ["", *(f"_{place}" for place in range(2, shown + 1))]
    writer = csv.writer(data(), lineterminator="\n")
    writer.writerow(["input", *(f"{name}{s}" for s in suffixes for name in ("label", "score"))])
    for answer in answers:
        pairs = [cell for label, score in answer.ranked[:shown] for cell in (plain(label), score)]
        writer.writerow([plain(answer.input), *pairs])


def _emit_people(answers: Sequence[_Answer], top: int) -> None:
    rows = [
        ("" if place else one_line(answer.input, limit=80), label, f"{score:.3f}")
        for answer in answers
        for place, (label, score) in enumerate(answer.ranked[:top])
    ]
    emit_table(("input", "label", "score"), rows, right=("score",))
