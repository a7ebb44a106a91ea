"""Running plugins' code so that none of it can end, stall or garble the command that asked.

The code runs in a thread of its own. A thread cannot be stopped while it blocks, only left behind:
the next piece then gets a new one, and the old one is told to end as soon as it comes back, unless
that would leave a library half imported. It is a daemon, so the process does not wait for it.
Ctrl-C reaches the main thread only, which is how it is told from a plugin that raises
``KeyboardInterrupt`` itself.
"""

from __future__ import annotations

import functools
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from zoo.host.raised import Raised
from zoo.host.streams import hand_out, kept_open, stdout_to_stderr
from zoo.host.tampering import Tampered, package_of

T = TypeVar("T")
_SLICE = 0.25


class TookTooLong(Exception):
    """A plugin's code did not come back in time."""


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """What a piece of a plugin's code returned or raised, and how long it took."""

    value: T | None = None
    error: Raised | TookTooLong | Tampered | None = None
    seconds: float = 0.0


def run_each(
    pieces: Sequence[Callable[[], T]],
    limit: float,
    packages: Sequence[str],
    put_back: Callable[[], object] = lambda: None,
) -> list[Outcome[T]]:
    """Run the pieces one after the other; what one does is nothing to the next.

    Args:
        pieces: of plugins' code.
        limit: seconds for each; with 0 they run in the calling thread, as debuggers like it.
        packages: the package that each piece belongs to.
        put_back: is called when a piece was left behind, to undo what it did.

    Raises:
        RuntimeError: a plugin's code asks for this itself, and would wait for its own answer.
    """
    if isinstance(threading.current_thread(), _Runner):
        raise RuntimeError("a plugin asked zoo for its catalogue while zoo was asking the plugin")
    outcomes: list[Outcome[T]] = []
    talk = sys.stderr
    with stdout_to_stderr(), kept_open(1, 2) as put_descriptors_back:
        pieces = [
            functools.partial(_with_streams, piece, talk, put_descriptors_back) for piece in pieces
        ]
        if not limit:
            return [_outcome(piece, 0) for piece in pieces]
        while len(outcomes) < len(pieces):
            done = len(outcomes)
            runner = _Runner(pieces[done:], packages[done:], limit)
            try:
                outcomes += runner.outcomes_until_one_hangs()
            finally:
                if runner.is_left_behind:
                    put_back()
    if any(isinstance(outcome.error, TookTooLong) for outcome in outcomes):
        sys.stdout = _Stdout(sys.stdout)
    return outcomes


class _Stdout:
    """Standard output, but for threads that were left behind: what those print is not data."""

    def __init__(self, stream: object) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        behind = isinstance(threading.current_thread(), _Runner)
        return getattr(sys.stderr if behind else self._stream, name)


class _Runner(threading.Thread, Generic[T]):
    def __init__(
        self, pieces: Sequence[Callable[[], T]], packages: Sequence[str], limit: float
    ) -> None:
        super().__init__(daemon=True, name="zoo-plugins")
        self._pieces = pieces
        self._packages = packages
        self._limit = limit
        self._outcomes: list[Outcome[T]] = []
        self._lock = threading.Lock()
        self.is_left_behind = False
        self._done = threading.Event()

    def run(self) -> None:
        for piece in self._pieces:
            outcome = _outcome(piece, self._limit)
            with self._lock:
                if self.is_left_behind:
                    return
                self._outcomes.append(outcome)
        self._done.set()

    def outcomes_until_one_hangs(self) -> list[Outcome[T]]:
        self.start()
        try:
            self._wait()
        except KeyboardInterrupt:
            with self._lock:
                if len(self._outcomes) < len(self._pieces):
                    self._leave_behind()
            raise
        if not self.is_left_behind:
            return self._outcomes
        hung = TookTooLong(f"{self._limit:g} s")
        return [*self._outcomes, Outcome(error=hung, seconds=self._limit)]

    def _wait(self) -> None:
        number, waited = 0, 0.0
        while True:
            start = time.monotonic()
            if self._done.wait(min(_SLICE, self._limit)):
                return
            if len(self._outcomes) > number:
                number, waited = len(self._outcomes), 0.0
                continue
            # A stopped process (Ctrl-Z, a suspended laptop) stops the plugin too.
            waited += min(time.monotonic() - start, 2 * _SLICE)
            with self._lock:
                if waited >= self._limit and len(self._outcomes) == number:
                    self._leave_behind()
                    return

    def _leave_behind(self) -> None:
        import ctypes

        self.is_left_behind = True
        if self._is_importing_a_library(self._packages[len(self._outcomes)]):
            return
        # Raised at the thread's next step of Python: nothing of it runs on behind our back.
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(self.ident or 0), ctypes.py_object(SystemExit)
        )

    def _is_importing_a_library(self, package: str) -> bool:
        """Whether the thread is in an import of something else than ``package``.

        Of a library with compiled parts, cut short, nobody in this process could have the rest.
        """
        frame = sys._current_frames().get(self.ident or 0)
        innermost = frame.f_globals.get("__name__", "") if frame else ""
        if package_of(innermost) in (
            "importlib",
            "_frozen_importlib",
            "_frozen_importlib_external",
        ):
            return True
        while frame is not None:
            module = frame.f_globals.get("__name__", "")
            if frame.f_code.co_name == "<module>" and package_of(module) != package:
                return True
            frame = frame.f_back
        return False


def _with_streams(piece: Callable[[], T], talk: Any, put_descriptors_back: Callable[[], None]) -> T:
    put_descriptors_back()
    hand_out(talk)
    return piece()


def _outcome(piece: Callable[[], T], limit: float) -> Outcome[T]:
    """Run a piece; without a limit this is the caller's thread, where Ctrl-C is the user's."""
    start, busy = time.perf_counter(), time.thread_time()
    value: T | None = None
    error: Raised | TookTooLong | Tampered | None = None
    try:
        value = piece()
    except Tampered as err:
        error = err
    except BaseException as err:  # a plugin may raise anything, sys.exit included
        if isinstance(err, KeyboardInterrupt) and not limit:
            raise
        error = Raised(err)
    # While compiled code keeps the others from running, nobody sees how long it takes.
    if limit and time.thread_time() - busy > limit:
        value, error = None, TookTooLong(f"{limit:g} s")
    return Outcome(value, error, time.perf_counter() - start)
