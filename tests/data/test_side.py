"""Tables beside folders of images: which of them holds the labels."""

import shutil

import pytest

from tests.data.making import csv, image_folder, jpeg, picture, reviews
from zoo.data.load import load, load_for_evaluation
from zoo.errors import ColumnMissing, DataNotFound, UnreadableFiles


def beside(root, folders, suffix=".jpg"):
    """Images ``p0``, ``p1``, … in folders of so many; rows that name them, two labels in turn."""
    rows = []
    for folder, count in folders.items():
        (root / folder).mkdir(parents=True)
        for _ in range(count):
            (root / folder / f"p{len(rows)}.jpg").write_bytes(jpeg(len(rows)))
            rows.append((f"p{len(rows)}{suffix}", ["mole", "nevus"][len(rows) % 2]))
    return rows


@pytest.mark.parametrize("suffix", [".jpg", ""])
@pytest.mark.parametrize(
    "folders",
    [("part_1", "part_2"), ("images", "part2"), ("HAM_images_part_1", "more")],
)
def test_a_table_that_names_the_images_in_several_folders_has_their_labels(
    tmp_path, folders, suffix
):
    rows = beside(tmp_path, dict.fromkeys(folders, 10), suffix)
    csv(tmp_path / "HAM_metadata.csv", ("image_id", "dx"), rows)
    data = load(tmp_path)
    assert data.labels == ("mole", "nevus")
    assert sum(data.rows.values()) == 20
    assert data.description == (
        f"image table {tmp_path} (HAM_metadata.csv): image paths in 'image_id', labels in 'dx'"
    )


def test_folders_that_could_be_classes_are_told_to_be_none(tmp_path):
    csv(tmp_path / "t.csv", ("file", "label"), beside(tmp_path, {"clinic": 10, "home": 10}))
    note = "the labels are those of t.csv; the folders clinic, home are no classes"
    assert load(tmp_path).notes[0] == note
    assert load_for_evaluation(tmp_path).notes[0] == note


def test_masks_of_the_same_names_are_no_images(tmp_path):
    rows = beside(tmp_path, {"images": 20})
    shutil.copytree(tmp_path / "images", tmp_path / "masks")
    csv(tmp_path / "labels.csv", ("file", "label"), rows)
    data = load(tmp_path)
    assert data.labels == ("mole", "nevus")
    assert {path.parent.name for split in data.splits.values() for path in split.inputs} == {
        "images"
    }


def test_which_of_several_label_columns_is_asked_where_folders_are_parts(tmp_path):
    rows = [(*row, "ab"[i // 2 % 2]) for i, row in enumerate(beside(tmp_path, {"part_1": 20}))]
    image_folder(tmp_path, {"part_2": 2})
    csv(tmp_path / "t.csv", ("file", "dx", "site"), rows)
    with pytest.raises(ColumnMissing, match="which column holds the labels"):
        load(tmp_path)
    assert load(tmp_path, label_column="site").labels == ("a", "b")


def test_folders_are_classes_where_the_label_column_is_not_clear_unless_it_is_told(tmp_path):
    rows = beside(tmp_path, {"cat": 10, "dog": 10})
    rows = [(*row, "ab"[i // 2 % 2]) for i, row in enumerate(rows)]
    csv(tmp_path / "about.csv", ("file", "sex", "site"), rows)
    data = load(tmp_path)
    assert data.labels == ("cat", "dog")
    assert "the folders are the classes; about.csv beside them is passed over" in data.notes
    assert load(tmp_path, label_column="site").labels == ("a", "b")


@pytest.mark.parametrize("column", ["camera", "width"])
def test_a_column_that_is_not_called_as_labels_are_does_not_replace_folders(tmp_path, column):
    rows = beside(tmp_path, {"ants": 10, "bees": 10})
    csv(tmp_path / "metadata.csv", ("file", column), [(name, str(len(name))) for name, _ in rows])
    data = load(tmp_path)
    assert data.labels == ("ants", "bees")
    assert "the folders are the classes; metadata.csv beside them is passed over" in data.notes


@pytest.mark.parametrize(
    "content", ["text,label\na remark,x\n", "no\x00table", '"', "", "a,a\n1,2"]
)
def test_folders_are_classes_where_the_table_names_none_of_their_images(tmp_path, content):
    image_folder(tmp_path, {"cat": 6, "dog": 6})
    (tmp_path / "notes.csv").write_text(content)
    assert load(tmp_path).labels == ("cat", "dog")


def test_a_table_beside_splits_of_classes_is_told_to_be_passed_over(tmp_path):
    image_folder(tmp_path / "train", {"cat": 6, "dog": 6})
    csv(tmp_path / "labels.csv", ("file", "label"), [("train/cat/0.jpg", "x")])
    notes = load(tmp_path).notes
    assert notes[0] == "the folders are the classes; labels.csv beside them is passed over"


def test_of_several_tables_the_one_that_names_images_is_taken(tmp_path):
    rows = beside(tmp_path, {"images": 10, "part2": 10})
    csv(tmp_path / "labels.csv", ("file", "label"), rows)
    csv(tmp_path / "authors.csv", ("text", "label"), reviews(6))
    assert load(tmp_path).labels == ("mole", "nevus")
    csv(tmp_path / "more.csv", ("file", "label"), rows)
    with pytest.raises(DataNotFound, match=r"several tables, labels\.csv, more\.csv"):
        load(tmp_path)


@pytest.mark.parametrize("whole", [True, False])
def test_folders_of_images_that_one_table_labels_are_its_splits(tmp_path, whole):
    rows = beside(tmp_path, {"train": 12, "test": 8})
    places = ["train/"] * 12 + ["test/"] * 8
    if whole:
        rows = [(place + name, label) for place, (name, label) in zip(places, rows, strict=True)]
    csv(tmp_path / "labels.csv", ("file", "label"), rows)
    data = load(tmp_path)
    assert data.rows == {"train": 10, "val": 2, "test": 8}
    assert {path.parent.name for path in data.splits["test"].inputs} == {"test"}
    assert load_for_evaluation(tmp_path).name == "test"
    csv(tmp_path / "labels.csv", ("file", "label"), [*rows, ("gone.jpg", "mole")])
    with pytest.raises(UnreadableFiles, match=r"1 of 21 .* row 22 gone\.jpg \(not found\)"):
        load(tmp_path)
    picture(99).save(tmp_path / "gone.jpg")
    assert load(tmp_path).rows == {"train": 15, "val": 3, "test": 3}


def test_folders_may_be_named_as_splits(tmp_path):
    csv(tmp_path / "t.csv", ("file", "label"), beside(tmp_path, {"fold1": 12, "fold2": 8}))
    splits = {"train": "fold1", "test": "fold2"}
    assert load(tmp_path, splits=splits).rows == {"train": 10, "val": 2, "test": 8}


def test_a_column_of_splits_counts_for_more_than_folders(tmp_path):
    rows = beside(tmp_path, {"train": 16, "test": 4})
    split = [("train", "train", "val", "test")[i // 2 % 4] for i in range(20)]
    rows = [(*row, name) for row, name in zip(rows, split, strict=True)]
    csv(tmp_path / "t.csv", ("file", "label", "split"), rows)
    assert load(tmp_path).rows == {"train": 12, "val": 4, "test": 4}


def test_splits_beside_a_table_of_something_else(tmp_path):
    beside(tmp_path, {"train": 3, "test": 3})
    csv(tmp_path / "labels.csv", ("id", "label"), [(f"{i}", "ab"[i % 2]) for i in range(9)])
    with pytest.raises(DataNotFound) as caught:
        load(tmp_path)
    assert caught.value.message == (
        f"{tmp_path} holds the splits test, train, but no class folders in them, and no image of "
        "theirs is named in labels.csv."
    )
    assert caught.value.hint.endswith("a column that names the images, e.g. test/1.jpg.")


NEAREST = {
    "P{}.JPG": "The nearest is {}/p3.jpg, and upper and lower case count. Correct the names",
    "pp{}.jpg": "The nearest is {}/p3.jpg. Correct the names",
    "nothing of the kind {}.png": "Correct the names, put the images beside the table, or name ",
}


@pytest.mark.parametrize("folders", [("images",), ("images", "masks"), ("part_1", "part_2")])
@pytest.mark.parametrize("name", NEAREST)
def test_names_that_match_no_image_are_refused_with_the_nearest(tmp_path, folders, name):
    beside(tmp_path, dict.fromkeys(folders, 10))
    rows = [(name.format(i), "a long remark on what is seen", "ab"[i % 2]) for i in range(3, 12)]
    csv(tmp_path / "labels.csv", ("file", "remark", "label"), rows)
    for given in (tmp_path, tmp_path / "labels.csv"):
        with pytest.raises(DataNotFound) as caught:
            load(given)
        assert caught.value.message == (
            "The column 'file' of labels.csv names images, and none of the 9 looked up exists, "
            f"e.g. {name.format(3)}; looked for beside the table and among the "
            f"{10 * len(folders)} images in and below {tmp_path}."
        )
        assert caught.value.hint.startswith(NEAREST[name].format(folders[0]))


def test_names_that_several_folders_have_are_to_be_told_apart(tmp_path):
    for folder in ("train", "test"):
        image_folder(tmp_path, {folder: 8})
    rows = [(f"{i}.jpg", "ab"[i % 2]) for i in range(8)]
    csv(tmp_path / "labels.csv", ("file", "label"), rows)
    with pytest.raises(DataNotFound) as caught:
        load(tmp_path)
    assert "There are test/0.jpg and train/0.jpg: write which." in caught.value.hint


def test_texts_may_stand_beside_names_of_images_that_are_elsewhere(tmp_path):
    rows = [(f"{i}.jpg", *row) for i, row in enumerate(reviews(12))]
    data = load(csv(tmp_path / "t.csv", ("picture", "post", "label"), rows))
    assert data.description.endswith("texts in 'post', labels in 'label'")


def test_a_column_called_text_counts_for_more_than_names_of_no_image(tmp_path):
    image_folder(tmp_path, {"plots": 1})
    rows = [(f"photo{i}.jpg", *row) for i, row in enumerate(reviews(12))]
    data = load(csv(tmp_path / "t.csv", ("picture", "text", "label"), rows))
    assert data.description.endswith("texts in 'text', labels in 'label'")


def test_images_that_the_table_does_not_name_are_counted(tmp_path):
    rows = beside(tmp_path, {"images": 20})
    csv(tmp_path / "labels.csv", ("file", "label"), rows[3:])
    left = "images beside these that no row names, left out: 3, e.g. images/p0.jpg"
    assert left in load(tmp_path).notes
    split = [(*row, "test" if i < 4 else "train") for i, row in enumerate(rows)]
    csv(tmp_path / "labels.csv", ("file", "label", "split"), split)
    for notes in (load(tmp_path).notes, load_for_evaluation(tmp_path).notes):
        assert not any("left out" in note for note in notes)
