"""Rules for what a backbone takes, and what it refuses: its input contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.data.contract import InputContract
from zoo.data.images import conform
from zoo.errors import ContractViolation
from zoo.model import Backbone
from zoo.testing import computing
from zoo.testing.input_rules import tells_inputs_apart
from zoo.testing.rule import Broken, NotApplicable, require, rule
from zoo.testing.structure_rules import finite, loads
from zoo.testing.subjects import BackboneSubject

if TYPE_CHECKING:
    from PIL import Image


@rule("What the input contract allows is taken, whatever its size.", needs=[tells_inputs_apart])
def takes_what_the_contract_allows(subject: BackboneSubject) -> None:
    """Tiny, huge and uniform images; long, short and strange texts."""
    backbone = subject.backbone
    for what, sample in _extremes(subject):
        try:
            (prepared,) = computing.prepare(backbone, [sample])
            features = computing.pooled(backbone, [prepared])
        except Exception as err:
            raise Broken(f"{what}: {type(err).__name__}: {err}") from err
        require(finite(features), f"{what}: the features are NaN or infinite")
        limit = backbone.contract.max_length
        longest = max((t.shape[0] for t in prepared.values() if t.ndim == 1), default=0)
        require(
            limit is None or longest <= limit,
            f"{what} becomes {longest} tokens; the contract says at most {limit}",
        )


@rule("What the input contract forbids is refused, not answered.", needs=[loads])
def refuses_what_the_contract_forbids(subject: BackboneSubject) -> None:
    """An answer to something that is no input would be an invention."""
    _require_sense(subject.backbone.contract)
    for what, sample in _no_inputs(subject):
        try:
            subject.backbone.preprocess(sample)
        except Exception:
            continue
        raise Broken(f"it preprocesses {what} as if that were {subject.spec.modality}")
    for what, image in _other_pixels(subject.backbone.contract):
        if not _refuses_or_converts(subject.backbone, what, image):
            raise Broken(
                f"it answers {what} as if that were another picture: "
                "look at the image's mode, and refuse what the contract does not allow"
            )


def _no_inputs(subject: BackboneSubject) -> list[tuple[str, Any]]:
    from PIL import Image

    others: dict[str, list[tuple[str, Any]]] = {
        "image": [("a text", "a text")],
        "text": [("an image", Image.new("RGB", (40, 40)))],
    }
    other = others.get(subject.backbone.contract.modality, [])
    return [("nothing (None)", None), ("an object", object()), *other]


def _require_sense(contract: InputContract) -> None:
    """Images come with 8 bits a channel, in grey or in colour, whatever else a contract says."""
    if contract.modality == "image":
        values, channels = contract.value_range, contract.channels
        require(
            values in (None, (0, 255)),
            f"its contract says values {values}; images have 8 bits: (0.0, 255.0)",
        )
        require(
            channels in (None, 1, 3), f"its contract says {channels} channels; images have 1 or 3"
        )


def _other_pixels(contract: InputContract) -> list[tuple[str, Image.Image]]:
    """Images with other channels or another range of values than the contract says."""
    if contract.modality != "image":
        return []
    from PIL import Image

    values = np.tile(np.arange(0, 240, 6), (40, 1)).astype(np.uint8)
    grey = Image.fromarray(values)
    images = [
        ("a 16-bit image", Image.fromarray(values.astype(np.uint16) * 257)),
        ("an image of fractions", Image.fromarray((values / 255).astype(np.float32))),
    ]
    if contract.channels == 3:
        images.append(("a grey image", grey))
    if contract.channels == 1:
        images.append(("a colour image", Image.merge("RGB", (grey, grey.rotate(90), grey))))
    return images


def _refuses_or_converts(backbone: Backbone, what: str, image: Image.Image) -> bool:
    """Whether it does not answer, or takes an image for what zoo would make of it."""
    try:
        given = backbone.preprocess(image)
        answer = computing.pooled(backbone, [given])
    except Exception:
        return True
    try:
        fitting = conform(image, backbone.contract, name=what, convert=True)
    except ContractViolation:
        return False
    (expected,) = computing.prepare(backbone, [fitting])
    return not computing.differs(answer, computing.pooled(backbone, [expected]))


def _extremes(subject: BackboneSubject) -> list[tuple[str, Any]]:
    contract = subject.backbone.contract
    if contract.modality == "text":
        return [
            ("a text of one letter", "a"),
            ("a text of 5,000 words", "word " * 5000),
            ("a text of strange letters", "\u202eżółć 中文 🦓 \x00"),
        ]
    if contract.modality == "image":
        from PIL import Image

        mode = "L" if contract.channels == 1 else "RGB"
        sizes = ((1, 1), (3, 500), (700, 20))
        return [
            *((f"an image of {w} by {h} pixels", Image.new(mode, (w, h), 90)) for w, h in sizes),
            ("a black image", Image.new(mode, (40, 40))),
            ("a white image", Image.new(mode, (40, 40), "white")),
        ]
    raise NotApplicable(f"what {contract.modality!r} inputs may be, the contract does not say")
