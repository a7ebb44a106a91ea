"""`zoo data preview`: what is about to be trained on, as a person sees it."""

import numpy as np
import pytest
from PIL import Image

from tests.cli.commands import zoo
from tests.data.making import csv, image_folder, reviews
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


def test_a_picture_that_is_there_is_kept(tmp_path):
    image_folder(tmp_path / "d", {"a": 4, "b": 4})
    (tmp_path / "p.png").write_text("mine")
    ended = zoo("data", "preview", tmp_path / "d", "--out", tmp_path / "p.png")
    assert (ended.code, (tmp_path / "p.png").read_text()) == (2, "mine")
    assert "`--overwrite`" in ended.err


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
