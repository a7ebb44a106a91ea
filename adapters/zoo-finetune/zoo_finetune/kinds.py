"""Training one kind of the backbone's parameters throughout: its biases, or its norms."""

from __future__ import annotations

import re

from zoo.plugin import Backbone
from zoo_finetune.own import OwnWeights, batch_norms

_NORM = re.compile(r"norm", re.IGNORECASE)
_BIAS = re.compile(r"(.*_)?bias")  # EVA and BEiT have a q_bias and a v_bias


class BitFit(OwnWeights):
    """All biases (Ben Zaken et al. 2022, arXiv:2106.10199)."""

    def trained(self, backbone: Backbone) -> list[str]:
        """Every parameter called ``bias``, or so with something before."""
        names = (name for name, _ in backbone.module.named_parameters())
        return [name for name in names if _BIAS.fullmatch(name.rpartition(".")[2])]


class NormTuning(OwnWeights):
    """Scales and shifts of normalisation layers.

    In batch norms after Frankle et al. 2021, arXiv:2003.00152; in layer norms after Zhao et al. 2024,
    arXiv:2312.11420.
    """

    def trained(self, backbone: Backbone) -> list[str]:
        """Parameters of layers that are norms by their class, RMS norms of transformers included."""
        return [
            f"{name}.{key}"
            for name, layer in backbone.module.named_modules()
            if _NORM.search(type(layer).__name__)
            for key, parameter in layer.named_parameters(recurse=False)
            if parameter.ndim == 1
        ]

    def train(self, backbone: Backbone, mode: bool) -> None:
        """Batch norms, where they are to follow the data."""
        if self._updates_statistics():
            for _, norm in batch_norms(backbone.module, self.trained(backbone)):
                norm.train(mode)
