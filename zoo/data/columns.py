"""Which column of a table is the input and which the label: as told, else by looking.

The label is a column called ``label``, else the one column with a label's usual name, else what the
task takes for its targets, such as the one column with few different values. The input is a column
of names of image files that exist, else ``text``, else the column with the longest texts. Where two
would do, nobody is served by a guess.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from zoo.data import values
from zoo.data.beside import are_image_names
from zoo.data.labelling import Classes, Labelling
from zoo.data.table import Table
from zoo.errors import ColumnMissing

_LABEL_NAMES = {"label", "labels", "label_name", "class", "classes", "class_name", "classname"}
_LABEL_NAMES |= {"target", "category", "tag", "y"}
_OF_TEXTS = " For texts, `zoo backbones --modality text` lists the backbones."
_PAIRS = (
    ("text_a", "text_b"),
    ("text1", "text2"),
    ("sentence1", "sentence2"),
    ("question1", "question2"),
    ("premise", "hypothesis"),
    ("question", "answer"),
    ("query", "document"),
)


@dataclass(frozen=True)
class Columns:
    """The columns that count.

    Attributes:
        inputs: one, or two for a pair.
        targets: none where no label was asked for; several where the task has several.
        modality: of the inputs.
        stored: whether the table holds the images themselves.
    """

    inputs: tuple[str, ...]
    targets: tuple[str, ...]
    modality: str
    stored: bool = False

    @property
    def input(self) -> str:
        """The columns of inputs, in words."""
        return " and ".join(self.inputs)

    def describe(self) -> str:
        """For the line that says what the data was taken for."""
        images = "images" if self.stored else "image paths"
        what = "texts" if self.modality == "text" else images
        what = what if len(self.inputs) == 1 else f"pairs of {what}"
        labels = f", labels in {_quoted(self.targets)}" if self.targets else ""
        return f"{what} in {_quoted(self.inputs)}{labels}"


def find_columns(
    table: Table,
    *,
    modality: str | None = None,
    input_column: str | None = None,
    label_column: str | None = None,
    labelled: bool = True,
    ignored: Collection[str] = (),
    labelling: Labelling | None = None,
    outputs: Collection[str] = (),
) -> Columns:
    """Find the columns of a table.

    Args:
        table: to look at.
        modality: ``"image"`` or ``"text"``, where it is known.
        input_column, label_column: what the user says; several with commas between them.
        labelled: whether a label is needed.
        ignored: columns that are neither.
        labelling: what the task makes of labels.
        outputs: of a task that is known already; columns of these names are its targets.

    Raises:
        ColumnMissing: a column is not there, or several could be meant.
        DataNotFound: names of images, of which none exists.
    """
    labelling = labelling or Classes({})
    sources = _told(table, input_column, "--input-column", labelling.inputs)
    told = _told(table, label_column, "--label-column", None if labelling.several else 1)
    if labelled and labelling.columns:
        told = labelling.columns
        for name in told:
            require(table, name, "--task NAME=KIND:")
    if both := set(sources) & set(told):
        raise ColumnMissing(
            f"{table.title}: the column {min(both)!r} cannot be input and label at once.",
            hint=f"Its columns: {', '.join(table.columns)}.",
        )
    known_inputs, known_targets = labelling.roles(
        [name for name in table.flat if name not in {*sources, *told, *ignored}]
    )
    sources = sources or tuple(known_inputs)
    if labelled:
        told = told or tuple(known_targets)
        labelled = bool(told) or not labelling.optional
    usual = [name for name in usual_labels(table, labelling) if name not in sources]
    targets = told
    if labelled and not told and labelling.several and outputs and {*outputs} <= {*table.columns}:
        targets = tuple(outputs)
    if labelled and not targets:
        targets = _target_by_name(table, usual)
    passed_over = {*targets, *ignored} if labelled else {*usual, *told, *ignored}
    rest = [name for name in table.flat if name not in passed_over]
    sources = sources or _sources(table, rest, modality, labelling, targets)
    if labelled and not targets:
        targets = _target_by_looking(
            table, [name for name in rest if name not in sources], labelling
        )
    if labelled:
        _require_header(table, sources[0], targets[0])
    if len(sources) > 1:
        return Columns(sources, targets if labelled else (), "text")
    if sources[0] in table.pictures:
        return Columns(sources, targets if labelled else (), "image", stored=True)
    exist = modality != "text" and _images_exist(table, sources[0])
    as_texts = modality == "text" and input_column
    if not exist and not as_texts and _names_images(table, sources[0]):
        raise table.beside.refusal(sources[0], table.sample(sources[0]))
    looks = "image" if exist else "text"
    return Columns(sources, targets if labelled else (), modality or looks)


def usual_labels(table: Table, labelling: Labelling) -> list[str]:
    """The columns that are called as labels usually are."""
    names = labelling.names or _LABEL_NAMES
    return [name for name in table.flat if name.lower() in names]


def _told(table: Table, given: str | None, option: str, count: int | None) -> tuple[str, ...]:
    """The columns a person named; a name that is a column's own may hold commas."""
    if given is None:
        return ()
    names = (given,) if given in table.columns else tuple(n.strip() for n in given.split(","))
    for name in names:
        require(table, name, option)
    if twice := [name for name in names if names.count(name) > 1]:
        raise ColumnMissing(
            f"{option} names the column {twice[0]!r} of {table.title} twice.",
            hint=f"Its columns: {', '.join(table.columns)}.",
        )
    if count is not None and len(names) != count:
        raise ColumnMissing(
            f"{option} names {len(names)} of the columns of {table.title}; the task takes {count}.",
            hint=f"Its columns: {', '.join(table.columns)}.",
        )
    return names


def require(table: Table, name: str, option: str) -> None:
    """Refuse a column that is not there.

    Raises:
        ColumnMissing: with the nearest name.
    """
    if name not in table.columns:
        near = difflib.get_close_matches(name, table.columns, n=1)
        typed = option if option.endswith(":") else f"{option} "
        raise ColumnMissing(
            f"{table.title} has no column {name!r}. Its columns: {', '.join(table.columns)}.",
            hint=f"Did you mean `{typed}{near[0]}`?" if near else f"Name one: `{typed}NAME`.",
        )


def _target_by_name(table: Table, usual: Sequence[str]) -> tuple[str, ...]:
    exact = [name for name in usual if name.lower() == "label"]
    if len(exact) == 1:
        return (exact[0],)
    if len(usual) > 1:
        raise _unclear(table, "holds the labels", usual, "--label-column")
    return tuple(usual)


def _target_by_looking(
    table: Table, candidates: Sequence[str], labelling: Labelling
) -> tuple[str, ...]:
    likely = [name for name in candidates if labelling.likely(table.sample(name))]
    if chosen := labelling.choose(likely):
        return tuple(chosen)
    alone = candidates[0] if not likely and len(candidates) == 1 else None
    if alone and isinstance(labelling, Classes) and values.repeat(table.sample(alone)):
        return (alone,)
    raise _unclear(table, "holds the labels", likely, "--label-column")


def _sources(
    table: Table,
    candidates: Sequence[str],
    modality: str | None,
    labelling: Labelling,
    targets: Sequence[str],
) -> tuple[str, ...]:
    if labelling.inputs == 1:
        return (_input(table, candidates, modality),)
    for pair in _PAIRS:
        if {*pair} <= {*candidates}:
            return pair
    texts = [n for n in candidates if not _is_target(table, n, labelling, targets)]
    if len(texts) == labelling.inputs:
        return tuple(texts)
    raise ColumnMissing(
        f"{table.title}: which two columns are the pair? Its columns: {', '.join(table.columns)}.",
        hint="Say which: `--input-column FIRST,SECOND`.",
    )


def _is_target(table: Table, name: str, labelling: Labelling, targets: Sequence[str]) -> bool:
    sample = table.sample(name)
    return values.are_numbers(sample) or (not targets and labelling.likely(sample))


def _input(table: Table, candidates: Sequence[str], modality: str | None) -> str:
    if modality != "text":
        stored = [name for name in table.pictures if name.lower() in ("image", "img")]
        if len(stored) == 1 or len(table.pictures) == 1:
            return (stored or table.pictures)[0]
        if table.pictures:
            raise _unclear(table, "holds the images", table.pictures, "--input-column")
        images = [name for name in candidates if _names_images(table, name)]
        found = [name for name in candidates if _images_exist(table, name)]
        found = [name for name in found if name.lower() in ("image", "image_path")] or found
        if modality == "image":
            found = found or images
        if len(found) == 1:
            return found[0]
        if len(found) > 1 or modality == "image":
            what = "holds the paths of the images"
            raise _unclear(table, what, found, "--input-column", other=_OF_TEXTS)
        if images and "text" not in map(str.lower, candidates) and table.beside.images:
            return images[0]  # they are misspelt: to learn from a remark instead would hide it
    samples = {name: table.sample(name) for name in candidates}
    texts = [name for name, cells in samples.items() if not values.are_numbers(cells)]
    if not texts:
        raise _unclear(table, "holds the texts", [], "--input-column")
    named = [name for name in texts if name.lower() == "text"]
    return named[0] if named else max(texts, key=lambda name: values.mean_length(samples[name]))


def _unclear(
    table: Table, what: str, candidates: Sequence[str], option: str, *, other: str = ""
) -> ColumnMissing:
    """The error of a column that is not clear; ``other`` is what may be meant where none is."""
    columns = ", ".join(table.columns)
    if len(candidates) > 1:
        shown = " or ".join(f"`{option} {name}`" for name in candidates[:4])
        return ColumnMissing(
            f"{table.title}: which column {what}? Its columns: {columns}.",
            hint=f"Say which: {shown}.",
        )
    return ColumnMissing(
        f"{table.title}: no column {what}, as far as zoo can tell. Its columns: {columns}.",
        hint=f"Name it with `{option} NAME`.{other}",
    )


def _require_header(table: Table, source: str, label: str) -> None:
    """A header that is one of the labels, over texts, is a first row without a header."""
    if table.numbers[0] == 2 and label in set(table.sample(label)) and source.lower() != "text":
        raise ColumnMissing(
            f"{table.title} seems to have no header: its first line is "
            f"{', '.join(name[:40] for name in table.columns)}.",
            hint="Add a first line that names the columns, e.g. text,label.",
        )


def _quoted(names: Sequence[str]) -> str:
    return " and ".join(map(repr, names))


def _names_images(table: Table, name: str) -> bool:
    return name in table.flat and are_image_names(table.sample(name))


def _images_exist(table: Table, name: str) -> bool:
    return name in table.pictures or table.beside.are_named(table.sample(name))
