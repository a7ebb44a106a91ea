"""`zoo data preview`: what is about to be trained on, as a person sees it."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.cli.commands import zoo
from tests.data.making import csv, image_folder, reviews
from zoo.cli.data import _SUFFIXES
from zoo.report.sheet import TILE, seen_as, sheet


def test_a_contact_sheet_after_preprocessing(digits, tmp_path):
    out = tmp_path / "sheet.png"
    ended = zoo("data", "preview", digits, "--backbone", "digits", "--count", 10, "--out", out)
    assert ended.code == 0, ended.err
    assert "5 labels: 5, 6, 7, 8, 9" in ended.err
    assert f"Wrote {out}: 10 images of train." in ended.err
    page = np.asarray(Image.open(out))
    assert page.shape[1] > 8 * TILE
    assert page[: TILE // 2].std() > 20  # pictures, not a blank page


@pytest.mark.realdata
def test_weights_alone_mean_the_default_backbone(shared, tmp_path):
    image_folder(tmp_path / "d", {"a": 6, "b": 6})
    weights = shared / "hub/zoo-mirror/mobilenetv2_100.tf2_in1k"
    out = tmp_path / "p.png"
    ended = zoo("data", "preview", tmp_path / "d", "--weights", weights, "--count", 1, "--out", out)
    assert ended.code == 0, ended.err
    plain = tmp_path / "plain.png"
    zoo("data", "preview", tmp_path / "d", "--count", 1, "--out", plain)
    assert plain.read_bytes() != out.read_bytes()
    ended = zoo("data", "preview", tmp_path / "d", "--weights", tmp_path / "none", "--out", "x.png")
    assert ended.code != 0


def test_each_image_is_shown_as_training_may_change_it(tmp_path):
    image_folder(tmp_path / "d", {"a": 6, "b": 6})
    plain, changed = tmp_path / "plain.png", tmp_path / "changed.png"
    for out, kind in ((plain, "none"), (changed, "mild")):
        ended = zoo(
            "data", "preview", tmp_path / "d", "--augment", kind, "--count", 4, "--out", out
        )
        assert ended.code == 0, ended.err
    assert Image.open(changed).width > 1.8 * Image.open(plain).width


def test_rows_of_every_label_as_json(tmp_path):
    image_folder(tmp_path / "d", {"rare": 4, "often": 40})
    out = tmp_path / "p.png"
    ended = zoo("data", "preview", tmp_path / "d", "--count", 6, "--out", out, "--json")
    found = ended.data
    assert (found["modality"], found["out"]) == ("image", str(out))
    labels = [row["label"] for row in found["rows"]]
    assert sorted(set(labels)) == ["often", "rare"]
    assert labels.count("rare") >= 2
    assert all(row["input"].endswith(".jpg") for row in found["rows"])


def test_texts_are_listed_and_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    csv(tmp_path / "t.csv", ("text", "label"), reviews(40))
    ended = zoo("data", "preview", "t.csv", "--count", 4)
    assert ended.code == 0, ended.err
    assert ended.out.count("a sentence about number") == 4
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


def test_texts_are_shown_in_the_tokens_that_are_read_of_them(tmp_path):
    long = "unbelievably good " * 300
    csv(tmp_path / "t.csv", ("text", "label"), [(f"{long}{at}", "ab"[at % 2]) for at in range(20)])
    asked = ("data", "preview", tmp_path / "t.csv", "--backbone", "minilm", "--count", 1)
    [row] = zoo(*asked, "--json").data["rows"]
    assert row["tokens"].endswith(", cut")
    assert row["seen"].startswith("un·bel·ie·va·bly good un·bel·ie·va·bly good ")
    assert row["seen"].endswith(" …")
    ended = zoo(*asked, "--augment", "mild")
    assert "un·bel·ie·va·bly" in ended.out
    assert "--augment mild: without effect, for only images are changed" in ended.err


def test_a_picture_that_is_there_is_kept(tmp_path):
    image_folder(tmp_path / "d", {"a": 4, "b": 4})
    (tmp_path / "p.png").write_text("mine")
    ended = zoo("data", "preview", tmp_path / "d", "--out", tmp_path / "p.png")
    assert (ended.code, (tmp_path / "p.png").read_text()) == (2, "mine")
    assert "`--overwrite`" in ended.err


@pytest.mark.parametrize("name", ["p.txt", "p"])
def test_a_picture_of_no_kind_is_refused_before_anything_is_read(tmp_path, name):
    ended = zoo("data", "preview", tmp_path / "none", "--out", tmp_path / name)
    assert ended.code == 2
    assert f"{name}' does not say by its suffix what picture to write." in ended.err
    assert "Valid: .png, .jpg, .jpeg, .tif, .tiff, .pdf." in ended.err


def test_every_kind_of_picture_is_written(tmp_path):
    image_folder(tmp_path / "d", {"a": 4, "b": 4})
    for suffix in _SUFFIXES:
        out = tmp_path / f"p{suffix}"
        ended = zoo("data", "preview", tmp_path / "d", "--count", 2, "--out", out)
        assert ended.code == 0, ended.err
        assert out.stat().st_size


@pytest.mark.parametrize("given", [("--out", "mine.png"), ("--backbone", "digits")])
def test_a_name_that_is_taken_is_told_before_anything_is_read(tmp_path, monkeypatch, given):
    monkeypatch.chdir(tmp_path)
    for name in ("mine.png", "preview.png"):
        (tmp_path / name).write_text("mine")
    ended = zoo("data", "preview", "none", *given)
    assert ended.code == 2
    assert ".png exists." in ended.err


def test_the_default_name_is_told_to_be_taken_once_the_data_is_images(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    image_folder(tmp_path / "d", {"a": 4, "b": 4})
    (tmp_path / "preview.png").write_text("mine")
    ended = zoo("data", "preview", "d")
    assert ended.code == 2
    assert "Error: preview.png exists." in ended.err


def test_texts_mind_no_picture(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "preview.png").write_text("mine")
    csv(tmp_path / "t.csv", ("text", "label"), reviews(40))
    assert zoo("data", "preview", "t.csv").code == 0


def test_numbers_are_shown_by_the_names_of_their_columns(tmp_path):
    rows = [(f"flat number {i}", f"{i}.5") for i in range(40)]
    table = csv(tmp_path / "t.csv", ("text", "price"), rows)
    given = ("data", "preview", table, "--task", "regression", "--label-column", "price")
    ended = zoo(*given, "--count", 3)
    assert ended.code == 0, ended.err
    shown = [line.split() for line in ended.out.splitlines()[2:]]
    assert [words[0] for words in shown] == [f"price={words[-1]}.5" for words in shown]
    found = zoo(*given, "--json").data["rows"][0]
    assert json.loads(found["label"]) == {"price": f"{found['input'].split()[-1]}.5"}


def test_several_labels_of_pictures_are_shown(tmp_path):
    image_folder(tmp_path / "d", {"pictures": 12})
    rows = [(f"pictures/{i}.jpg", str(i % 2), str(i // 2 % 2)) for i in range(12)]
    csv(tmp_path / "d" / "t.csv", ("image", "cat", "dog"), rows)
    out = tmp_path / "p.png"
    words = ("--task", "multilabel", "--label-column", "cat,dog", "--out", out)
    ended = zoo("data", "preview", tmp_path / "d" / "t.csv", *words)
    assert ended.code == 0, ended.err
    assert Image.open(out).width > TILE


def test_tags_that_follow_each_other_are_counted_and_long_labels_cut(tmp_path):
    lines = []
    for i in range(40):
        names = "".join(f"w{i}x{j} B-thing\nand O\n" for j in range(i % 10))
        lines.append(f"this O\nis O\n{names}Ann B-person\nLee I-person\nno{i} O\n")
    (tmp_path / "t.conll").write_text("\n".join(lines))
    words = ("--task", "token-classification", "--count", 40)
    ended = zoo("data", "preview", tmp_path / "t.conll", *words)
    assert ended.code == 0, ended.err
    labels = [line.partition("  ")[0] for line in ended.out.splitlines()[2:]]
    assert "O×2 B-thing O B-person I-person O" in labels
    assert max(map(len, labels)) == 60
    assert all(label.endswith("…") for label in labels if len(label) == 60)


def test_a_setting_of_the_task_decides_what_its_labels_may_be(tmp_path):
    rows = [(f"text number {i}", ("low", "high")[i % 2]) for i in range(40)]
    table = csv(tmp_path / "t.csv", ("text", "grade"), rows)
    words = ("data", "preview", table, "--task", "ordinal", "--label-column", "grade")
    assert zoo(*words).code == 2
    ended = zoo(*words, "--task-set", "order=low,high")
    assert ended.code == 0, ended.err
    assert "2 labels: low, high" in ended.err


def test_pairs_have_no_tokens_of_their_own(tmp_path):
    rows = [(f"how big is {i}", f"what size has {i}", ("same", "other")[i % 2]) for i in range(40)]
    table = csv(tmp_path / "t.csv", ("first", "second", "label"), rows)
    words = ("--task", "pair-classification", "--backbone", "minilm", "--count", 2)
    ended = zoo("data", "preview", table, *words)
    assert ended.code == 0, ended.err
    assert ended.out.splitlines()[0].split() == ["label", "input"]
    assert ended.out.count(" | what size has ") == 2


def test_a_split_that_is_not_there(tmp_path):
    image_folder(tmp_path / "d", {"a": 4, "b": 4})
    ended = zoo("data", "preview", tmp_path / "d", "--split", "dev", "--out", tmp_path / "p.png")
    assert ended.code == 2
    assert "It has train, val, test." in ended.err


def test_normalisation_is_taken_back():
    import torch

    colour = torch.tensor([0.2, 0.5, 0.8])
    mean, std = [0.4, 0.5, 0.6], [0.2, 0.3, 0.4]
    pixels = ((colour - torch.tensor(mean)) / torch.tensor(std)).reshape(3, 1, 1).expand(3, 4, 4)
    for names in (("mean", "std"), ("image_mean", "image_std")):
        shown = seen_as({"pixels": pixels}, dict(zip(names, (mean, std), strict=True)))
        assert np.asarray(shown)[0, 0].tolist() == [51, 128, 204]


def test_captions_that_are_too_long_are_cut():
    page = sheet(
        [(Image.new("RGB", (10, 400)), "a label " * 40), (Image.new("L", (400, 10)), "犬")]
    )
    assert page.size[0] < 3 * TILE


def test_a_group_of_commands_alone_says_that_it_needs_one():
    ended = zoo("data")
    assert ended.code == 2
    assert "Error: zoo data needs a command." in ended.err
