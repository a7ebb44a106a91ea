"""From an image to what a transformers vision model takes, as its repo's own configuration says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import transformers
from PIL import Image
from torch import Tensor
from zoo_nlp.files import read_json

from zoo.plugin import ContractViolation, Preprocess, WeightsInvalid

PREPROCESSOR = "preprocessor_config.json"
PIXELS = "pixel_values"
_LARGEST = 4096  # of a side in pixels: checked before anything is allocated
_FLAGS = ("do_resize", "do_center_crop", "do_rescale", "do_normalize")
_SIZES = {"height", "width", "shortest_edge"}


class Pixels(Preprocess):
    """The image processor of a repo, in its form that computes with Pillow.

    A grey image is given to all three channels alike.

    Args:
        folder: with ``preprocessor_config.json``.
        processor: the class of transformers, e.g. ``BitImageProcessorPil``.
        channels: of the images it takes, 1 or 3.
    """

    def __init__(self, folder: Path, processor: str, channels: int) -> None:
        self._mode = "L" if channels == 1 else "RGB"
        self._config = _checked(folder / PREPROCESSOR)
        self._name = processor
        self._processor: Any = getattr(transformers, processor)(**self._config)

    def __call__(self, sample: Image.Image) -> dict[str, Tensor]:
        """Pixels ``[3, height, width]``, normalised.

        Raises:
            ContractViolation: the image is not 8-bit grey or 8-bit RGB, as its channels are.
        """
        if sample.mode != self._mode:
            raise ContractViolation(f"The image is of mode {sample.mode}, not {self._mode}.")
        made = self._processor(sample.convert("RGB"), return_tensors="pt")
        return {PIXELS: made[PIXELS][0]}

    def describe(self) -> dict[str, Any]:
        """The processor and what its configuration sets."""
        return {"library": "transformers", "processor": self._name, **self._config}


def _checked(path: Path) -> dict[str, Any]:
    """What of a stranger's configuration reaches transformers: sizes, numbers and switches.

    Raises:
        WeightsInvalid: one of them is none.
    """
    said = read_json(path)
    known = {key: said[key] for key in _FLAGS if key in said}
    faults = [key for key, value in known.items() if not isinstance(value, bool)]
    for key in ("size", "crop_size"):
        if key in said:
            known[key] = (
                {"height": said[key], "width": said[key]} if _is_side(said[key]) else said[key]
            )
            faults += [] if _is_size(known[key]) else [key]
    for key in ("image_mean", "image_std"):
        if key in said:
            known[key] = said[key]
            faults += [] if _is_triple(said[key]) else [key]
    for key in ("rescale_factor", "resample"):
        if key in said:
            known[key] = said[key]
            faults += [] if _is_number(said[key]) else [key]
    if faults:
        raise WeightsInvalid(
            f"{path.name} sets {', '.join(faults)} to what no image processor takes."
        )
    return known


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_side(value: Any) -> bool:
    return isinstance(value, int) and 1 <= value <= _LARGEST


def _is_size(value: Any) -> bool:
    return isinstance(value, dict) and set(value) <= _SIZES and all(map(_is_side, value.values()))


def _is_triple(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(map(_is_number, value))
