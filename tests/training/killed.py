"""Fits in processes of their own that are killed, as by `kill -9`, at a chosen moment."""

import contextlib
import multiprocessing
import os
import signal

import zoo
from zoo.progress import Silent


class At(Silent):
    """Sends this process a signal when a stage has come so far, once."""

    def __init__(self, stage, units=0, *, number=signal.SIGKILL):
        self.watched, self.units, self.number = stage, units, number

    @contextlib.contextmanager
    def stage(self, name, total):
        done = 0

        def advance(units):
            nonlocal done
            done += units
            if name == self.watched and done >= self.units:
                self.watched = None
                os.kill(os.getpid(), self.number)

        advance(0)
        yield advance


def killed_fit(make_model, data, out, at, **options):
    """Fit in a fork that ``at`` kills; says by which signal it ended."""

    def fit():
        zoo.fit(make_model(), data, out, progress=at, **options)

    process = multiprocessing.get_context("fork").Process(target=fit)
    process.start()
    process.join(120)
    assert process.exitcode is not None
    return -process.exitcode
