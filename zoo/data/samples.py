"""Raw samples, decoded one by one when asked for, so that a million images need no memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, overload

from zoo.data import images
from zoo.data.cell import Cell
from zoo.data.contract import InputContract
from zoo.errors import ContractViolation, DataError


class Samples(Sequence[Any]):
    """A lazy view of inputs as what a backbone's preprocessing takes.

    Args:
        inputs: texts, image paths or ``PIL.Image`` objects.
        contract: of the backbone.
        convert: turn 16-bit, float and CMYK images into 8-bit instead of refusing.
        each: how many of them make one sample: 2 for pairs.
    """

    def __init__(
        self,
        inputs: Sequence[Any],
        contract: InputContract,
        convert: bool = False,
        each: int = 1,
    ) -> None:
        if isinstance(inputs, str):
            raise DataError(
                f"Inputs are a list; got the single text {inputs[:40]!r}.",
                hint="Wrap it in a list, e.g. predict([text]).",
            )
        self.inputs = inputs
        self.contract = contract
        self.convert = convert
        self.each = each

    def __len__(self) -> int:
        return len(self.inputs)

    @overload
    def __getitem__(self, index: int) -> Any: ...

    @overload
    def __getitem__(self, index: slice) -> Samples: ...

    def __getitem__(self, index: int | slice) -> Any:
        """A checked ``str`` or ``PIL.Image``, or a tuple of so many; a slice is lazy too.

        Raises:
            UnreadableFiles, ContractViolation: the input is not what the backbone takes.
            DataError: a blank text.
        """
        if isinstance(index, slice):
            return Samples(self.inputs[index], self.contract, self.convert, self.each)
        given = self.inputs[index]
        if self.each == 1:
            return self._one(given, index)
        if not isinstance(given, (tuple, list)) or len(given) != self.each:
            raise ContractViolation(
                f"Input {index} is not {self.each} {self.contract.modality}s, which the task takes "
                "at a time.",
                hint="Give tuples, e.g. [(first, second), …].",
            )
        return tuple(self._one(part, index) for part in given)

    def _one(self, given: Any, index: int) -> Any:
        if self.contract.modality == "image":
            return self._image(given, index)
        if self.contract.modality == "text":
            return self._text(given, index)
        return given

    def _image(self, given: Any, index: int) -> Any:
        from PIL import Image

        if isinstance(given, (str, Path, Cell)):
            return images.read(given, self.contract, convert=self.convert)
        if isinstance(given, Image.Image):
            name = f"image {index}"
            return images.conform(given, self.contract, name=name, convert=self.convert)
        raise ContractViolation(
            f"Input {index} is {type(given).__name__}; the backbone takes images.",
            hint="Give paths of image files, or PIL.Image objects.",
        )

    def _text(self, given: Any, index: int) -> str:
        if not isinstance(given, str):
            raise ContractViolation(
                f"Input {index} is {type(given).__name__}; the backbone takes texts.",
                hint="Give strings.",
            )
        if not given.strip():
            raise DataError(f"Text {index} is blank.", hint="Leave it out, or give it words.")
        return given
