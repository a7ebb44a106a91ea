"""Training whole blocks of a backbone: all, from one on, or the last ones.

Training starts from the best head on frozen features (Kumar et al. 2022, arXiv:2202.10054), so that
no epoch has to be frozen for the head's sake. Learning rates fall from the last block to the first
(ELECTRA, Clark et al. 2020, arXiv:2003.10555, which has 0.8 for base models; BEiT, Bao et al. 2022,
arXiv:2106.08254), and blocks may be thawed one after another from the last (ULMFiT, Howard and Ruder
2018, arXiv:1801.06146). With ``l2_sp`` the weights are drawn to where they began (L2-SP, Li et al. 2018,
arXiv:1802.01483); with ``co_tuning`` the head of the pretraining teaches along
(:mod:`zoo_finetune.co_tuning`).
"""

from __future__ import annotations

import abc
import difflib
import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from zoo.plugin import Backbone, BadSetting, Block, HeadProblem, Incompatible, ParameterGroup
from zoo_finetune import co_tuning
from zoo_finetune.own import OwnWeights, split_by_decay

_LIGHT = 0.1  # of an average block's parameters: a final norm, a pooler
_OF_CONVOLUTIONS = 5e-4  # the learning rate, by rows held out of what four sets train on
_PATIENCE = 12  # epochs
_SHARE = 4  # of all blocks that are not light, the last quarter


class BlockTuning(OwnWeights):
    """Base of the adapters that train blocks from one on.

    Before a fit and after it all of them are active; in between some may rest.
    """

    @abc.abstractmethod
    def first(self, backbone: Backbone) -> int:
        """The first block to train, counted from 0."""

    def training(self, backbone: Backbone) -> Mapping[str, Any]:
        """Convolutions take larger steps than transformers do.

        With these the first epochs are worse than the probe that training starts from.
        """
        parameters = [*backbone.module.parameters()]
        convolved = sum(each.numel() for each in parameters if each.ndim > 2)
        if 2 * convolved <= sum(map(torch.numel, parameters)):
            return {}
        return {"lr": _OF_CONVOLUTIONS, "patience": _PATIENCE}

    def attach(self, backbone: Backbone) -> None:
        """Let the blocks' parameters require gradients.

        Raises:
            Incompatible: there are no such blocks.
        """
        self._first = self._active = self.first(backbone)
        super().attach(backbone)
        self._start = self._kept(backbone) if self.settings["l2_sp"] else {}

    def trained(self, backbone: Backbone) -> list[str]:
        """All parameters of the blocks."""
        blocks = backbone.blocks[self._first :]
        return [name for block in blocks for name in names_in(backbone, block)]

    def groups(
        self, backbone: Backbone, heads: Mapping[str, nn.Module]
    ) -> Sequence[ParameterGroup]:
        """One rate a block, that of the last block being 1, and one for the heads."""
        found: list[ParameterGroup] = []
        rate = 1.0
        for block in reversed(backbone.blocks[self._first :]):
            names = names_in(backbone, block)
            found += split_by_decay(map(backbone.module.get_parameter, names), rate)
            rate *= self.settings["layer_decay"]
        of_heads = [parameter for head in heads.values() for parameter in head.parameters()]
        return [*found, *split_by_decay(of_heads, self.settings["head_rate"])]

    def start_epoch(self, backbone: Backbone, epoch: int, epochs: int) -> None:
        """Let blocks rest that are not to be trained yet.

        Raises:
            BadSetting: none would ever be trained.
        """
        if (frozen := self.settings["freeze_epochs"]) >= epochs:
            raise BadSetting(
                f"freeze_epochs={frozen}: the fit has {epochs} epochs, so that the backbone would "
                "not be trained in any.",
                hint="Give more with `--epochs`, or fit the head alone with a linear probe.",
            )
        self._active = self._thawed(backbone, epoch, epochs)
        for at in range(self._first, len(backbone.blocks)):
            for name in names_in(backbone, backbone.blocks[at]):
                backbone.module.get_parameter(name).requires_grad_(at >= self._active)

    def train(self, backbone: Backbone, mode: bool) -> None:
        """Dropout of the active blocks, and their batch norms where those are to follow the data."""
        if self._active == 0:
            backbone.module.train(mode)
        else:
            for block in backbone.blocks[self._active :]:
                for root in block.modules:
                    _switch(backbone.module, root, mode)
        if not self._updates_statistics():
            for module in backbone.module.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()

    def penalty(self, backbone: Backbone) -> Tensor | None:
        """L2-SP: half the squared distance from the pretrained weights, times ``l2_sp``."""
        if not self._start:
            return None
        parts = []
        for name, start in self._start.items():
            parameter = backbone.module.get_parameter(name)
            if parameter.requires_grad:
                parts.append((parameter - start.to(parameter.device)).square().sum())
        if not parts:
            return None
        strength: float = self.settings["l2_sp"]
        return 0.5 * strength * torch.stack(parts).sum()

    def companion(self, backbone: Backbone, problem: HeadProblem) -> nn.Module | None:
        """Co-Tuning's term, where it is asked for."""
        strength: float = self.settings["co_tuning"]
        return co_tuning.companion(backbone, problem, strength) if strength else None

    def _kept(self, backbone: Backbone) -> dict[str, Tensor]:
        names = self.trained(backbone)
        return {name: backbone.module.get_parameter(name).detach().clone() for name in names}

    def _thawed(self, backbone: Backbone, epoch: int, epochs: int) -> int:
        """The first block that is trained in this epoch; light ones at the end come with another."""
        frozen: int = self.settings["freeze_epochs"]
        if epoch <= frozen:
            return len(backbone.blocks)
        if not self.settings["gradual"]:
            return self._first
        end = _heavy(backbone)[-1] + 1
        if end <= self._first:
            return self._first
        blocks = end - self._first
        stages = max(1, min(blocks, (epochs - frozen) // 2))
        return end - math.ceil(blocks * min(1.0, (epoch - frozen) / stages))


class Finetune(BlockTuning):
    """All blocks, or those from one on."""

    def first(self, backbone: Backbone) -> int:
        """The block that ``from_block`` names or counts.

        Raises:
            Incompatible: there is no such block.
        """
        wanted: str = self.settings["from_block"]
        if not wanted:
            return 0
        names = [block.name for block in backbone.blocks]
        if wanted in names:
            return names.index(wanted)
        if wanted.isdecimal() and int(wanted) < len(names):
            return int(wanted)
        near = difflib.get_close_matches(wanted, names, n=1, cutoff=0.3)
        raise Incompatible(
            f"{backbone.spec.name} has no block {wanted!r}; it has "
            f"{', '.join(f'{i} {name}' for i, name in enumerate(names))}.",
            hint=f"Try `--set from_block={near[0] if near else names[-1]}`.",
        )


class Partial(BlockTuning):
    """The last blocks, by default a quarter (Lee et al. 2019, arXiv:1911.03090)."""

    def first(self, backbone: Backbone) -> int:
        """As ``last_blocks`` says, or so that a quarter of the blocks of some weight is trained."""
        blocks = len(backbone.blocks)
        last: int = self.settings["last_blocks"] or _quarter(backbone)
        if last > blocks:
            raise Incompatible(
                f"{backbone.spec.name} has {blocks} blocks, not {last}.",
                hint="`--adapter finetune` trains all of them.",
            )
        # The manifest says what was chosen: a later version may choose otherwise.
        self.settings |= {"last_blocks": last}
        return blocks - last


def names_in(backbone: Backbone, block: Block) -> list[str]:
    """Names of a block's parameters."""
    return [
        name
        for name, _ in backbone.module.named_parameters()
        if any(name == root or name.startswith(f"{root}.") for root in block.modules)
    ]


def _quarter(backbone: Backbone) -> int:
    """How many blocks at the end hold a quarter of those of some weight; light ones come along."""
    heavy = _heavy(backbone)
    return len(backbone.blocks) - heavy[-math.ceil(len(heavy) / _SHARE)]


def _heavy(backbone: Backbone) -> list[int]:
    """Positions of the blocks of some weight: not of a final norm, or a pooler."""
    sizes = [
        sum(backbone.module.get_parameter(name).numel() for name in names_in(backbone, block))
        for block in backbone.blocks
    ]
    return [at for at, size in enumerate(sizes) if size >= _LIGHT * sum(sizes) / len(sizes)]


def _switch(module: nn.Module, root: str, mode: bool) -> None:
    """Training mode of a block's root, where that is a module and no bare parameter."""
    child = dict(module.named_modules()).get(root)
    if child is not None:
        child.train(mode)
