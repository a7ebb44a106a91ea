"""Run the command line in this process and see what a person would see."""

import contextlib
import io
import json
import os
import sys
import warnings
from typing import Any, NamedTuple
from unittest import mock

from zoo.cli import main


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """What it printed as JSON."""
        return json.loads(self.out)


def zoo(*words: object, stdin: bytes = b"") -> Ended:
    """``zoo WORDS``; environment and warning filters are as before afterwards."""
    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.dict(os.environ),
        mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin))),
        warnings.catch_warnings(),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main([str(word) for word in words])
        except SystemExit as end:
            return Ended(int(end.code or 0), out.getvalue(), err.getvalue())
    raise AssertionError("main returned instead of ending the process")
