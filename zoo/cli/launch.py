"""``--processes``: the same command in several processes, started by torchrun's own launcher."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import time
from collections.abc import Iterator, Sequence

import typer

from zoo.cli.output import data

_PATIENCE = 10.0  # seconds


def is_one_of_several() -> bool:
    """Whether a launcher started this process beside others."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def is_silent() -> bool:
    """Whether another process of the same command does the talking."""
    return is_one_of_several() and os.environ.get("RANK", "0") != "0"


def silence() -> None:
    """Keep to oneself what is said from now on."""
    sys.stdout = sys.stderr = io.StringIO()


def speak_last() -> None:
    """Say why this process failed, unless the first one ends all of them with the same words."""
    said = sys.stderr
    time.sleep(_PATIENCE)
    if isinstance(said, io.StringIO) and sys.__stderr__ is not None:
        sys.__stderr__.write(said.getvalue())


def launch(words: Sequence[str], processes: int) -> None:
    """Run zoo with ``words`` in ``processes`` processes of this machine; ends as the first does.

    Raises:
        KeyboardInterrupt: they were interrupted.
        typer.Exit: they failed, and have said why.
    """
    import logging

    from torch.distributed.elastic.multiprocessing import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)  # ours say enough
    threads = max(1, (os.cpu_count() or 1) // processes)
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        run_id=f"zoo-{os.getpid()}",
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,
    )
    try:
        with _stdout_for_children():
            elastic_launch(config, sys.executable)("-m", "zoo", *words)
    except ChildFailedError as err:
        code = err.get_first_failure()[1].exitcode
        if code == 130:
            raise KeyboardInterrupt from None
        raise typer.Exit(code if code > 0 else 1) from err
    except SignalException:
        raise KeyboardInterrupt(
            "Interrupted; `zoo fit --resume RUN` goes on where a checkpoint was written."
        ) from None


@contextlib.contextmanager
def _stdout_for_children() -> Iterator[None]:
    """What they write as data is data: within a command stdout itself leads to stderr."""
    kept = os.dup(1)
    os.dup2(data().fileno(), 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
