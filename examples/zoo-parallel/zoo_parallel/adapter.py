"""Parallel adapters: convolutional networks get 1x1 convolutions, transformers bottlenecks."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from zoo.plugin import Adapter, Backbone, Incompatible, Layout, NativeHead
from zoo_parallel.layers import BesideConv, BesideLinear, fits

FILE = "parallel.safetensors"
ROLES = ("conv", "mlp", "attention")  # the first that a backbone has layers in


class Parallel(Adapter):
    """Something small beside each layer of one role; everything else stays frozen."""

    def attach(self, backbone: Backbone) -> None:
        """Put it there.

        Raises:
            Incompatible: the backbone has no layer that something could stand beside.
        """
        self._names = _layers(backbone, self.settings["last_blocks"])
        if not self._names:
            raise Incompatible(
                f"{backbone.spec.name} has no layer in reach of {self.spec.name}.",
                hint="Leave out `--set last_blocks`, or try `--adapter linear-probe`.",
            )
        for name in self._names:
            layer = backbone.module.get_submodule(name)
            beside = (
                BesideConv(layer)
                if isinstance(layer, nn.Conv2d)
                else BesideLinear(layer, self.settings["width"])
            )
            backbone.module.set_submodule(name, beside)

    def layout(
        self, backbone: Backbone, heads: Mapping[str, nn.Module], native: NativeHead | None
    ) -> Layout:
        """The live tensors by file: saving reads them, loading copies into them."""
        tensors = {
            f"{name}.{key}": tensor.detach()
            for name in self._names
            for key, tensor in backbone.module.get_submodule(name).named_parameters()
            if not key.startswith("layer.")
        }
        return Layout(tensors={FILE: tensors})

    def detach(self, backbone: Backbone) -> None:
        """Every layer as it was."""
        for name in self._names:
            beside: Any = backbone.module.get_submodule(name)
            backbone.module.set_submodule(name, beside.layer)

    def merge(self, backbone: Backbone) -> None:
        """Add each 1x1 kernel to the convolution that it stands beside.

        Raises:
            Incompatible: a bottleneck with a ReLU is no linear layer.
        """
        beside: list[Any] = [backbone.module.get_submodule(name) for name in self._names]
        if not all(isinstance(each, BesideConv) for each in beside):
            raise Incompatible(
                f"{self.spec.name} on {backbone.spec.name} has bottlenecks with a ReLU, which no "
                "linear layer computes.",
                hint="Publish the adapter as it is; an artifact needs no merging.",
            )
        for each in beside:
            each.merge()
        self.detach(backbone)


def _layers(backbone: Backbone, last_blocks: int) -> list[str]:
    roots = [root for block in backbone.blocks[-last_blocks:] for root in block.modules]
    for role in ROLES:
        found = [
            name
            for name in backbone.lora_targets.get(role, ())
            if any(name == root or name.startswith(f"{root}.") for root in roots)
            and fits(backbone.module.get_submodule(name))
        ]
        if found:
            return found
    return []
