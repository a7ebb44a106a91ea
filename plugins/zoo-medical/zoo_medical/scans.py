"""Scans as images of eight bits: DICOM, NIfTI, and 16-bit or float PNG and TIFF.

What a person would see is what comes out: rescaled to the modality's unit, windowed, with white for
dense where the file says otherwise (MONOCHROME1), colours as RGB. No name of a patient is carried
over, as only pixels are.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from zoo.plugin import DataError
from zoo_medical.windows import Window, eight_bit

DICOM = (".dcm", ".dicom", ".ima")
NIFTI = (".nii", ".nii.gz")
PLAIN = (".png", ".tif", ".tiff")
_DEEP = ("I", "F")


def is_scan(path: Path) -> bool:
    """Whether the name, or without a suffix the content, is that of a scan."""
    name = path.name.lower()
    if name.endswith((*DICOM, *NIFTI, *PLAIN)):
        return True
    if path.suffix:
        return False
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def images_of(
    path: Path, window: Window | str, slices: int = 1
) -> Iterator[tuple[str, Image.Image]]:
    """Images of one scan, and what to add to its name for each: nothing where there is one.

    Args:
        path: the file.
        window: as for :func:`zoo_medical.windows.eight_bit`.
        slices: how many of several frames or slices, evenly spaced; 1 is the middle one.

    Raises:
        DataError: it cannot be read, or holds no image.
    """
    read = _read_dicom
    if path.name.lower().endswith(NIFTI):
        read = _read_nifti
    elif path.name.lower().endswith(PLAIN):
        read = _read_plain
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pydicom, on what a file spells loosely
            frames, stored, full = read(path)
    except ImportError as err:
        raise DataError(
            f"{path} needs {err.name}, which is not installed.",
            hint="`pip install 'zoo-medical[scans]'` brings it.",
        ) from err
    except Exception as err:  # decoders raise anything on what they do not know
        first = str(err).strip().partition("\n")[0]
        raise DataError(
            f"{path} cannot be read: {first or type(err).__name__}", hint="Leave it out."
        ) from err
    chosen = _evenly(len(frames), slices)
    for index in chosen:
        suffix = f"-{index + 1:0{len(str(len(frames)))}d}" if len(chosen) > 1 else ""
        yield suffix, _image(frames[index], window, stored, full)


def _image(
    frame: NDArray[Any], window: Window | str, stored: Window | None, full: Window | None
) -> Image.Image:
    if full is None:
        return Image.fromarray(np.ascontiguousarray(frame, np.uint8))
    values = frame.astype(np.float64)
    if not np.isfinite(values).all():
        values = np.nan_to_num(values, nan=float(np.nanmin(values)))
    return Image.fromarray(eight_bit(values, window, stored, full))


def _evenly(count: int, wanted: int) -> list[int]:
    wanted = min(wanted, count)
    return [(2 * i + 1) * count // (2 * wanted) for i in range(wanted)]


_Frames = tuple[NDArray[Any], Window | None, Window | None]  # frames, stored window, full range


def _read_dicom(path: Path) -> _Frames:
    import pydicom
    from pydicom.pixels.processing import apply_color_lut, apply_modality_lut

    dataset = pydicom.dcmread(path)
    if "PixelData" not in dataset:
        raise ValueError("it holds no image")
    pixels: NDArray[Any] = dataset.pixel_array  # YBR comes as RGB
    kind = str(dataset.PhotometricInterpretation)
    if kind == "PALETTE COLOR":
        pixels = apply_color_lut(pixels, dataset)
    several = int(dataset.get("NumberOfFrames") or 1) > 1
    frames = pixels if several else pixels[None]
    if int(dataset.SamplesPerPixel) > 1 or kind == "PALETTE COLOR":
        deep = frames.dtype.itemsize * 8 - 8
        return (frames >> deep if deep else frames), None, None
    values = np.asarray(apply_modality_lut(frames, dataset), np.float64)
    full = _full(dataset)
    stored = _stored(dataset)
    if kind == "MONOCHROME1":  # white is the lowest value
        values = -values
        stored = stored and Window(-stored.center, stored.width)
        full = Window(-full.center, full.width)
    return values, stored, full


def _stored(dataset: Any) -> Window | None:
    """The first of the windows that the file recommends."""
    center, width = dataset.get("WindowCenter"), dataset.get("WindowWidth")
    if center is None or width is None:
        return None
    first = [
        v[0] if hasattr(v, "__len__") and not isinstance(v, str) else v for v in (center, width)
    ]
    return Window(float(first[0]), max(float(first[1]), 1.0))


def _full(dataset: Any) -> Window:
    """All that the stored bits can hold, in the modality's unit."""
    bits = int(dataset.BitsStored)
    low = -(2 ** (bits - 1)) if int(dataset.PixelRepresentation) else 0
    slope = float(dataset.get("RescaleSlope") or 1)
    start = low * slope + float(dataset.get("RescaleIntercept") or 0)
    width = (2**bits - 1) * abs(slope)
    return Window(start + slope * (2**bits - 1) / 2 + 0.5, width + 1)


def _read_nifti(path: Path) -> _Frames:
    import nibabel

    upright: Any = nibabel.as_closest_canonical  # it has no annotations
    volume = upright(nibabel.load(path))
    values = np.asarray(volume.dataobj, np.float32)
    while values.ndim > 3:
        values = values[..., 0]
    if values.ndim != 3:
        raise ValueError(f"it has {values.ndim} dimensions")
    axial = np.moveaxis(values, 2, 0)  # right to left, back to front: turned as one looks at it
    return np.flip(axial.transpose(0, 2, 1), axis=(1, 2)), None, _between(values)


def _read_plain(path: Path) -> _Frames:
    with Image.open(path) as image:
        image.load()
        if image.mode not in _DEEP and not image.mode.startswith("I;16"):
            return (
                np.asarray(image.convert("L" if image.mode in ("1", "L") else "RGB"))[None],
                None,
                None,
            )
        values = np.asarray(image)[None]
    deep = image.mode != "F"
    return values, None, Window(32768, 65536) if deep else _between(values)


def _between(values: NDArray[Any]) -> Window:
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    return Window((low + high) / 2 + 0.5, high - low + 1)
