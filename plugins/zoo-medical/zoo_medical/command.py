"""``zoo window``: scans of many bits to images of eight, before anything is trained on them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from PIL.Image import Image

from zoo.plugin import BadSetting, DataError
from zoo_medical.scans import images_of, is_scan
from zoo_medical.windows import Window, window_of


def window(
    scans: Annotated[
        Path,
        typer.Argument(metavar="SCANS", help="A folder of DICOM, NIfTI, 16-bit PNG or TIFF files."),
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The folder to write PNGs to.")],
    window: Annotated[
        str,
        typer.Option(
            help="What becomes black to white: file (what each recommends, else spread), spread "
            "(0.5th to 99.5th percentile), full, a name such as lung, or CENTER,WIDTH."
        ),
    ] = "file",
    slices: Annotated[
        int, typer.Option(min=1, help="Of a volume or several frames, so many, evenly spaced.")
    ] = 1,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out what cannot be read, and name it.")
    ] = False,
) -> None:
    """Write the scans in a folder as 8-bit PNGs, in the same folders, for `zoo fit`.

    For example: zoo window ct/ ct-lung/ --window lung && zoo fit ct-lung/
    """
    chosen = window_of(window)
    if not scans.is_dir():
        raise BadSetting(f"{scans} is not a folder.", hint="Give the folder that holds the scans.")
    if out.exists():
        raise BadSetting(f"{out} exists.", hint="Name a folder that is not there yet.")
    paths = sorted(path for path in scans.rglob("*") if path.is_file() and is_scan(path))
    if not paths:
        raise DataError(f"{scans} holds no scans.", hint="Give DICOM, NIfTI, PNG or TIFF files.")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as aside:
        made = Path(aside, "made")
        made.mkdir(mode=0o755)
        written, bad = 0, []
        for path in paths:
            try:
                for name, image in _named(path, scans, chosen, slices):
                    (made / name).parent.mkdir(parents=True, exist_ok=True)
                    image.save(made / name)
                    written += 1
            except DataError as err:
                if not skip_bad:
                    err.hint = f"{err.hint} `--skip-bad` leaves out what cannot be read."
                    raise
                bad.append(err.message)
        if not written:
            raise DataError(f"No scan in {scans} could be read: {bad[0]}", hint="Give others.")
        os.rename(made, out)
    for message in bad:
        typer.echo(f"Left out: {message}", err=True)
    typer.echo(f"Wrote {written} images of {len(paths) - len(bad)} scans to {out}.", err=True)


def _named(
    path: Path, root: Path, window: Window | str, slices: int
) -> Iterator[tuple[Path, Image]]:
    base = path.relative_to(root)
    for suffix in (".gz", ".nii", ".dcm", ".dicom", ".ima", ".png", ".tif", ".tiff"):
        if base.name.lower().endswith(suffix):
            base = base.with_name(base.name[: -len(suffix)])
    for addition, image in images_of(path, window, slices):
        yield base.with_name(f"{base.name}{addition}.png"), image
