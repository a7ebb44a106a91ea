"""Bad data of every kind of task: the command names file and row, and exits with 2."""

import csv
import json

import pytest
from PIL import Image

from tests.cli.commands import zoo as command

TEXTS = [f"text number {at} of thirty" for at in range(30)]


def table(path, *columns):
    """Texts with a column for each function of their number."""
    path.parent.mkdir(exist_ok=True)
    names = [name for name, _ in columns]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", *names])
        writer.writerows([[text, *(of(at) for _, of in columns)] for at, text in enumerate(TEXTS)])
    return path


def lines(path, of):
    """A JSONL file of texts with what a function of their number says of each."""
    path.parent.mkdir(exist_ok=True)
    rows = [json.dumps({"text": text, **of(at)}) for at, text in enumerate(TEXTS)]
    path.write_text("\n".join(rows))
    return path


def spans(*kinds, end=4):
    return {"spans": [{"start": 0, "end": end, "label": kind} for kind in kinds]}


def refused(*words, out):
    ended = command(
        "fit", *words, "--backbone", "minilm", "--adapter", "linear-probe", "--out", out
    )
    assert ended.code == 2, ended.err
    assert not out.exists()
    return ended.err


def test_a_span_that_leaves_its_text(tmp_path):
    data = lines(tmp_path / "data.jsonl", lambda at: spans("A", end=400 if at == 7 else 4))
    said = refused(data, "--task", "token-classification", out=tmp_path / "run")
    assert "the span 0-400 (A) leaves the text" in said
    assert "data.jsonl row 8" in said


@pytest.mark.parametrize("task", ["classification", "ordinal", "regression"])
def test_all_labels_missing(task, tmp_path):
    data = table(tmp_path / "data.csv", ("target", lambda at: ""))
    said = refused(data, "--task", task, "--label-column", "target", out=tmp_path / "run")
    assert "data.csv row 2" in said


def test_a_label_that_no_row_has(tmp_path):
    marks = [("a", lambda at: at % 2), ("b", lambda at: "")]
    data = table(tmp_path / "data.csv", *marks)
    words = ("--task", "multilabel", "--label-column", "a,b")
    assert "data.csv: 'b' applies to no training row" in refused(data, *words, out=tmp_path / "run")


@pytest.mark.parametrize("column", [(), ("--label-column", "price")])
def test_a_string_among_numbers(column, tmp_path):
    data = table(tmp_path / "data.csv", ("price", lambda at: "dear" if at == 11 else at / 2))
    said = refused(data, "--task", "regression", *column, out=tmp_path / "run")
    assert "'dear'" in said
    assert "is no number at data.csv row 13" in said


MISTAKES = [
    ("regression", lambda at: "1_000" if at == 11 else at, "'1_000' in the column 'y' is no number at data.csv row 13"),
    ("multilabel", lambda at: 2 if at == 11 else at % 2, "'2' in the column 'y' is neither 0 nor 1 at data.csv row 13"),
    ("ordinal", lambda at: ("1", "2", "2.0")[at % 3], "data.csv: The grades '2' and '2.0' are one number, written in two ways"),
    ("ordinal", lambda at: ("low", "high")[at % 2], "data.csv: The grades are words (high, low)"),
]  # fmt: skip


@pytest.mark.parametrize(("task", "of", "message"), MISTAKES)
def test_what_a_person_may_have_meant_is_not_guessed(task, of, message, tmp_path):
    data = table(tmp_path / "data.csv", ("y", of))
    words = ("--task", task, "--label-column", "y")
    assert message in refused(data, *words, out=tmp_path / "run")


def test_a_column_cannot_be_both_halves_of_a_pair(tmp_path):
    data = table(tmp_path / "data.csv", ("y", lambda at: at % 2))
    words = ("--task", "pair-classification", "--input-column", "text,text")
    said = refused(data, *words, out=tmp_path / "run")
    assert "--input-column names the column 'text' of data.csv twice" in said


def test_more_units_than_outputs(tmp_path):
    data = table(tmp_path / "data.csv", ("price", lambda at: at / 2))
    words = ("--task", "regression", "--task-set", "units=€,m²")
    said = refused(data, *words, out=tmp_path / "run")
    assert "units=€,m² names more units than there are outputs (price)" in said


@pytest.mark.parametrize("task", ["causal-language", "masked-language", "sequence-to-sequence"])
def test_a_task_that_no_default_backbone_is_for_asks_for_one(task, tmp_path):
    data = table(tmp_path / "data.csv", ("target", lambda at: at))
    ended = command("fit", data, "--task", task, "--out", tmp_path / "run")
    assert ended.code == 2
    assert "needs to be told which backbone" in ended.err


@pytest.mark.parametrize("task", ["classification", "ordinal"])
def test_one_class_only_in_validation(task, tmp_path):
    folder = tmp_path / "data"
    table(folder / "train.csv", ("grade", lambda at: at % 3))
    table(folder / "val.csv", ("grade", lambda at: 1))
    said = refused(folder, "--task", task, "--label-column", "grade", out=tmp_path / "run")
    assert "All 30 rows of val have one class, '1', from val.csv row 2 to val.csv row 31" in said
    assert "--splits train=train" in said


@pytest.mark.parametrize(
    ("task", "train", "val", "what"),
    [
        ("multilabel", lambda at: {"labels": ["ab"[at % 2]]}, {"labels": ["a"]}, "the same labels"),
        ("multilabel", lambda at: {"wet": at % 2, "hot": at % 3 % 2}, {"wet": 1, "hot": 0}, "the same labels"),
        ("token-classification", lambda at: spans("A"), spans(), "no entity"),
    ],
)  # fmt: skip
def test_validation_rows_that_are_alike(task, train, val, what, tmp_path):
    lines(tmp_path / "data/train.jsonl", train)
    lines(tmp_path / "data/val.jsonl", lambda at: val)
    said = refused(tmp_path / "data", "--task", task, out=tmp_path / "run")
    assert f"All 30 rows of val have {what}, from val.jsonl row 1 to val.jsonl row 30" in said


@pytest.mark.parametrize(
    ("task", "train", "val", "named"),
    [
        ("classification", lambda at: {"label": "ab"[at % 2]}, lambda at: {"label": "abc"[at % 3]}, "'c'"),
        ("ordinal", lambda at: {"label": str(at % 3)}, lambda at: {"label": str(at % 4)}, "'3'"),
        ("multilabel", lambda at: {"labels": ["ab"[at % 2]]}, lambda at: {"labels": ["a", "c"]}, "'c'"),
        ("token-classification", lambda at: spans("A"), lambda at: spans("AB"[at % 2]), "'B'"),
    ],
)  # fmt: skip
def test_labels_that_training_never_saw(task, train, val, named, tmp_path):
    lines(tmp_path / "data/train.jsonl", train)
    lines(tmp_path / "data/val.jsonl", val)
    said = refused(tmp_path / "data", "--task", task, out=tmp_path / "run")
    assert f"have a label never seen in training: {named} at val.jsonl row" in said


@pytest.mark.parametrize(
    "words",
    [
        ("--task", "token-classification"),
        ("--task", "a=similarity:label", "--task", "b=similarity:label"),
    ],
)
def test_a_task_on_the_wrong_modality(words, tmp_path):
    data = table(tmp_path / "data.csv", ("label", lambda at: at % 2))
    ended = command("fit", data, "--backbone", "digits", *words, "--out", tmp_path / "run")
    assert ended.code == 2
    assert "works on text; digits takes image" in ended.err


def test_a_task_on_data_of_the_wrong_modality(tmp_path):
    for at in range(4):
        path = tmp_path / "images" / "ab"[at % 2] / f"{at}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 20), (at, 9, 9)).save(path)
    ended = command(
        "fit", tmp_path / "images", "--task", "token-classification", "--out", tmp_path / "run"
    )
    assert ended.code == 2
    assert "is an image folder; text inputs are needed" in ended.err
