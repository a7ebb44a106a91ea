"""``zoo gap``: how far the data a model will meet lies from the data it is trained on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zoo.cli import describe, options, writing
from zoo.cli.output import emit, emit_facts, emit_json, emit_table, one_line, say
from zoo.errors import BadSetting

if TYPE_CHECKING:
    from zoo.domain.record import Gap
    from zoo.domain.sides import Side

_SPLIT = "Which part of it, where it has splits; by default"


def gap(
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="What a model is trained on.")],
    target: Annotated[Path, typer.Argument(metavar="TARGET", help="What it will meet.")],
    backbone: Annotated[
        str | None, options.model("In whose features to compare; from `zoo backbones`.")
    ] = None,
    weights: options.Weights = None,
    revision: options.Revision = None,
    source_split: Annotated[
        str | None, options.data(f"{_SPLIT} train.", "--source-split", metavar="NAME")
    ] = None,
    target_split: Annotated[
        str | None, options.data(f"{_SPLIT} test, else val.", "--target-split", metavar="NAME")
    ] = None,
    source_unlabelled: Annotated[
        bool, options.data("SOURCE has no labels.", "--source-unlabelled")
    ] = False,
    target_unlabelled: Annotated[
        bool, options.data("TARGET has no labels.", "--target-unlabelled")
    ] = False,
    input_column: options.InputColumn = None,
    label_column: options.LabelColumn = None,
    skip_bad: options.SkipBad = False,
    convert: options.Convert = False,
    rows: Annotated[int, options.data("At most so many of each set.", min=20)] = 500,
    seed: Annotated[int, typer.Option(min=0, help="Draws rows, folds and permutations.")] = 0,
    plot: Annotated[
        Path | None, typer.Option(help="Write both sets in feature space as this .png.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an earlier file at --plot.")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Say how far TARGET lies from SOURCE in the features of a frozen backbone, and in what.

    For example: zoo gap studio-photos/ phone-photos/ --backbone vision:resnet18 --plot gap.png
    """
    if plot is not None:
        if plot.suffix != ".png":
            raise BadSetting(f"--plot {str(plot)!r} is no .png.", hint="Name a file such as a.png.")
        writing.require_free(plot, overwrite=overwrite)
    modality = describe.backbone_named(backbone).spec.modality if backbone else None
    how: dict[str, Any] = {
        "modality": modality,
        "input_column": input_column,
        "label_column": label_column,
        "skip_bad": skip_bad,
        "convert": convert,
    }
    names = [path.name or str(path) for path in (source, target)]
    if len(set(names)) == 1:
        names = [str(source), str(target)]
    first = _read(source, names[0], source_split, "train", unlabelled=source_unlabelled, **how)
    second = _read(target, names[1], target_split, "test", unlabelled=target_unlabelled, **how)
    import zoo
    from zoo import progress
    from zoo.domain.gap import gap as compare

    base = zoo.load_backbone(backbone, weights=weights, revision=revision) if backbone else None
    found = compare(first, second, base, rows=rows, seed=seed, progress=progress.default())
    _emit(found, as_json=as_json)
    if plot is not None:
        from zoo.report.scatter import spaces_png

        with writing.replacing(plot) as partial:
            sets = [
                (found.source, found.plane["source"]),
                (found.target, found.plane["target"]),
            ]
            partial.write_bytes(spaces_png(sets, found.explained))
        say(f"Wrote {plot}.")


def _read(
    path: Path,
    name: str,
    split: str | None,
    role: str,
    *,
    unlabelled: bool,
    modality: str | None,
    input_column: str | None,
    label_column: str | None,
    skip_bad: bool,
    convert: bool,
) -> Side:
    """One of the two sets; ``role`` is of the split that is taken where it has splits."""
    from zoo.domain.sides import Side

    if unlabelled:
        from zoo import progress
        from zoo.data.unlabelled import unlabelled as unlabelled_from

        if modality is None:
            raise BadSetting(
                f"What {path} holds cannot be told without labels or a backbone.",
                hint="Give a backbone for such data with `--backbone NAME`.",
            )
        read = unlabelled_from(
            path,
            modality,
            input_column=input_column,
            skip_bad=skip_bad,
            convert=convert,
            progress=progress.default(),
        )
        for line in (f"{len(read.inputs)} inputs without labels", *read.notes):
            say(one_line(f"{name}: {line}"))
        return Side(name, read.inputs, modality, convert=convert)
    from zoo import progress
    from zoo.domain.sides import part_of

    found = part_of(
        path,
        role,
        split,
        modality=modality,
        input_column=input_column,
        label_column=label_column,
        skip_bad=skip_bad,
        convert=convert,
        progress=progress.default(),
    )
    say(one_line(f"{name}: {found.description}; {found.name}, {len(found)} rows"))
    return Side(name, found.inputs, found.modality, found.labels, convert)


def _emit(found: Gap, *, as_json: bool) -> None:
    from zoo.domain.words import lines

    said = lines(found)
    if as_json:
        emit_json({**found.plain(), "words": said})
        return
    for line in said:
        emit(line)
    emit("")
    emit_facts(
        {
            "rows": f"{found.rows['source']} and {found.rows['target']}",
            "proxy A-distance": f"{found.a_distance:.2f} of 2",
            "classifier": f"{found.classifier.statistic:.3f} accuracy, p {found.classifier.p:.3f}",
            "MMD²": f"{found.mmd.statistic:.4f}, p {found.mmd.p:.3f}",
            "the same within classes": found.within
            and f"p {found.within[0].p:.3f} and {found.within[1].p:.3f}",
            "proportions of classes": found.label_shift and f"p {found.label_shift.test.p:.3f}",
        }
    )
    if found.label_shift is not None:
        emit("")
        _emit_classes(found)


def _emit_classes(found: Gap) -> None:
    shift = found.label_shift
    assert shift is not None  # the caller looked
    tests = {each.label: each.test for each in found.classes}
    rows = []
    for at, label in enumerate(shift.labels):
        test = tests.get(label)
        rows.append(
            (
                label,
                f"{shift.source[at]:.1%}",
                f"{shift.estimated[at]:.1%}",
                f"{shift.low[at]:.1%} … {shift.high[at]:.1%}",
                shift.actual and f"{shift.actual[at]:.1%}",
                test and f"{test.statistic:.4f}",
                test and f"{test.p:.3f}",
            )
        )
    columns = ("class", "source", "target, BBSE", "95% interval", "by labels", "MMD²", "p")
    emit_table(columns, rows, right=columns[1:])
