import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.data.making import image_folder, jpeg, picture
from zoo.data.contract import InputContract
from zoo.data.load import load, load_for_evaluation
from zoo.data.rows import ordered_labels
from zoo.errors import (
    BadSetting,
    ContractViolation,
    DataError,
    DataNotFound,
    LabelProblem,
    UnreadableFiles,
)


@pytest.fixture
def pets(tmp_path) -> Path:
    return image_folder(tmp_path / "pets", {"cat": 20, "dog": 12})


def test_class_folders_are_split_by_class(pets):
    data = load(pets)
    assert (data.kind, data.modality) == ("image folder", "image")
    assert data.labels == ("cat", "dog")
    assert data.rows == {"train": 22, "val": 5, "test": 5}
    files = [path for split in data.splits.values() for path in split.inputs]
    assert sorted(files) == sorted(pets.rglob("*.jpg"))
    for split in data.splits.values():
        assert [path.parent.name for path in split.inputs] == list(split.labels)
        assert set(split.labels) == {"cat", "dog"}
    assert data.describe() == [
        f"image folder {pets}, no splits",
        "2 labels: cat, dog",
        "rows: train 22 · val 5 · test 5",
        "val and test are carved from the data: stratified, seed 0",
    ]


def test_the_seed_repeats_a_split(pets):
    assert load(pets, seed=3).splits == load(pets, seed=3).splits
    assert load(pets, seed=3).splits != load(pets, seed=4).splits
    assert load(pets, seed=3).fingerprint == load(pets, seed=4).fingerprint


@pytest.mark.parametrize(
    ("names", "rows"),
    [
        (("train", "val", "test"), {"train": 16, "val": 8, "test": 8}),
        (("training", "dev", "testing"), {"train": 16, "val": 8, "test": 8}),
        (("Train", "Validation", "Test"), {"train": 16, "val": 8, "test": 8}),
        (("train", "valid"), {"train": 16, "val": 8}),
        (("train", "test"), {"train": 14, "val": 2, "test": 8}),
        (("train",), {"train": 12, "val": 2, "test": 2}),
    ],
)
def test_usual_split_names_keep_their_role(tmp_path, names, rows):
    for i, name in enumerate(names):
        each = 8 if i == 0 else 4
        image_folder(tmp_path / name, {"a": each, "b": each}, seed=100 * i)
    data = load(tmp_path)
    assert data.rows == rows
    assert data.description.endswith(f"splits {', '.join(names)}")


def test_splits_can_be_assigned(tmp_path):
    for i, name in enumerate(("train", "val")):
        image_folder(tmp_path / name, {"a": 10, "b": 10}, seed=100 * i)
    data = load(tmp_path, splits={"train": "train", "test": "val"})
    assert data.rows == {"train": 17, "val": 3, "test": 20}
    assert {path.parent.parent.name for path in data.splits["val"].inputs} == {"train"}
    assert load(tmp_path, splits={"train": "train"}).rows == {"train": 14, "val": 3, "test": 3}


def test_any_folder_can_be_a_split(tmp_path):
    for i, name in enumerate(("amazon", "webcam")):
        image_folder(tmp_path / name, {"bike": 4, "mug": 4}, seed=100 * i)
    data = load(tmp_path, splits={"train": "amazon", "test": "webcam"})
    assert data.rows == {"train": 7, "val": 1, "test": 8}
    with pytest.raises(DataError) as caught:
        load(tmp_path)
    assert "holds several data sets, amazon, webcam, each with the classes" in str(caught.value)
    assert "`--splits train=amazon,test=webcam`" in caught.value.hint


def test_one_split_folder_is_data_of_its_own(tmp_path):
    image_folder(tmp_path / "train", {"a": 10, "b": 10})
    assert load(tmp_path / "train").rows == {"train": 14, "val": 3, "test": 3}


@pytest.mark.parametrize(
    ("splits", "says", "hint"),
    [
        ({"train": "trian"}, "has no split 'trian'", "It has train, val."),
        ({"test": "val"}, "name nothing to train on", "`--splits train=train`"),
        ({"train": "train", "dev": "val"}, "Unknown split 'dev'", "Valid: train, val, test."),
        ({"train": "train", "val": "val", "test": "val"}, "uses one split twice", "train, val"),
    ],
)
def test_splits_that_make_no_sense(tmp_path, splits, says, hint):
    for name in ("train", "val"):
        image_folder(tmp_path / name, {"a": 3, "b": 3})
    with pytest.raises(BadSetting) as caught:
        load(tmp_path, splits=splits)
    assert says in caught.value.message
    assert hint in caught.value.hint


def test_two_splits_for_one_role_are_not_chosen_between(tmp_path):
    for name in ("train", "val", "dev"):
        image_folder(tmp_path / name, {"a": 3, "b": 3})
    with pytest.raises(DataError) as caught:
        load(tmp_path)
    assert "has dev and val, and both could be val." in caught.value.message
    assert caught.value.hint == "Say which, e.g. `--splits train=train,val=dev`."


def test_no_training_split(tmp_path):
    image_folder(tmp_path / "test", {"a": 3, "b": 3})
    with pytest.raises(DataError, match="has test but no training split"):
        load(tmp_path)


@pytest.mark.parametrize(("val", "test"), [(0.6, 0.4), (-0.1, 0.2)])
def test_fractions_must_leave_something(pets, val, test):
    with pytest.raises(BadSetting, match="leave nothing to train on"):
        load(pets, val_fraction=val, test_fraction=test)


def test_fractions_of_nothing_carve_nothing(pets):
    assert load(pets, val_fraction=0, test_fraction=0).rows == {"train": 32}


def test_tiny_data_still_holds_something_out(tmp_path):
    data = load(image_folder(tmp_path, {"a": 2, "b": 2}))
    assert data.rows == {"train": 2, "val": 1, "test": 1}
    assert set(data.splits["train"].labels) == {"a", "b"}


def test_copies_do_not_leak_into_what_is_held_out(tmp_path):
    root = image_folder(tmp_path, {"a": 10, "b": 10})
    for path in list(root.rglob("*.jpg")):
        shutil.copy(path, path.with_name(f"copy of {path.name}"))
    data = load(root)
    held_out = [path for name in ("val", "test") for path in data.splits[name].inputs]
    trained = {path.read_bytes() for path in data.splits["train"].inputs}
    assert held_out
    assert not any(path.read_bytes() in trained for path in held_out)


def test_leaks_between_the_datas_own_splits_are_told(tmp_path):
    image_folder(tmp_path / "train", {"a": 5, "b": 5})
    image_folder(tmp_path / "test", {"a": 5, "b": 5}, seed=100)
    shutil.copy(tmp_path / "train/a/0.jpg", tmp_path / "test/a/0.jpg")
    (note,) = [note for note in load(tmp_path).notes if "also occur" in note]
    places = "test/a/0.jpg and train/a/0.jpg"
    assert note == f"1 of 10 test inputs also occur in train or val, e.g. {places}"


def test_odd_names_and_strays_are_passed_over(tmp_path):
    root = image_folder(tmp_path / "données d'été [1]", {"chat noir": 5, "犬": 5})
    (root / ".DS_Store").write_bytes(b"x")
    (root / "chat noir" / ".hidden.jpg").write_bytes(b"no image")
    (root / "chat noir" / "._0.jpg").write_bytes(b"no image")
    (root / "chat noir" / "notes.txt").write_text("mind the cat")
    (root / "__MACOSX").mkdir()
    (root / ".ipynb_checkpoints").mkdir()
    (root / "犬" / "named.jpg").mkdir()
    (root / "readme.md").write_text("hello")
    data = load(root)
    assert sum(data.rows.values()) == 10
    assert data.labels == ("chat noir", "犬")
    assert f"files in {root.name} that are no images, passed over: 1" in data.notes


def test_images_may_be_deep_and_linked(tmp_path):
    root = image_folder(tmp_path / "data", {"a/2024/may": 4, "b": 4})
    image_folder(tmp_path / "elsewhere", {"more": 3}, seed=50)
    (root / "b" / "more").symlink_to(tmp_path / "elsewhere" / "more")
    (root / "b" / "loop").symlink_to(root / "b")
    data = load(root)
    assert sum(data.rows.values()) == 11
    assert data.labels == ("a", "b")


def test_one_spelling_of_accents(tmp_path):
    image_folder(tmp_path / "train", {"caf\u00e9": 4, "thé": 4})
    image_folder(tmp_path / "test", {"cafe\u0301": 4}, seed=50)
    assert set(load(tmp_path).splits["test"].labels) == {"caf\u00e9"}


def test_numbers_are_labels_in_order(tmp_path):
    assert load(image_folder(tmp_path, {"10": 2, "9": 2, "-1": 2})).labels == ("-1", "9", "10")


def test_a_label_that_is_no_number_has_a_place_whatever_the_order_of_sets():
    labels = [str(number) for number in range(20)]
    orders = {ordered_labels({*labels[at:], "nan", *labels[:at]}) for at in range(20)}
    assert orders == {(*labels, "nan")}


def test_names_with_numbers_are_in_natural_order(tmp_path):
    root = image_folder(tmp_path, {"class10": 2, "class9": 2, "Class1": 2})
    assert load(root).labels == ("Class1", "class9", "class10")


def test_the_fingerprint_is_of_contents_and_labels(tmp_path):
    first = load(image_folder(tmp_path / "one", {"a": 4, "b": 4}))
    moved = tmp_path / "two"
    for label in ("b", "a"):
        for path in sorted((tmp_path / "one" / label).iterdir(), reverse=True):
            (moved / label).mkdir(parents=True, exist_ok=True)
            shutil.copy(path, moved / label / f"renamed {path.name}")
    assert load(moved).fingerprint == first.fingerprint
    assert load_for_evaluation(moved).fingerprint == first.fingerprint
    (moved / "a" / "renamed 0.jpg").rename(moved / "b" / "other.jpg")
    relabelled = load(moved).fingerprint
    (moved / "b" / "other.jpg").write_bytes(jpeg(99))
    assert len({first.fingerprint, relabelled, load(moved).fingerprint}) == 3


BAD = {
    "empty.jpg": (b"", "empty file"),
    "text.jpg": (b"hello", "not an image that Pillow knows"),
    "cut.jpg": (jpeg(1, (200, 200))[:-900], "truncated"),
    "cut in its head.jpg": (jpeg(1)[:300], "truncated"),
}


@pytest.mark.parametrize("name", BAD)
def test_unreadable_files_are_named_and_stop(pets, name):
    content, why = BAD[name]
    (pets / "cat" / name).write_bytes(content)
    with pytest.raises(UnreadableFiles) as caught:
        load(pets)
    assert caught.value.message == f"1 of 33 images cannot be used: cat/{name} ({why})."
    assert caught.value.hint == "Repair or remove them, or leave them out with `--skip-bad`."
    data = load(pets, skip_bad=True)
    assert data.skipped == (f"cat/{name}: {why}",)
    assert sum(data.rows.values()) == 32
    assert data.describe()[3:5] == ["skipped 1:", f"  cat/{name}: {why}"]


def test_what_is_no_file_is_named_and_never_waited_for(pets):
    (pets / "cat" / "gone.jpg").symlink_to(pets / "nothing")
    os.mkfifo(pets / "cat" / "pipe.jpg")
    with pytest.raises(UnreadableFiles) as caught:
        load(pets)
    assert "2 of 34 images cannot be used" in caught.value.message
    assert "cat/gone.jpg (a link to nothing), cat/pipe.jpg (not a file)" in caught.value.message


def test_many_bad_files_are_counted(pets):
    for number in range(12):
        (pets / "cat" / f"bad{number}.png").write_bytes(b"no")
    with pytest.raises(UnreadableFiles, match=r"12 of 44 .*bad2\.png .* and 9 more\.") as caught:
        load(pets)
    assert len(str(caught.value).splitlines()) == 2
    assert load(pets, skip_bad=True).describe()[-2] == "  … and 7 more"


def test_deep_and_cmyk_images_are_refused_or_converted(pets):
    Image.fromarray(np.full((8, 8), 30_000, "uint16")).save(pets / "cat" / "deep.png")
    picture(7).convert("CMYK").save(pets / "dog" / "print.jpg")
    with pytest.raises(ContractViolation) as caught:
        load(pets, contract=InputContract(modality="image", channels=3))
    assert caught.value.message == (
        "Backbones take 8-bit grey or RGB; 2 of 34 images are something else: "
        "cat/deep.png (a 16-bit image (mode I;16)), dog/print.jpg (a CMYK image)."
    )
    assert "`--convert`" in caught.value.hint
    assert "`--skip-bad`" in caught.value.hint
    converted = load(pets, convert=True)
    assert converted.convert
    assert sum(converted.rows.values()) == 34
    assert len(load(pets, skip_bad=True).skipped) == 2


def test_one_class(tmp_path):
    with pytest.raises(LabelProblem) as caught:
        load(image_folder(tmp_path, {"cat": 5}))
    assert "There is only one class, 'cat', in the training data" in caught.value.message


def test_a_folder_around_the_data_is_seen_through(tmp_path):
    image_folder(tmp_path / "pets" / "unpacked", {"cat": 3, "dog": 3})
    with pytest.raises(LabelProblem) as caught:
        load(tmp_path / "pets")
    assert "only one class, 'unpacked'" in caught.value.message
    assert f"Did you mean {tmp_path / 'pets' / 'unpacked'}, which holds cat, dog?" in str(
        caught.value
    )


def test_a_class_with_one_image(pets):
    image_folder(pets, {"axolotl": 1}, seed=200)
    with pytest.raises(LabelProblem) as caught:
        load(pets)
    assert caught.value.message == (
        "The class 'axolotl' has only one example to train on: 'axolotl' at axolotl/0.jpg."
    )
    assert caught.value.hint == "Add examples, remove the class, or leave it out with `--skip-bad`."
    data = load(pets, skip_bad=True)
    assert data.labels == ("cat", "dog")
    assert data.skipped == ("axolotl/0.jpg: the only example of 'axolotl'",)


def test_skipping_may_leave_only_one_class(tmp_path):
    with pytest.raises(LabelProblem, match="only one class, 'cat'"):
        load(image_folder(tmp_path, {"cat": 5, "dog": 1}), skip_bad=True)


def test_a_label_never_seen_in_training(tmp_path):
    image_folder(tmp_path / "train", {"cat": 5, "dog": 5})
    image_folder(tmp_path / "test", {"cat": 2, "dgo": 2}, seed=50)
    with pytest.raises(LabelProblem) as caught:
        load(tmp_path)
    assert caught.value.message == (
        "2 rows of test have a label never seen in training: 'dgo' at test/dgo/0.jpg, "
        "'dgo' at test/dgo/1.jpg."
    )
    assert caught.value.hint.startswith("Training has cat, dog.")
    data = load(tmp_path, skip_bad=True)
    assert data.rows["test"] == 2
    assert len(data.skipped) == 2


def test_an_empty_class_folder(pets):
    (pets / "owl").mkdir()
    with pytest.raises(LabelProblem, match="The class folder owl has no images"):
        load(pets)
    data = load(pets, skip_bad=True)
    assert data.labels == ("cat", "dog")
    assert "the folder owl has no images and is passed over" in data.notes


def test_too_few_different_images(tmp_path):
    for label in ("a", "b"):
        (tmp_path / label).mkdir()
        for name in ("1.jpg", "2.jpg"):
            (tmp_path / label / name).write_bytes(jpeg(ord(label)))
    with pytest.raises(LabelProblem, match="too few different examples to hold out"):
        load(tmp_path)


def test_empty_and_wrong_places(tmp_path):
    with pytest.raises(DataNotFound, match="is empty") as caught:
        load(tmp_path)
    assert "folder of its own" in caught.value.hint
    (tmp_path / "photo.jpg").write_bytes(jpeg(1))
    with pytest.raises(DataNotFound, match="holds 1 images but no class folders"):
        load(tmp_path)
    with pytest.raises(DataNotFound, match=r"photo\.jpg is an image\."):
        load(tmp_path / "photo.jpg")
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(DataNotFound, match=r"notes\.txt is of no kind that zoo reads") as caught:
        load(tmp_path / "notes.txt")
    assert "Texts alone are for tasks that need no labels" in caught.value.hint
    assert ".csv, .tsv, .jsonl or .parquet" in caught.value.hint
    with pytest.raises(DataNotFound, match="There is no file or folder") as caught:
        load(tmp_path / "photos.jpg")
    assert caught.value.hint == f"Did you mean {tmp_path / 'photo.jpg'}?"
    with pytest.raises(DataNotFound, match=r"(?s)is an address; zoo reads files.*Download it"):
        load("https://example.com/reviews.csv")


def test_splits_without_class_folders(tmp_path):
    for name in ("train", "test"):
        image_folder(tmp_path, {name: 3})
    with pytest.raises(DataNotFound, match="holds the splits test, train, but no class folders"):
        load(tmp_path)


def test_an_unlabelled_split_is_told(tmp_path):
    image_folder(tmp_path / "train", {"a": 5, "b": 5})
    image_folder(tmp_path, {"test": 3}, seed=50)
    data = load(tmp_path)
    assert "test has no class folders and is passed over" in data.notes
    assert data.rows == {"train": 7, "val": 1, "test": 2}


def test_a_class_may_be_called_train(tmp_path):
    data = load(image_folder(tmp_path, {"train": 5, "bus": 5}))
    assert data.labels == ("bus", "train")


def test_texts_are_not_found_in_an_image_folder(pets):
    with pytest.raises(ContractViolation, match="is an image folder; text inputs are needed"):
        load(pets, contract=InputContract(modality="text"))


def test_evaluation_takes_test_then_val_then_all(tmp_path, pets):
    for i, name in enumerate(("train", "val", "test")):
        image_folder(tmp_path / "d" / name, {"a": 2 + i, "b": 2 + i}, seed=100 * i)
    found = load_for_evaluation(tmp_path / "d")
    assert (found.name, len(found)) == ("test", 8)
    shutil.rmtree(tmp_path / "d" / "test")
    found = load_for_evaluation(tmp_path / "d")
    assert (found.name, len(found)) == ("val", 6)
    assert found.describe() == [
        f"image folder {tmp_path / 'd'}, splits val",
        "evaluating val: 6 rows",
    ]
    assert load_for_evaluation(tmp_path / "d", split="train").name == "train"
    found = load_for_evaluation(pets)
    assert (found.name, len(found)) == ("all", 32)
    assert found.caution == ("all rows are evaluated; a model fitted on them has seen the answers",)


def test_evaluation_of_a_split_that_is_not_there(tmp_path, pets):
    with pytest.raises(BadSetting, match=r"There is no split 'test': .* has no splits"):
        load_for_evaluation(pets, split="test")
    image_folder(tmp_path / "d" / "train", {"a": 2, "b": 2})
    with pytest.raises(BadSetting, match="has no split 'test'") as caught:
        load_for_evaluation(tmp_path / "d", split="test")
    assert caught.value.hint == "It has train."


def test_evaluation_of_labels_the_model_does_not_know(pets):
    with pytest.raises(LabelProblem, match="12 rows of the data have a label never seen"):
        load_for_evaluation(pets, labels=["cat", "fox"])
    found = load_for_evaluation(pets, labels=["cat", "fox"], skip_bad=True)
    assert set(found.labels) == {"cat"}
    assert len(found.skipped) == 12
    with pytest.raises(DataNotFound, match=r"No row of the data in .* can be used"):
        load_for_evaluation(pets, labels=["owl", "fox"], skip_bad=True)


def test_one_class_is_enough_to_evaluate_on(tmp_path):
    assert len(load_for_evaluation(image_folder(tmp_path, {"a": 3}))) == 3
