"""Images as people keep them, and as a backbone takes them: 8-bit, grey or RGB, upright.

=====================  ==========================================================================
1-bit, palette, L, RGB as everybody expects
with transparency      laid over white
EXIF orientation       applied
animations, TIFF pages the first
16-bit                 refused; with ``convert`` the full range becomes 0-255
float                  refused; with ``convert`` 0-1 or 0-255 becomes 0-255, other ranges are refused
CMYK                   refused; with ``convert`` RGB
=====================  ==========================================================================

Medical and scientific images are often 16-bit with most of the range unused, and a guess at their
window would silently ruin them: that is why they are converted only when asked.
"""

from __future__ import annotations

import contextlib
import os
import stat
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.data.cell import Cell
from zoo.data.contract import InputContract
from zoo.errors import ContractViolation, UnreadableFiles

if TYPE_CHECKING:
    from PIL.Image import Image

# HEIC is here although Pillow cannot open it: a phone's photos must not be passed over in silence.
SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff"}
)
SUFFIXES |= {".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".avif", ".heic", ".heif"}
_EIGHT_BIT = frozenset(
    {"1", "L", "P", "RGB", "RGBX", "RGBA", "RGBa", "LA", "La", "PA", "YCbCr", "HSV"}
)
_TRANSPARENT = frozenset({"RGBA", "RGBa", "LA", "La", "PA"})
_DEEP = frozenset({"I", "I;16", "I;16L", "I;16B", "I;16N", "F"})
_GLANCED = 64  # pixels of the shorter side, four times a sketch's: so copies have the same one
TAKEN = "Backbones take 8-bit grey or RGB"


def is_image_name(path: str | Path) -> bool:
    """Whether the name ends as an image's does."""
    return Path(path).suffix.lower() in SUFFIXES


def read(path: str | Path | Cell, contract: InputContract, *, convert: bool = False) -> Image:
    """The image in a file or a cell, upright, with the contract's channels.

    Raises:
        UnreadableFiles: it does not decode.
        ContractViolation: it is not 8-bit grey or RGB, and ``convert`` does not apply.
    """
    from PIL import Image

    try:
        with Image.open(BytesIO(content_of(path))) as image:
            found = violation(image, convert=convert)
            image.load()
    except Exception as err:  # Pillow's decoders raise anything on broken files
        raise UnreadableFiles(
            f"{path} cannot be read: {reason(err)}.", hint="Give an image that opens."
        ) from err
    if found:
        raise _refusal(str(path), found, convert)
    return _fitted(image, contract)


def content_of(path: str | Path | Cell) -> bytes:
    """The bytes of a file, which must be one: opening a pipe would wait for ever; or of a cell.

    Raises:
        OSError: it is no file, is empty, or cannot be read.
    """
    if isinstance(path, Cell):
        stored: bytes = path.read()
        if not stored:
            raise OSError("no image")
        return stored
    if os.path.islink(path) and not os.path.exists(path):
        raise OSError("a link to nothing")
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise OSError("not a file")
    content = Path(path).read_bytes()
    if not content:
        raise OSError("empty file")
    return content


def conform(image: Image, contract: InputContract, *, name: str, convert: bool = False) -> Image:
    """A decoded image, upright, with the contract's channels.

    Args:
        image: as Pillow decoded it.
        contract: of the backbone; without channels, grey stays grey and the rest becomes RGB.
        name: what to call the image in messages.
        convert: turn 16-bit, float and CMYK into 8-bit instead of refusing.

    Raises:
        ContractViolation: it is not 8-bit grey or RGB, and ``convert`` does not apply.
    """
    found = violation(image, convert=convert)
    if found:
        raise _refusal(name, found, convert)
    return _fitted(image, contract)


def glance(content: bytes, *, convert: bool = False) -> tuple[str | None, Image]:
    """Decode as cheaply as shows that the image is whole.

    Returns what breaks the contract, or ``None``, and the image; JPEG at down to an eighth of its
    size, but no smaller than a sketch needs.

    Raises:
        Exception: whatever Pillow raises for a file that does not decode.
    """
    from PIL import Image

    with Image.open(BytesIO(content)) as image:
        found = violation(image, convert=convert)
        # At an eighth of the size every byte is still read, and most work is saved.
        image.draft(image.mode, (_GLANCED, _GLANCED))
        image.load()
    return found, image


def plain(image: Image) -> Image:
    """An image that breaks nothing, upright, 8-bit grey or RGB."""
    return _fitted(image, InputContract(modality="image"))


def violation(image: Image, *, convert: bool = False) -> str | None:
    """What makes an image other than 8-bit grey or RGB, or, with ``convert``, beyond conversion.

    Ask before it is decoded: what Pillow decodes no longer tells how deep its colours were.
    """
    if image.mode == "F":
        found = "a float image (mode F)"
    elif _deep_on_disk(image) or image.mode.startswith("I;16"):
        found = f"a 16-bit image (mode {image.mode})"
    elif image.mode == "I":
        found = "a 32-bit image (mode I)"
    elif image.mode in _EIGHT_BIT:
        return None
    else:
        found = f"a {image.mode} image"
    if not convert:
        return found
    if image.mode in _DEEP:
        low, high, top = _range(image)
        return None if 0 <= low <= high <= top else f"{found} with values from {low:g} to {high:g}"
    return None if image.mode in _EIGHT_BIT or image.mode == "CMYK" else found


def way_out(convert: bool) -> str:
    """What to type about images that break the contract."""
    if convert:
        return "Save as 8-bit RGB, which no conversion here can do."
    return "`--convert` turns such images into 8-bit."


def reason(err: Exception) -> str:
    """Why a file could not be read, in a few words."""
    from PIL import Image, UnidentifiedImageError

    if isinstance(err, FileNotFoundError):
        return "not found"
    if isinstance(err, PermissionError):
        return "no permission to read it"
    if isinstance(err, UnidentifiedImageError):
        return "not an image that Pillow knows"
    if isinstance(err, Image.DecompressionBombError):
        limit = 2 * (Image.MAX_IMAGE_PIXELS or 0) // 1_000_000
        return f"more than {limit} million pixels, which may be a decompression bomb"
    first = str(err).strip().partition("\n")[0]
    if "truncated" in first.lower():
        return "truncated"
    return f"{first or type(err).__name__}"


def _refusal(name: str, found: str, convert: bool) -> ContractViolation:
    return ContractViolation(f"{name} is {found}. {TAKEN}.", hint=way_out(convert))


def _fitted(image: Image, contract: InputContract) -> Image:
    """An image that breaks nothing, upright and with the contract's channels."""
    image = _upright(image)
    if image.mode in _DEEP:
        image = _scaled(image)
    if image.mode in _TRANSPARENT or "transparency" in image.info:
        image = _over_white(image)
    grey = contract.channels == 1 or (contract.channels is None and image.mode in {"1", "L"})
    mode = "L" if grey else "RGB"
    return image if image.mode == mode else image.convert(mode)


def _deep_on_disk(image: Image) -> bool:
    """Whether a colour image has 16 bits a channel: Pillow keeps only the high byte of each."""
    layout: Any = getattr(image, "tile", None) or ()
    raw = [str(tile[3]) for tile in layout]  # "RGB;16B"; "BGR;16" is 16 bits for all three channels
    return any(";16" in mode and "BGR" not in mode for mode in raw)


def _upright(image: Image) -> Image:
    from PIL import ImageOps

    with contextlib.suppress(Exception):  # a broken EXIF block does not make a broken picture
        return ImageOps.exif_transpose(image)
    return image


def _range(image: Image) -> tuple[float, float, float]:
    """Lowest and highest value, and the value that white has."""
    import numpy as np

    values = np.asarray(image)
    low, high = float(values.min()), float(values.max())
    if image.mode == "F":
        return low, high, 1.0 if high <= 1.0 else 255.0
    return low, high, 65535.0


def _scaled(image: Image) -> Image:
    """8-bit grey from 16-bit integers or from floats in 0-1 or 0-255."""
    import numpy as np
    from PIL import Image

    _, _, top = _range(image)
    values = np.asarray(image).astype(np.float64) * (255.0 / top)
    return Image.fromarray(np.rint(values).astype(np.uint8))


def _over_white(image: Image) -> Image:
    from PIL import Image

    layered = image.convert("RGBA")
    white = Image.new("RGBA", layered.size, "white")
    return Image.alpha_composite(white, layered).convert("RGB")
