"""How an artifact was composed, from which a second model of the same files is made.

Attaching an adapter takes most of the time that opening a small artifact does. What files a model
has and what they may hold follows from manifest and backbone: while these are the same it is known.
The files themselves are checked and read each time.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from torch import Tensor

from zoo.artifact.configs import require_same
from zoo.artifact.contents import Contents
from zoo.artifact.manifest import Manifest
from zoo.artifact.tensors import copy_into, read_like
from zoo.model import Backbone, ComposedModel, Skeleton

_GIVEN = ("spec", "origin", "preprocess", "reload")  # of a backbone, not to be copied


@dataclass(frozen=True)
class Composition:
    """A model without tensors, and those that its files must have.

    Attributes:
        skeleton: of the model.
        tensors: empty ones by file and name.
        configs: by file.
    """

    skeleton: Skeleton[ComposedModel]
    tensors: Mapping[str, Mapping[str, Tensor]]
    configs: Mapping[str, Mapping[str, Any]]

    @classmethod
    def known(cls, manifest: Manifest, backbone: Backbone) -> Self | None:
        """That of an earlier model, ``None`` where there was none."""
        found: Self | None = backbone.files.known(_what(manifest, backbone))
        return found

    def filled(self, folder: Path, backbone: Backbone) -> ComposedModel:
        """A model with the tensors of the artifact in ``folder`` and of ``backbone``.

        Raises:
            ArtifactError: a file is not what it must be; as :func:`fill`.
        """
        _require_configs(folder, self.configs)
        state = _own(backbone)
        for file, like in self.tensors.items():
            state |= _named(file, read_like(like, folder / file))
        return self.skeleton.filled(state, _given(backbone))


@dataclass(frozen=True)
class Bare:
    """A backbone as it was before a model was composed with it."""

    backbone: Backbone
    state: Mapping[str, Tensor]
    described: object

    @classmethod
    def of(cls, backbone: Backbone) -> Self:
        """To be taken before composing."""
        return cls(backbone, _own(backbone), _described(backbone))

    def keep(
        self,
        manifest: Manifest,
        model: ComposedModel,
        expected: Contents,
        laid: Mapping[str, Mapping[str, Tensor]],
    ) -> None:
        """Keep how ``model`` was composed, unless the adapter had preprocessing changed.

        Args:
            manifest: of the artifact.
            model: as it was loaded.
            expected: its files.
            laid: the tensors of the model that are those of the files.
        """
        backbone = self.backbone
        if _described(backbone) != self.described:
            return
        state = dict(self.state)
        for file, tensors in laid.items():
            state |= _named(file, tensors)
        if skeleton := Skeleton.of(model, state, _given(backbone)):
            empty = {
                file: {name: tensor.to("meta") for name, tensor in tensors.items()}
                for file, tensors in laid.items()
            }
            kept = Composition(skeleton, empty, expected.configs)
            backbone.files.keep(_what(manifest, backbone), kept)


def fill(folder: Path, model: ComposedModel, expected: Contents) -> dict[str, dict[str, Tensor]]:
    """Put the tensors of an artifact's files into ``model``; they are returned by file and name.

    Raises:
        UnsafeFile, CorruptFile: a file is not a sound one, or a configuration says something else.
        TensorMismatch: a file has not exactly the tensors that the model has.
    """
    _require_configs(folder, expected.configs)
    owners = [*model.parameters(), *model.buffers()]
    return {
        name: copy_into(tensors, folder / name, owners)
        for name, tensors in expected.tensors.items()
    }


def _require_configs(folder: Path, configs: Mapping[str, Mapping[str, Any]]) -> None:
    for name, config in configs.items():
        require_same(folder / name, config)


def _what(manifest: Manifest, backbone: Backbone) -> Hashable:
    origin = backbone.origin
    return "composition", type(backbone), origin.source, origin.commit, repr(manifest)


def _described(backbone: Backbone) -> object:
    return backbone.preprocess.describe(), backbone.contract.describe()


def _given(backbone: Backbone) -> dict[str, object]:
    return {name: getattr(backbone, name) for name in _GIVEN}


def _own(backbone: Backbone) -> dict[str, Tensor]:
    return _named("", backbone.module.state_dict())


def _named(file: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{file}/{name}": tensor for name, tensor in tensors.items()}
