"""A folder to a transformers model: its config checked first, then every tensor accounted for.

A config is as dangerous as code (transformers has run what one named), so nothing that makes
transformers load or import anything gets through; and transformers fills in what a checkpoint lacks
with random numbers, which zoo refuses.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from transformers import (
    CONFIG_MAPPING,
    MODEL_FOR_CAUSAL_LM_MAPPING,
    MODEL_FOR_MASKED_LM_MAPPING,
    MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING,
    MODEL_FOR_TEXT_ENCODING_MAPPING,
    MODEL_MAPPING,
    PreTrainedConfig,
    PreTrainedModel,
)
from transformers import __version__ as transformers_version

from zoo.plugin import FileState, Incompatible, Skeleton, WeightsInvalid
from zoo_nlp.files import CONFIG, read_json, state_of, weight_files
from zoo_nlp.quiet import quiet

_NAMES_CODE = re.compile(
    r"_?auto_(map|mapping)|trust_remote_code|_?(attn|experts)_implementation.*|custom_pipelines"
    r"|.*kernel_config|quantization_config|fusion_config|distributed_config|transformers_weights"
    r"|base_model_name_or_path"
)
# Older transformers wrote this harmless flag into most configs of its time.
_NOTE = "_attn_implementation_autoset"
_WORD = re.compile(r"[A-Za-z0-9_-]{0,60}", re.ASCII)  # no path, no address, no import string
_HEADS = {
    "masked": MODEL_FOR_MASKED_LM_MAPPING,
    "causal": MODEL_FOR_CAUSAL_LM_MAPPING,
    "seq2seq": MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING,
}
_SIZE = re.compile(r"size|num|layer|head|position|dim|length|^n_|^d_")
_MOST = 1 << 24  # of any one dimension: sixty times the largest vocabulary
# Positions that are sines; Marian, which has them as parameters, does not save them.
_COMPUTED = re.compile(r"(^|\.)embed_positions\.weight$")
_POOLER = re.compile(r"(^|\.)pooler\.")
# Buffers that older transformers saved and newer ones compute.
_LEFTOVERS = re.compile(
    r"(position_ids|token_type_ids|inv_freq|masked_bias|(attn|attention)\.bias)$"
)


@dataclass(frozen=True)
class Checkpoint:
    """A loaded model and what its files hold besides.

    Attributes:
        model: without a head, float32, in evaluation mode.
        without_pooler: the checkpoint lacks the pooler that the model class would make up.
        leftover: names of tensors the model has no place for: heads.
        files: all that it was made of; empty where weights are at random.
    """

    model: PreTrainedModel
    without_pooler: bool
    leftover: frozenset[str]
    files: FileState = FileState()  # noqa: RUF009  # frozen


def load_checkpoint(
    name: str, folder: Path, *, pretrained: bool, part: str = "", language: str = ""
) -> Checkpoint:
    """Load the model in a folder; the second time from what is known of the same files.

    Args:
        name: of the backbone, for messages.
        folder: with config.json and, unless ``pretrained`` is false, safetensors.
        pretrained: ``False`` gives random weights.
        part: of the configuration, where only that part of the model is wanted.
        language: the kind of language head to load with it.

    Raises:
        Incompatible: transformers has no such model, or it is no encoder and no decoder; or it has no
            such language head.
        WeightsInvalid: a file is damaged, incomplete, or names code.
    """
    if not pretrained:
        return _load(name, folder, _state(name, folder), False, part, language)
    files = state_of(folder)
    state = _state(name, folder)
    what = ("checkpoint", part, language)
    known: Skeleton[Checkpoint] | None = files.known(what)
    if known is not None:
        return known.filled(state)
    checkpoint = replace(_load(name, folder, state, True, part, language), files=files)
    if skeleton := Skeleton.of(checkpoint, state):
        files.keep(what, skeleton)
    return checkpoint


def _load(
    name: str, folder: Path, state: dict[str, Tensor], pretrained: bool, part: str, language: str
) -> Checkpoint:
    config = _config(name, folder)
    if part:
        config = getattr(config, part)
    model_class = (
        _language_class(name, config, language) if language else _model_class(name, config)
    )
    may_drop_pooler = "add_pooling_layer" in inspect.signature(model_class).parameters
    drop = may_drop_pooler and bool(state) and not any(_POOLER.search(key) for key in state)
    options = {"add_pooling_layer": False} if drop else {}
    with quiet():
        if state:
            _require_enough(name, model_class, config, options, state)
        if not pretrained:
            model = _built(name, model_class, config, options).float().eval()
            return Checkpoint(model, drop, frozenset())
        model, report = model_class.from_pretrained(
            None,
            config=config,
            state_dict=state,
            dtype=torch.float32,
            ignore_mismatched_sizes=True,  # they are refused below, by name
            output_loading_info=True,
            **options,
        )
    if language:
        _require_head(name, model, report, language)
    _require_complete(name, model, report, whole=bool(language))
    return Checkpoint(model, drop, frozenset(report["unexpected_keys"]))


def _config(name: str, folder: Path) -> PreTrainedConfig:
    data = read_json(folder / CONFIG)
    _refuse_code(name, CONFIG, data)
    if (folder / "tokenizer_config.json").is_file():
        _refuse_code(name, "tokenizer_config.json", read_json(folder / "tokenizer_config.json"))
    kind = data.get("model_type")
    if not isinstance(kind, str) or kind not in CONFIG_MAPPING:
        raise Incompatible(
            f"{name} is of type {str(kind)[:60]!r}, which transformers {transformers_version} "
            "has no model for.",
            hint="A newer transformers may have it: `pip install --upgrade transformers`.",
        )
    for key, value in data.items():
        if isinstance(value, int) and value > _MOST and _SIZE.search(key):
            raise WeightsInvalid(f"{name}: {CONFIG} says {key} = {value}; at most {_MOST} is.")
    try:
        config = CONFIG_MAPPING[kind](**_allowed(CONFIG_MAPPING[kind], data))
    except Exception as err:  # whatever transformers makes of a stranger's values
        raise _unbuildable(name, err) from err
    config.use_cache = False
    return config


def _allowed(config_class: Any, data: Mapping[str, Any]) -> dict[str, Any]:
    """What of a config reaches transformers: what the model type declares, and plain values.

    Private keys are transformers' notes to itself and say where the model lay. Older configs have
    keys that no class declares and that still count, all of them numbers or words but one.
    """
    declared = {*inspect.signature(config_class).parameters, "rope_scaling"} - {"kwargs"}
    return {
        key: value
        for key, value in data.items()
        if key != "model_type" and not key.startswith("_") and (key in declared or _is_plain(value))
    }


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_plain, value))
    if isinstance(value, str):
        return _WORD.fullmatch(value) is not None
    return value is None or isinstance(value, (bool, int, float))


def _refuse_code(name: str, file: str, data: dict[str, Any]) -> None:
    waiting: list[Any] = [data]
    while waiting:
        inside = waiting.pop()
        for key, value in inside.items() if isinstance(inside, dict) else enumerate(inside):
            if isinstance(key, str) and _NAMES_CODE.fullmatch(key) and key != _NOTE and value:
                raise WeightsInvalid(
                    f"{name}: {file} names code or another file ({key} = {str(value)[:80]!r}); "
                    "zoo runs and loads nothing that a download names.",
                    hint="Choose a repo whose model is part of transformers itself.",
                )
            if isinstance(value, (dict, list)):
                waiting.append(value)


def _language_class(name: str, config: PreTrainedConfig, language: str) -> Any:
    found = _headless(_HEADS[language], config)
    # transformers would let BART read as a decoder, and BERT, to which all words are known.
    both = config.is_encoder_decoder
    knows_all = language == "causal" and type(config) in MODEL_FOR_MASKED_LM_MAPPING
    if found is None or both != (language == "seq2seq") or knows_all:
        raise Incompatible(
            f"{name} ({config.model_type}) has no {language} language head.",
            hint="Masked ones have encoders such as BERT, causal ones decoders such as Llama, and "
            "seq2seq ones encoder-decoders such as T5.",
        )
    return found


def _require_head(
    name: str, model: PreTrainedModel, report: Mapping[str, Any], language: str
) -> None:
    """Refuse a checkpoint of which the head alone is missing: transformers would make it up."""
    missing = sorted(report["missing_keys"])
    prefix = f"{model.base_model_prefix}."
    if missing and not any(key.startswith(prefix) for key in missing):
        raise Incompatible(
            f"{name} was published without its {language} language head: its weights lack "
            f"{missing[0]}.",
            hint="Use a checkpoint of the model as it was pretrained, e.g. `nlp:bert-base-uncased`.",
        )


def _model_class(name: str, config: PreTrainedConfig) -> Any:
    usual = _headless(MODEL_MAPPING, config)
    if not config.is_encoder_decoder and not (usual and _has_decoder_beside(usual)):
        if usual is None:
            raise Incompatible(f"{name}: transformers has no headless {config.model_type}.")
        return usual
    encoder = _headless(MODEL_FOR_TEXT_ENCODING_MAPPING, config)
    if encoder is None:
        raise Incompatible(
            f"{name} is an encoder-decoder ({config.model_type}), and transformers has no class "
            "for its encoder alone.",
            hint="With its decoder it does `--task sequence-to-sequence`; elsewhere zoo-nlp takes "
            "encoders such as BERT, T5's encoder, and decoders such as Llama.",
        )
    return encoder


def opener(model: PreTrainedModel) -> str:
    """The Auto class of transformers that gives ``model``, which has no head."""
    usual = _headless(MODEL_MAPPING, model.config)
    return "AutoModel" if type(model) is usual else "AutoModelForTextEncoding"


def _headless(mapping: Any, config: PreTrainedConfig) -> Any:
    found = mapping.get(type(config), None)
    return found[0] if isinstance(found, tuple) else found


def _has_decoder_beside(model_class: Any) -> bool:
    return "decoder_input_ids" in inspect.signature(model_class.forward).parameters


def _state(name: str, folder: Path) -> dict[str, Tensor]:
    """All tensors of all files, mapped and not yet read."""
    state: dict[str, Tensor] = {}
    for file in weight_files(folder):
        try:
            state |= load_file(file)
        except (SafetensorError, OSError) as err:
            raise WeightsInvalid(
                f"{name}: {file} is not a readable safetensors file: {str(err)[:200]}",
                hint="Copy or download it again.",
            ) from err
    return state


def _require_enough(
    name: str,
    model_class: Any,
    config: PreTrainedConfig,
    options: Mapping[str, Any],
    state: Mapping[str, Tensor],
) -> None:
    """Compare sizes before anything is allocated: a config may ask for the moon."""
    layers = getattr(config.get_text_config(), "num_hidden_layers", None) or 0
    if layers > len(state):
        raise WeightsInvalid(
            f"{name}: {CONFIG} says {layers} layers; the weights have {len(state)} tensors."
        )
    with torch.device("meta"):
        # A language head may be missing altogether, which is told below.
        body = _built(name, model_class, config, options).base_model
        needed = sum(p.numel() for n, p in body.named_parameters() if not _COMPUTED.search(n))
    held = sum(tensor.numel() for tensor in state.values())
    if needed > held:
        raise WeightsInvalid(
            f"{name}: {CONFIG} describes {needed:,} parameters; the weights hold {held:,}.",
            hint="The config and the weights are not of one model, or the weights are incomplete.",
        )


def _built(
    name: str,
    model_class: Any,
    config: PreTrainedConfig,
    options: Mapping[str, Any],
) -> PreTrainedModel:
    try:
        model: PreTrainedModel = model_class(config, **options)
    except Exception as err:  # whatever transformers makes of a stranger's values
        raise _unbuildable(name, err) from err
    return model


def _require_complete(
    name: str, model: PreTrainedModel, report: Mapping[str, Any], *, whole: bool
) -> None:
    missing = sorted(report["missing_keys"])
    misshapen = sorted(str(key[0]) for key in report["mismatched_keys"])
    prefix = f"{model.base_model_prefix}."
    inside = model.base_model.state_dict() if whole else model.state_dict()
    top = {key.partition(".")[0] for key in inside}
    body = sorted(
        key
        for key in report["unexpected_keys"]
        if key.removeprefix(prefix).partition(".")[0] in top and not _LEFTOVERS.search(key)
    )
    for keys, what in (
        (missing, "lack"),
        (misshapen, "have in another shape"),
        (body, "have more than the config describes:"),
    ):
        if keys:
            more = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
            raise WeightsInvalid(
                f"{name}: the weights {what} {', '.join(keys[:3])}{more}.",
                hint="The config and the weights are not of one model, or one is incomplete.",
            )


def _unbuildable(name: str, err: Exception) -> WeightsInvalid:
    lines = str(err).strip().splitlines()
    reason = " ".join(line.strip() for line in lines[:2])[:200]
    return WeightsInvalid(f"{name}: transformers cannot build what {CONFIG} describes: {reason}")
