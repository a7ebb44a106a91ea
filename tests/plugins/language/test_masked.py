"""Masked language modelling: texts without labels, the backbone's own head, the result a backbone."""

import json
import math

import pytest
import torch

import zoo
from tests.plugins.language.conftest import fitted, reopened, sentences
from zoo.errors import DataError, Incompatible, LabelProblem
from zoo.hub.server import EmbeddedHub
from zoo.plugin import IGNORED, TARGETS


@pytest.fixture(scope="module")
def run(masked, texts, tmp_path_factory):
    return fitted(
        masked("bert"),
        texts,
        tmp_path_factory.mktemp("run") / "mlm",
        "masked-language",
        "finetune",
        epochs=6,
    )


def test_training_lowers_perplexity_below_that_before_it(run):
    by_model = {(r.model, r.split): r.metrics for r in run.record.results}
    ours, before = by_model["this model", "test"], by_model["before training", "test"]
    assert ours["perplexity"] < 0.7 * before["perplexity"]
    assert ours["perplexity"] == pytest.approx(math.exp(ours["loss"]))
    assert ours["token_accuracy"] > before["token_accuracy"]


def test_what_was_saved_answers_as_what_was_trained(run):
    loaded = reopened(run)
    for text in ("the cat <mask> on the mat", "a dog ran under the tree"):
        assert loaded.predict([text])[0].as_dict() == run.model.predict([text])[0].as_dict()


def test_the_artifact_is_a_backbone_and_opens_with_transformers_alone(run):
    import transformers

    folder = run.folder / "artifact"
    stock = transformers.AutoModelForMaskedLM.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    given = tokenizer("the bird <mask> over the house", return_tensors="pt")
    own = run.model.backbone(
        run.model.backbone.preprocess.collate(
            [run.model.backbone.preprocess.prompt("the bird <mask> over the house")]
        )
    ).logits
    with torch.inference_mode():
        assert torch.allclose(stock(**given).logits, own, atol=1e-5)
    encoder = zoo.load_backbone(f"hf:{folder}")
    trained = run.model.backbone.module.base_model.state_dict()
    assert all(
        torch.equal(tensor, trained[name]) for name, tensor in encoder.module.state_dict().items()
    )


def test_the_loss_is_that_of_transformers_on_the_same_masks(masked):
    model = zoo.compose(f"hf:{masked('bert')}", "finetune", zoo.task("masked-language", labels=()))
    preprocess = model.preprocess
    batch = preprocess.collate([preprocess(text) for text in sentences()[:7]])
    found = model.task.loss(model(batch)["masked-language"], torch.empty(7, 0))
    names = ("input_ids", "attention_mask")
    with torch.no_grad():
        stock = model.backbone.module(**{n: batch[n] for n in names}, labels=batch[TARGETS])
    assert float(found.detach()) == pytest.approx(float(stock.loss), rel=1e-5)


@pytest.mark.parametrize(
    ("kind", "adapter"),
    [("bert", "lora"), ("roberta", "partial"), ("distilbert", "lora"), ("modernbert", "finetune")],
)
def test_architectures_round_trip(kind, adapter, masked, texts, tmp_path):
    run = fitted(masked(kind), texts, tmp_path / "run", "masked-language", adapter, epochs=1)
    texts = ["the <mask> sat", "a bird flew over the house"]
    said = [p.as_dict() for p in run.model.predict(texts)]
    assert [p.as_dict() for p in reopened(run).predict(texts)] == said


def test_masks_differ_by_epoch_and_never_where_a_model_is_measured(masked):
    model = zoo.compose(f"hf:{masked('bert')}", "finetune", zoo.task("masked-language", labels=()))
    task, text = model.task, "the cat sat on the mat under a tree over the house"

    def drawn(epoch):
        task.epoch = epoch
        return model.preprocess.collate([model.preprocess(text)])

    assert torch.equal(drawn(0)[TARGETS], drawn(0)[TARGETS])
    assert len({tuple(drawn(epoch)[TARGETS][0].tolist()) for epoch in range(1, 9)}) > 4
    task.epoch = 0


def test_the_share_of_hidden_tokens_and_what_stands_in_their_place(masked):
    task = zoo.task("masked-language", labels=(), probability=0.5)
    model = zoo.compose(f"hf:{masked('bert')}", "finetune", task)
    text = " ".join(["cat"] * 30)
    hidden = replaced = kept = 0
    for epoch in range(1, 60):
        task.epoch = epoch
        batch = model.preprocess.collate([model.preprocess(text)])
        named = batch[TARGETS][0] != IGNORED
        assert int(named.sum()) == 15
        assert not named[[0, -1]].any()  # marks at the ends
        shown = batch["input_ids"][0][named]
        hidden += int((shown == 4).sum())
        kept += int((shown == batch[TARGETS][0][named]).sum())
        replaced += int(((shown != 4) & (shown != batch[TARGETS][0][named])).sum())
    total = hidden + kept + replaced
    assert hidden / total == pytest.approx(0.8, abs=0.05)
    assert kept / total == pytest.approx(0.1, abs=0.05)


def test_a_mask_is_filled_with_what_is_likely(run):
    found = run.model.predict(["the bird <mask> over the house"])[0]
    assert found.label.startswith("the bird")
    assert found.label in found.scores
    assert len(found.data["masks"][0]) == 5
    json.dumps(found.as_dict(), allow_nan=False)
    likely = run.model.predict(["the bird flew over the house", "the bird flew over the house"])
    assert likely[0].data["perplexity"] == likely[1].data["perplexity"]


def test_a_linear_probe_is_refused(masked):
    with pytest.raises(Incompatible, match=r"uses the language head .* linear-probe trains"):
        zoo.compose(f"hf:{masked('bert')}", "linear-probe", zoo.task("masked-language", labels=()))


def test_a_backbone_without_such_a_head_is_refused(masked, tmp_path):
    task = zoo.task("masked-language", labels=())
    with pytest.raises(Incompatible, match=r"needs a masked language head; .* loaded with none"):
        zoo.compose(zoo.load_backbone(f"hf:{masked('bert')}"), "finetune", task)
    headless = tmp_path / "headless"
    zoo.load_backbone(f"hf:{masked('bert')}").module.save_pretrained(headless)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (headless / name).write_bytes((masked("bert") / name).read_bytes())
    with pytest.raises(Incompatible, match="published without its masked language head"):
        zoo.compose(f"hf:{headless}", "finetune", task)
    with pytest.raises(Incompatible, match="classification needs no language head"):
        zoo.compose(
            zoo.load_backbone(f"hf:{masked('bert')}", language="masked"),
            "finetune",
            zoo.task("classification", labels=["a", "b"]),
        )


def test_texts_are_read_from_columns_files_and_folders(tmp_path):
    (tmp_path / "train.txt").write_text("one\n\ntwo\nthree\nfour")
    (tmp_path / "val.txt").write_text("five\nsix\n")
    found = zoo.load_data(tmp_path, task="masked-language")
    assert (found.rows, found.labels) == ({"train": 4, "val": 2}, ())
    table = tmp_path / "table" / "t.csv"
    table.parent.mkdir()
    table.write_text("label,text\nx,some words\ny,others\nx,a third\nz,fourth\n")
    found = zoo.load_data(table, task="masked-language", test_fraction=0.25, val_fraction=0.25)
    assert set(found.splits["train"].labels) == {""}
    assert "labels in" not in found.description


def test_a_blank_text_is_named_with_file_and_row(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("id,text\n1,one\n2,\n3,three\n")
    with pytest.raises(DataError, match=r"blank in 1 row: t\.csv row 3"):
        zoo.load_data(path, task="masked-language")


def test_a_target_column_is_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("text,label\none,x\ntwo,y\nthree,x\n")
    with pytest.raises(LabelProblem, match="texts without labels at"):
        zoo.load_data(path, task="masked-language", label_column="label")


def test_pushed_and_pulled_it_answers_the_same(run, masked, tmp_path):
    asked = ["the cat <mask> on the mat", "a dog ran under the tree"]
    with EmbeddedHub(tmp_path / "hub") as hub:
        zoo.push(run.folder, "me/words", endpoint=hub.url)
        pulled = zoo.pull("me/words", endpoint=hub.url, weights=masked("bert"))
    said = [prediction.as_dict() for prediction in run.model.predict(asked)]
    assert [prediction.as_dict() for prediction in pulled.predict(asked)] == said
