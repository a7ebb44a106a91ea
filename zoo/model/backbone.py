"""Backbone: a pretrained feature extractor with its preprocessing, its blocks and its identity."""

from __future__ import annotations

import abc
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn

from zoo.data.contract import InputContract
from zoo.errors import BadSetting, Incompatible
from zoo.model.native import NativeHead, NativeModel, StockCode
from zoo.model.preprocess import Preprocess
from zoo.specs import BackboneSpec
from zoo.unchanged import FileState

if TYPE_CHECKING:
    from zoo.model.language import Generation, Tell

Batch = Mapping[str, Tensor]


@dataclass(frozen=True)
class Features:
    """What a backbone gives for a batch.

    Attributes:
        pooled: one vector a sample, ``[batch, feature_size]``.
        tokens: one vector a token, ``[batch, tokens, size]``, where the backbone has tokens.
        mask: 1 for real tokens and 0 for padding, ``[batch, tokens]``.
        logits: of a language head, ``[batch, tokens, vocabulary]``, where it was loaded with one.
    """

    pooled: Tensor
    tokens: Tensor | None = None
    mask: Tensor | None = None
    logits: Tensor | None = None


@dataclass(frozen=True)
class Block:
    """One ordered piece of a backbone, input to output.

    ``modules`` are names of submodules (or of bare parameters) of :attr:`Backbone.module`; over
    all blocks they cover every parameter exactly once.
    """

    name: str
    modules: tuple[str, ...]


@dataclass(frozen=True)
class Origin:
    """Where the weights came from.

    Attributes:
        source: a Hub repo, or ``pip:<distribution>``; empty for a local folder.
        commit: of the repo, or the distribution's version.
        folder: where the files lie on this machine; never published.
    """

    source: str
    commit: str | None = None
    folder: Path | None = None


class Backbone(nn.Module, abc.ABC):
    """Base class of every backbone; a loader returns an instance in evaluation mode, float32.

    Args:
        spec: what the loader was called with.
        module: the library's own model, without a head.
        preprocess: raw sample to tensors.
        contract: what raw samples must be.
        blocks: ordered pieces covering all parameters once.
        feature_size: length of the pooled vector.
        origin: where the weights came from.
        license: SPDX identifier or Hub licence tag, ``None`` where unknown.
        lora_targets: full names of the linear and convolution modules of :attr:`module` that a
            low-rank adapter can sit on, by role: ``attention``, ``mlp``, ``conv``; where none is
            named, all linear layers and convolutions of one group, as ``linear`` and ``conv``.
        poolings: the ways this backbone can pool; the first is right for frozen features.
        files: those that every tensor of ``module`` comes from, as they were before they were read.
            While they are the same, the digest of a second such backbone need not be computed.
        weights: the digest of ``module``'s tensors, where another backbone of the same ones has it.

    Attributes:
        digest: the identity of the weights, see :func:`digest`.
        language: the kind of language head that the module has; empty where it has none.
        companion_names: those that :meth:`companions` may have, of this version or another.
        pooled_only: nothing but pooled features is read, and nothing else has to be given; set by
            whoever reads.
        reload: loads the same again, given whether with pretrained weights; set by
            :func:`zoo.model.load_spec`.
    """

    language: str = ""
    companion_names: ClassVar[frozenset[str]] = frozenset()

    def __init__(
        self,
        spec: BackboneSpec,
        module: nn.Module,
        *,
        preprocess: Preprocess,
        contract: InputContract,
        blocks: Sequence[Block],
        feature_size: int,
        origin: Origin,
        license: str | None = None,
        lora_targets: Mapping[str, Sequence[str]] | None = None,
        poolings: Sequence[str] = ("default",),
        files: FileState = FileState(),  # noqa: B008  # frozen
        weights: str = "",
    ) -> None:
        super().__init__()
        self.spec = spec
        self.module = module
        self.preprocess = preprocess
        self.contract = contract
        self.blocks = tuple(blocks)
        self.feature_size = feature_size
        self.origin = origin
        self.license = license
        self.files = files
        named = {k: tuple(v) for k, v in (lora_targets or {}).items()}
        self.lora_targets = named or _plain_layers(module)
        self.poolings = tuple(poolings)
        self.pooling = self.poolings[0]
        state = module.state_dict()
        layout = tuple((name, tensor.dtype, tensor.shape) for name, tensor in state.items())
        self.digest = weights or files.once((type(self), repr(spec), layout), lambda: digest(state))
        self.pooled_only = False
        self.reload: Callable[[bool], Backbone] | None = None
        self.requires_grad_(False)
        self.eval()

    @abc.abstractmethod
    def forward(self, batch: Batch) -> Features:
        """Features of a preprocessed, collated batch."""

    @property
    def native_head(self) -> NativeHead | None:
        """The library's own place for a classifier on the present pooling, if it has one."""
        return None

    @property
    def native_pooling(self) -> str | None:
        """The pooling a trained backbone should use so that the library's own head fits."""
        return None

    def source_head(self) -> nn.Module | None:
        """The classifier that the weights were trained with, pooled features to logits.

        ``None`` where it is not there, as with random weights. It is never trained, saved or part of
        the digest.
        """
        return None

    def stock_code(self) -> StockCode | None:
        """How to open this backbone without zoo; ``None`` where no library has it."""
        return None

    def native_model(self, labels: Sequence[str]) -> NativeModel | None:
        """The library's own layout for a model with this backbone's weights changed.

        Args:
            labels: of the native head's outputs; empty for a model without a head.

        ``None`` where the library has none.
        """
        return None

    def probe_inputs(self) -> Sequence[Tensor]:
        """A few synthetic raw samples as small tensors, for a modality of the plugin's own.

        An artifact carries them with the logits its model gave for them, and whoever opens it
        compares. Images and texts are the host's business.
        """
        return ()

    def probe_sample(self, raw: Tensor) -> Any:
        """The raw sample that a tensor of :meth:`probe_inputs` stands for."""
        raise NotImplementedError(f"{type(self).__name__} offers no inputs for a probe")

    def generate(self, batch: Batch, how: Generation, tell: Tell | None = None) -> list[Tensor]:
        """Texts made by the language head, one a row, as tokens; see :mod:`zoo.model.language`.

        Args:
            batch: collated prompts.
            how: at what length, and by which search.
            tell: is given each piece of text as it is made, where the search allows it.

        Raises:
            Incompatible: this backbone makes no texts.
        """
        raise Incompatible(f"{self.spec.name} makes no texts.")

    def companions(self) -> Mapping[str, bytes]:
        """Files that the base library wants beside a whole model, such as a tokenizer, by name.

        They are published with a whole model, so that it opens without its backbone and can be one
        itself; loading an artifact never reads them. Their names are among :attr:`companion_names`.
        """
        return {}

    def shorten(self, tokens: int) -> None:
        """Take inputs of at most so many tokens, so that an adapter has room for its own.

        Raises:
            Incompatible: this backbone does not count tokens.
        """
        raise Incompatible(f"{self.spec.name} does not cut its inputs to a number of tokens.")

    def pool_by(self, pooling: str) -> None:
        """Choose how tokens become one vector.

        Raises:
            BadSetting: this backbone does not pool that way.
        """
        if pooling not in self.poolings:
            raise BadSetting(
                f"{self.spec.name} has no pooling {pooling!r}; it has {', '.join(self.poolings)}.",
                hint=f"The default is {self.poolings[0]!r}.",
            )
        self.pooling = pooling


def _plain_layers(module: nn.Module) -> dict[str, tuple[str, ...]]:
    """Layers whose type says what they compute; subclasses may use their weights otherwise."""
    roles: dict[str, list[str]] = {"linear": [], "conv": []}
    for name, layer in module.named_modules():
        if type(layer) is nn.Linear:
            roles["linear"].append(name)
        elif type(layer) is nn.Conv2d and layer.groups == 1:
            roles["conv"].append(name)
    return {role: tuple(names) for role, names in roles.items() if names}


def digest(state: Mapping[str, Tensor]) -> str:
    """sha256 over names, types, shapes and bytes of all tensors, in order of name.

    This is a backbone's identity: repos are renamed and registered anew, tensors are not.
    """
    total = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        total.update(f"{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\0".encode())
        total.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()


__all__ = [
    "Backbone",
    "Batch",
    "Block",
    "Features",
    "NativeHead",
    "NativeModel",
    "Origin",
    "Preprocess",
    "StockCode",
    "digest",
]
