"""A Transformer's features as the mean over its layers.

The last layer is made for what the network was pretrained on; earlier ones often hold more of what
another task needs, and fine-tuning reaches them all. The mean of the hidden states foretells the
fine-tuned accuracy better than the last of them, at the price of one (Garbas et al. 2024,
arXiv:2409.05997).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from zoo.artifact.probe import samples
from zoo.errors import ZooError
from zoo.model import Backbone, Batch, Features

_FEWEST = 2  # layers; the mean of one is itself


class OverLayers(Backbone):
    """A backbone's tokens as the mean over its blocks; pooled, these are the mean over tokens.

    Args:
        backbone: computes, and stays as it is.
        size: of its tokens.
    """

    def __init__(self, backbone: Backbone, size: int) -> None:
        super().__init__(
            backbone.spec,
            backbone.module,
            preprocess=backbone.preprocess,
            contract=backbone.contract,
            blocks=backbone.blocks,
            feature_size=size,
            origin=backbone.origin,
            license=backbone.license,
            lora_targets=backbone.lora_targets,
            # What is kept goes by the pooling: it names the code that computes.
            poolings=(f"mean over layers of {type(backbone).__qualname__}",),
            weights=backbone.digest,
        )
        self._inner = (backbone,)  # in a tuple it is no submodule

    def forward(self, batch: Batch) -> Features:
        """Means over layers: ``tokens``, and ``pooled`` over those that are no padding."""
        states, mask = hidden_states(self._inner[0], batch)
        tokens = torch.stack(states).mean(dim=0)
        if mask is None:
            return Features(tokens.mean(dim=1), tokens, None)
        real = mask.to(tokens.dtype)[..., None]
        pooled = (tokens * real).sum(dim=1) / real.sum(dim=1).clamp_min(1.0)
        return Features(pooled, tokens, mask)


def over_layers(backbone: Backbone) -> Backbone:
    """``backbone`` as the mean over its layers; itself where it is no Transformer."""
    try:
        few = [backbone.preprocess(raw) for raw in samples(backbone)[:2]]
    except ZooError:  # a modality of its own, without samples to try
        return backbone
    with torch.inference_mode():
        states, _ = hidden_states(backbone, backbone.preprocess.collate(few))
    return OverLayers(backbone, states[0].shape[-1]) if len(states) >= _FEWEST else backbone


def hidden_states(backbone: Backbone, batch: Batch) -> tuple[list[Tensor], Tensor | None]:
    """What each block gives of the shape of the tokens, ``[batch, tokens, size]``, and the mask.

    No states where the backbone has no tokens; a block that gives another shape has none.
    """
    found: dict[str, list[Tensor]] = {block.name: [] for block in backbone.blocks}
    with _watched(backbone, found):
        features = backbone(batch)
    if features.tokens is None:
        return [], None
    shape = features.tokens.shape
    alike = ([state for state in states if state.shape == shape] for states in found.values())
    return [states[-1] for states in alike if states], features.mask


@contextlib.contextmanager
def _watched(backbone: Backbone, found: dict[str, list[Tensor]]) -> Iterator[None]:
    """Inside, what the modules of each block give is added to its list."""
    modules = dict(backbone.module.named_modules())
    with contextlib.ExitStack() as stack:
        for block in backbone.blocks:
            for module in (modules[name] for name in block.modules if name in modules):
                handle = module.register_forward_hook(_keeper(found[block.name]))
                stack.callback(handle.remove)
        yield


def _keeper(states: list[Tensor]) -> Callable[[nn.Module, object, object], None]:
    def keep(_: nn.Module, given: object, output: object) -> None:
        first = output[0] if isinstance(output, tuple) and output else output
        if isinstance(first, Tensor):
            states.append(first)

    return keep
