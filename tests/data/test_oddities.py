"""What is wrong with data that could be trained on all the same: it is named before a fit."""

import re
import shutil
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageOps

from tests.data.making import csv, encoded, image_folder, picture, reviews
from zoo.data import twins
from zoo.data.contract import InputContract
from zoo.data.load import load, load_for_evaluation
from zoo.data.looks import look_at
from zoo.data.samples import Samples

CARVED = re.compile("carved from the data")


def oddities(path, **options):
    """What is said of data beyond what was carved."""
    return [note for note in load(path, **options).notes if not CARVED.search(note)]


def one(notes, word):
    (found,) = [note for note in notes if word in note]
    return found


@pytest.fixture
def splits(tmp_path):
    """Twenty pictures to train on, ten to test on, nothing wrong."""
    image_folder(tmp_path / "train", {"a": 10, "b": 10})
    image_folder(tmp_path / "test", {"a": 5, "b": 5}, seed=100)
    return tmp_path


def test_nothing_is_said_where_nothing_is_wrong(splits, tmp_path):
    assert oddities(splits) == []
    assert oddities(csv(tmp_path / "t.csv", ("text", "label"), reviews(40))) == []


@pytest.mark.parametrize("quality", [95, 40])
@pytest.mark.parametrize("scale", [1, 3])
def test_an_image_that_was_scaled_and_compressed_again_is_a_leak(splits, quality, scale):
    original = Image.open(splits / "train" / "b" / "3.jpg")
    copy = original.resize((original.width * scale, original.height * scale))
    (splits / "test" / "b" / "2.jpg").write_bytes(encoded(copy, "JPEG", quality=quality))
    note = one(oddities(splits), "nearly the same")
    assert note.startswith("1 of 10 test inputs are nearly the same as one in train or val, e.g. ")
    assert "test/b/2.jpg and train/b/3.jpg" in note


def test_a_copy_in_another_light_is_a_leak(splits):
    pixels = np.asarray(Image.open(splits / "train" / "a" / "1.jpg")).astype(float)
    lighter = Image.fromarray(np.clip(pixels * 0.8 + 30, 0, 255).astype("uint8"))
    (splits / "test" / "a" / "4.jpg").write_bytes(encoded(lighter, "PNG"))
    assert "test/a/4.jpg and train/a/1.jpg" in one(oddities(splits), "nearly")


@pytest.mark.realdata
@pytest.mark.parametrize("size", [(150, 150), (450, 300), (900, 700)])
def test_copies_of_photos_in_any_size_are_leaks(shared, splits, size):
    photos = sorted((shared / "data/flowers5/train").glob("*/*.jpg"))[::40]
    for at, photo in enumerate(photos):
        shutil.copy(photo, splits / "train/a" / f"photo{at}.jpg")
        copy = Image.open(photo).resize(size)
        (splits / "test/a" / f"copy{at}.jpg").write_bytes(encoded(copy, "JPEG", quality=60))
    assert f"{len(photos)} of {10 + len(photos)} test inputs are nearly the same" in one(
        oddities(splits), "nearly"
    )


def test_a_mirrored_copy_is_a_leak(splits):
    original = picture(1, (64, 48))
    (splits / "train/b/3.jpg").write_bytes(encoded(original, "JPEG", quality=90))
    mirrored = ImageOps.mirror(original)
    (splits / "test/b/2.jpg").write_bytes(encoded(mirrored, "JPEG", quality=60))
    assert "test/b/2.jpg and train/b/3.jpg" in one(oddities(splits), "nearly the same")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A SENTENCE about   number 3!", "nearly the same"),
        ("a sentence about number 3", "also occur"),
        ("a sentence about number 3000", None),
    ],
)
def test_a_text_in_other_clothes_is_a_leak(tmp_path, text, found):
    csv(tmp_path / "train.csv", ("text", "label"), reviews(20))
    csv(tmp_path / "test.csv", ("text", "label"), [*reviews(6, 500), (text, "good")])
    notes = oddities(tmp_path)
    assert bool(notes) == bool(found)
    assert found is None or "test.csv row 8 and train.csv row 5" in one(notes, found)


def test_long_texts_that_differ_in_a_few_words_are_leaks(tmp_path):
    words = np.random.default_rng(0).choice([f"word{i}" for i in range(300)], 120).tolist()
    changed = [*words[:60], "another", *words[61:]]
    csv(tmp_path / "train.csv", ("text", "label"), [*reviews(20), (" ".join(words), "bad")])
    rows = [*reviews(6, 500), (" ".join(changed), "bad"), (" ".join(words[:50]), "bad")]
    csv(tmp_path / "test.csv", ("text", "label"), rows)
    assert "1 of 8 test inputs" in one(oddities(tmp_path), "nearly the same")


def test_one_input_with_two_labels_is_named(splits):
    shutil.copy(splits / "train/a/0.jpg", splits / "train/b/copy.jpg")
    note = one(oddities(splits), "different labels")
    assert re.match("1 input occurs with different labels, e.g. '[ab]' and '[ab]': ", note)
    assert {"train/a/0.jpg", "train/b/copy.jpg"} == set(note.split(": ")[1].split(" and "))


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([("good", ""), ("", "7"), ("", "")], None),
        ([("", "7"), ("good", ""), ("bad", "7")], "mood 'good' and 'bad'"),
        ([("good", "7"), ("good", "8")], "size.number '7' and '8'"),
    ],
)
def test_of_several_tasks_a_label_that_is_missing_contradicts_none(tmp_path, labels, said):
    rows = [(text, label, "5") for text, label in reviews(20)]
    rows += [("the same words again and again", *pair) for pair in labels]
    path = csv(tmp_path / "t.csv", ("text", "mood", "number"), rows)
    task = {"mood": ("classification", "mood"), "size": ("regression", "number")}
    notes = [note for note in oddities(path, task=task) if "different labels" in note]
    assert [note.split("e.g. ")[1].split(": ")[0] for note in notes] == ([said] if said else [])


def test_rows_that_repeat_another_are_counted(splits):
    shutil.copy(splits / "train/a/0.jpg", splits / "train/a/again.jpg")
    shutil.copy(splits / "train/a/0.jpg", splits / "train/a/once more.jpg")
    note = one(
        oddities(splits, splits={"train": "train", "test": "test"}, val_fraction=0), "repeat"
    )
    assert note.startswith("2 of 22 train rows repeat another, e.g. train/a/again.jpg and ")


def test_images_of_one_colour_are_named(splits):
    (splits / "train/a/grey.png").write_bytes(encoded(Image.new("RGB", (9, 9), "grey"), "PNG"))
    (splits / "train/a/white.png").write_bytes(encoded(Image.new("L", (9, 9), 255), "PNG"))
    (splits / "train/b/red.jpg").write_bytes(
        encoded(Image.new("RGB", (99, 99), (200, 9, 7)), "JPEG")
    )
    note = one(oddities(splits), "one colour")
    assert note.startswith("3 images are of one colour throughout: train/a/grey.png, ")


def test_unequal_classes_are_told(tmp_path):
    rows = [*reviews(200), *[(f"something rare {i}", "rare") for i in range(4)]]
    note = one(oddities(csv(tmp_path / "t.csv", ("text", "label"), rows)), "unequal")
    assert "'rare' 2" in note


# === Red and blue, ranges, orientation ===


def warm(seed):
    """A picture of leaves, skin and wood, as it were: hardly anything is blue."""
    noise = np.asarray(picture(seed, (64, 64))).astype(float)
    return (noise * [0.5, 0.4, 0.3] + [90, 60, 10]).astype("uint8")


def folder_of(root, arrays):
    for number, pixels in enumerate(arrays):
        path = root / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(Image.fromarray(pixels), "PNG"))
    return root


def test_swapped_channels_are_named(tmp_path):
    right = folder_of(tmp_path / "rgb", map(warm, range(60)))
    wrong = folder_of(tmp_path / "bgr", (warm(seed)[..., ::-1] for seed in range(60)))
    assert oddities(right) == []
    note = one(oddities(wrong), "swapped")
    assert note.startswith("red and blue look swapped (BGR for RGB) in the images: 100% of those")


def test_a_split_with_swapped_channels_is_named(tmp_path):
    folder_of(tmp_path / "train", map(warm, range(60)))
    folder_of(tmp_path / "test", (warm(seed)[..., ::-1] for seed in range(100, 140)))
    assert "in those of test: 100% of those with colours" in one(oddities(tmp_path), "swapped")


@pytest.mark.realdata
def test_swapped_channels_of_photos(shared, tmp_path):
    photos = sorted((shared / "data/hymenoptera/val").glob("*/*.jpg"))[::2]
    pixels = [np.asarray(Image.open(path).convert("RGB").resize((64, 64))) for path in photos]
    assert oddities(folder_of(tmp_path / "rgb", pixels)) == []
    swapped = folder_of(tmp_path / "bgr", (each[..., ::-1] for each in pixels))
    assert "swapped" in one(oddities(swapped), "BGR")


@pytest.mark.realdata
@pytest.mark.parametrize("name", ["chest_xray", "office_caltech10/webcam", "hymenoptera"])
def test_nothing_is_said_of_good_real_data(shared, name):
    assert oddities(shared / "data" / name) == []


def test_unit_range_saved_as_whole_numbers_is_named(splits):
    unit = (np.asarray(picture(1)) / 255).round().astype("uint8")
    (splits / "train/a/unit.png").write_bytes(encoded(Image.fromarray(unit), "PNG"))
    assert "train/a/unit.png" in one(oddities(splits), "only the values 0 and 1")


def test_floats_of_both_ranges_are_scaled_and_named(tmp_path):
    for number in range(24):
        grey = np.asarray(picture(number).convert("L")).astype("float32")
        scaled = grey if number % 3 else grey / 255
        path = tmp_path / "ab"[number % 2] / f"{number}.tiff"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(scaled).save(path)
    data = load(tmp_path, convert=True)
    note = one(data.notes, "float images")
    assert "of the float images 16 have values up to 255 and 8 up to 1" in note
    grey = InputContract(modality="image", channels=1)
    samples = Samples(data.splits["train"].inputs, grey, data.convert)
    for path, seen in zip(data.splits["train"].inputs, samples, strict=True):
        expected = np.asarray(picture(int(path.stem)).convert("L")).astype(int)
        assert abs(np.asarray(seen) - expected).max() <= 1


def test_turned_and_mirrored_images_are_read_upright_and_told(splits):
    upright = picture(7)
    ways = ("FLIP_LEFT_RIGHT", "ROTATE_180", "FLIP_TOP_BOTTOM", "TRANSPOSE", "ROTATE_90")
    ways += ("TRANSVERSE", "ROTATE_270")
    for orientation, way in enumerate(ways, start=2):
        exif = Image.Exif()
        exif[0x0112] = orientation
        turned = upright.transpose(Image.Transpose[way])
        buffer = BytesIO()
        turned.save(buffer, "PNG", exif=exif)
        (splits / "train/a" / f"turned{orientation}.png").write_bytes(buffer.getvalue())
    data = load(splits)
    note = one(data.notes, "EXIF")
    assert note.startswith("7 images are stored turned or mirrored, and read upright, as EXIF says")
    paths = [p for s in data.splits.values() for p in s.inputs if p.name.startswith("turned")]
    for seen in Samples(paths, InputContract(modality="image", channels=3)):
        assert np.array_equal(np.asarray(seen), np.asarray(upright))


def test_a_copy_on_its_side_is_a_leak(splits):
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = Image.open(splits / "train/b/1.jpg").rotate(90, expand=True)
    buffer = BytesIO()
    turned.save(buffer, "PNG", exif=exif)
    (splits / "test/b/turned.png").write_bytes(buffer.getvalue())
    assert "test/b/turned.png and train/b/1.jpg" in one(oddities(splits), "nearly")


def test_what_is_evaluated_is_looked_at_too(splits):
    (splits / "test/a/grey.png").write_bytes(encoded(Image.new("RGB", (9, 9), "grey"), "PNG"))
    assert "test/a/grey.png" in one(load_for_evaluation(splits).notes, "one colour")


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "I;16", "F"])
def test_every_kind_of_image_has_a_sketch(mode):
    image = picture(3).convert("L") if mode in ("I;16", "F") else picture(3).convert(mode)
    if mode in ("I;16", "F"):
        image = Image.fromarray(np.asarray(image).astype({"F": "float32"}.get(mode, "uint16")))
    look = look_at(encoded(image, "TIFF"), convert=True, sketched=True)
    assert (look.violation, len(look.sketch)) == (None, 768)


def test_large_data_is_compared_in_part_and_says_so(splits, monkeypatch):
    monkeypatch.setattr(twins, "COMPARED", 9)
    for number in range(5):
        copy = Image.open(splits / "train/a" / f"{number}.jpg").resize((48, 32))
        (splits / "test/a" / f"{number}.png").write_bytes(encoded(copy, "PNG"))
    note = one(oddities(splits), "nearly")
    assert re.match("[1-5] of 15 test inputs .* in train or val; 9 rows of each were com", note)
