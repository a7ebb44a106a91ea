"""Keep transformers' advice and progress bars to itself while zoo loads something."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from transformers.utils import logging


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Errors only and no bars inside; afterwards all is as it was."""
    verbosity = logging.get_verbosity()
    hook = logging.set_tqdm_hook(_without_bar)
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        logging.set_tqdm_hook(hook)


def _without_bar(make: Any, args: Any, kwargs: Any) -> Any:
    return make(*args, **{**kwargs, "disable": True})
