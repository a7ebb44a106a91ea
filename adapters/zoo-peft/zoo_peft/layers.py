"""Methods of PEFT that stand beside frozen layers, saved in PEFT's own layout."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from peft import (
    PEFT_TYPE_TO_CONFIG_MAPPING,
    PEFT_TYPE_TO_TUNER_MAPPING,
    PeftConfig,
    PeftType,
    get_peft_model_state_dict,
)
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import Tensor, nn

from zoo.plugin import Adapter, Backbone, Block, Incompatible, Layout, NativeHead
from zoo_peft.dropout import quicken

_PEFT_ROOT = "base_model.model."
_OURS = ("roles", "last_blocks")  # settings that are no options of PEFT's


class LayerTuner(Adapter):
    """One PEFT method on chosen layers of a backbone; the adapter's name says which method."""

    @property
    def method(self) -> str:
        """PEFT's own name of the method, e.g. ``IA3``."""
        return self.spec.name.rpartition(":")[2].upper()

    def attach(self, backbone: Backbone) -> None:
        """Put what the method trains beside every target layer.

        Raises:
            Incompatible: the backbone has no layer in the roles asked for, or PEFT refuses those.
        """
        self._targets = self.choose_targets(backbone)
        self._require_kinds(backbone)
        before = {name: p.requires_grad for name, p in backbone.module.named_parameters()}
        tuner = PEFT_TYPE_TO_TUNER_MAPPING[PeftType[self.method]]
        config = self._config(backbone)
        try:
            with warnings.catch_warnings():
                # PEFT says that it sets fan_in_fan_out for GPT-2's Conv1D, which is right.
                warnings.filterwarnings("ignore", message=".*fan_in_fan_out.*")
                self._tuner: Any = tuner(backbone.module, config, "default")
        except (TypeError, ValueError, NotImplementedError) as err:
            reason = " ".join(str(err).split())
            raise Incompatible(
                f"PEFT refuses {self.spec.name} on {backbone.spec.name}: {reason[:200]}",
                hint="Load the backbone again, and choose other settings or `--adapter lora`.",
            ) from err
        layers = [n for n, m in backbone.module.named_modules() if isinstance(m, BaseTunerLayer)]
        if set(layers) != set(self._targets):
            odd = sorted(set(layers) ^ set(self._targets))
            raise Incompatible(
                f"PEFT attached to other layers of {backbone.spec.name} than asked: {odd[:3]}.",
                hint="Choose other roles, e.g. `--set roles=mlp`.",
            )
        for name in layers:
            quicken(backbone.module.get_submodule(name))
        for name, parameter in backbone.module.named_parameters():
            if name in before:  # some methods would train biases they do not save
                parameter.requires_grad_(before[name])

    def train(self, backbone: Backbone, mode: bool) -> None:
        """Switch the method's own dropout; nothing else has two modes."""
        for target in self._targets:
            layer = backbone.module.get_submodule(target)
            for name, module in layer.named_modules():
                if "dropout" in name and not name.startswith("base_layer."):
                    module.train(mode)

    def layout(
        self, backbone: Backbone, heads: Mapping[str, nn.Module], native: NativeHead | None
    ) -> Layout:
        """``adapter_model.safetensors`` and ``adapter_config.json`` as PEFT writes them.

        The head goes inside, as a module to save, where the base library has a place for it.
        """
        prefix = _PEFT_ROOT + (native.prefix if native else "")
        tensors: dict[str, Tensor] = {
            name.replace(_PEFT_ROOT, prefix, 1) if name.startswith(_PEFT_ROOT) else name: tensor
            for name, tensor in self._saved().items()
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
            assert isinstance(layer, BaseTunerLayer)
            backbone.module.set_submodule(name, layer.get_base_layer())
        if hasattr(backbone.module, "peft_config"):  # PEFT's note that something is attached
            del backbone.module.peft_config

    def merge(self, backbone: Backbone) -> None:
        """Fold what each layer learnt into its weight.

        Raises:
            Incompatible: PEFT has no merging for this method.
        """
        for name in self._targets:
            layer: Any = backbone.module.get_submodule(name)
            try:
                layer.merge()
            except (NotImplementedError, AttributeError, TypeError, ValueError) as err:
                reason = " ".join(str(err).split())
                raise Incompatible(
                    f"PEFT cannot merge {self.spec.name}: {reason[:200]}",
                    hint="Publish it as it is; an artifact needs no merging.",
                ) from err
        self.detach(backbone)

    def stock_code(self) -> tuple[tuple[str, ...], str]:
        """PEFT opens what :meth:`layout` describes."""
        line = 'model = PeftModel.from_pretrained(model, "{repo}")'
        return ("from peft import PeftModel",), line

    def choose_targets(self, backbone: Backbone) -> list[str]:
        """Full names of the layers to stand beside; what was chosen goes into the settings.

        Raises:
            Incompatible: there are none.
        """
        available = _roles_by_weight(backbone)
        default = ["attention"] if "attention" in available else available[:1]
        wanted = self.settings["roles"] or default
        missing = [role for role in wanted if role not in available]
        if missing or not wanted:
            asked = (
                f"layers of role {missing[0]}"
                if missing
                else f"layers that {self.spec.name} can sit on"
            )
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
        return sorted(names)

    def options(self) -> dict[str, Any]:
        """PEFT's configuration of the method, as the settings have it."""
        chosen = {name: value for name, value in self.settings.items() if name not in _OURS}
        return {**_ALWAYS.get(self.method, {}), **chosen}

    def _saved(self) -> dict[str, Tensor]:
        """The method's tensors under the names that PEFT saves them by."""
        # PEFT finds them by the names of modules below a PeftModel, whose shape this has.
        whole = nn.Module()
        whole.add_module("base_model", self._tuner)
        whole.peft_config = self._tuner.peft_config
        saved: dict[str, Tensor] = get_peft_model_state_dict(
            whole, state_dict=whole.state_dict(), save_embedding_layers=False
        )
        return saved

    def _require_kinds(self, backbone: Backbone) -> None:
        """Refuse convolutions under a method that is not sound on them."""
        if self.method in _ON_CONVOLUTIONS:
            return
        convolutions = [
            name
            for name in self._targets
            if isinstance(backbone.module.get_submodule(name), nn.Conv2d)
        ]
        if convolutions:
            raise Incompatible(
                f"{self.spec.name} works on linear layers; {convolutions[0]} of "
                f"{backbone.spec.name} is a convolution.",
                hint="On convolutions use `--adapter lora`, `peft:ia3`, `peft:loha` or `peft:lokr`.",
            )

    def _config(self, backbone: Backbone, prefix: str = "", **published: Any) -> PeftConfig:
        options = self.options()
        if self.method == "IA3":
            # It scales what goes into a feed-forward layer, and what comes out of any other.
            into = set(backbone.lora_targets.get("mlp", ())) & set(self._targets)
            options["feedforward_modules"] = sorted(prefix + name for name in into)
        targets = [prefix + name for name in self._targets]
        kind: Any = PEFT_TYPE_TO_CONFIG_MAPPING[PeftType[self.method]]
        config: PeftConfig = kind(target_modules=targets, **options, **published)
        return config

    def _published_config(self, backbone: Backbone, native: NativeHead | None) -> dict[str, Any]:
        """The configuration stock PEFT reads: literal layer names, the base as a pinned Hub id."""
        prefix = native.prefix if native else ""
        config = self._config(
            backbone,
            prefix,
            modules_to_save=[native.name] if native else None,
            task_type=(native.peft_task or None) if native else None,
            inference_mode=True,
            **published_base(backbone),
        )
        return {key: plain(value) for key, value in sorted(config.to_dict().items())}


# Where PEFT's own default would begin away from the pretrained model.
_ALWAYS: dict[str, dict[str, Any]] = {
    "C3A": {"init_weights": True},
    "FOURIERFT": {"init_weights": True},
    "FROD": {"progressbar": False},  # not its start: it would draw one on the terminal
}
_ON_CONVOLUTIONS = frozenset({"LORA", "IA3", "LOHA", "LOKR", "HIRA"})


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


def published_base(backbone: Backbone) -> dict[str, str | None]:
    """What PEFT's configuration says of the base: a pinned Hub id, where there is one."""
    source = backbone.origin.source
    on_hub = bool(source) and not source.startswith("pip:")
    return {
        "base_model_name_or_path": source if on_hub else None,
        "revision": backbone.origin.commit if on_hub else None,
    }


def plain(value: Any) -> Any:
    """A value of PEFT's configuration as JSON has it."""
    if isinstance(value, Enum):
        return value.value
    return sorted(value) if isinstance(value, set) else value
