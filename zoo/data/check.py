"""Reading every row once: images decode and keep the contract, texts and labels are not blank."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path

from zoo.data import images, looks, oddities, twins
from zoo.data.cell import Cell, is_blank, value_of
from zoo.data.rows import Found, Row, named, parts
from zoo.errors import ContractViolation, DataError, LabelProblem, UnreadableFiles
from zoo.progress import Progress, Silent

_WINDOW = 2048  # files handed to the threads at a time

Rows = Mapping[str, Sequence[Row]]


@dataclass(frozen=True)
class _File:
    """What reading one image file gave: digest and looks, or why it cannot be used."""

    digest: bytes = b""
    unreadable: str = ""
    violation: str = ""
    oddities: tuple[str, ...] = ()
    sketch: bytes = b""


def check(
    found: Found,
    *,
    skip_bad: bool,
    convert: bool,
    unlabelled: bool = False,
    progress: Progress | None = None,
) -> Found:
    """Read all rows; what comes back has those that can be used, with digests.

    Args:
        found: what to read.
        skip_bad: leave out what cannot be used instead of stopping.
        convert: 16-bit, float and CMYK images are to be converted, so they are no violation.
        unlabelled: a label may be blank.
        progress: is told how many images have been read.

    Raises:
        DataError: a blank input.
        LabelProblem: a blank label.
        UnreadableFiles: an image that does not decode.
        ContractViolation: an image that is not 8-bit grey or RGB.
    """
    rows, blank_inputs = _part(
        found.rows, lambda row: not any(is_blank(part) for part in parts(row.input))
    )
    if blank_inputs and not skip_bad:
        what = "text" if found.modality == "text" else "path of the image"
        raise DataError(
            f"The {what} is blank in {_count(blank_inputs)}: {_places(blank_inputs)}.",
            hint="Fill or remove these rows, or leave them out with `--skip-bad`.",
        )
    rows, blank_labels = _part(rows, lambda row: unlabelled or bool(row.label))
    if blank_labels and not skip_bad:
        raise LabelProblem(
            f"The label is blank in {_count(blank_labels)}: {_places(blank_labels)}.",
            hint="Fill or remove these rows, or leave them out with `--skip-bad`.",
        )
    skipped = [f"{row.place}: blank" for row in blank_inputs]
    skipped += [f"{row.place}: label is blank" for row in blank_labels]
    if found.modality != "image":
        return replace(found, rows=_map(rows, _with_text_digest), skipped=tuple(skipped))
    reading = partial(_read, convert=convert)
    rows, unusable, odd = _check_images(rows, reading, skip_bad, convert, progress or Silent())
    return replace(
        found,
        rows=rows,
        skipped=(*skipped, *unusable),
        notes=(*found.notes, *oddities.of_files(odd)),
    )


def fingerprint(rows: Rows) -> str:
    """sha256 over the contents, labels and splits of all rows, whatever their order."""
    digests = sorted(
        hashlib.sha256(
            f"{name}\0{row.label}\0".encode(errors="surrogatepass") + row.digest
        ).digest()
        for name, several in rows.items()
        for row in several
    )
    return hashlib.sha256(b"".join(digests)).hexdigest()


def _check_images(
    rows: Rows,
    reading: Callable[[Path | Cell, bool], _File],
    skip_bad: bool,
    convert: bool,
    progress: Progress,
) -> tuple[Rows, list[str], dict[str, list[str]]]:
    """Usable rows with looks; why the others are left out; places of what is odd, by kind."""
    paths = dict.fromkeys((_path(row) for several in rows.values() for row in several), False)
    paths |= {_path(row): True for several in rows.values() for row in twins.evenly(several)}
    files = dict(zip(paths, _read_all(paths, reading, progress), strict=True))
    if not skip_bad:
        _refuse(rows, files, convert)
    good, bad = _part(rows, lambda row: bool(files[_path(row)].digest))
    odd: dict[str, list[str]] = defaultdict(list)
    for several in good.values():
        for row in several:
            for kind in files[_path(row)].oddities:
                odd[kind].append(str(row.place))
    return (
        _map(good, lambda row: _seen(row, files[_path(row)])),
        [f"{row.place}: {_why(files[_path(row)])}" for row in bad],
        odd,
    )


def _seen(row: Row, file: _File) -> Row:
    return replace(row, digest=file.digest, sketch=file.sketch)


def _refuse(rows: Rows, files: Mapping[Path | Cell, _File], convert: bool) -> None:
    bad = [row for several in rows.values() for row in several]
    bad = [row for row in bad if not files[_path(row)].digest]
    places = [f"{row.place} ({_why(files[_path(row)])})" for row in bad]
    if any(file.unreadable for file in files.values()):
        raise UnreadableFiles(
            f"{len(bad)} of {sum(map(len, rows.values()))} images cannot be used: {named(places)}.",
            hint="Repair or remove them, or leave them out with `--skip-bad`.",
        )
    if bad:
        raise ContractViolation(
            f"{images.TAKEN}; {len(bad)} of {sum(map(len, rows.values()))} images "
            f"are something else: {named(places)}.",
            hint=f"{images.way_out(convert)} `--skip-bad` leaves them out.",
        )


def _read_all(
    paths: Mapping[Path | Cell, bool],
    reading: Callable[[Path | Cell, bool], _File],
    progress: Progress,
) -> Iterator[_File]:
    """Read files on all cores: decoding and hashing leave Python's lock to others."""
    remaining = iter(paths.items())
    with (
        warnings.catch_warnings(),
        ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool,
        progress.stage("reading images", len(paths)) as advance,
    ):
        warnings.simplefilter("ignore")  # Pillow's, on metadata that nothing here uses
        while window := list(islice(remaining, _WINDOW)):
            for file in pool.map(reading, *zip(*window, strict=True)):
                advance(1)
                yield file


def _read(path: Path | Cell, sketched: bool, *, convert: bool) -> _File:
    try:
        content = images.content_of(path)
        found = looks.look_at(content, convert=convert, sketched=sketched)
    except Exception as err:  # Pillow's decoders raise anything on broken files
        return _File(unreadable=images.reason(err))
    if found.violation:
        return _File(violation=found.violation)
    digest = hashlib.sha256(content).digest()
    return _File(digest, oddities=found.oddities, sketch=found.sketch)


def _why(file: _File) -> str:
    return file.unreadable or file.violation


def _with_text_digest(row: Row) -> Row:
    text = "\0".join(str(value_of(part)) for part in parts(row.input))
    return replace(row, digest=hashlib.sha256(text.encode(errors="surrogatepass")).digest())


def _part(rows: Rows, usable: Callable[[Row], bool]) -> tuple[Rows, list[Row]]:
    """Rows that are usable, and those that are not."""
    good = {name: [row for row in several if usable(row)] for name, several in rows.items()}
    bad = [row for several in rows.values() for row in several if not usable(row)]
    return good, bad


def _map(rows: Rows, change: Callable[[Row], Row]) -> Rows:
    return {name: [change(row) for row in several] for name, several in rows.items()}


def _path(row: Row) -> Path | Cell:
    (one,) = parts(row.input)  # there are no pairs of images
    return one if isinstance(one, Cell) else Path(one)


def _count(rows: Sequence[Row]) -> str:
    return f"{len(rows)} row{'s' if len(rows) != 1 else ''}"


def _places(rows: Sequence[Row]) -> str:
    return named([row.place for row in rows])
