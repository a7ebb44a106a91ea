"""What zoo-nlp refuses, and what it says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch
import transformers as tf
from safetensors.torch import load_file, save_file

import zoo
from zoo.errors import Incompatible, WeightsInvalid, WeightsNotFound, ZooError

from .conftest import save_tokenizer


def rewrite(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def respell(folder: Path, change) -> None:
    """Save the tensors of a folder as ``change`` returns them."""
    path = folder / "model.safetensors"
    state = change({key: tensor.clone() for key, tensor in load_file(path).items()})
    save_file(state, path, metadata={"format": "pt"})


def refusal(folder: Path, kind: type[ZooError] = WeightsInvalid) -> str:
    with pytest.raises(kind) as caught:
        zoo.load_backbone(f"hf:{folder}")
    assert type(caught.value) is kind
    assert len(str(caught.value).splitlines()) <= 2
    return str(caught.value)


@pytest.mark.row(53)
@pytest.mark.parametrize(
    ("file", "key", "value"),
    [
        ("config.json", "auto_map", {"AutoModel": "evil--modeling.Evil"}),
        ("config.json", "_attn_implementation_internal", "someone/kernel"),
        ("config.json", "attn_implementation", "someone/kernel"),
        ("config.json", "trust_remote_code", True),
        ("config.json", "quantization_config", {"quant_method": "bitsandbytes"}),
        ("config.json", "text_config", {"inner": [{"auto_map": {"AutoModel": "a.B"}}]}),
        ("config.json", "transformers_weights", "pytorch_model.bin"),
        ("tokenizer_config.json", "auto_map", {"AutoTokenizer": ["tok.Tok", None]}),
    ],
)
def test_a_file_that_names_code_is_refused(copied, file, key, value):
    folder = copied("bert")
    rewrite(folder / file, **{key: value})
    assert re.search(
        rf"tiny-bert: {file} names code or another file \(\w+ = .*\); zoo runs and loads nothing "
        "that a download names.\nChoose a repo",
        refusal(folder),
    )


def test_what_older_transformers_noted_in_a_config_is_no_code(copied):
    folder = copied("bert")
    rewrite(folder / "config.json", _attn_implementation_autoset=True, _name_or_path="/home/me/x")
    zoo.load_backbone(f"hf:{folder}")


@pytest.mark.row(53)
def test_what_no_class_declares_reaches_transformers_as_plain_values_only(copied):
    folder = copied("bert")
    rewrite(
        folder / "config.json",
        loader="os:system",
        weights_path="../elsewhere",
        task_specific_params={"text-generation": {"do_sample": True}},
        relative="key_query",
        hidden_size_of_old=32,
    )
    config = zoo.load_backbone(f"hf:{folder}").module.config

    assert not [k for k in ("loader", "weights_path", "task_specific_params") if hasattr(config, k)]
    assert (config.relative, config.hidden_size_of_old) == ("key_query", 32)


@pytest.mark.parametrize("kind", ["bert", "llama"])
def test_missing_tensors_are_refused_not_made_up(copied, kind):
    folder = copied(kind)
    gone: list[str] = []

    def drop_two(state):
        gone.extend(sorted(key for key in state if ".1." in key)[:2])
        extra = {"lm_head.weight": torch.zeros(200, 16)}  # so that the numbers of values suffice
        return {key: t for key, t in state.items() if key not in gone} | extra

    respell(folder, drop_two)
    assert f"the weights lack {', '.join(gone)}.\nThe config and the weights" in refusal(folder)


def test_a_config_that_asks_for_more_than_the_weights_hold_is_refused_at_once(copied):
    folder = copied("bert")
    rewrite(folder / "config.json", vocab_size=9_000_000, hidden_size=8192)
    assert re.search(
        r"describes \d\d,\d\d\d,\d\d\d,\d\d\d parameters; the weights hold 7,128", refusal(folder)
    )


def test_more_layers_than_tensors_are_refused(copied):
    folder = copied("bert")
    rewrite(folder / "config.json", num_hidden_layers=10_000_000)
    assert "says 10000000 layers; the weights have" in refusal(folder)


@pytest.mark.row(52)
def test_absurd_sizes_are_refused(copied):
    folder = copied("bert")
    rewrite(folder / "config.json", max_position_embeddings=10**12)
    assert "max_position_embeddings = 1000000000000; at most 16777216 is." in refusal(folder)


def test_fewer_layers_than_the_weights_have_are_refused(copied):
    folder = copied("bert")
    rewrite(folder / "config.json", num_hidden_layers=2)
    assert "the weights have more than the config describes: encoder.layer.2." in refusal(folder)


def test_tensors_of_another_shape_are_refused(copied):
    folder = copied("bert")
    name = "encoder.layer.0.output.dense.weight"
    respell(folder, lambda state: state | {name: torch.zeros(30, 30)})
    assert f"the weights have in another shape {name}." in refusal(folder)


def test_a_config_that_makes_no_sense_is_refused(copied):
    folder = copied("bert")
    rewrite(folder / "config.json", num_attention_heads=7)
    assert "transformers cannot build what config.json describes" in refusal(folder)
    rewrite(folder / "config.json", hidden_size="large")
    assert "transformers cannot build what config.json describes" in refusal(folder)


@pytest.mark.row(54)
@pytest.mark.parametrize(
    "text",
    ["[]", "{", '{"model_type": ' + "[" * 100_000, "\udcff".encode(errors="surrogateescape")],
)
def test_a_config_that_is_no_json_object_is_refused(copied, text):
    folder = copied("bert")
    (folder / "config.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    assert re.search(r"config\.json (is not valid JSON|holds no JSON object)", refusal(folder))


def test_a_type_that_transformers_has_not_got(copied):
    folder = copied("bert")
    rewrite(folder / "config.json", model_type="brt")
    assert re.search(
        r"is of type 'brt', which transformers 5\S+ has no", refusal(folder, Incompatible)
    )


def test_damaged_weights_are_refused(copied):
    folder = copied("bert")
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    assert "is not a sound safetensors file" in refusal(folder)


@pytest.mark.row(55)
def test_pickles_are_never_read(copied):
    folder = copied("bert")
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    message = refusal(folder, WeightsNotFound)
    assert "lacks model.safetensors or model.safetensors.index.json." in message


def test_a_missing_shard_is_named(copied):
    folder = copied("llama")
    (folder / "model.safetensors").unlink()
    tf.LlamaModel(tf.AutoConfig.from_pretrained(folder)).save_pretrained(
        folder, max_shard_size="5kB"
    )
    second = sorted(folder.glob("model-*.safetensors"))[1]
    second.unlink()
    assert f"{second.name} is missing" in refusal(folder)


def test_an_index_that_points_elsewhere_is_refused(copied):
    folder = copied("bert")
    (folder / "model.safetensors").rename(folder.parent / "else.safetensors")
    index = {"weight_map": {"pooler.dense.weight": "../else.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert "lists no safetensors files beside it" in refusal(folder)


@pytest.mark.row(58)
def test_a_chat_template_is_not_rendered(tiny, copied):
    folder = copied("bert")
    rewrite(folder / "tokenizer_config.json", chat_template="{{ 1 / 0 }}")
    (folder / "chat_template.jinja").write_text("{{ 1 / 0 }}")
    same, backbone = (zoo.load_backbone(f"hf:{each}") for each in (tiny("bert"), folder))
    told = [each.preprocess("a few words") for each in (same, backbone)]
    assert list(told[0]["input_ids"]) == list(told[1]["input_ids"])


@pytest.mark.row(47)
def test_an_adapter_in_the_folder_is_not_applied(tiny, copied):
    folder = copied("bert")
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "evil/base"}')
    same = zoo.load_backbone(f"hf:{tiny('bert')}").digest
    assert zoo.load_backbone(f"hf:{folder}").digest == same


def test_a_folder_without_a_tokenizer(copied):
    folder = copied("bert")
    (folder / "tokenizer.json").unlink()
    assert "lacks tokenizer.json or vocab.txt" in refusal(folder, WeightsNotFound)


def test_a_tokenizer_that_cannot_be_read(copied):
    folder = copied("bert")
    (folder / "tokenizer.json").write_text("{}")
    assert "transformers cannot read its tokenizer" in refusal(folder)


def test_a_folder_that_is_not_there(tmp_path):
    assert "nowhere is not a folder." in refusal(tmp_path / "nowhere", WeightsNotFound)


def test_encoder_decoders_without_an_encoder_of_their_own_are_refused(tmp_path):
    folder = tmp_path / "bart"
    sides = {
        f"{side}_{what}": 2
        for side in ("encoder", "decoder")
        for what in ("layers", "attention_heads", "ffn_dim")
    }
    tf.BartModel(tf.BartConfig(vocab_size=17, d_model=8, **sides)).save_pretrained(folder)
    save_tokenizer(folder, decoder=False)
    assert "hf:./bart is an encoder-decoder (bart)," in refusal(folder, Incompatible)


_SMALL = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
_SMALL |= {"intermediate_size": 8}


@pytest.mark.parametrize(
    ("model_class", "options"),
    [
        (tf.ViTModel, _SMALL | {"image_size": 8, "patch_size": 4}),
        (
            tf.CLIPModel,
            {
                "text_config": _SMALL | {"vocab_size": 17, "eos_token_id": 2},
                "vision_config": _SMALL | {"image_size": 8, "patch_size": 4},
            },
        ),
    ],
)
def test_models_of_something_else_are_refused(tmp_path, model_class, options):
    model_class(model_class.config_class(**options)).save_pretrained(tmp_path / "other")
    save_tokenizer(tmp_path / "other", decoder=False)
    message = refusal(tmp_path / "other", Incompatible)
    assert re.fullmatch(r"hf:\./other \((vit|clip)\) is no model of texts\.", message)


def test_models_that_want_more_than_text_are_refused(tmp_path):
    config = tf.BrosConfig(**_SMALL, vocab_size=17)
    tf.BrosModel(config).save_pretrained(tmp_path / "bros")
    save_tokenizer(tmp_path / "bros", decoder=False)
    message = refusal(tmp_path / "bros", Incompatible)
    assert "hf:./bros (bros) does not turn a text into vectors: " in message
    assert "bbox" in message


@pytest.mark.row(46)
def test_a_repo_that_is_nowhere_names_the_ways_to_get_it():
    with pytest.raises(WeightsNotFound) as caught:
        zoo.load_backbone("hf:nobody/nothing")
    message = str(caught.value)
    assert "The weights of nobody/nothing are not in the cache" in message
    assert all(way in message for way in ("--weights PATH", "hf download", "HF_ENDPOINT"))
