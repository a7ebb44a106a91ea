"""Texts that are longer than a model reads: their own target in parts, else cut off and told."""

import json
import random

import pytest
import torch

import zoo
from tests.cli.commands import zoo as command
from tests.plugins.language.conftest import fitted, sentences
from zoo.plugin import IGNORED, TARGETS

LONGEST = 40  # tokens, of the tiny models


@pytest.fixture(scope="module")
def books(tmp_path_factory):
    """Twelve long texts, a line each."""
    draw = random.Random(0)
    path = tmp_path_factory.mktemp("data") / "books.txt"
    path.write_text("\n".join(" ".join(draw.choices(sentences(), k=25)) for _ in range(12)))
    return path


@pytest.mark.parametrize("count", [1, 37, 39, 41, 300, 2000])
def test_parts_are_the_whole_text_and_none_is_cut(count, masked, causal):
    text = " ".join(random.Random(count).choices(" ".join(sentences()).split(), k=count))
    for folder, task, marks in (
        (masked("bert"), "masked-language", 2),
        (causal("llama"), "causal-language", 1),
    ):
        preprocess = zoo.compose(f"hf:{folder}", "finetune", zoo.task(task, labels=())).preprocess
        parts = preprocess.inner.parts(text)
        assert " ".join(parts) == text
        read = [len(preprocess(part)["input_ids"]) - marks for part in parts]
        ends = 1 if task == "causal-language" else 0  # the last part alone has one
        assert sum(read) == count + ends
        assert len(parts) <= 1 + count // 20


def test_a_text_without_spaces_is_cut_anywhere(masked):
    preprocess = zoo.load_backbone(f"hf:{masked('bert')}", language="masked").preprocess
    text = "." * 500  # a token each
    parts = preprocess.parts(text)
    assert "".join(parts) == text
    assert max(len(preprocess(part)["input_ids"]) for part in parts) <= LONGEST


def test_only_the_end_of_a_text_is_taught_as_an_end(causal):
    model = zoo.compose(f"hf:{causal('llama')}", "finetune", zoo.task("causal-language", labels=()))
    parts = model.preprocess.inner.parts("the cat sat on the mat " * 10)
    ends = [
        int((given[TARGETS] == model.preprocess.inner.eos_id).sum())
        for given in map(model.preprocess, parts)
    ]
    assert ends == [0] * (len(parts) - 1) + [1]


@pytest.mark.parametrize(("kind", "task"), [("bert", "masked"), ("llama", "causal")])
def test_all_of_a_long_text_is_learned_and_measured(kind, task, books, masked, causal, tmp_path):
    folder = {"masked": masked, "causal": causal}[task](kind)
    name = f"{task}-language"
    run = fitted(folder, books, tmp_path / "run", name, "lora", epochs=1)
    found = zoo.evaluate(run.model, books)
    words = [len(text.split()) for text in books.read_text().splitlines()]
    told = [answer.data["tokens"] for answer in found.predictions]
    assert found.rows == len(told) == len(words)
    if task == "causal":  # every word, and an end
        assert told == [count + 1 for count in words]
    else:  # a share of all words
        assert all(0.1 * n < tokens < 0.2 * n for n, tokens in zip(words, told, strict=True))
        alone = run.model.predict(books.read_text().splitlines())
        assert [a.data["tokens"] for a in alone] == told
    assert not any("cut off" in note for note in run.record.notes)


def test_nothing_is_named_twice(causal):
    model = zoo.compose(f"hf:{causal('llama')}", "finetune", zoo.task("causal-language", labels=()))
    text = "the cat sat on the mat " * 10
    parts = model.task.in_parts([text], [""], model.backbone.preprocess)
    logits = model.logits([*parts.samples])["causal-language"]
    whole = parts.by_sample(logits)
    assert len(whole) == 1
    named = sum(int((model.preprocess(part)[TARGETS] != IGNORED).sum()) for part in parts.samples)
    assert int(whole[..., 3].sum()) == named
    assert torch.equal(whole[0][whole[0, :, 3] > 0], logits[logits[..., 3] > 0])


def test_a_person_is_told_how_many_texts_are_cut(masked, tmp_path):
    rows = [
        {"text": text * (12 if at % 6 == 0 else 1), "label": text.split()[1]}
        for at, text in enumerate(f"{sentence} " for sentence in sentences())
    ]
    data = tmp_path / "data.jsonl"
    data.write_text("\n".join(map(json.dumps, rows)))
    out = tmp_path / "run"
    folder = masked("bert")
    fit = ("fit", data, "--backbone", f"hf:{folder}", "--adapter", "linear-probe", "--out", out)
    ended = command(*fit, "--label-column", "label")
    assert ended.code == 0, ended.err
    assert f"{LONGEST} tokens or more" in " ".join(ended.err.split())
    assert any("cut off" in note for note in json.loads((out / "run.json").read_text())["notes"])
    measured = command("evaluate", out, data, "--json")
    assert "12 of 72 rows have" in " ".join(measured.err.split())
    said = command("predict", out, rows[0]["text"], "the cat", "--json")
    assert "1 of 2 inputs have" in " ".join(said.err.split())
    assert "tokens or more" not in command("predict", out, "the cat", "--json").err
