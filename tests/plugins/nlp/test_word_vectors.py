"""Word vectors from files: every form, what is left out, and what is refused."""

from __future__ import annotations

import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
import torch

import zoo
from tests.data.making import csv
from tests.plugins.architecture import require_blocks
from zoo.errors import Incompatible, WeightsInvalid, WeightsNotFound
from zoo.model import extract

WORDS = ["the", "Cat", "sat", "on", "mat", "don't", "U.S.", ",", "straße", "猫"]
TEXTS = ["the Cat sat on THE mat", "don't, mat!", "zebra quagga", "", "straße 猫"]


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(len(WORDS), 7)).astype(np.float32)


@pytest.fixture(scope="module")
def keyed(vectors):
    """The same words and vectors as gensim keeps them."""
    models = pytest.importorskip("gensim.models")
    known = models.KeyedVectors(vector_size=7)
    known.add_vectors(WORDS, vectors)
    return known


def save(keyed, path: Path, form: str) -> Path:
    keyed.save_word2vec_format(str(path), binary=form == "binary", write_header=form != "glove")
    return path


@pytest.mark.parametrize("form", ["binary", "text", "glove"])
def test_features_are_means_of_gensims_vectors(keyed, tmp_path, form):
    path = save(keyed, tmp_path / f"words.{form}", form)
    backbone = zoo.load_backbone(f"vectors:{path}")
    assert backbone.spec.name == f"vectors:./words.{form}"
    found = extract(backbone, TEXTS)
    expected = [
        np.mean([keyed[w] for w in ("the", "Cat", "sat", "on", "the", "mat")], axis=0),
        np.mean([keyed[w] for w in ("don't", ",", "mat")], axis=0),
        np.zeros(7),
        np.zeros(7),
        np.mean([keyed[w] for w in ("straße", "猫")], axis=0),
    ]
    assert np.abs(found.numpy() - np.stack(expected)).max() < 1e-5
    require_blocks(backbone, least=1)


def test_the_three_forms_of_one_table_are_one_backbone(keyed, tmp_path):
    digests = {
        zoo.load_backbone(f"vectors:{save(keyed, tmp_path / form, form)}").digest
        for form in ("binary", "text", "glove")
    }
    assert len(digests) == 1


def test_the_digest_knows_the_words_too(vectors, tmp_path):
    first, second = tmp_path / "a.txt", tmp_path / "b.txt"
    for path, words in ((first, ["x", "y"]), (second, ["x", "z"])):
        rows = [" ".join([w, *map(str, v)]) for w, v in zip(words, vectors, strict=False)]
        path.write_text("\n".join(rows))
    a, b = (zoo.load_backbone(f"vectors:{path}").digest for path in (first, second))
    assert a != b


def test_a_word_with_spaces_and_a_repeated_word(tmp_path):
    (tmp_path / "v.txt").write_text("mat 3 4\n. . . 1 2\nmat 5 6\n")
    backbone = zoo.load_backbone(f"vectors:{tmp_path / 'v.txt'}")
    assert extract(backbone, ["mat"]).tolist() == [[3, 4]]
    assert len(backbone.module.embeddings.weight) == 2


def packed(count: int, size: int, body: bytes) -> bytes:
    return f"{count} {size}\n".encode() + body


ONE = b"mat " + struct.pack("<2f", 1, 2)
REFUSED = {
    "empty": (b"", "its first line is no word with its numbers"),
    "prose": (b"Once upon a time\nthere was\n", "its first line is no word"),
    "pickle": (pickle.dumps({"a": 1}), "zoo reads no pickles"),
    "gzip": (b"\x1f\x8b\x08 abc\n", "decompress it first (gzip)"),
    "greedy": (packed(999_999_999, 300, ONE), "it promises 999999999 words of 300 numbers in"),
    "wide": (packed(1, 999_999, ONE), "it promises 1 words of 999999 numbers"),
    "cut": (packed(2, 2, ONE + b"\ncat " + b"\0" * 7), "entry 2 is no word with 2 numbers"),
    "short": (packed(2, 2, ONE), "it promises 2 words and holds 1"),
    "long word": (packed(1, 2, b"x" * 2000 + ONE), "entry 1 is no word"),
    "nan": (b"cat nan 1\nmat 1 2\n", "entry 1 holds NaN"),
    "ragged": (b"cat 1 2\nmat 3\n", "entry 2 is no word with 2 numbers"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_file_of_word_vectors_is_refused(tmp_path, case):
    content, reason = REFUSED[case]
    path = tmp_path / "words"
    path.write_bytes(content)
    with pytest.raises(WeightsInvalid) as caught:
        zoo.load_backbone(f"vectors:{path}")
    assert reason in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(WeightsNotFound, match=r"is not a file"):
        zoo.load_backbone(f"vectors:{tmp_path / 'nowhere.txt'}")


@pytest.fixture
def glove(tmp_path) -> Path:
    """Sixty words, half of them around one point and half around another."""
    drawn = np.random.default_rng(1)
    rows = []
    for i in range(60):
        numbers = drawn.normal(size=5) + (2 if i % 2 else -2)
        rows.append(" ".join([f"w{i}", *(f"{n:.5f}" for n in numbers)]))
    (tmp_path / "glove.txt").write_text("\n".join(rows))
    return tmp_path / "glove.txt"


@pytest.mark.parametrize("adapter", ["linear-probe", "finetune"])
def test_a_fit_is_saved_with_the_name_and_the_digest_of_the_file(glove, tmp_path, adapter):
    drawn = np.random.default_rng(2)
    rows = ["text,label"]
    for _ in range(40):
        side = int(drawn.integers(2))
        words = [f"w{2 * int(drawn.integers(30)) + side}" for _ in range(4)]
        rows.append(f"{' '.join(words)},{'odd' if side else 'even'}")
    (tmp_path / "data.csv").write_text("\n".join(rows))
    model = zoo.compose(
        f"vectors:{glove}", adapter, zoo.task("classification", labels=["even", "odd"])
    )
    run = zoo.fit(model, data=tmp_path / "data.csv", out=tmp_path / "run", epochs=2)
    opened = zoo.load(run.folder / "artifact", weights=glove.parent)
    texts = ["w1 w3 w5", "w2 w4 unknown", "w7"]
    before, after = run.model.predict(texts), opened.predict(texts)
    assert [p.label for p in before] == [p.label for p in after]
    manifest = (run.folder / "artifact" / "zoo.json").read_text()
    assert "vectors:./glove.txt" in manifest
    assert str(tmp_path) not in manifest


def test_low_rank_updates_have_no_place_in_a_table(glove):
    with pytest.raises(Incompatible):
        zoo.compose(f"vectors:{glove}", "lora", zoo.task("classification", labels=["a", "b"]))


def test_random_weights_keep_the_vocabulary(glove):
    torch.manual_seed(0)
    trained = zoo.load_backbone(f"vectors:{glove}")
    drawn = trained.reload(False)
    assert drawn.digest != trained.digest
    assert drawn.feature_size == 5
    assert extract(drawn, ["w1"]).abs().sum() > 0


@pytest.mark.parametrize(("words", "told"), [("a sentence about number", False), ("a", True)])
def test_data_in_other_words_than_the_file_has_is_told(tmp_path, words, told):
    lines = [f"{word} {at}.5 {-at}" for at, word in enumerate([*words.split(), *"0123456789"])]
    (tmp_path / "w.txt").write_text("\n".join(lines))
    rows = [(f"{at // 10} a sentence about number {at % 10}", "xy"[at % 2]) for at in range(60)]
    data = zoo.load_data(csv(tmp_path / "t.csv", ("text", "label"), rows))
    task = zoo.task("classification", labels=data.labels)
    model = zoo.compose(f"vectors:{tmp_path}/w.txt", zoo.adapter("linear-probe"), task)
    notes = zoo.fit(model, data, tmp_path / "run").record.notes
    assert told == any("w.txt knows" in note and "words in" in note for note in notes)
