"""A small network on frozen features, added to them.

``z = f + up(relu(norm(down(f))))``, on the pooled vector and on each token. ``up`` begins at zero, so
that an untrained one changes nothing and training can start from the best head on frozen features.
After the feature adapter of Gao et al. 2021 (arXiv:2110.04544).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from zoo.plugin import Adapter, Backbone, Features, Layout, NativeHead

FILE = "bottleneck.safetensors"
_NAME = "bottleneck"  # of the module, in the backbone


class Bottleneck(Adapter):
    """Everything before the features stays frozen, so that it is computed once."""

    def attach(self, backbone: Backbone) -> None:
        """Put the network behind what the backbone gives; it reads whatever that is."""
        network = Residual(backbone.feature_size, self.settings)
        backbone.add_module(_NAME, network)
        network.eval()

        def behind(_: nn.Module, __: Any, features: Features) -> Features:
            tokens = None if features.tokens is None else network(features.tokens)
            return replace(features, pooled=network(features.pooled), tokens=tokens)

        self._hook = backbone.register_forward_hook(behind)

    def train(self, backbone: Backbone, mode: bool) -> None:
        """Only the network itself switches."""
        _network(backbone).train(mode)

    def layout(
        self, backbone: Backbone, heads: Mapping[str, nn.Module], native: NativeHead | None
    ) -> Layout:
        """The network's tensors, batch statistics included."""
        return Layout(tensors={FILE: _network(backbone).state_dict()})

    def detach(self, backbone: Backbone) -> None:
        """Take the network away."""
        self._hook.remove()
        delattr(backbone, _NAME)


class Residual(nn.Module):
    """Features ``[…, size]`` to features of that size."""

    def __init__(self, size: int, settings: Mapping[str, Any]) -> None:
        super().__init__()
        between: int = settings["size"]
        self.down = nn.Linear(size, between)
        self.norm = Norm(between) if settings["norm"] == "batch" else nn.Identity()
        self.drop = nn.Dropout(settings["dropout"])
        self.up = nn.Linear(between, size)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, features: Tensor) -> Tensor:
        """The features and what the network makes of them."""
        rows = self.down(features.reshape(-1, features.shape[-1]))
        change: Tensor = self.up(self.drop(self.norm(rows).relu()))
        return features + change.view_as(features)


class Norm(nn.BatchNorm1d):
    """A batch norm that a batch of one row, which has no variance, does not break."""

    def forward(self, rows: Tensor) -> Tensor:
        """``[rows, size]``; of a single row by the statistics so far."""
        if len(rows) > 1 or not self.training:
            return super().forward(rows)
        return functional.batch_norm(
            rows, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
        )


def _network(backbone: Backbone) -> nn.Module:
    return backbone.get_submodule(_NAME)
