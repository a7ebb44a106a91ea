"""What is odd about data that can be used all the same: said before training, else nothing is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from zoo.data import looks, twins
from zoo.data.rows import Row, named

Rows = Mapping[str, Sequence[Row]]

_SKEW = 20  # times as many rows in the largest class as in the smallest
_SATURATED = 30  # between the largest and smallest of red, green and blue, of 255
_COLOURED = 13  # such pixels of a sketch that make it coloured: a twentieth
_FEWEST = 20  # coloured images that say something about a data set
_COOL = 0.85  # share of coloured images that are mostly blue where red and blue are swapped
_APART = 0.6  # difference of that share between two splits


def of_files(oddities: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Lines about images, from the places of each kind of oddity."""
    if found := oddities.get(looks.TURNED):
        yield (
            f"{_images(found, 'is', 'are')} stored turned or mirrored, and read upright, as EXIF "
            f"says: {named(found)}"
        )
    if found := oddities.get(looks.CONSTANT):
        yield f"{_images(found, 'is', 'are')} of one colour throughout: {named(found)}"
    if found := oddities.get(looks.DARK):
        yield (
            f"{_images(found, 'holds', 'hold')} only the values 0 and 1 of 0 to 255 and will look "
            f"black; were they saved from [0, 1] without a factor of 255? {named(found)}"
        )
    ones, bytes_ = oddities.get(looks.TO_ONE, ()), oddities.get(looks.TO_255, ())
    if ones and bytes_:
        yield (
            f"of the float images {len(bytes_)} have values up to 255 and {len(ones)} up to 1, and "
            f"each is scaled by its own range; a dark one among the latter would come out light: "
            f"{named(list(ones))}"
        )


def of_rows(rows: Rows, modality: str, stratum: Callable[[str], str]) -> list[str]:
    """Lines about all that is to be trained and measured on.

    Args:
        rows: by role, with digests; those of images with sketches.
        modality: of the inputs.
        stratum: of a label.
    """
    return [*twins.notes(rows, modality), *_balance(rows["train"], stratum), *_colours(rows)]


def _balance(rows: Sequence[Row], stratum: Callable[[str], str]) -> Iterator[str]:
    counts = Counter(stratum(row.label) for row in rows).most_common()
    if len(counts) > 1 and counts[0][1] >= _SKEW * counts[-1][1]:
        (most, many), (least, few) = counts[0], counts[-1]
        yield (
            f"the classes are unequal: {most!r} has {many} rows to train on and {least!r} {few}; "
            "accuracy says little about the small ones"
        )


def _colours(rows: Rows) -> Iterator[str]:
    """Red and blue swapped, as OpenCV reads images: foliage, skin, wood and soil then are blue."""
    cool = {role: share for role, several in rows.items() if (share := _cool(several)) is not None}
    swapped = [role for role, share in cool.items() if share >= _COOL]
    if not swapped:
        return
    upright = [role for role, share in cool.items() if share <= cool[swapped[0]] - _APART]
    if len(swapped) == len(cool) or upright:
        where = "the images" if len(swapped) == len(cool) else f"those of {' and '.join(swapped)}"
        others = f" and {cool[upright[0]]:.0%} of those of {upright[0]}" if upright else ""
        yield (
            f"red and blue look swapped (BGR for RGB) in {where}: {cool[swapped[0]]:.0%} of those "
            f"with colours are more blue than red{others}; of most photos few are"
        )


def _cool(rows: Sequence[Row]) -> float | None:
    """Share of coloured images that are more blue than red; ``None`` where too few are coloured."""
    sketches = [row.sketch for row in twins.evenly(rows) if row.sketch]
    if not sketches:
        return None
    colours = looks.pixels(sketches)
    vivid = colours.max(axis=2) - colours.min(axis=2) > _SATURATED
    blue = (vivid & (colours[..., 2] > colours[..., 0])).sum(axis=1)
    count = vivid.sum(axis=1)
    coloured = count >= _COLOURED
    if coloured.sum() < _FEWEST:
        return None
    return float((blue[coloured] > count[coloured] / 2).mean())


def _images(found: Sequence[str], one: str, several: str) -> str:
    return f"1 image {one}" if len(found) == 1 else f"{len(found)} images {several}"
