"""What goes in and what comes out: tokens, padding, pooling, identity."""

from __future__ import annotations

import json
import logging

import pytest
import torch
import transformers as tf
from safetensors.torch import load_file, save_file

import zoo
from zoo.errors import Incompatible
from zoo.model import extract

from .conftest import KINDS, TEXTS, save_tiny

MIXED = ("bert", "deberta-v2", "mpnet", "modernbert", "roberta", "gpt2", "llama")


def rewrite(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def pool_in(folder, config):
    (folder / "1_Pooling").mkdir(exist_ok=True)
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize("kind", KINDS)
def test_neither_order_nor_padding_changes_features(encoder, kind):
    backbone = encoder(kind)
    for pooling in backbone.poolings:
        backbone.pool_by(pooling)
        together = extract(backbone, TEXTS)
        alone = torch.cat([extract(backbone, [text]) for text in TEXTS])
        scale = alone.abs().max()
        assert ((together - alone).abs().max() / scale).item() < 1e-5
        assert together.std(0).max() > 1e-3


def test_poolings_are_what_they_say(encoder):
    backbone = encoder("bert")
    batch = backbone.preprocess.collate([backbone.preprocess(text) for text in TEXTS])
    output = backbone.module(**batch)
    lengths = batch["attention_mask"].sum(1)
    rows = [tokens[:n] for tokens, n in zip(output.last_hidden_state, lengths, strict=True)]
    assert lengths.tolist() == [8, 5, 2, 13]
    expected = {
        "mean": torch.stack([row.mean(0) for row in rows]),
        "cls": torch.stack([row[0] for row in rows]),
        "pooler": output.pooler_output,
    }
    assert backbone.poolings == ("mean", "cls", "pooler")
    for pooling, vectors in expected.items():
        backbone.pool_by(pooling)
        features = backbone(batch)
        torch.testing.assert_close(features.pooled, vectors)
        assert features.tokens.shape == (4, 13, 16)
        assert features.mask.sum(1).tolist() == lengths.tolist()


def test_decoders_read_their_last_real_token(encoder):
    backbone = encoder("gpt2")
    batch = backbone.preprocess.collate([backbone.preprocess(text) for text in TEXTS])
    features = backbone(batch)
    last = [features.tokens[row, n - 1] for row, n in enumerate([6, 3, 1, 11])]
    assert backbone.poolings == ("last", "mean")
    torch.testing.assert_close(features.pooled, torch.stack(last))


@pytest.mark.parametrize(
    ("config", "pooling"),
    [
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "cls"),
        ({"pooling_mode_max_tokens": True, "include_prompt": True}, "max"),
        ({"pooling_mode_lasttoken": True}, "last"),
        ({"pooling_mode": "mean", "embedding_dimension": 16}, "mean"),
    ],
)
def test_a_sentence_encoder_says_how_it_pools(copied, config, pooling):
    folder = copied("bert")
    pool_in(folder, config)
    backbone = zoo.load_backbone(f"hf:{folder}")
    assert backbone.poolings[0] == backbone.pooling == pooling


def test_max_pooling_passes_over_padding(copied):
    folder = copied("bert")
    pool_in(folder, {"pooling_mode_max_tokens": True})
    backbone = zoo.load_backbone(f"hf:{folder}")
    features = extract(backbone, TEXTS)
    tokens = backbone(backbone.preprocess.collate([backbone.preprocess(TEXTS[1])])).tokens
    torch.testing.assert_close(features[1], tokens[0].amax(0))


def test_pooling_that_zoo_has_not_got_is_refused(copied):
    folder = copied("bert")
    pool_in(folder, {"pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": True})
    with pytest.raises(Incompatible, match=r"pools by .*'mean', 'max'.*one of mean, cls"):
        zoo.load_backbone(f"hf:{folder}")


@pytest.mark.parametrize("kind", MIXED)
def test_tokens_are_those_of_transformers(tiny, encoder, kind):
    backbone = encoder(kind)
    texts = [*(text for text in TEXTS if text), "mat " * 100]
    ours = backbone.preprocess.collate([backbone.preprocess(text) for text in texts])
    tokenizer = tf.AutoTokenizer.from_pretrained(tiny(kind))
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    theirs = tokenizer(
        texts,
        padding=True,
        truncation=True,
        max_length=backbone.contract.max_length,
        return_tensors="pt",
    )
    for key in ours:
        torch.testing.assert_close(ours[key], theirs[key])


@pytest.mark.parametrize("kind", MIXED)
def test_long_and_odd_texts_are_taken(encoder, kind):
    backbone = encoder(kind)
    features = extract(
        backbone, ["mat " * 5000, "", " \n", "\u0000 ☃ 猫 \ud83d", "<|endoftext|> [SEP] [PAD]"]
    )
    assert torch.isfinite(features).all()


def test_a_tokenizer_written_in_python_does_the_same(tmp_path):
    vocabulary = ["<cls>", "<pad>", "<eos>", "<unk>", *"LAGVSERTIDPKQNFYMHWC", "<mask>"]
    (tmp_path / "vocab.txt").write_text("\n".join(vocabulary))
    tokenizer = tf.EsmTokenizer(str(tmp_path / "vocab.txt"))
    tokenizer.save_pretrained(tmp_path)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = tf.EsmConfig(
        **sizes, vocab_size=len(vocabulary), intermediate_size=24, pad_token_id=1, mask_token_id=24
    )
    tf.EsmModel(config).save_pretrained(tmp_path)
    backbone = zoo.load_backbone(f"hf:{tmp_path}")
    proteins = ["LAGV", "MHWC" * 300, ""]
    ours = backbone.preprocess.collate([backbone.preprocess(text) for text in proteins])
    theirs = tokenizer(proteins, padding=True, truncation=True, max_length=512, return_tensors="pt")
    torch.testing.assert_close(ours["input_ids"], theirs["input_ids"])
    together = extract(backbone, proteins)
    torch.testing.assert_close(together[:1], extract(backbone, proteins[:1]), atol=1e-5, rtol=0)


def test_the_shortest_limit_is_the_longest_input(copied):
    folder = copied("bert")
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 7}')
    backbone = zoo.load_backbone(f"hf:{folder}")
    assert backbone.contract.max_length == 7
    assert backbone.preprocess.describe()["max_length"] == 7
    assert len(backbone.preprocess("mat " * 100)["input_ids"]) == 7


def test_no_longer_than_512_by_default(tmp_path):
    folder = save_tiny(tmp_path / "long", "bert", max_position_embeddings=2048)
    rewrite(folder / "tokenizer_config.json", model_max_length=int(1e30))
    assert zoo.load_backbone(f"hf:{folder}").contract.max_length == 512


def test_positions_count_from_the_padding_index(tmp_path):
    folder = save_tiny(tmp_path / "roberta", "roberta", pad_token_id=3)
    backbone = zoo.load_backbone(f"hf:{folder}")
    assert backbone.contract.max_length == 40 - 3 - 1
    assert torch.isfinite(extract(backbone, ["mat " * 100])).all()


def test_dropout_stays_off_in_training(tiny):
    task = zoo.task("classification", labels=["good", "bad"])
    model = zoo.compose(f"hf:{tiny('bert')}", "linear-probe", task).train()
    batch = model.backbone.preprocess.collate([model.backbone.preprocess(t) for t in TEXTS])
    with torch.no_grad():
        torch.testing.assert_close(model(batch)["classification"], model(batch)["classification"])
    assert not any(module.training for module in model.backbone.modules())


def test_half_precision_weights_become_float32(copied):
    folder = copied("bert")
    path = folder / "model.safetensors"
    state = {k: t.half() for k, t in load_file(path).items()}
    save_file(state, path, metadata={"format": "pt"})
    rewrite(folder / "config.json", dtype="float16")
    backbone = zoo.load_backbone(f"hf:{folder}")
    assert {p.dtype for p in backbone.parameters()} == {torch.float32}
    torch.testing.assert_close(
        backbone.module.embeddings.word_embeddings.weight,
        state["embeddings.word_embeddings.weight"].float(),
    )


def test_an_absent_pooler_is_left_out_not_made_up(copied):
    folder = copied("bert")
    path = folder / "model.safetensors"
    state = {k: t for k, t in load_file(path).items() if not k.startswith("pooler")}
    save_file(state, path, metadata={"format": "pt"})
    first, second = (zoo.load_backbone(f"hf:{folder}") for _ in range(2))
    assert first.module.pooler is None
    assert first.poolings == ("mean", "cls")
    assert first.native_pooling is None
    assert first.digest == second.digest != zoo.load_backbone(f"hf:{copied('ernie')}").digest
    assert "add_pooling_layer=False" in first.stock_code().features


def test_the_digest_follows_the_weights(copied):
    folder = copied("bert")
    before = zoo.load_backbone(f"hf:{folder}").digest
    assert zoo.load_backbone(f"hf:{folder}").digest == before
    state = load_file(folder / "model.safetensors")
    state["encoder.layer.1.output.dense.bias"][3] += 1e-3
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    assert zoo.load_backbone(f"hf:{folder}").digest != before


def test_a_checkpoint_with_a_head_and_a_prefix_is_the_same_backbone(tmp_path, copied):
    folder = copied("bert")
    alone = zoo.load_backbone(f"hf:{folder}")
    model = tf.BertForMaskedLM(tf.BertConfig(**KINDS["bert"][1]))
    state = {f"bert.{k}": t for k, t in load_file(folder / "model.safetensors").items()}
    state |= {k: t for k, t in model.state_dict().items() if k.startswith("cls.")}
    state["bert.embeddings.position_ids"] = torch.arange(40).unsqueeze(0)  # of older transformers
    save_file({k: t.clone() for k, t in state.items()}, folder / "model.safetensors")
    assert zoo.load_backbone(f"hf:{folder}").digest == alone.digest


def test_sharded_weights_are_the_same_backbone(tiny, copied):
    folder = copied("llama")
    (folder / "model.safetensors").unlink()
    tf.LlamaModel.from_pretrained(tiny("llama")).save_pretrained(folder, max_shard_size="5kB")
    assert not (folder / "model.safetensors").exists()
    whole = zoo.load_backbone(f"hf:{tiny('llama')}")
    assert zoo.load_backbone(f"hf:{folder}").digest == whole.digest


def test_untrained_weights_are_random_and_of_the_same_shape(tiny):
    trained = zoo.load_backbone(f"hf:{tiny('bert')}")
    torch.manual_seed(0)
    first = trained.reload(False)
    torch.manual_seed(0)
    again = trained.reload(False)
    assert first.digest == again.digest != trained.digest
    assert first.blocks == trained.blocks
    assert first.poolings == trained.poolings


def test_a_local_folder_leaves_no_path_behind(tiny):
    backbone = zoo.load_backbone(f"hf:{tiny('bert')}")
    assert backbone.spec.name == "hf:./tiny-bert"
    assert backbone.origin.source == ""
    assert str(tiny("bert").parent) not in str(backbone.stock_code())


def test_weights_may_be_named(tiny):
    backbone = zoo.load_backbone("hf:org/somewhere", weights=tiny("bert"))
    assert backbone.digest == zoo.load_backbone(f"hf:{tiny('bert')}").digest
    assert (backbone.spec.name, backbone.origin.source) == ("hf:org/somewhere", "org/somewhere")


def test_the_licence_is_that_of_the_readme(copied):
    folder = copied("bert")
    assert zoo.load_backbone(f"hf:{folder}").license is None
    (folder / "README.md").write_text("---\nlanguage: en\nlicense: apache-2.0\n---\nlicense: mit\n")
    assert zoo.load_backbone(f"hf:{folder}").license == "apache-2.0"


def test_loading_says_nothing_and_leaves_transformers_as_it_was(tiny, capfd, caplog):
    logger = tf.utils.logging
    logger.set_verbosity_info()
    caplog.set_level(logging.INFO, logger="transformers")
    try:
        extract(zoo.load_backbone(f"hf:{tiny('bert')}"), TEXTS)
        assert logger.get_verbosity() == logging.INFO
        assert logger.set_tqdm_hook(None) is None
    finally:
        logger.set_verbosity_warning()
    assert capfd.readouterr() == ("", "")
    assert not caplog.records
