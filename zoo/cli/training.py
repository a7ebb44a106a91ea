"""The training that ``zoo fit`` comes to, and what it leaves in the run's folder however it ends."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.cli.launch import is_silent
from zoo.cli.results import FIT_FILE

if TYPE_CHECKING:
    from zoo.cli.fit_file import FitFile
    from zoo.data.dataset import Dataset
    from zoo.model import ComposedModel
    from zoo.training.run import Run


def train(model: ComposedModel, dataset: Dataset, out: Path, options: Mapping[str, Any]) -> Run:
    """Train with a progress display; Ctrl-C is told with what is left of the fit.

    Raises:
        KeyboardInterrupt: the user's, saying that.
    """
    from zoo import progress
    from zoo.report.record import RECORD
    from zoo.training.fit import fit

    before = _stamp(out / RECORD)
    try:
        return fit(model, dataset, out, progress=progress.default(), **options)
    except KeyboardInterrupt:
        # What was best so far may have become a run; only a record written just now says so.
        raise KeyboardInterrupt(_what_is_left(out, _stamp(out / RECORD) != before)) from None


def _what_is_left(out: Path, written: bool) -> str:
    from zoo.training.folder import is_begun

    goes_on = f"`zoo fit --resume {shlex.quote(str(out))}` goes on"
    if written and is_begun(out):
        return f"Interrupted: the best state so far is in {out}; {goes_on}."
    if written:
        return f"Interrupted, but the run in {out} is finished and whole."
    if is_begun(out):
        return f"Interrupted: {goes_on}."
    return f"Interrupted before there was anything to keep; {out} is as it was."


@contextlib.contextmanager
def leaving(repeats: FitFile, out: Path) -> Iterator[None]:
    """Leave ``fit.toml`` in every run that comes of it, an interrupted one too."""
    from zoo.report.record import RECORD

    before = _stamp(out / RECORD)
    try:
        yield
    finally:
        if not is_silent() and _stamp(out / RECORD) != before:
            repeats.write(out / FIT_FILE, "Repeats this run.")


def _stamp(path: Path) -> int | None:
    """Tells a file from an earlier one of that name; ``None`` where there is none."""
    return path.stat().st_mtime_ns if path.exists() else None
