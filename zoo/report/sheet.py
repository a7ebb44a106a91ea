"""A contact sheet: many images with a line of text below each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

TILE = 160  # pixels
_LINE = 18
_GAP = 6
_ACROSS = 8  # tiles


def sheet(tiles: Sequence[tuple[Image, str]], across: int = _ACROSS) -> Image:
    """All images, each fitted into a square, with their captions.

    Args:
        tiles: image and caption.
        across: tiles in a row.
    """
    from PIL import Image, ImageDraw, ImageFont, ImageOps

    columns = min(across, len(tiles))
    rows = math.ceil(len(tiles) / columns)
    wide, high = TILE + _GAP, TILE + _LINE + _GAP
    page = Image.new("RGB", (columns * wide + _GAP, rows * high + _GAP), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(12)
    for index, (image, caption) in enumerate(tiles):
        left, top = _GAP + index % columns * wide, _GAP + index // columns * high
        fitted = ImageOps.contain(image.convert("RGB"), (TILE, TILE))
        page.paste(fitted, (left + (TILE - fitted.width) // 2, top + TILE - fitted.height))
        draw.text((left, top + TILE + 2), _short(caption, draw, font), fill="black", font=font)
    return page


def seen_as(ready: Mapping[str, torch.Tensor], described: Mapping[str, Any]) -> Image:
    """Preprocessed pixels as an image, with the normalisation taken back.

    Args:
        ready: what a backbone's preprocessing gave for one image: ``[channels, height, width]``.
        described: what that preprocessing says of itself; without a mean and a deviation in it the
            values are stretched from black to white.
    """
    import torch
    from PIL import Image

    pixels = next(tensor for tensor in ready.values() if tensor.ndim == 3).float()
    mean = _statistic(described, "mean", "image_mean")
    deviation = _statistic(described, "std", "image_std")
    if mean is not None and deviation is not None:
        pixels = pixels * deviation + mean
    else:
        low, high = pixels.min(), pixels.max()
        pixels = (pixels - low) / (high - low).clamp_min(1e-12)
    whole = (pixels.clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
    return Image.fromarray(whole[..., 0] if whole.shape[2] == 1 else whole)


def _statistic(described: Mapping[str, Any], *names: str) -> torch.Tensor | None:
    import torch

    found = next((described[name] for name in names if name in described), None)
    return None if found is None else torch.tensor(found, dtype=torch.float32).reshape(-1, 1, 1)


def _short(text: str, draw: Any, font: Any) -> str:
    if draw.textlength(text, font=font) <= TILE:
        return text
    while text and draw.textlength(f"{text}…", font=font) > TILE:
        text = text[:-1]
    return f"{text}…"
