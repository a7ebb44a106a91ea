import io
from pathlib import Path

import pytest

from tests.data.making import csv, image_folder, jpeg
from zoo.data.inputs import inputs_from
from zoo.errors import (
    ColumnMissing,
    ContractViolation,
    DataError,
    DataNotFound,
    UnreadableFiles,
)


@pytest.fixture
def stdin(monkeypatch):
    """Give standard input these bytes."""

    def give(content: bytes) -> None:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content), encoding="ascii"))

    return give


def test_files_and_folders_of_images(tmp_path):
    image_folder(tmp_path / "more", {"b": 2, "a/deep": 11})
    (tmp_path / "more" / "notes.txt").write_text("not an image")
    (tmp_path / "odd name").write_bytes(jpeg(1))
    found = inputs_from([str(tmp_path / "odd name"), str(tmp_path / "more")], "image")
    assert found[0] == tmp_path / "odd name"
    assert [str(path.relative_to(tmp_path / "more")) for path in found[1:]] == [
        *(f"a/deep/{i}.jpg" for i in range(11)),
        "b/0.jpg",
        "b/1.jpg",
    ]


def test_paths_on_standard_input(stdin):
    stdin("a b.jpg\r\nsub/é.png\n".encode())
    assert inputs_from(["-"], "image") == [Path("a b.jpg"), Path("sub/é.png")]


def test_the_image_column_of_a_table(tmp_path):
    (tmp_path / "x.jpg").write_bytes(jpeg(1))
    path = csv(tmp_path / "t.csv", ("id", "file"), [("7", "x.jpg"), ("8", "gone.jpg")])
    assert inputs_from([str(path)], "image") == [tmp_path / "x.jpg", tmp_path / "gone.jpg"]


def test_texts_are_themselves():
    assert inputs_from(["so good", "and/or", "naïve"], "text") == ["so good", "and/or", "naïve"]
    assert inputs_from(["long " * 10_000, "nul \0 within"], "text")[1] == "nul \0 within"


def test_lines_of_text_files(tmp_path):
    (tmp_path / "t.txt").write_bytes("\ufeffone\r\ntwo\u2028still two\nthree\n\n  \n".encode())
    lines = ["one", "two\u2028still two", "three"]
    assert inputs_from([str(tmp_path / "t.txt")], "text") == lines
    assert inputs_from([str(tmp_path), "four"], "text") == [*lines, "four"]


def test_lines_of_standard_input(stdin):
    stdin("one\nzwei für\n".encode())
    assert inputs_from(["zero", "-"], "text") == ["zero", "one", "zwei für"]


def test_the_text_column_of_a_table(tmp_path):
    rows = [("a long remark", "None", "1"), ("another remark", "NA", "2")]
    path = csv(tmp_path / "t.csv", ("remark", "name", "n"), rows)
    assert inputs_from([str(path)], "text") == ["a long remark", "another remark"]
    assert inputs_from([str(path)], "text", input_column="name") == ["None", "NA"]
    with pytest.raises(ColumnMissing, match="no column 'nme'"):
        inputs_from([str(path)], "text", input_column="nme")


def test_labels_in_a_table_are_no_inputs(tmp_path):
    rows = [("fine", "a much longer class", "x"), ("good", "a much longer target", "y")]
    path = csv(tmp_path / "t.csv", ("post", "class", "target"), rows)
    assert inputs_from([str(path)], "text") == ["fine", "good"]


@pytest.mark.parametrize("modality", ["image", "text"])
@pytest.mark.parametrize(
    "argument", ["./gone", "/gone/for/good", "gone.csv", "gone.txt", "gone.jpg"]
)
def test_paths_with_nothing_there(modality, argument):
    with pytest.raises(DataNotFound, match=f"There is no file (or folder )?{argument}"):
        inputs_from([argument], modality)


def test_nothing_at_all(tmp_path, stdin):
    stdin(b"\n")
    for argument, called in ((str(tmp_path), "the folder"), ("-", "standard input")):
        with pytest.raises(DataNotFound, match=f"There is no image in {called}"):
            inputs_from([argument], "image")
    with pytest.raises(DataNotFound, match="There is no text in ' '"):
        inputs_from([" "], "text")


def test_an_argument_that_holds_nothing_is_not_lost_beside_others(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "t.csv").write_text("text\nfine\n")
    with pytest.raises(DataNotFound, match=r"in the folder '.*b', of which the \.txt files are"):
        inputs_from(["a", str(tmp_path / "b")], "text")


def test_images_and_bytes_are_no_texts(tmp_path, stdin):
    (tmp_path / "x.jpg").write_bytes(jpeg(1))
    with pytest.raises(ContractViolation, match=r"x\.jpg is an image; the model takes texts"):
        inputs_from([str(tmp_path / "x.jpg")], "text")
    (tmp_path / "x").write_bytes(b"\xff\xfe")
    with pytest.raises(UnreadableFiles, match="x is not UTF-8 text"):
        inputs_from([str(tmp_path / "x")], "text")
    stdin(b"\xff")
    with pytest.raises(UnreadableFiles, match="Standard input is not UTF-8 text"):
        inputs_from(["-"], "text")


def test_blank_rows_are_named(tmp_path):
    path = csv(tmp_path / "t.csv", ("text", "n"), [("fine", "1"), ("", "2"), (" ", "3")])
    with pytest.raises(DataError, match=r"'text' of .* is blank in row 3, row 4"):
        inputs_from([str(path)], "text")


def test_blank_lines_are_named_lest_answers_shift(tmp_path, stdin):
    stdin(b"x y\n\nfoo\n")
    with pytest.raises(DataError, match="nothing in line 2 of standard input"):
        inputs_from(["-"], "text")
    (tmp_path / "t.txt").write_text("\none\n  \ntwo\n")
    with pytest.raises(DataError, match=r"nothing in line 1, line 3 of .*t\.txt"):
        inputs_from([str(tmp_path / "t.txt")], "text")


def test_a_saved_dataset_stands_for_its_inputs(tmp_path):
    import datasets

    rows = {"text": ["one", "two", "three"], "label": [0, 1, 0]}
    made = datasets.Dataset.from_dict(rows)
    datasets.DatasetDict({"train": made, "test": made}).save_to_disk(tmp_path / "saved")
    assert inputs_from([str(tmp_path / "saved")], "text") == ["one", "two", "three"] * 2
    with pytest.raises(ColumnMissing):
        inputs_from([str(tmp_path / "saved")], "text", input_column="txt")
