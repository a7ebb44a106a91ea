"""`zoo embed`: features for other tools, the same in every format."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from safetensors import safe_open

import zoo as api
from tests.cli.commands import zoo
from zoo.data.samples import Samples
from zoo.model import extract


@pytest.fixture(scope="module")
def files(digits, tmp_path_factory):
    """The digits' features in each format."""
    folder = tmp_path_factory.mktemp("features")
    for suffix in ("npz", "parquet", "safetensors"):
        ended = zoo("embed", "digits", digits, "--out", folder / f"digits.{suffix}")
        assert ended.code == 0, ended.err
        assert ended.out == ""
        assert "100 rows of" in ended.err
    return folder


def test_the_features_are_those_of_the_library(files, digits):
    found = np.load(files / "digits.npz", allow_pickle=False)
    backbone = api.load_backbone("digits")
    expected = extract(backbone, Samples([str(p) for p in found["input"]], backbone.contract))
    np.testing.assert_allclose(found["features"], expected.numpy(), atol=1e-5)
    assert str(found["backbone"]) == "vision:digits"
    assert str(found["digest"]) == backbone.digest


def test_labels_go_with_their_inputs(files):
    found = np.load(files / "digits.npz", allow_pickle=False)
    assert sorted(set(found["label"])) == ["5", "6", "7", "8", "9"]
    for path, label in zip(found["input"], found["label"], strict=True):
        assert path.split("/")[-2] == label


def test_the_formats_agree(files):
    arrays = np.load(files / "digits.npz", allow_pickle=False)
    table = pq.read_table(files / "digits.parquet")
    assert table.column("input").to_pylist() == arrays["input"].tolist()
    assert table.column("label").to_pylist() == arrays["label"].tolist()
    np.testing.assert_array_equal(np.stack(table.column("features").to_numpy()), arrays["features"])
    assert table.schema.metadata[b"backbone"] == b"vision:digits"
    with safe_open(files / "digits.safetensors", framework="numpy") as opened:
        np.testing.assert_array_equal(opened.get_tensor("features"), arrays["features"])
        assert json.loads(opened.metadata()["label"]) == arrays["label"].tolist()


def test_inputs_need_no_labels(digits, tmp_path):
    out = tmp_path / "fives.npz"
    ended = zoo("embed", "digits", digits / "5", "--unlabelled", "--out", out)
    assert ended.code == 0, ended.err
    found = np.load(out, allow_pickle=False)
    assert found["features"].shape[0] == 20
    assert "label" not in found


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--out", "x.pickle"], "Valid: .npz, .parquet, .safetensors."),
        (["--out", "there.npz"], "there.npz exists."),
        (["--out", "x.npz", "--pooling", "cls"], "has no pooling 'cls'"),
    ],
)
def test_what_cannot_be_written_is_refused(words, message, digits, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.npz").write_text("precious")
    ended = zoo("embed", "digits", digits, *words)
    assert ended.code == 2
    assert message in ended.err
    assert [path.name for path in tmp_path.iterdir()] == ["there.npz"]
    assert (tmp_path / "there.npz").read_text() == "precious"
