"""Saved datasets, labels in a side file, patterns of files, and tables too large for memory."""

import json
import re
import subprocess
import sys

import pytest

from tests.data.making import csv, encoded, image_folder, jpeg, picture, reviews
from zoo.data import mapped
from zoo.data.contract import InputContract
from zoo.data.load import load, load_for_evaluation
from zoo.data.samples import Samples
from zoo.errors import ColumnMissing, DataNotFound, UnreadableFiles

IMAGE = InputContract(modality="image", channels=3)


def texts_and_labels(rows):
    import datasets

    texts, labels = zip(*rows, strict=True)
    names = sorted(set(labels))
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=names)}
    )
    numbers = [names.index(label) for label in labels]
    return datasets.Dataset.from_dict({"text": texts, "label": numbers}, features=features)


def pictures(count, column="image", **more):
    import datasets

    rows = {column: [{"bytes": jpeg(i), "path": None} for i in range(count)]}
    rows |= {"label": [i % 2 for i in range(count)], **more}
    features = {name: datasets.Image() if name != "label" else None for name in rows}
    features["label"] = datasets.ClassLabel(names=["cat", "dog"])
    return datasets.Dataset.from_dict(rows, features=datasets.Features(features))


def test_a_saved_dataset_with_splits(tmp_path):
    import datasets

    splits = {"train": texts_and_labels(reviews(20)), "test": texts_and_labels(reviews(8, 50))}
    datasets.DatasetDict(splits).save_to_disk(tmp_path / "saved")
    data = load(tmp_path / "saved")
    assert data.rows == {"train": 17, "val": 3, "test": 8}
    assert data.labels == ("bad", "good")
    assert data.splits["test"].inputs[0] == "a sentence about number 50"
    assert data.description.startswith(f"text saved dataset {tmp_path / 'saved'}")


def test_a_saved_dataset_is_the_same_data_as_the_table(tmp_path):
    texts_and_labels(reviews(20)).shuffle(seed=1).save_to_disk(tmp_path / "saved")
    table = csv(tmp_path / "t.csv", ("text", "label"), reviews(20))
    assert load(tmp_path / "saved").fingerprint == load(table).fingerprint


def test_images_in_a_saved_dataset(tmp_path):
    pictures(20).save_to_disk(tmp_path / "saved")
    data = load(tmp_path / "saved")
    assert (data.modality, data.labels) == ("image", ("cat", "dog"))
    samples = Samples(data.splits["train"].inputs, IMAGE)
    assert samples[0].size == (24, 16)
    assert re.fullmatch(r"saved row \d+", str(data.splits["train"].inputs[0]))


def test_an_image_that_does_not_decode_is_named_by_its_row(tmp_path):
    broken = pictures(20).to_dict()["image"]
    broken[4] = {"bytes": b"no image", "path": None}
    pictures(20).remove_columns("image").add_column("image", broken).save_to_disk(tmp_path / "s")
    with pytest.raises(UnreadableFiles, match="s row 5"):
        load(tmp_path / "s")


def test_parquet_files_with_images(tmp_path):
    pictures(12).to_parquet(tmp_path / "t.parquet")
    assert load(tmp_path / "t.parquet").modality == "image"


def test_of_several_image_columns_one_is_named(tmp_path):
    side = [{"bytes": jpeg(100 + i), "path": None} for i in range(20)]
    both = pictures(20, "front", side=side)
    both.save_to_disk(tmp_path / "two")
    with pytest.raises(ColumnMissing, match="which column holds the images") as caught:
        load(tmp_path / "two")
    assert "`--input-column front` or `--input-column side`" in caught.value.hint
    front, side = (load(tmp_path / "two", input_column=name) for name in ("front", "side"))
    assert front.fingerprint != side.fingerprint
    both.rename_column("front", "image").save_to_disk(tmp_path / "usual")
    assert load(tmp_path / "usual").fingerprint == front.fingerprint


@pytest.mark.parametrize("lost", ["*.arrow", "dataset_info.json", "state.json"])
def test_a_damaged_saved_dataset_is_refused(tmp_path, lost):
    texts_and_labels(reviews(20)).save_to_disk(tmp_path / "saved")
    for file in (tmp_path / "saved").glob(lost):
        file.unlink()
    with pytest.raises(UnreadableFiles, match="saved dataset that cannot be opened"):
        load(tmp_path / "saved")


@pytest.mark.parametrize("suffix", [".jpg", ""])
@pytest.mark.parametrize("folder", ["", "images", "raw/images"])
def test_labels_in_a_side_file(tmp_path, folder, suffix):
    holder = tmp_path / folder
    holder.mkdir(parents=True, exist_ok=True)
    for number in range(20):
        (holder / f"p{number}.jpg").write_bytes(jpeg(number))
    rows = [(f"p{i}{suffix}", ["cat", "dog"][i % 2]) for i in range(20)]
    csv(tmp_path / "labels.csv", ("id", "breed"), rows)
    for given in (tmp_path, tmp_path / "labels.csv"):
        data = load(given)
        assert (data.modality, data.labels) == ("image", ("cat", "dog"))
        assert {path.parent for path in data.splits["train"].inputs} == {holder}


def test_side_files_of_splits(tmp_path):
    for split, start in (("train", 0), ("test", 50)):
        (tmp_path / split).mkdir()
        for number in range(10):
            (tmp_path / split / f"{number}.jpg").write_bytes(jpeg(start + number))
        rows = [(f"{i}.jpg", ["cat", "dog"][i % 2]) for i in range(10)]
        csv(tmp_path / split / "metadata.csv", ("file_name", "label"), rows)
    data = load(tmp_path)
    assert data.rows == {"train": 8, "val": 2, "test": 10}
    assert {path.parent.name for path in data.splits["test"].inputs} == {"test"}


def test_one_name_in_two_folders_is_that_of_the_table(tmp_path):
    for split, start in (("train", 0), ("test", 50)):
        (tmp_path / f"{split}_images").mkdir()
        for number in range(10):
            (tmp_path / f"{split}_images" / f"{number}.jpg").write_bytes(jpeg(start + number))
        rows = [(f"{i}.jpg", ["cat", "dog"][i % 2]) for i in range(10)]
        csv(tmp_path / f"{split}.csv", ("file_name", "label"), rows)
    data = load(tmp_path)
    assert {path.parent.name for path in data.splits["test"].inputs} == {"test_images"}
    assert not any("also occur" in note for note in data.notes)


def test_classes_win_over_a_table_beside_them(tmp_path):
    image_folder(tmp_path, {"cat": 6, "dog": 6})
    csv(tmp_path / "notes.csv", ("file", "label"), [("cat/0.jpg", "x"), ("dog/0.jpg", "y")] * 4)
    data = load(tmp_path)
    assert data.labels == ("cat", "dog")
    assert data.notes[0] == "the folders are the classes; notes.csv beside them is passed over"


def test_patterns_of_files(tmp_path):
    csv(tmp_path / "a.csv", ("text", "label"), reviews(10))
    csv(tmp_path / "b.csv", ("text", "label"), reviews(10, 50))
    data = load(tmp_path / "*.csv")
    assert sum(data.rows.values()) == 20
    assert "(a.csv, b.csv)" in data.description
    csv(tmp_path / "train-1.csv", ("text", "label"), reviews(10))
    csv(tmp_path / "train-2.csv", ("text", "label"), reviews(10, 50))
    csv(tmp_path / "dev.csv", ("text", "label"), reviews(4, 90))
    split = load(str(tmp_path / "[td]*.csv"))
    assert split.rows == {"train": 20, "val": 4}
    with pytest.raises(DataNotFound, match="No table matches"):
        load(tmp_path / "*.parquet")


def test_large_tables_are_mapped_from_disk_and_leave_nothing_there(tmp_path, monkeypatch):
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    path = csv(tmp_path / "t.csv", ("text", "label"), reviews(500))
    small = load(path)
    monkeypatch.setattr(mapped, "KEPT_BYTES", 1000)
    large = load(path)
    assert large.fingerprint == small.fingerprint
    assert large.splits["test"].inputs == small.splits["test"].inputs
    assert list((tmp_path / "cache").iterdir()) == []


def test_lines_of_json_may_differ_in_their_keys(tmp_path, monkeypatch):
    monkeypatch.setattr(mapped, "KEPT_BYTES", 0)
    lines = [{"text": text, "label": label} for text, label in reviews(20)]
    lines[0] = {"label": "bad", "text": "the first", "more": 1}
    path = tmp_path / "t.jsonl"
    path.write_text("\n\n".join(map(json.dumps, lines)))
    found = load_for_evaluation(path)
    assert found.inputs[0] == "the first"
    assert len(found) == 20


MEMORY = """
import re, sys
from pathlib import Path
from zoo.data.load import load
import datasets, pyarrow, PIL.Image

def held():
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"RssAnon:\\s+(\\d+)", status)[1]) / 1024

before = held()
data = load(sys.argv[1])
for split in data.splits.values():
    for given in split.inputs:
        given if isinstance(given, str) else given.read()
print(held() - before, sum(data.rows.values()))
"""


def memory_of_loading(path):
    ended = subprocess.run(
        [sys.executable, "-c", MEMORY, str(path)], capture_output=True, text=True, check=True
    )
    megabytes, rows = ended.stdout.split()
    return float(megabytes), int(rows)


@pytest.mark.soak
def test_memory_is_flat_in_the_size_of_what_a_saved_dataset_holds(tmp_path):
    import datasets

    def rows(words):
        for number in range(1500):
            yield {"text": f"number {number} " + "word " * words, "label": str(number % 2)}

    for name, words in (("small", 10), ("large", 8_000)):
        made = datasets.Dataset.from_generator(
            rows, gen_kwargs={"words": words}, cache_dir=tmp_path / "cache", writer_batch_size=100
        )
        made.save_to_disk(tmp_path / name)
    small, large = (memory_of_loading(tmp_path / name) for name in ("small", "large"))
    assert small[1] == large[1] == 1500
    assert large[0] < small[0] + 25  # megabytes, where the texts are 60


def test_a_picture_that_is_kept_as_a_file_beside_its_table(tmp_path):
    import pyarrow as pa
    from pyarrow import parquet

    (tmp_path / "p").mkdir()
    for number in range(10):
        (tmp_path / "p" / f"{number}.png").write_bytes(encoded(picture(number), "PNG"))
    kept = [{"bytes": None, "path": f"p/{i}.png"} for i in range(10)]
    table = pa.table({"image": kept, "label": ["a", "b"] * 5})
    parquet.write_table(table, tmp_path / "t.parquet")
    assert load(tmp_path / "t.parquet").modality == "image"


HUB = """
import json, os, sys
from zoo.hub.server import EmbeddedHub

# A token that a login saved is for another hub, and this one refuses strangers' tokens.
with EmbeddedHub(sys.argv[1], tokens={"its own": "read"}) as hub:
    os.environ |= {"HF_ENDPOINT": hub.url, "HF_HOME": sys.argv[2]}
    from zoo.data.load import load
    from zoo.errors import DataNotFound

    reviews = load("hf://datasets/me/reviews")
    pinned = load("hf://datasets/me/reviews@main")
    pets = load("hf://datasets/me/pets")
    refused = []
    for name in ("hf://datasets/me/nothing", "hf://datasets/nothing"):
        try:
            load(name)
        except DataNotFound as err:
            refused.append(str(err))
    facts = [reviews.rows, reviews.description, pinned.fingerprint == reviews.fingerprint]
    again = load(pinned.pinned)
    facts += [pinned.pinned, (again.pinned, again.fingerprint) == (pinned.pinned, reviews.fingerprint)]
    print(json.dumps([*facts, pets.rows, pets.labels, str(pets.splits["test"].inputs[0]), refused]))
"""


def test_datasets_of_the_hub(tmp_path):
    hub = tmp_path / "hub" / "datasets" / "me"
    (hub / "reviews" / "data").mkdir(parents=True)
    csv(hub / "reviews" / "data" / "train.csv", ("text", "label"), reviews(20))
    csv(hub / "reviews" / "data" / "test.csv", ("text", "label"), reviews(8, 50))
    image_folder(hub / "pets" / "train", {"cat": 6, "dog": 6})
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "token").write_text("hf_" + "a1B2" * 9)
    ended = subprocess.run(
        [sys.executable, "-c", HUB, str(tmp_path / "hub"), str(tmp_path / "home")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stderr == ""
    rows, description, same, commit, again, pets, labels, place, refused = json.loads(ended.stdout)
    assert rows == {"train": 17, "val": 3, "test": 8}
    assert description.startswith("text dataset hf://datasets/me/reviews (me/reviews/train, ")
    assert same
    assert re.fullmatch(r"hf://datasets/me/reviews@[0-9a-f]{40}", commit)
    assert again
    assert (pets, labels) == ({"train": 8, "val": 2, "test": 2}, ["cat", "dog"])
    assert re.fullmatch(r"me/pets/train row \d+", place)
    assert "me/nothing" in refused[0]
    assert "`hf auth login`" in refused[0]
    assert "hf://datasets/owner/name@revision" in refused[1]
