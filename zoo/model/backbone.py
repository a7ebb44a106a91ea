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
from zoo.specs import BackboneSpec

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


@dataclass(frozen=True)
class NativeHead:
    """The place the base library itself has for a classifier on these features.

    Attributes:
        name: of the classifier module in the library's model, e.g. ``classifier``.
        prefix: what the library's model puts before the names of this backbone's modules.
        bias: whether that classifier has a bias.
        peft_task: PEFT's task type for such a model, empty where it has none.
    """

    name: str
    prefix: str = ""
    bias: bool = True
    peft_task: str = ""


@dataclass(frozen=True)
class StockCode:
    """How the base library opens this backbone with no zoo installed; the card prints the lines.

    Every piece is Python source. ``{n}`` stands for the number of classes.

    Attributes:
        requires: what to pip-install.
        imports: import lines.
        whole: makes ``model`` with an n-way head in its native place; empty where there is none.
        features: makes ``model`` without a head.
        inputs: makes ``inputs`` from ``example``, a raw sample (a ``PIL.Image`` or a ``str``).
        logits: makes ``logits`` from a whole ``model`` and ``inputs``.
        pooled: makes ``pooled`` features from a headless ``model`` and ``inputs``.
    """

    requires: tuple[str, ...]
    imports: tuple[str, ...]
    whole: str
    features: str
    inputs: str
    logits: str
    pooled: str


@dataclass(frozen=True)
class NativeModel:
    """How the base library itself keeps a whole model, weights and all, in a folder or repo.

    The tensors are in ``model.safetensors``, under ``prefix`` and their names in the backbone's
    module, the head's under the name of the native head.

    Attributes:
        config: what ``config.json`` says; the same for equal models.
        stock: opens it from ``{repo}`` with no zoo installed.
        library: the base library's name, as the Hub knows it.
        prefix: before the names of this backbone's tensors.
    """

    config: Mapping[str, Any]
    stock: StockCode
    library: str
    prefix: str = ""


class Preprocess(abc.ABC):
    """Turns raw samples into what the module takes; deterministic.

    Attributes:
        takes_pairs: a sample may also be a tuple of two texts, which the module reads together.
    """

    takes_pairs: ClassVar[bool] = False

    @abc.abstractmethod
    def __call__(self, sample: Any) -> dict[str, Tensor]:
        """One raw sample (a ``PIL.Image``, a ``str``) as tensors without a batch dimension."""

    @abc.abstractmethod
    def describe(self) -> dict[str, Any]:
        """The preprocessing as plain JSON data, for the manifest."""

    def places(self, sample: Any) -> Tensor | None:
        """Where each token of a text stands in it, ``[tokens, 2]``: first character, last + 1.

        Both are 0 for a token that stands nowhere, as those at the ends do. ``None`` where this
        preprocessing has no tokens of a text, or cannot tell.
        """
        return None

    def collate(self, samples: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
        """Stack preprocessed samples into a batch; override where lengths differ."""
        return {key: torch.stack([sample[key] for sample in samples]) for key in samples[0]}


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
        named = {k: tuple(v) for k, v in (lora_targets or {}).items()}
        self.lora_targets = named or _plain_layers(module)
        self.poolings = tuple(poolings)
        self.pooling = self.poolings[0]
        self.digest = digest(module.state_dict())
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

        They are published with a whole model that has a language head, so that it can be used as a
        backbone itself; loading an artifact never reads them. Their names are among
        :attr:`companion_names`.
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
