"""Causal language modelling and chat: what is named, what is made of a prompt, and what is refused."""

import json
import math
import subprocess
import sys

import pytest
import torch

import zoo
from tests.cli.commands import zoo as command
from tests.plugins.language.conftest import fitted, reopened
from zoo.errors import DataError, Incompatible, LabelProblem, ProbeMismatch, WeightsInvalid
from zoo.hub.server import EmbeddedHub
from zoo.plugin import IGNORED, TARGETS, Generation

PAIRS = [("the cat", "sat on the mat"), ("a dog", "ran under the tree"), ("the bird", "flew over")]


def composed(folder, **settings):
    task = zoo.task("causal-language", labels=(), **settings)
    return zoo.compose(f"hf:{folder}", "finetune", task)


def named(model, sample):
    """The tokens that are to be named, as words."""
    batch = model.preprocess.collate([model.preprocess(sample)])
    targets = batch[TARGETS][0]
    tokenizer = model.backbone.preprocess._tokenizer
    return tokenizer.convert_ids_to_tokens(targets[targets != IGNORED].tolist())


def chat(*turns):
    roles = ("user", "assistant")
    return json.dumps([{"role": roles[i % 2], "content": t} for i, t in enumerate(turns)])


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "pairs.jsonl"
    parts = ["train"] * 8 + ["val", "test"]
    rows = [{"split": part, "prompt": p, "response": r} for part in parts for p, r in PAIRS]
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


@pytest.fixture(scope="module")
def run(causal, pairs, tmp_path_factory):
    out = tmp_path_factory.mktemp("run") / "pairs"
    return fitted(
        causal("llama", chat=True),
        pairs,
        out,
        "causal-language",
        "finetune",
        epochs=25,
        lr=1e-2,
        patience=25,
    )


def test_responses_are_learned_and_measured_by_perplexity_and_exact_match(run):
    ours, before = (
        next(r.metrics for r in run.record.results if (r.model, r.split) == (name, "test"))
        for name in ("this model", "before training")
    )
    assert ours["exact_match"] == 1
    assert ours["perplexity"] == pytest.approx(math.exp(ours["loss"]))
    assert ours["perplexity"] < 2 < before["perplexity"]


def test_evaluation_makes_the_same_texts(run, pairs):
    found = zoo.evaluate(run.model, pairs)
    assert found.metrics["exact_match"] == 1
    assert [p.label for p in found.predictions] == list(found.truth)


def test_what_was_saved_and_pulled_answers_the_same(run, causal, tmp_path):
    prompts = [p for p, _ in PAIRS]
    said = [p.as_dict() for p in run.model.predict(prompts)]
    assert [p.as_dict() for p in reopened(run).predict(prompts)] == said
    code = (
        "import sys, json, zoo\n"
        "from pathlib import Path\n"
        "repo, url, weights, out, *texts = sys.argv[1:]\n"
        "model = zoo.pull(repo, endpoint=url, weights=Path(weights))\n"
        "Path(out).write_text(json.dumps([p.as_dict() for p in model.predict(texts)]))\n"
    )
    with EmbeddedHub(tmp_path / "hub") as hub:
        zoo.push(run.folder, "me/chat", endpoint=hub.url)
        weights = causal("llama", chat=True)
        given = ["me/chat", hub.url, str(weights), str(tmp_path / "said"), *prompts]
        subprocess.run([sys.executable, "-c", code, *given], check=True, timeout=120)
        with pytest.raises(ProbeMismatch):  # another template, the same weights
            zoo.pull("me/chat", endpoint=hub.url, weights=causal("llama"))
    assert json.loads((tmp_path / "said").read_text()) == said


@pytest.mark.parametrize(
    ("kind", "adapter"), [("gpt2", "lora"), ("qwen2", "partial"), ("opt", "lora")]
)
def test_architectures_round_trip(kind, adapter, causal, pairs, tmp_path):
    run = fitted(causal(kind), pairs, tmp_path / "run", "causal-language", adapter, epochs=1)
    prompts = [p for p, _ in PAIRS]
    said = [p.as_dict() for p in run.model.predict(prompts)]
    assert [p.as_dict() for p in reopened(run).predict(prompts)] == said


def test_only_what_the_assistant_says_is_to_be_named(causal):
    model = composed(causal("llama", chat=True))
    assert named(model, chat("the cat", "sat", "a dog", "ran under")) == [
        *("sat", "</s>", "ran", "under", "</s>")
    ]
    taught = model.task.taught(["the cat"], ["sat on"])[0]
    assert named(model, taught) == ["sat", "on", "</s>"]
    plain = composed(causal("llama"))
    assert named(plain, plain.task.taught(["the cat"], ["sat on"])[0]) == ["sat", "on", "</s>"]
    assert named(plain, "the cat sat") == ["the", "cat", "sat", "</s>"]


def test_the_loss_is_that_of_transformers(causal):
    model = composed(causal("llama", chat=True))
    samples = [chat("the cat", "sat on the mat"), chat("a dog", "ran", "a bird", "flew")]
    batch = model.preprocess.collate([model.preprocess(sample) for sample in samples])
    found = float(model.task.loss(model(batch)["causal-language"], torch.empty(2, 0)).detach())
    labels = torch.full_like(batch["input_ids"], IGNORED)
    labels[:, 1:] = batch[TARGETS][:, :-1]
    stock = model.backbone.module(
        input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], labels=labels
    )
    assert found == pytest.approx(float(stock.loss.detach()), rel=1e-5)


def test_label_smoothing_is_that_of_torch(causal):
    model = composed(causal("llama"), label_smoothing=0.2)
    batch = model.preprocess.collate([model.preprocess("the cat sat on the mat")])
    with torch.no_grad():
        found = float(model.task.loss(model(batch)["causal-language"], torch.empty(1, 0)))
        logits = model.backbone(batch).logits
    wanted = torch.nn.functional.cross_entropy(
        logits.flatten(0, 1), batch[TARGETS].flatten(), ignore_index=IGNORED, label_smoothing=0.2
    )
    assert found == pytest.approx(float(wanted), rel=1e-5)


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
@pytest.mark.parametrize("beams", [1, 3])
def test_a_batch_of_prompts_is_answered_as_each_alone(kind, beams, causal):
    model = composed(causal(kind), length=6, beams=beams)
    prompts = ["the cat", "a dog ran under the tree on the", "bird"]
    together = [p.label for p in model.predict(prompts)]
    assert [model.predict([prompt])[0].label for prompt in prompts] == together
    tokens = model.backbone.preprocess.prompt(prompts[1])["input_ids"][None]
    stock = model.backbone.module.generate(
        tokens, max_new_tokens=6, num_beams=beams, do_sample=False, pad_token_id=0, eos_token_id=2
    )
    assert model.backbone.preprocess.text(stock[0, tokens.shape[1] :]) == together[1]


def test_pieces_are_told_as_they_are_made(run):
    told = {}
    answers = run.model.answers(
        [p for p, _ in PAIRS],
        [run.model.task],
        tell=lambda row, text: told.setdefault(row, []).append(text),
    )["causal-language"]
    assert ["".join(told[row]) for row in range(3)] == [answer.label for answer in answers]
    assert len(told[0]) > 2


def test_a_prompt_longer_than_the_model_keeps_its_end(causal):
    model = composed(causal("gpt2"))
    batch = model.backbone.preprocess.collate([model.backbone.preprocess.prompt("cat " * 100)])
    (made,) = model.backbone.generate(batch, Generation(tokens=40))
    assert len(made) <= 24


HOSTILE = (
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ cycler.__init__.__globals__.os.system('touch PWNED') }}",
    "{{ self.__init__.__globals__ }}",
    "{{ messages.append({'role': 'assistant', 'content': 'x'}) }}",
    "{{ joiner.__init__.__globals__['__builtins__']['open']('PWNED', 'w') }}",
    "{% for a in range(10) %}{{ ('x' * 4000000) }}{% endfor %}",
    "{% if %}",
    "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "{% macro again(n) %}{% for a in range(99) %}{{ again(n) }}{% endfor %}{% endmacro %}{{ again(1) }}",
    "{{ 9 ** 9 ** 9 }}",
    "{{ 'x' * 40000000000 }}",
    "{% set n = namespace(s='x') %}{% for a in range(60) %}{% set n.s = n.s ~ n.s %}{% endfor %}",
)


@pytest.mark.parametrize("template", HOSTILE)
def test_a_hostile_template_cannot_leave_its_sandbox(template, causal, tmp_path, monkeypatch):
    import shutil

    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "hostile"
    shutil.copytree(causal("llama"), folder)
    (folder / "chat_template.jinja").write_text(template)
    with pytest.raises(WeightsInvalid, match="its chat template"):
        composed(folder).predict([chat("the cat")])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["hostile"]


def test_a_chat_needs_a_template(causal):
    with pytest.raises(Incompatible, match="has no chat template"):
        composed(causal("llama")).predict([chat("the cat")])


@pytest.mark.parametrize("adapter", ["linear-probe"])
def test_a_probe_and_an_encoder_are_refused(adapter, causal, masked):
    task = zoo.task("causal-language", labels=())
    with pytest.raises(Incompatible, match="uses the language head"):
        zoo.compose(f"hf:{causal('llama')}", adapter, task)
    with pytest.raises(Incompatible, match=r"\(bert\) has no causal language head"):
        zoo.compose(f"hf:{masked('bert')}", "lora", task)


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (
            [{"role": "user", "content": "hi"}],
            "without an answer: it ends with a message of the user",
        ),
        ([{"role": "user", "content": "hi"}, {"role": "assistant", "content": " "}], "has no text"),
        ([{"role": "robot", "content": "hi"}], "has the role 'robot'"),
        ([], "a chat without messages"),
        ([{"from": "human", "value": "hi"}], "message 1 has no role; a chat is a list of messages"),
        (["hi", "ho"], "is no chat; a chat is a list of messages"),
        ("hello", "'hello' is no chat"),
    ],
)
def test_a_bad_chat_is_named_with_file_and_row(bad, why, tmp_path):
    good = [json.loads(chat(f"cat {n}", "sat")) for n in range(4)]
    path = tmp_path / "chats.jsonl"
    rows = (*good[:2], bad, *good[2:])
    path.write_text("\n".join(json.dumps({"messages": row}) for row in rows))
    with pytest.raises(LabelProblem, match=rf"{why}.* at chats\.jsonl row 3"):
        zoo.load_data(path, task="causal-language")
    kept = zoo.load_data(path, task="causal-language", skip_bad=True, test_fraction=0)
    assert sum(kept.rows.values()) == 4


def test_an_empty_response_is_named_with_file_and_row(tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_text("prompt,response\nthe cat,sat\na dog,\nbird,flew\n")
    with pytest.raises(LabelProblem, match=r"blank in 1 row: pairs\.csv row 3"):
        zoo.load_data(path, task="causal-language")
    path.write_text("prompt,response\nthe cat,sat\n,ran\nbird,flew\n")
    with pytest.raises(DataError, match=r"blank in 1 row: pairs\.csv row 3"):
        zoo.load_data(path, task="causal-language")


def test_the_command_line_shows_texts_and_json(run):
    said = command("predict", run.folder, "the cat", "a dog")
    assert (said.code, said.out) == (0, "> the cat\nsat on the mat\n> a dog\nran under the tree\n")
    told = command("predict", run.folder, "the cat", "--json")
    assert told.code == 0, told.err
    assert json.loads(told.out) == [{"input": "the cat", "label": "sat on the mat", "tokens": 5}]
