"""LoRA: low-rank updates of frozen layers, made by PEFT and saved in PEFT's own layout."""

from __future__ import annotations

from typing import Any

from torch import nn
from zoo_peft.layers import LayerTuner

from zoo.plugin import Backbone, Incompatible


class Lora(LayerTuner):
    """Low-rank adaptation (Hu et al. 2021, arXiv:2106.09685), with DoRA and rsLoRA as options."""

    def choose_targets(self, backbone: Backbone) -> list[str]:
        """Layers of the roles asked for; under DoRA only those that it can divide.

        Raises:
            Incompatible: there are none.
        """
        names = super().choose_targets(backbone)
        if not self.settings["dora"]:
            return names
        divisible = [n for n in names if _has_directions(backbone.module.get_submodule(n))]
        if not divisible:
            raise Incompatible(
                f"DoRA divides by the norm of each filter, and every "
                f"{' or '.join(self.settings['roles'])} layer of {backbone.spec.name} has one of "
                "zeros.",
                hint="Leave out `--set dora=true`.",
            )
        return divisible

    def options(self) -> dict[str, Any]:
        """The settings under PEFT's names."""
        return {
            "r": self.settings["rank"],
            "lora_alpha": self.settings["alpha"],
            "lora_dropout": self.settings["dropout"],
            "use_dora": self.settings["dora"],
            "use_rslora": self.settings["rslora"],
        }


def _has_directions(layer: nn.Module) -> bool:
    """Whether no filter is all zeros: pretrained networks have dead ones, and 0/0 is no number."""
    weight = layer.get_parameter("weight")
    # Of all layers PEFT adapts, only GPT-2's Conv1D keeps its filters in columns.
    by_filter = weight.T if type(layer).__name__ == "Conv1D" else weight.flatten(1)
    return bool(by_filter.norm(dim=1).all())
