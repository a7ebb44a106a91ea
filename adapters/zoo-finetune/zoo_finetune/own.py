"""What the four adapters share: they train some of the backbone's own weights, and nothing is added.

Batch norms of trained blocks keep their pretrained statistics unless ``batch_norm=updated``: those of
a few hundred images in batches of 32 are worse (He et al. 2019, arXiv:1811.08883, section 3, freeze
them for that reason), and with them frozen training starts exactly where the head on frozen features
ends. Norms and biases are spared weight decay, as usual (Loshchilov and Hutter 2019,
arXiv:1711.05101, leave it to the recipe; BERT and timm do so).
"""

from __future__ import annotations

import abc
from collections.abc import Iterable, Iterator, Mapping, Sequence

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from zoo.plugin import Adapter, Backbone, Incompatible, Layout, NativeHead, ParameterGroup


class OwnWeights(Adapter):
    """Base of the adapters that train the backbone's own weights."""

    @abc.abstractmethod
    def trained(self, backbone: Backbone) -> list[str]:
        """Names of the parameters to train."""

    def attach(self, backbone: Backbone) -> None:
        """Let the chosen parameters require gradients.

        Raises:
            Incompatible: there are none.
        """
        names = self.trained(backbone)
        if not names:
            raise Incompatible(
                f"{backbone.spec.name} has nothing that {self.spec.name} could train.",
                hint="Try `--adapter finetune`.",
            )
        for name in names:
            backbone.module.get_parameter(name).requires_grad_(True)

    def groups(
        self, backbone: Backbone, heads: Mapping[str, nn.Module]
    ) -> Sequence[ParameterGroup]:
        """The heads at a rate of their own; vectors without weight decay."""
        named = {name: backbone.module.get_parameter(name) for name in self.trained(backbone)}
        of_heads = [parameter for head in heads.values() for parameter in head.parameters()]
        return [
            *split_by_decay(named.values(), 1.0),
            *split_by_decay(of_heads, self.settings["head_rate"]),
        ]

    def layout(
        self, backbone: Backbone, heads: Mapping[str, nn.Module], native: NativeHead | None
    ) -> Layout:
        """What was trained, and the statistics of batch norms that followed."""
        names = self.trained(backbone)
        return Layout(changed=(*names, *self._statistics(backbone, names)))

    def merge(self, backbone: Backbone) -> None:
        """Nothing: the weights are the backbone's own."""

    def stock_code(self) -> tuple[tuple[str, ...], str]:
        """Nothing to put on the model."""
        return (), ""

    def _updates_statistics(self) -> bool:
        return bool(self.settings.get("batch_norm") == "updated")

    def _statistics(self, backbone: Backbone, names: Sequence[str]) -> Iterator[str]:
        if self._updates_statistics():
            for name, norm in batch_norms(backbone.module, names):
                yield from (f"{name}.{key}" for key, _ in norm.named_buffers())


def batch_norms(module: nn.Module, names: Iterable[str]) -> Iterator[tuple[str, _BatchNorm]]:
    """The batch norms that have a parameter among ``names``."""
    owners = {name.rpartition(".")[0] for name in names}
    for name, child in module.named_modules():
        if isinstance(child, _BatchNorm) and name in owners:
            yield name, child


def split_by_decay(parameters: Iterable[nn.Parameter], rate: float) -> list[ParameterGroup]:
    """One group with weight decay, and one without for biases, norms and other vectors."""
    matrices: list[nn.Parameter] = []
    vectors: list[nn.Parameter] = []
    for parameter in parameters:
        (matrices if parameter.ndim > 1 else vectors).append(parameter)
    return [ParameterGroup(matrices, rate), ParameterGroup(vectors, rate, decays=False)]
