"""Sequence to sequence: the model's own decoder, beams, languages, and metrics as of their peers."""

import json
import random

import pytest
import sacrebleu
import torch
from rouge_score.rouge_scorer import RougeScorer

import zoo
from tests.cli.commands import zoo as command
from tests.plugins.language.conftest import SEQ2SEQ, fitted, reopened
from zoo.errors import ColumnMissing, Incompatible, LabelProblem
from zoo.hub.server import EmbeddedHub
from zoo.model import Prediction
from zoo.plugin import IGNORED, TARGETS, Generation

PAIRS = {"the cat sat": "le chat", "a dog ran": "un chien", "the bird flew": "le oiseau sur"}


def composed(folder, **settings):
    task = zoo.task("sequence-to-sequence", labels=(), **settings)
    return zoo.compose(f"hf:{folder}", "finetune", task)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "pairs.csv"
    parts = ["train"] * 12 + ["val", "test"]
    rows = [f"{part},{source},{target}" for part in parts for source, target in PAIRS.items()]
    path.write_text("\n".join(["split,source,target", *rows]))
    return path


@pytest.fixture(scope="module")
def run(paired, pairs, tmp_path_factory):
    return fitted(
        paired("bart"), pairs, tmp_path_factory.mktemp("run") / "pairs", "sequence-to-sequence",
        "finetune", epochs=25, lr=5e-3, patience=25, task_settings={"length": 8},
    )  # fmt: skip


def test_translations_are_learned_and_measured(run, pairs):
    ours, before = (
        next(r.metrics for r in run.record.results if (r.model, r.split) == (name, "test"))
        for name in ("this model", "before training")
    )
    assert (ours["chrf"], ours["rouge1"]) == (pytest.approx(100), pytest.approx(100))
    assert ours["loss"] < 0.2 * before["loss"]
    assert zoo.evaluate(run.model, pairs).metrics["chrf"] == pytest.approx(100)


def test_saved_pushed_and_pulled_it_answers_the_same(run, paired, tmp_path):
    said = [p.as_dict() for p in run.model.predict(list(PAIRS))]
    assert [p.as_dict() for p in reopened(run).predict(list(PAIRS))] == said
    with EmbeddedHub(tmp_path / "hub") as hub:
        zoo.push(run.folder, "me/words", endpoint=hub.url)
        pulled = zoo.pull("me/words", endpoint=hub.url, weights=paired("bart"))
    assert [p.as_dict() for p in pulled.predict(list(PAIRS))] == said


def test_the_artifact_opens_with_transformers_alone(run):
    import transformers

    folder = run.folder / "artifact"
    stock = transformers.AutoModelForSeq2SeqLM.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    given = tokenizer("the bird flew", return_tensors="pt")
    made = stock.generate(
        input_ids=given["input_ids"], attention_mask=given["attention_mask"],
        max_new_tokens=8, num_beams=4,
    )  # fmt: skip
    assert tokenizer.decode(made[0], skip_special_tokens=True) == "le oiseau sur"


@pytest.mark.parametrize(
    ("kind", "adapter"),
    [("t5", "lora"), ("marian", "finetune"), ("m2m_100", "lora"), ("mbart", "partial")],
)
def test_architectures_round_trip(kind, adapter, paired, pairs, tmp_path):
    run = fitted(
        paired(kind), pairs, tmp_path / "run", "sequence-to-sequence", adapter, epochs=1,
        task_settings={"length": 6},
    )  # fmt: skip
    said = [p.as_dict() for p in run.model.predict(list(PAIRS))]
    assert [p.as_dict() for p in reopened(run).predict(list(PAIRS))] == said


@pytest.mark.parametrize("kind", SEQ2SEQ)
def test_the_loss_is_that_of_transformers(kind, paired):
    model = composed(paired(kind), label_smoothing=0.0)
    samples = model.task.taught(list(PAIRS), list(PAIRS.values()))
    batch = model.preprocess.collate([model.preprocess(sample) for sample in samples])
    with torch.no_grad():
        found = model.task.loss(model(batch)["sequence-to-sequence"], torch.empty(3, 0))
        names = ("input_ids", "attention_mask")
        stock = model.backbone.module(**{n: batch[n] for n in names}, labels=batch[TARGETS])
    assert float(found) == pytest.approx(float(stock.loss), rel=1e-5)
    assert (batch[TARGETS] == IGNORED).any()


def test_blocks_hold_encoder_and_decoder_layers_apart(paired):
    backbone = zoo.load_backbone(f"hf:{paired('bart')}", language="seq2seq")
    names = [block.name for block in backbone.blocks]
    assert names == [
        "embeddings",
        *(f"model.encoder.layers.{i}" for i in range(2)),
        *(f"model.decoder.layers.{i}" for i in range(2)),
    ]
    covered = [
        name
        for block in backbone.blocks
        for root in block.modules
        for name, _ in backbone.module.named_parameters()
        if name == root or name.startswith(f"{root}.")
    ]
    assert sorted(covered) == sorted(name for name, _ in backbone.module.named_parameters())


def test_beams_and_batches_change_nothing_that_they_must_not(paired):
    model = composed(paired("bart"), beams=3, length=6)
    together = [p.label for p in model.predict(list(PAIRS))]
    assert [model.predict([text])[0].label for text in PAIRS] == together
    preprocess = model.backbone.preprocess
    given = preprocess.collate([preprocess.prompt("a dog ran")])
    stock = model.backbone.module.generate(
        given["input_ids"], attention_mask=given["attention_mask"], max_new_tokens=6, num_beams=3,
        pad_token_id=0,
    )  # fmt: skip
    assert preprocess.text(stock[0, 1:]) == together[1]


def test_a_prefix_stands_before_every_source(paired):
    model = composed(paired("t5"), prefix="user : ")
    plain = composed(paired("t5"))
    assert torch.equal(
        model.preprocess("the cat")["input_ids"], plain.preprocess("user : the cat")["input_ids"]
    )


def test_languages_are_refused_where_the_tokenizer_has_none(paired):
    with pytest.raises(Incompatible, match="does not tell languages apart"):
        composed(paired("bart"), target_language="hin_Deva").predict(["the cat"])


@pytest.fixture(scope="module")
def nllb(tmp_path_factory):
    """A tiny NLLB, whose tokenizer marks languages."""
    import transformers as tf

    folder = tmp_path_factory.mktemp("nllb") / "tiny"
    pieces = ["<s>", "<pad>", "</s>", "<unk>", "▁", *"abcdehort"]
    vocab = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = tf.NllbTokenizer(vocab=vocab, merges=[], src_lang="eng_Latn", tgt_lang="fra_Latn")
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    sizes = {"d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "vocab_size": len(tokenizer)}
    config = tf.M2M100Config(**sizes, encoder_attention_heads=2, decoder_attention_heads=2)
    tf.M2M100ForConditionalGeneration(config).save_pretrained(folder)
    return folder


def test_languages_are_marked_in_sources_targets_and_answers(nllb):
    model = composed(nllb, source_language="eng_Latn", target_language="hin_Deva", length=5)
    marks = model.backbone.preprocess._tokenizer.convert_tokens_to_ids(["eng_Latn", "hin_Deva"])
    batch = model.preprocess(model.task.taught(["the cat"], ["a bee"])[0])
    assert [int(batch["input_ids"][0]), int(batch[TARGETS][0])] == marks
    given = model.preprocess.collate([model.preprocess("the cat")])
    (made,) = model.backbone.generate(given, Generation(tokens=5))
    assert int(made[0]) == marks[1]
    with pytest.raises(Incompatible, match="knows no language 'Hindi'"):
        composed(nllb, target_language="Hindi").predict(["the cat"])


def test_marian_reads_and_writes_with_a_vocabulary_of_each_side(tmp_path):
    spm = pytest.importorskip("sentencepiece")
    import transformers as tf

    (tmp_path / "texts").write_text("\n".join([*PAIRS, *PAIRS.values()] * 5))
    vocab = {"<unk>": 0, "</s>": 1}
    for side in ("source", "target"):
        spm.SentencePieceTrainer.train(
            input=str(tmp_path / "texts"), model_prefix=str(tmp_path / side), vocab_size=40,
            hard_vocab_limit=False, minloglevel=2,
        )  # fmt: skip
        lines = (tmp_path / f"{side}.vocab").read_text().splitlines()
        vocab |= {line.split("\t")[0]: len(vocab) + n for n, line in enumerate(lines)
                  if line.split("\t")[0] not in vocab}  # fmt: skip
    vocab = {piece: number for number, piece in enumerate([*vocab, "<pad>"])}
    (tmp_path / "vocab").write_text(json.dumps(vocab))
    folder = tmp_path / "tiny"
    tf.MarianTokenizer(
        str(tmp_path / "source.model"), str(tmp_path / "target.model"), str(tmp_path / "vocab")
    ).save_pretrained(folder)
    pad = vocab["<pad>"]
    torch.manual_seed(0)
    config = tf.MarianConfig(
        vocab_size=len(vocab), d_model=16, encoder_layers=1, decoder_layers=1, pad_token_id=pad,
        encoder_attention_heads=2, decoder_attention_heads=2, decoder_start_token_id=pad,
        eos_token_id=1, forced_eos_token_id=1, max_position_embeddings=64,
    )  # fmt: skip
    tf.MarianMTModel(config).save_pretrained(folder)
    model = composed(folder, length=6)
    batch = model.preprocess(model.task.taught(["the cat sat"], ["le chat"])[0])
    assert model.backbone.preprocess.text(batch[TARGETS]) == "le chat"
    assert len(model.predict(list(PAIRS))) == 3
    assert {"source.spm", "target.spm", "vocab.json"} <= model.backbone.companions().keys()


def texts(count, seed):
    words = ["the", "cat", "sat", "on", "a", "mat", "naïve", "über", "12", "it's", "."]
    drawn = random.Random(seed)
    return [" ".join(drawn.choices(words, k=drawn.randint(0, 9))) for _ in range(count)]


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (texts(40, 1), texts(40, 2)),
        (texts(5, 3), texts(5, 3)),
        ([""] * 3, ["a b c"] * 3),
        (["x"], ["y"]),
        (["एक वाक्य है"], ["एक वाक्य था"]),
    ],
)
def test_metrics_equal_those_of_sacrebleu_and_rouge_score(said, wanted):
    task = zoo.task("sequence-to-sequence", labels=())
    found = task.judged([Prediction(text) for text in said], said, wanted)
    assert found["bleu"] == sacrebleu.corpus_bleu(said, [wanted]).score
    assert found["chrf"] == sacrebleu.corpus_chrf(said, [wanted]).score
    if all(text.isascii() for text in said + wanted):
        scorer = RougeScorer(["rouge1", "rouge2", "rougeL"])
        each = [scorer.score(w, s) for s, w in zip(said, wanted, strict=True)]
        for name in ("rouge1", "rouge2", "rougeL"):
            mean = 100 * sum(one[name].fmeasure for one in each) / len(each)
            assert found[name] == pytest.approx(mean)


def test_an_empty_target_and_unknown_columns_are_named(tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_text("source,target\nthe cat,le chat\na dog,\nbird,oiseau\n")
    with pytest.raises(LabelProblem, match=r"blank in 1 row: pairs\.csv row 3"):
        zoo.load_data(path, task="sequence-to-sequence")
    path.write_text("en,fr\nthe cat,le chat\na dog,un chien\nbird,oiseau\n")
    with pytest.raises(ColumnMissing, match=r"pairs\.csv"):
        zoo.load_data(path, task="sequence-to-sequence")
    found = zoo.load_data(
        path, task="sequence-to-sequence", input_column="en", label_column="fr", test_fraction=0
    )
    assert sum(found.rows.values()) == 3


def test_a_probe_and_a_model_without_a_decoder_are_refused(paired, masked):
    task = zoo.task("sequence-to-sequence", labels=())
    with pytest.raises(Incompatible, match="uses the language head"):
        zoo.compose(f"hf:{paired('bart')}", "linear-probe", task)
    with pytest.raises(Incompatible, match=r"\(bert\) has no seq2seq language head"):
        zoo.compose(f"hf:{masked('bert')}", "lora", task)


def test_the_command_line_shows_texts_and_json(run):
    said = command("predict", run.folder, "a dog ran")
    assert (said.code, said.out) == (0, "un chien\n")
    told = command("predict", run.folder, "a dog ran", "--json")
    assert [row["label"] for row in json.loads(told.out)] == ["un chien"]
