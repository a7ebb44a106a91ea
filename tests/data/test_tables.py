import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.data.making import csv, image_folder, jpeg, reviews
from zoo.data.contract import InputContract
from zoo.data.load import load, load_for_evaluation
from zoo.errors import (
    BadSetting,
    ColumnMissing,
    DataError,
    DataNotFound,
    LabelProblem,
    UnreadableFiles,
)

WRITERS = {}


def writes(suffix):
    def register(function):
        WRITERS[suffix] = function
        return function

    return register


@writes(".csv")
def _csv(path, rows):
    csv(path, ("text", "label"), rows)


@writes(".tsv")
def _tsv(path, rows):
    path.write_text("\n".join("\t".join(row) for row in [("text", "label"), *rows]))


@writes(".jsonl")
def _jsonl(path, rows):
    path.write_text("\n".join(json.dumps({"text": a, "label": b}) for a, b in rows))


@writes(".json")
def _json(path, rows):
    path.write_text(json.dumps([{"text": a, "label": b} for a, b in rows], indent=1))


@writes(".parquet")
def _parquet(path, rows):
    import pyarrow as pa
    from pyarrow import parquet

    texts, labels = zip(*rows, strict=True)
    parquet.write_table(pa.table({"text": texts, "label": labels}), path)


@pytest.mark.parametrize("suffix", WRITERS)
def test_every_kind_of_table_gives_the_same_rows(tmp_path, suffix):
    path = tmp_path / f"reviews{suffix}"
    WRITERS[suffix](path, reviews(20))
    data = load(path)
    assert (data.kind, data.modality) == ("table", "text")
    assert data.labels == ("bad", "good")
    assert data.rows == {"train": 14, "val": 3, "test": 3}
    found = [row for s in data.splits.values() for row in zip(s.inputs, s.labels, strict=True)]
    assert sorted(found) == sorted(reviews(20))
    assert data.description == f"text table {path}: texts in 'text', labels in 'label'"


@pytest.mark.parametrize("suffix", WRITERS)
def test_nothing_is_guessed_about_values(tmp_path, suffix):
    texts = ["None", "NA", "nan", "null", "", "2020-01-01", "01", "1.0", "true", "#N/A", "-"]
    path = tmp_path / f"t{suffix}"
    WRITERS[suffix](path, [(f"text {text}", text or "blank") for text in texts] * 2)
    found = load_for_evaluation(path)
    assert list(found.labels) == [text or "blank" for text in texts] * 2
    assert list(found.inputs) == [f"text {text}" for text in texts] * 2


def test_json_numbers_and_booleans_keep_their_spelling(tmp_path):
    path = tmp_path / "t.jsonl"
    labels = ["1", "1.0", "true", '"1e3"']
    path.write_text(
        "\n".join(f'{{"text": "text {i}", "label": {v}}}\n' for i, v in enumerate(labels))
    )
    assert list(load_for_evaluation(path).labels) == ["1", "1.0", "true", "1e3"]


def test_parquet_class_numbers_become_their_names(tmp_path):
    from datasets import ClassLabel, Dataset, Features, Value

    path = tmp_path / "t.parquet"
    features = Features({"text": Value("string"), "label": ClassLabel(names=["no", "yes"])})
    rows = {"text": ["a b", "c d", "e f"], "label": [1, 0, 1]}
    Dataset.from_dict(rows, features=features).to_parquet(path)
    assert list(load_for_evaluation(path).labels) == ["yes", "no", "yes"]


def test_parquet_numbers_are_written_as_numbers(tmp_path):
    import pyarrow as pa
    from pyarrow import parquet

    path = tmp_path / "t.parquet"
    parquet.write_table(pa.table({"text": ["a", "b", "c"], "label": [0, 10, None]}), path)
    with pytest.raises(LabelProblem, match=r"The label is blank in 1 row: t\.parquet row 3\."):
        load_for_evaluation(path)


def test_quotes_line_breaks_and_marks(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(
        b"\xef\xbb\xbf text , label \r\n"
        b'"one, ""quoted""",a\r\n"two\nlines", b \r\n' + "three\u2028separated,a\r\n".encode()
    )
    found = load_for_evaluation(path)
    assert list(found.inputs) == ['one, "quoted"', "two\nlines", "three\u2028separated"]
    assert list(found.labels) == ["a", "b", "a"]
    lines = tmp_path / "t.jsonl"
    lines.write_text('{"text": "three\u2028separated", "label": "a"}\n\n', encoding="utf-8")
    assert list(load_for_evaluation(lines).inputs) == ["three\u2028separated"]


@pytest.mark.parametrize(("suffix", "mark"), [(".csv", ";"), (".csv", "\t"), (".tsv", ",")])
def test_the_separator_is_the_one_in_the_header(tmp_path, suffix, mark):
    path = tmp_path / f"t{suffix}"
    path.write_text("\n".join(mark.join(row) for row in [("text", "label"), *reviews(6)]))
    assert list(load_for_evaluation(path).labels) == ["bad", "good"] * 3


def test_names_that_look_like_patterns_or_addresses(tmp_path):
    folder = tmp_path / "https:" / "a [1] *"
    folder.mkdir(parents=True)
    path = csv(folder / "t::x?.csv", ("text", "label"), reviews(4))
    assert len(load_for_evaluation(path)) == 4


def test_an_edited_file_is_never_read_stale(tmp_path):
    path = csv(tmp_path / "t.csv", ("text", "label"), [("good one", "a"), ("bad one", "b")])
    before = os.stat(path)
    first = load_for_evaluation(path)
    csv(path, ("text", "label"), [("good one", "b"), ("bad one", "a")])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert list(load_for_evaluation(path).labels) == ["b", "a"]
    assert load_for_evaluation(path).fingerprint != first.fingerprint


def test_reading_says_nothing_and_leaves_nothing_behind(tmp_path):
    """A fresh process, because the library's first use is the noisiest."""
    csv(tmp_path / "t.csv", ("text", "label"), reviews(20))
    (tmp_path / "bad.csv").write_text("text,label\na,b\nc,d,e\n")
    code = (
        "from zoo.data.load import load\nload('t.csv')\n"
        "try: load('bad.csv')\nexcept Exception: pass\n"
        "from datasets.utils import logging\nassert logging.get_verbosity() == logging.WARNING"
    )
    home = tmp_path / "home"
    home.mkdir()
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(home)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not [path for path in home.rglob("*") if path.is_file()]


def test_files_of_a_folder_are_its_splits(tmp_path):
    for i, name in enumerate(("train", "dev", "test")):
        csv(tmp_path / f"{name}.csv", ("text", "label"), reviews(10, seed=100 * i))
    (tmp_path / "README.md").write_text("hello")
    data = load(tmp_path)
    assert data.rows == {"train": 10, "val": 10, "test": 10}
    assert "(train.csv, dev.csv, test.csv)" in data.description
    assert load(tmp_path, splits={"train": "train", "test": "dev"}).rows["test"] == 10
    assert load_for_evaluation(tmp_path, split="val").name == "val"


def test_parts_of_one_split_are_joined(tmp_path):
    for i in range(3):
        csv(tmp_path / f"train-0000{i}-of-3.csv", ("text", "label"), reviews(10, seed=100 * i))
    csv(tmp_path / "sst2_test.csv", ("text", "label"), reviews(4, seed=900))
    assert load(tmp_path).rows == {"train": 26, "val": 4, "test": 4}


def test_a_split_column_is_used(tmp_path):
    rows = [
        (*row, ["train", "train", "dev", "test"][i // 2 % 4]) for i, row in enumerate(reviews(40))
    ]
    data = load(csv(tmp_path / "t.csv", ("text", "label", "split"), rows))
    assert data.rows == {"train": 20, "val": 10, "test": 10}


def test_several_tables_without_split_names(tmp_path):
    csv(tmp_path / "a.csv", ("text", "label"), reviews(4))
    assert sum(load(tmp_path).rows.values()) == 4
    csv(tmp_path / "b.csv", ("text", "label"), reviews(4))
    with pytest.raises(DataNotFound, match=r"several tables, a\.csv, b\.csv") as caught:
        load(tmp_path)
    assert caught.value.hint == (
        f"Give one, e.g. {tmp_path / 'a.csv'}, several as one by a quoted pattern, e.g. "
        f"'{tmp_path}/*.csv', or name them train, val and test."
    )
    assert len(load_for_evaluation(f"{tmp_path}/*.csv")) == 8


def test_tables_below_are_pointed_at(tmp_path):
    (tmp_path / "books").mkdir()
    csv(tmp_path / "books" / "train.csv", ("text", "label"), reviews(4))
    with pytest.raises(DataNotFound, match="only in folders below it: books") as caught:
        load(tmp_path)
    assert caught.value.hint == f"Give one of them, e.g. {tmp_path / 'books'}."


COLUMNS = [
    ("id,text,label", "7,a longer text,x", "text", "label"),
    ("label,sentence", "x,a longer text", "sentence", "label"),
    ("Review,Sentiment", "a longer text,x", "Review", "Sentiment"),
    ("title,body,category", "short,a much longer text,x", "body", "category"),
    ("text,comment,y", "short,a much longer text,x", "text", "y"),
    ("id,date,post,topic,score", "7,2020-01-01,a longer text,x,0.5", "post", "topic"),
]


@pytest.mark.parametrize(("header", "row", "source", "label"), COLUMNS)
def test_columns_are_found_by_looking(tmp_path, header, row, source, label):
    rows = []
    for i in range(12):
        cells = {
            "7": f"{i}",
            "x": "pq"[i % 2],
            "0.5": f"{i / 7}",
            "2020-01-01": f"2020-01-{i + 10}",
        }
        rows.append([cells.get(cell, f"{cell} {i}") for cell in row.split(",")])
    data = load(csv(tmp_path / "t.csv", header.split(","), rows))
    assert data.description.endswith(f"texts in {source!r}, labels in {label!r}")
    assert data.labels == ("p", "q")


@pytest.fixture
def questions(tmp_path) -> Path:
    rows = [
        (f"what is number {i} of them", "AB"[i % 2], f"{'AB'[i % 2]}{i % 4}") for i in range(24)
    ]
    return csv(tmp_path / "t.csv", ("question", "coarse", "fine"), rows)


def test_two_possible_labels_are_asked_about(questions):
    with pytest.raises(ColumnMissing) as caught:
        load(questions)
    assert caught.value.message == (
        "t.csv: which column holds the labels? Its columns: question, coarse, fine."
    )
    assert caught.value.hint == "Say which: `--label-column coarse` or `--label-column fine`."
    assert load(questions, label_column="fine").labels == ("A0", "A2", "B1", "B3")


def test_a_named_column_that_is_not_there(questions):
    with pytest.raises(ColumnMissing) as caught:
        load(questions, label_column="corse")
    assert caught.value.message == (
        "t.csv has no column 'corse'. Its columns: question, coarse, fine."
    )
    assert caught.value.hint == "Did you mean `--label-column coarse`?"
    with pytest.raises(ColumnMissing, match="has no column 'zzz'") as caught:
        load(questions, label_column="fine", input_column="zzz")
    assert caught.value.hint == "Name one: `--input-column NAME`."


def test_one_column_for_both(questions):
    with pytest.raises(ColumnMissing, match="'fine' cannot be input and label at once"):
        load(questions, label_column="fine", input_column="fine")


@pytest.mark.parametrize("header", [("text",), ("id", "text"), ("text", "remark")])
def test_no_label_column(tmp_path, header):
    rows = [[str(i) if name == "id" else f"{name} {i}" for name in header] for i in range(9)]
    with pytest.raises(ColumnMissing) as caught:
        load(csv(tmp_path / "t.csv", header, rows))
    assert caught.value.message == (
        f"t.csv: no column holds the labels, as far as zoo can tell. Its columns: "
        f"{', '.join(header)}."
    )
    assert caught.value.hint == "Name it with `--label-column NAME`."


def test_a_handful_of_rows_may_have_few_values_too(tmp_path):
    rows = [("one text", "p"), ("two texts", "q"), ("three texts", "p")]
    path = csv(tmp_path / "t.csv", ("post", "mood"), rows)
    assert list(load_for_evaluation(path).labels) == ["p", "q", "p"]


def test_no_text_column(tmp_path):
    path = csv(tmp_path / "t.csv", ("a", "label"), [(str(i), "xy"[i % 2]) for i in range(9)])
    with pytest.raises(ColumnMissing, match="no column holds the texts") as caught:
        load(path)
    assert caught.value.hint == "Name it with `--input-column NAME`."
    assert load(path, input_column="a").labels == ("x", "y")


def test_a_split_without_the_label_column(tmp_path):
    csv(tmp_path / "train.csv", ("text", "label"), reviews(20))
    csv(tmp_path / "test.csv", ("text", "id"), reviews(4))
    with pytest.raises(ColumnMissing) as caught:
        load(tmp_path)
    assert caught.value.message == ("test.csv has no label column 'label'. Its columns: text, id.")
    assert "`--splits train=train`" in caught.value.hint
    assert load(tmp_path, splits={"train": "train"}).rows["train"] == 14


def test_a_table_without_a_header(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("\n".join(",".join(row) for row in reviews(20)))
    with pytest.raises(ColumnMissing, match="seems to have no header") as caught:
        load(path)
    assert caught.value.hint == "Add a first line that names the columns, e.g. text,label."


def test_image_paths_are_relative_to_the_table(tmp_path):
    image_folder(tmp_path / "scans", {"x": 12})
    rows = [(f"scans/x/{i}.jpg", f"a long remark on {i}", "pq"[i % 2]) for i in range(12)]
    data = load(csv(tmp_path / "t.csv", ("file", "remark", "label"), rows))
    assert data.modality == "image"
    assert data.description.endswith("image paths in 'file', labels in 'label'")
    assert tmp_path / "scans" / "x" / "3.jpg" in [p for s in data.splits.values() for p in s.inputs]
    texts = load(tmp_path / "t.csv", contract=InputContract(modality="text"))
    assert texts.description.endswith("texts in 'remark', labels in 'label'")
    beside = load(tmp_path, modality="image")  # one table and a folder of images
    assert beside.fingerprint == data.fingerprint


def test_image_paths_that_lead_nowhere(tmp_path):
    rows = [(f"scans/{i}.jpg", "pq"[i % 2]) for i in range(12)]
    path = csv(tmp_path / "t.csv", ("file", "label"), rows)
    for modality in ("image", "text", None):
        with pytest.raises(DataNotFound) as caught:
            load(path, modality=modality)
        assert caught.value.message == (
            "The column 'file' of t.csv names images, and none of the 12 looked up exists, e.g. "
            "scans/0.jpg; looked for beside the table and among the 0 images in and below "
            f"{tmp_path}."
        )
        assert "`--input-column NAME`" in caught.value.hint
    assert load(path, modality="text", input_column="file").modality == "text"
    (tmp_path / "scans").mkdir()
    for i in range(11):
        (tmp_path / "scans" / f"{i}.jpg").write_bytes(jpeg(i))
    with pytest.raises(UnreadableFiles, match=r"1 of 12 images .*: t\.csv row 13 11\.jpg \(not f"):
        load(path)
    assert load(path, skip_bad=True).skipped == ("t.csv row 13 11.jpg: not found",)


def test_a_table_of_texts_for_an_image_backbone(questions):
    with pytest.raises(ColumnMissing, match="no column holds the paths of the images"):
        load(questions, contract=InputContract(modality="image"))


def test_lists_within_a_table_are_explained(tmp_path):
    import pyarrow as pa
    from pyarrow import parquet

    path = tmp_path / "t.parquet"
    table = pa.table({"pixels": [[1, 2]] * 4, "label": ["a", "b"] * 2})
    parquet.write_table(table, path)
    with pytest.raises(
        ColumnMissing, match=r"'pixels' of t\.parquet holds list.*not texts or paths"
    ):
        load(path, input_column="pixels")


def test_blank_texts_and_labels_are_named(tmp_path):
    rows = [*reviews(20), (" ", "good"), ("", "bad"), ("fine words", " ")]
    path = csv(tmp_path / "t.csv", ("text", "label"), rows)
    with pytest.raises(DataError) as caught:
        load(path)
    assert caught.value.message == "The text is blank in 2 rows: t.csv row 22, t.csv row 23."
    path = csv(tmp_path / "t.csv", ("text", "label"), [*reviews(20), rows[-1]])
    with pytest.raises(LabelProblem) as caught:
        load(path)
    assert caught.value.message == "The label is blank in 1 row: t.csv row 22."
    assert "`--skip-bad`" in caught.value.hint
    csv(path, ("text", "label"), rows)
    data = load(path, skip_bad=True)
    assert data.skipped == (
        "t.csv row 22: blank",
        "t.csv row 23: blank",
        "t.csv row 24: label is blank",
    )
    assert sum(data.rows.values()) == 20


def test_rows_that_cannot_be_learned_are_named(tmp_path):
    path = csv(tmp_path / "t.csv", ("text", "label"), [*reviews(6), ("odd words", "rare")])
    with pytest.raises(
        LabelProblem, match=r"'rare' has only one example .*: 'rare' at t\.csv row 8"
    ):
        load(path)
    csv(path, ("text", "label"), [(text, "same") for text, _ in reviews(6)])
    with pytest.raises(LabelProblem, match="There is only one class, 'same'"):
        load(path)


BROKEN = {
    "ragged.csv": (b"text,label\na,b\nc,d,e\n", "Expected 2 fields in line 3, saw 3"),
    "wide.csv": (b"text,label\na,b,c\nc,d,e\n", "its header has 2 columns, its first row 3"),
    "unmarked.csv": ("text,label\na,b\n".encode("utf-16-le"), "it holds NUL bytes"),
    "open.csv": (b'text,label\n"a,b\nc,d\n', "EOF inside string starting at row 1"),
    "latin.csv": ("text,label\ncafé,b\n".encode("latin1"), "(?s)byte 0xe9.*`iconv -f latin1 "),
    "wide.tsv": (
        "text\tlabel\ncafé\tb\n".encode("utf-16"),
        r"(?s)is not UTF-8 text: byte 0xff.*`iconv -f utf-16 -t utf-8`",
    ),
    "list.jsonl": (b'{"text": "a", "label": 1}\n[1]\n', r"line 2 is not a JSON object"),
    "cut.jsonl": (b'{"text": "a", "label": 1}\n\n{"text": "b"', "line 3 is not JSON"),
    "cut.json": (b'[{"text": "a"}', "it is not JSON"),
    "deep.jsonl": (b'{"text": ' + b"[" * 100_000, "line 1 is not JSON"),
    "cut.parquet": (b"PAR1 and then nothing", "cannot be read"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_tables_are_explained_in_two_lines(tmp_path, name):
    content, says = BROKEN[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableFiles, match=says) as caught:
        load(tmp_path / name)
    assert str(tmp_path / name) in caught.value.message
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize("content", [b"", b"\n\n", b"text,label\n"])
def test_a_table_without_rows(tmp_path, content):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(DataNotFound, match=r"t\.csv has no rows"):
        load(tmp_path / "t.csv")


def test_two_columns_of_one_name(tmp_path):
    path = csv(tmp_path / "t.csv", ("text", "label", "label"), [("a", "b", "c")])
    with pytest.raises(ColumnMissing, match="two columns named 'label'"):
        load(path)


def test_a_very_long_text(tmp_path):
    rows = [("long " * 60_000, "a"), ("short", "b"), *reviews(6)]
    assert len(load_for_evaluation(csv(tmp_path / "t.csv", ("text", "label"), rows))) == 8


def test_a_short_row_is_blank_where_it_ends(tmp_path):
    (tmp_path / "t.csv").write_text("text,label\nsome words,a\nonly words\n")
    with pytest.raises(LabelProblem, match=r"t\.csv row 3"):
        load(tmp_path / "t.csv")


def test_an_unknown_split_of_an_unsplit_table(questions):
    with pytest.raises(BadSetting, match="has no splits"):
        load(questions, label_column="fine", splits={"train": "train"})
