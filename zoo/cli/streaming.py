"""Answers that are texts, shown while they are made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from zoo.cli.output import data, one_line, plain, say
from zoo.errors import DataError

if TYPE_CHECKING:
    from zoo.data.rows import Input
    from zoo.model import ComposedModel


def stream(model: ComposedModel, found: Sequence[Input], *, skip_bad: bool) -> None:
    """Print the model's answer to each input as it grows, below the input where there are several."""
    samples = model.samples(found)
    out, told = data(), 0

    def tell(_: int, text: str) -> None:
        nonlocal told
        told += out.write(plain(text))
        out.flush()

    some = False
    for number in range(len(found)):
        sample = readable(samples, number, skip_bad=skip_bad)
        if sample is None:
            continue
        if len(found) > 1:
            out.write(f"> {one_line(found[number], limit=200)}\n")
        told = 0
        (answer,) = model.answers([sample], [model.task], tell=tell)[model.task.name]
        if not told:  # as with a beam search, which knows its answer in the end
            out.write(plain(answer.label))
        out.write("\n")
        some = True
    if not some:
        raise DataError("None of the inputs could be read.", hint="The lines above say why.")


def readable(samples: Sequence[Any], number: int, *, skip_bad: bool) -> Any:
    """A sample; ``None`` where it cannot be read and is to be left out.

    Raises:
        DataError: it cannot be read.
    """
    try:
        return samples[number]
    except DataError as err:
        if not skip_bad:
            err.hint = f"{err.hint} `--skip-bad` goes on without it."
            raise
        say(f"Skipped: {one_line(err.message)}")
        return None
