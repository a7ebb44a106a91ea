"""LoRA: low-rank updates of frozen layers, made by PEFT and saved in PEFT's own layout."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn

from zoo.plugin import Adapter, Backbone, Block, Incompatible, Layout, NativeHead

_PEFT_ROOT = "base_model.model."


class Lora(Adapter):
    """Low-rank adaptation (Hu et al. 2021, arXiv:2106.09685), with DoRA and rsLoRA as options."""

    def attach(self, backbone: Backbone) -> None:
        """Put an update beside every target layer.

        Raises:
            Incompatible: the backbone has no layer in the roles asked for.
        """
        self._targets = self._choose_targets(backbone)
        with warnings.catch_warnings():
            # PEFT says that it sets fan_in_fan_out for GPT-2's Conv1D, which is right.
            warnings.filterwarnings("ignore", message=".*fan_in_fan_out.*")
            inject_adapter_in_model(self._config(self._targets), backbone.module)
        attached = {n for n, m in backbone.module.named_modules() if isinstance(m, LoraLayer)}
        if attached != set(self._targets):
            odd = sorted(attached ^ set(self._targets))
            raise Incompatible(
                f"PEFT attached to other layers of {backbone.spec.name} than asked: {odd[:3]}.",
                hint="Choose other roles, e.g. `--set roles=mlp`.",
            )

    def train(self, backbone: Backbone, mode: bool) -> None:
        """Switch the dropout before the updates; nothing else has two modes."""
        for module in backbone.module.modules():
            if isinstance(module, LoraLayer):
                module.lora_dropout.train(mode)

    def layout(
        self, backbone: Backbone, heads: Mapping[str, nn.Module], native: NativeHead | None
    ) -> Layout:
        """``adapter_model.safetensors`` and ``adapter_config.json`` as PEFT writes them.

        The head goes inside, as a module to save, where the base library has a place for it.
        """
        prefix = _PEFT_ROOT + (native.prefix if native else "")
        tensors: dict[str, Tensor] = {
            prefix + _peft_name(name): parameter.detach()
            for name, parameter in backbone.module.named_parameters()
            if ".lora_" in name
        }
        if native:
            (head,) = heads.values()
            for key, tensor in head.state_dict().items():
                tensors[f"{_PEFT_ROOT}{native.name}.{key}"] = tensor.detach()
        return Layout(
            tensors={"adapter_model.safetensors": tensors},
            configs={"adapter_config.json": self._published_config(backbone, native)},
            holds_heads=native is not None,
        )

    def detach(self, backbone: Backbone) -> None:
        """Every target layer as it was."""
        for name in self._targets:
            layer = backbone.module.get_submodule(name)
            assert isinstance(layer, LoraLayer)
            backbone.module.set_submodule(name, layer.get_base_layer())
        if hasattr(backbone.module, "peft_config"):  # PEFT's note that something is attached
            del backbone.module.peft_config

    def merge(self, backbone: Backbone) -> None:
        """Add each update to the weight it stands beside."""
        for name in self._targets:
            layer: Any = backbone.module.get_submodule(name)
            layer.merge()
        self.detach(backbone)

    def stock_code(self) -> tuple[tuple[str, ...], str]:
        """PEFT opens what :meth:`layout` describes."""
        line = 'model = PeftModel.from_pretrained(model, "{repo}")'
        return ("from peft import PeftModel",), line

    def _choose_targets(self, backbone: Backbone) -> list[str]:
        available = _roles_by_weight(backbone)
        default = ["attention"] if "attention" in available else available[:1]
        wanted = self.settings["roles"] or default
        missing = [role for role in wanted if role not in available]
        if missing or not wanted:
            asked = f"layers of role {missing[0]}" if missing else "layers that LoRA can sit on"
            raise Incompatible(
                f"{backbone.spec.name} has no {asked}; it has: {', '.join(available) or 'none'}.",
                hint=f"Try `--set roles={available[0]}`."
                if available
                else "Try `--adapter linear-probe`.",
            )
        blocks = len(backbone.blocks)
        last = self.settings["last_blocks"]
        if not last:
            # Early convolutions have few parameters and the largest maps: most of the time for
            # little of the capacity.
            last = (blocks + 1) // 2 if list(wanted) == ["conv"] else blocks
        # The manifest says what was chosen: a later version may choose otherwise.
        self.settings |= {"roles": tuple(wanted), "last_blocks": last}
        names = {name for role in wanted for name in backbone.lora_targets[role]}
        names = {name for name in names if _within(name, backbone.blocks[-last:])}
        if not names:
            raise Incompatible(
                f"The last {last} blocks of {backbone.spec.name} have no {' or '.join(wanted)} layer.",
                hint=f"It has {blocks} blocks; `--set last_blocks={blocks}` is all of them.",
            )
        if self.settings["dora"]:
            names = {name for name in names if _has_directions(backbone.module.get_submodule(name))}
            if not names:
                raise Incompatible(
                    f"DoRA divides by the norm of each filter, and every {' or '.join(wanted)} "
                    f"layer of {backbone.spec.name} has one of zeros.",
                    hint="Leave out `--set dora=true`.",
                )
        return sorted(names)

    def _config(self, targets: list[str], **published: Any) -> LoraConfig:
        return LoraConfig(
            r=self.settings["rank"],
            lora_alpha=self.settings["alpha"],
            lora_dropout=self.settings["dropout"],
            use_dora=self.settings["dora"],
            use_rslora=self.settings["rslora"],
            target_modules=targets,
            **published,
        )

    def _published_config(self, backbone: Backbone, native: NativeHead | None) -> dict[str, Any]:
        """The configuration stock PEFT reads: literal layer names, the base as a pinned Hub id."""
        prefix = native.prefix if native else ""
        source = backbone.origin.source
        on_hub = bool(source) and not source.startswith("pip:")
        config = self._config(
            [prefix + name for name in self._targets],
            modules_to_save=[native.name] if native else None,
            task_type=(native.peft_task or None) if native else None,
            base_model_name_or_path=source if on_hub else None,
            revision=backbone.origin.commit if on_hub else None,
            inference_mode=True,
        )
        return {key: _plain(value) for key, value in sorted(config.to_dict().items())}


def _roles_by_weight(backbone: Backbone) -> list[str]:
    """The roles this backbone has layers in, the one with the most parameters first."""

    def weight(role: str) -> int:
        layers = (backbone.module.get_submodule(name) for name in backbone.lora_targets[role])
        return sum(parameter.numel() for layer in layers for parameter in layer.parameters())

    return sorted(
        (r for r in backbone.lora_targets if backbone.lora_targets[r]), key=lambda r: -weight(r)
    )


def _within(name: str, blocks: Sequence[Block]) -> bool:
    roots = (root for block in blocks for root in block.modules)
    return any(name == root or name.startswith(f"{root}.") for root in roots)


def _has_directions(layer: nn.Module) -> bool:
    """Whether no filter is all zeros: pretrained networks have dead ones, and 0/0 is no number."""
    weight = layer.get_parameter("weight")
    # Of all layers PEFT adapts, only GPT-2's Conv1D keeps its filters in columns.
    by_filter = weight.T if type(layer).__name__ == "Conv1D" else weight.flatten(1)
    return bool(by_filter.norm(dim=1).all())


def _peft_name(name: str) -> str:
    """A live parameter's name as PEFT saves it: without the adapter's name."""
    saved = name.replace(".default", "")
    magnitude = ".lora_magnitude_vector"
    return saved.removesuffix(".weight") if magnitude in saved else saved


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    return sorted(value) if isinstance(value, set) else value
