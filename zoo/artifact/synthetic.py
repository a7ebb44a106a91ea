"""Synthetic raw inputs for the probe: nobody's data, and varied enough to tell models apart."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from zoo.data.contract import InputContract
from zoo.errors import CorruptFile

MODALITIES = ("image", "text")
_MAX_SIDE = 1024
_MAX_TEXT = 100_000

_TEXTS = (
    "Yes.",
    "A wonderful film, warm and funny from the first scene to the last.",
    "The delivery was late, the box was broken, and nobody answered when I called; never again.",
    "How many people live in the capital of Peru?",
    "def mean(values): return sum(values) / len(values)",
    "Der Zug nach Zürich fährt um 7:45 Uhr ab — bitte rechtzeitig einsteigen.",
    "patient reports chest pain, shortness of breath and fever (38.9) for 3 days; no known allergy",
    "It rained. " * 20 + "Then, at the end of a long and quiet week, the sun came out again.",
)


def inputs(contract: InputContract) -> list[Tensor]:
    """Eight raw inputs as uint8 tensors; none for a modality that only a plugin knows.

    Images are ``[height, width, channels]``, or ``[height, width]`` for grey ones; texts are UTF-8.
    """
    if contract.modality == "text":
        return [torch.tensor(list(text.encode()), dtype=torch.uint8) for text in _TEXTS]
    if contract.modality == "image":
        return [_grey(image) if contract.channels == 1 else image for image in _images()]
    return []


def sample(raw: Tensor, contract: InputContract) -> Any:
    """The raw sample (a ``str`` or a ``PIL.Image``) that a tensor of :func:`inputs` stands for.

    Raises:
        CorruptFile: the tensor stands for none; artifacts are written by strangers.
    """
    if contract.modality == "text":
        return _text(raw)
    return _image(raw, contract)


def _text(raw: Tensor) -> str:
    if raw.dtype != torch.uint8 or raw.ndim != 1 or raw.numel() > _MAX_TEXT:
        raise CorruptFile("The probe holds an input that is not a text.")
    try:
        return bytes(raw.tolist()).decode("utf-8")
    except UnicodeDecodeError as err:
        raise CorruptFile("The probe holds a text that is not UTF-8.") from err


def _image(raw: Tensor, contract: InputContract) -> Any:
    from PIL import Image

    grey = contract.channels == 1
    shape = tuple(raw.shape)
    sides = shape if grey else shape[:-1]
    wanted = len(sides) == 2 and (grey or shape[-1] == 3)
    if raw.dtype != torch.uint8 or not wanted or not all(1 <= s <= _MAX_SIDE for s in sides):
        raise CorruptFile("The probe holds an input that is not an image of the backbone's kind.")
    return Image.fromarray(raw.numpy())


def _images() -> list[Tensor]:
    """Gradients, stripes, squares, a disc, noise; in several colours and shapes."""
    noise = torch.Generator().manual_seed(0)
    return [
        _gradient(48, 48),
        _gradient(48, 64).flip(1),
        _painted(_stripes(48, 48, period=6), (230, 60, 40), (20, 30, 60)),
        _painted(_stripes(64, 48, period=16).flip(0), (30, 160, 70), (240, 230, 120)),
        _painted(_squares(48, 48, side=12), (255, 255, 255), (0, 0, 0)),
        _painted(_disc(48, 48), (250, 140, 20), (40, 90, 200)),
        _painted(_disc(56, 40), (15, 15, 20), (235, 235, 225)),
        torch.randint(0, 256, (48, 48, 3), generator=noise, dtype=torch.uint8),
    ]


def _grey(image: Tensor) -> Tensor:
    return image.float().mean(dim=2).round().to(torch.uint8)


def _gradient(height: int, width: int) -> Tensor:
    y, x = _grid(height, width)
    red, green = 255 * y // (height - 1), 255 * x // (width - 1)
    return torch.stack([red, green, 255 - (red + green) // 2], dim=2).to(torch.uint8)


def _stripes(height: int, width: int, *, period: int) -> Tensor:
    y, x = _grid(height, width)
    return (x + y // 2) % period < period // 2


def _squares(height: int, width: int, *, side: int) -> Tensor:
    y, x = _grid(height, width)
    return (x // side + y // side) % 2 == 0


def _disc(height: int, width: int) -> Tensor:
    y, x = _grid(height, width)
    return (y - height // 2) ** 2 + (x - width // 2) ** 2 < (min(height, width) // 3) ** 2


def _painted(mask: Tensor, inside: tuple[int, int, int], outside: tuple[int, int, int]) -> Tensor:
    colours = torch.tensor([outside, inside], dtype=torch.uint8)
    return colours[mask.long()]


def _grid(height: int, width: int) -> tuple[Tensor, Tensor]:
    return torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")  # type: ignore[return-value]  # a pair
