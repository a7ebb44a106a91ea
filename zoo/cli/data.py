"""``zoo data``: a look at data before anything is trained."""

from __future__ import annotations

import itertools
import json
import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zoo.cli import choices, options, writing
from zoo.cli.output import emit_json, emit_table, one_line, say, say_each

if TYPE_CHECKING:
    from zoo.data.dataset import Dataset
    from zoo.model import Backbone

_PICTURE = Path("preview.png")
_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".pdf")
_LABEL = 60  # characters

app = typer.Typer(help="Look at data before anything is trained.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keeps `preview` a command of its own while it is the only one."""


@app.command()
def preview(
    data: options.Data,
    backbone: Annotated[
        str | None, options.model("Show inputs as this one's preprocessing leaves them.")
    ] = None,
    task: options.Tasks = None,
    task_set: options.TaskSet = None,
    out: Annotated[Path, typer.Option(help="The picture to write, of images.")] = _PICTURE,
    count: Annotated[int, typer.Option(min=1, max=400, help="Rows shown, of every label.")] = 24,
    split: Annotated[str, typer.Option(help="train, val or test.")] = "train",
    augment: Annotated[
        choices.Augment, typer.Option(help="Also show each image as training may change it.")
    ] = choices.Augment.none,
    weights: options.Weights = None,
    revision: options.Revision = None,
    input_column: options.InputColumn = None,
    label_column: options.LabelColumn = None,
    splits: options.Splits = None,
    val_fraction: options.ValFraction = options.HELD_OUT,
    test_fraction: options.TestFraction = options.HELD_OUT,
    skip_bad: options.SkipBad = False,
    convert: options.Convert = False,
    seed: Annotated[int, typer.Option(help="Another seed, other rows.")] = 0,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an earlier picture at --out.")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Show some of DATA with its labels: a contact sheet of images, or sampled texts.

    For example: zoo data preview flowers/ --backbone timm:mobilenetv2_100 --augment mild
    """
    from zoo import progress
    from zoo.cli.asked_tasks import asked_tasks, placed
    from zoo.cli.plan import plan
    from zoo.data.load import load

    tasks = asked_tasks(placed(task or []), options.pairs("--task-set", task_set or []))
    chosen = plan(
        recipe=None,
        backbone=backbone,
        adapter=None,
        task=tasks.kind,
        settings={},
        task_settings={} if tasks.several else tasks.settings,
        training={},
    )
    labelling = tasks.labelling(chosen)
    if out != _PICTURE or chosen.modality == "image":  # else it may be texts, and nothing written
        _require_picture(out, overwrite=overwrite)
    dataset = load(
        data,
        task=labelling,
        modality=tasks.modality(chosen),
        input_column=input_column,
        label_column=label_column,
        splits=options.split_names(splits),
        val_fraction=val_fraction,
        test_fraction=test_fraction,
        seed=seed,
        skip_bad=skip_bad,
        convert=convert,
        progress=progress.default(),
    )
    say_each(dataset.describe())
    if dataset.modality == "image":
        _require_picture(out, overwrite=overwrite)
    opened = _opened(backbone, dataset.modality, weights, revision)
    rows = _sampled(dataset, split, count, seed, labelling.stratum)
    if dataset.modality == "image":
        _draw(rows, dataset, opened, augment.value, seed, out)
    elif augment != choices.Augment.none:
        from zoo.data.augment import ONLY_IMAGES

        say(f"--augment {augment.value}: without effect, for {ONLY_IMAGES}.")
    found = [_described(row, dataset, opened) for row in rows]
    picture = str(out) if dataset.modality == "image" else None
    if as_json:
        emit_json({"modality": dataset.modality, "out": picture, "rows": found})
    elif picture:
        say(f"Wrote {picture}: {len(rows)} images of {split}.")
    else:
        text = "seen" if "seen" in found[0] else "input"
        columns = [name for name in ("label", "tokens", text) if name in found[0]]
        labels = [one_line(row.words, _LABEL) for row in rows]
        shown = [{**each, "label": label} for each, label in zip(found, labels, strict=True)]
        emit_table(columns, [[each[name] for name in columns] for each in shown])


@dataclass(frozen=True)
class _Row:
    """One row of a split."""

    index: int
    given: Any
    label: str

    @property
    def words(self) -> str:
        """The label as people read it: ``price=3.5``, ``O×12 B-person O``."""
        try:
            found = json.loads(self.label)
        except (ValueError, RecursionError):
            return self.label
        if isinstance(found, dict):
            return ", ".join(f"{name}={value}" for name, value in found.items())
        if isinstance(found, list) and all(isinstance(tag, str) for tag in found):
            runs = [(tag, len(list(same))) for tag, same in itertools.groupby(found)]
            return " ".join(f"{tag}×{times}" if times > 1 else tag for tag, times in runs)
        return self.label


def _require_picture(out: Path, *, overwrite: bool) -> None:
    """Refuse a name that the picture cannot have.

    Raises:
        BadSetting: its suffix is of no kind of picture that is written.
        OutputExists: it is taken.
    """
    from zoo.errors import BadSetting

    if out.suffix.lower() not in _SUFFIXES:
        raise BadSetting(
            f"--out {str(out)!r} does not say by its suffix what picture to write.",
            hint=f"Valid: {', '.join(_SUFFIXES)}.",
        )
    writing.require_free(out, overwrite=overwrite)


def _opened(
    name: str | None, modality: str, weights: Path | None, revision: str | None
) -> Backbone | None:
    """The backbone that is named; the default one where only its weights are."""
    if name is None and weights is None and revision is None:
        return None
    import zoo
    from zoo import registry

    name = name or registry.load().defaults.backbone_for(modality)
    return zoo.load_backbone(name, weights=weights, revision=revision)


def _sampled(
    dataset: Dataset, split: str, count: int, seed: int, stratum: Callable[[str], str]
) -> list[_Row]:
    """Rows of all strata of labels in turn, drawn by ``seed``.

    Raises:
        BadSetting: there is no such split.
    """
    from zoo.errors import BadSetting

    if split not in dataset.splits:
        raise BadSetting(
            f"The data has no split {split!r}.", hint=f"It has {', '.join(dataset.splits)}."
        )
    rows = dataset.splits[split]
    by_stratum: dict[str, list[int]] = defaultdict(list)
    for index, label in enumerate(rows.labels):
        by_stratum[stratum(label) if label else ""].append(index)
    for several in by_stratum.values():
        random.Random(seed).shuffle(several)
    turns = _in_turn([by_stratum[name] for name in sorted(by_stratum)])
    chosen = sorted(
        (index for index, _ in zip(turns, range(count), strict=False)),
        key=lambda index: (
            (dataset.labels.index(rows.labels[index]), index)
            if rows.labels[index] in dataset.labels
            else (0, index)
        ),
    )
    return [_Row(index, rows.inputs[index], rows.labels[index]) for index in chosen]


def _in_turn(groups: Sequence[list[int]]) -> Iterator[int]:
    while any(groups):
        yield from (group.pop() for group in groups if group)


def _draw(
    rows: Sequence[_Row],
    dataset: Dataset,
    backbone: Backbone | None,
    augment: str,
    seed: int,
    out: Path,
) -> None:
    from zoo.data.augment import NONE, augmented
    from zoo.data.contract import InputContract
    from zoo.data.samples import Samples
    from zoo.report.sheet import seen_as, sheet

    contract = backbone.contract if backbone else InputContract(modality="image")
    samples = Samples([row.given for row in rows], contract, dataset.convert)
    tiles = []
    for row, sample in zip(rows, samples, strict=True):
        versions = [(sample, row.words)]
        if augment != NONE:
            changed = augmented(sample, augment, seed=seed, epoch=1, row=row.index)
            versions.append((changed, f"{row.words}, {augment}"))
        for image, caption in versions:
            if backbone:
                preprocess = backbone.preprocess
                image = seen_as(preprocess(image), preprocess.describe())
            tiles.append((image, caption))
    with writing.replacing(out) as partial:
        sheet(tiles).save(partial)


def _described(row: _Row, dataset: Dataset, backbone: Backbone | None) -> dict[str, Any]:
    given = " | ".join(row.given) if isinstance(row.given, tuple) else str(row.given)
    found: dict[str, Any] = {"row": row.index, "label": row.label, "input": given}
    if dataset.modality == "text" and backbone and isinstance(row.given, str):
        from zoo.model.batches import length_of
        from zoo.report.pieces import in_pieces

        ready = backbone.preprocess(row.given)
        tokens = length_of(ready) // len(ready)
        cut = tokens == backbone.contract.max_length
        found["tokens"] = f"{tokens}, cut" if cut else tokens
        if (places := backbone.preprocess.places(row.given)) is not None:
            found["seen"] = in_pieces(row.given, places.tolist())
    return found
