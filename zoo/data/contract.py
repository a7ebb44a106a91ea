"""The input contract: what a backbone was made for, checked before anything is computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from zoo.errors import ContractViolation


@dataclass(frozen=True, kw_only=True)
class InputContract:
    """What raw samples must be.

    Attributes:
        modality: ``"image"`` (a :class:`PIL.Image.Image`), ``"text"`` (a ``str``) or a plugin's own.
        channels: 1 (grey) or 3 (RGB) for images; ``None`` where it has no meaning.
        value_range: of raw values, 8-bit for images.
        max_length: longest input in tokens; longer texts are cut.
    """

    modality: str
    channels: int | None = None
    value_range: tuple[float, float] | None = None
    max_length: int | None = None

    def require_modality(self, modality: str, backbone: str) -> None:
        """Refuse data of another modality.

        Raises:
            ContractViolation: the data is of another modality than the backbone takes.
        """
        if modality != self.modality:
            raise ContractViolation(
                f"{backbone} takes {self.modality} inputs; the data is {modality}.",
                hint=f"`zoo backbones --modality {modality}` lists those that fit.",
            )

    def describe(self) -> dict[str, Any]:
        """The contract as plain data, for the manifest."""
        return {
            "modality": self.modality,
            "channels": self.channels,
            "value_range": list(self.value_range) if self.value_range else None,
            "max_length": self.max_length,
        }
