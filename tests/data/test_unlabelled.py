"""Inputs without labels: read from one place, and checked as those with labels are."""

import pytest
from PIL import Image

from zoo.data.unlabelled import unlabelled
from zoo.errors import DataNotFound, UnreadableFiles


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(4):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(folder / f"{number}.png")
    (folder / "broken.png").write_text("no image")
    return folder


def test_an_image_that_does_not_open_is_named_or_left_out(photos):
    with pytest.raises(UnreadableFiles, match=r"1 of 5 images cannot be used: .*broken\.png"):
        unlabelled(photos, "image")
    found = unlabelled(photos, "image", skip_bad=True)
    assert [path.name for path in found.inputs] == ["0.png", "1.png", "2.png", "3.png"]
    note = found.notes[-1]
    assert note.startswith("1 of 5 inputs are left out, e.g. ")
    assert "broken.png" in note


def test_a_name_with_nothing_there_is_no_text(tmp_path):
    (tmp_path / "reviews").mkdir()
    with pytest.raises(DataNotFound, match="There is no file or folder") as refused:
        unlabelled(tmp_path / "review", "text")
    assert "reviews" in refused.value.hint


def test_a_folder_without_such_inputs_is_told_what_would_do(photos):
    with pytest.raises(DataNotFound, match="There is no text in the folder") as refused:
        unlabelled(photos, "text")
    assert "a file with one text a line" in refused.value.hint


def test_texts_come_from_a_file_or_the_column_of_a_table(tmp_path):
    lines, table = tmp_path / "texts.txt", tmp_path / "texts.csv"
    lines.write_text("one text\nanother text\n")
    table.write_text("text,label\none text,a\nanother text,b\n")
    for path in (lines, table):
        found = unlabelled(path, "text")
        assert [str(text) for text in found.inputs] == ["one text", "another text"]
        assert found.notes == ()
