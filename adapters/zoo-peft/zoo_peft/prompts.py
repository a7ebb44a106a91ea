"""Prompt and prefix tuning: learned tokens before each text, or keys and values in each layer.

PEFT makes and names what is trained; hooks on the model put it in, so that whoever calls the backbone
calls it as before and gets a vector for each real token, none for the learned ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from peft import PEFT_TYPE_TO_CONFIG_MAPPING, PeftType, get_peft_model
from torch import nn
from transformers import PreTrainedModel

from zoo.plugin import Adapter, Backbone, Incompatible, Layout, NativeHead
from zoo_peft.layers import plain, published_base

_HOLDER = "prompt_encoder"  # PEFT's own name
_UNUSED = 2  # positions: RoBERTa and its kin begin to count after their padding index
_FEWEST = 8  # tokens of a text that have to be left


class PromptTuner(Adapter):
    """Base of the two methods."""

    peft_type: ClassVar[str]
    options: ClassVar[dict[str, Any]] = {}

    def attach(self, backbone: Backbone) -> None:
        """Add the learned tokens and the hooks that put them in.

        Raises:
            Incompatible: the backbone is no transformers model, or has no room for more tokens.
        """
        module = self._require_transformer(backbone)
        frozen = [parameter.requires_grad for parameter in module.parameters()]
        try:
            self._peft: Any = get_peft_model(module, self._config())
        except (AttributeError, TypeError, ValueError) as err:
            raise Incompatible(
                f"PEFT refuses {self.spec.name} on {backbone.spec.name}: {str(err)[:200]}",
                hint="Try `--adapter lora`.",
            ) from err
        for parameter, was in zip(module.parameters(), frozen, strict=True):
            parameter.requires_grad_(was)
        self._make_room(backbone)
        module.add_module(_HOLDER, self._peft.prompt_encoder)
        self._hooks = [
            module.register_forward_pre_hook(self._put_in, with_kwargs=True),
            module.register_forward_hook(self._take_out),
        ]

    def layout(
        self, backbone: Backbone, heads: Mapping[str, nn.Module], native: NativeHead | None
    ) -> Layout:
        """``adapter_model.safetensors`` and ``adapter_config.json`` as PEFT writes them."""
        weight = self._peft.prompt_encoder["default"].embedding.weight
        config = self._peft.peft_config["default"].to_dict()
        config |= {"inference_mode": True, **published_base(backbone)}
        return Layout(
            tensors={"adapter_model.safetensors": {"prompt_embeddings": weight.detach()}},
            configs={
                "adapter_config.json": {key: plain(value) for key, value in sorted(config.items())}
            },
        )

    def detach(self, backbone: Backbone) -> None:
        """The model as it was."""
        for hook in self._hooks:
            hook.remove()
        delattr(backbone.module, _HOLDER)
        if self._longest is not None:
            backbone.shorten(self._longest)

    def merge(self, backbone: Backbone) -> None:
        """Never.

        Raises:
            Incompatible: always.
        """
        raise Incompatible(
            f"{self.spec.name} cannot be merged: learned tokens are no weights of a layer.",
            hint="Publish it as it is; an artifact needs no merging.",
        )

    def _config(self) -> Any:
        kind = PEFT_TYPE_TO_CONFIG_MAPPING[PeftType[self.peft_type]]
        return kind(task_type="FEATURE_EXTRACTION", **self.options, **self.settings)

    def _require_transformer(self, backbone: Backbone) -> PreTrainedModel:
        module = backbone.module
        if not isinstance(module, PreTrainedModel) or backbone.contract.modality != "text":
            raise Incompatible(
                f"{self.spec.name} puts learned tokens before a text; {backbone.spec.name} takes "
                f"{backbone.contract.modality} and is no text model of transformers.",
                hint="`peft:ia3` and `lora` sit on layers of any kind.",
            )
        return module

    def _make_room(self, backbone: Backbone) -> None:
        """Where positions are counted, texts and learned tokens have to share them."""
        self._longest = backbone.contract.max_length
        config: Any = backbone.module.config
        room = getattr(config, "max_position_embeddings", None)
        if self._longest is None or room is None:
            return
        left = room - _UNUSED - self.settings["num_virtual_tokens"]
        if left < _FEWEST:
            raise Incompatible(
                f"{backbone.spec.name} has {room} positions, too few for "
                f"{self.settings['num_virtual_tokens']} learned tokens and a text.",
                hint="Set fewer with `--set num_virtual_tokens=5`.",
            )
        backbone.shorten(min(self._longest, left))

    def _put_in(
        self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        mask = kwargs["attention_mask"]
        more = mask.new_ones(len(mask), self.settings["num_virtual_tokens"])
        kwargs = {k: v for k, v in kwargs.items() if k != "token_type_ids"}  # as PEFT has it
        return args, {**self.inputs(kwargs), "attention_mask": torch.cat([more, mask], dim=1)}

    def _take_out(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> Any:
        return output

    def inputs(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        """The model's arguments with the learned tokens among them, but for the mask."""
        raise NotImplementedError


class PromptTuning(PromptTuner):
    """Learned tokens before each text (Lester et al. 2021, arXiv:2104.08691)."""

    peft_type = "PROMPT_TUNING"
    options: ClassVar[dict[str, Any]] = {"prompt_tuning_init": "SAMPLE_VOCAB"}  # as Lester et al.

    def inputs(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        """Embeddings in place of token numbers."""
        model = self._peft.get_base_model()
        tokens = model.get_input_embeddings()(kwargs.pop("input_ids"))
        prompt = self._peft.prompt_encoder["default"].embedding.weight
        prompts = prompt.to(tokens.dtype).expand(len(tokens), -1, -1)
        return {**kwargs, "inputs_embeds": torch.cat([prompts, tokens], dim=1)}

    def _take_out(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> Any:
        output.last_hidden_state = output.last_hidden_state[
            :, self.settings["num_virtual_tokens"] :
        ]
        return output


class PrefixTuning(PromptTuner):
    """Learned keys and values before those of each layer (Li and Liang 2021, arXiv:2101.00190)."""

    peft_type = "PREFIX_TUNING"

    def attach(self, backbone: Backbone) -> None:
        """As for all, the prefix beginning as small as the model's own weights did."""
        super().attach(backbone)
        config: Any = backbone.module.config
        weight = self._peft.prompt_encoder["default"].embedding.weight
        nn.init.normal_(weight, std=getattr(config, "initializer_range", 0.02))

    def inputs(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        """Keys and values as if the learned tokens had been read already."""
        return {**kwargs, "past_key_values": self._peft.get_prompt(len(kwargs["input_ids"]))}

    def stock_code(self) -> tuple[tuple[str, ...], str]:
        """PEFT opens what :meth:`layout` describes."""
        line = 'model = PeftModel.from_pretrained(model, "{repo}")'
        return ("from peft import PeftModel",), line
