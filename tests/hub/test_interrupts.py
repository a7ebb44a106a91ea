"""Ctrl-C or a kill in the middle of a push or a pull: a real signal to a real process."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from zoo.hub.push import push
from zoo.hub.server import EmbeddedHub
from zoo.hub.server.wire import Answer, Request

REPO = "me/flowers"
CODE = """
import sys, zoo
try:
    {call}
except KeyboardInterrupt:
    sys.exit(130)
"""


class SlowHub(EmbeddedHub):
    """Stops for good at the first request with ``at`` in its path, once that is set."""

    at: str | None = None

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.reached = threading.Event()
        self.go_on = threading.Event()

    def respond(self, request: Request) -> Answer:
        method = "PUT" if self.at == "lfs" else "GET"
        if self.at in request.segments and request.method == method:
            self.reached.set()
            self.go_on.wait(60)
        return super().respond(request)


@pytest.fixture
def hub(tmp_path: Path, cache: Path) -> Iterator[SlowHub]:
    with SlowHub(tmp_path / "hub") as running:
        yield running
        running.go_on.set()


def interrupted(
    call: str, hub: SlowHub, toys: Path, tmp_path: Path, by: signal.Signals = signal.SIGINT
) -> int:
    """Run ``call`` in a process, send a signal when the hub is reached; the exit code."""
    env = os.environ | {"PYTHONPATH": str(toys), "HF_HOME": str(tmp_path / "home")}
    process = subprocess.Popen([sys.executable, "-c", CODE.format(call=call)], env=env)
    try:
        assert hub.reached.wait(60)
        process.send_signal(by)
        return process.wait(10)
    finally:
        process.kill()
        process.wait()


def state(artifact: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in artifact.iterdir()}


@pytest.mark.row(13)
@pytest.mark.parametrize(("by", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_push_leaves_the_branch_as_it_was(
    hub: SlowHub,
    artifact: Path,
    other: Path,
    toys: Path,
    tmp_path: Path,
    by: signal.Signals,
    code: int,
) -> None:
    first = push(artifact, REPO, endpoint=hub.url)
    before = state(other)
    hub.at = "lfs"
    call = f"zoo.push({str(other)!r}, {REPO!r}, endpoint={hub.url!r})"
    assert interrupted(call, hub, toys, tmp_path, by) == code
    hub.at = None
    hub.go_on.set()
    api = HfApi(endpoint=hub.url, token=False)
    assert api.model_info(REPO).sha == first.commit
    assert len(api.list_repo_commits(REPO)) == 2
    assert state(other) == before
    push(other, REPO, endpoint=hub.url)
    assert len(api.list_repo_commits(REPO)) == 3


@pytest.mark.row(23)
def test_pull_leaves_no_destination_and_no_part(
    hub: SlowHub, other: Path, toys: Path, tmp_path: Path
) -> None:
    push(other, REPO, endpoint=hub.url)
    hub.at = "heads.safetensors"
    copy = tmp_path / "copy"
    call = f"zoo.pull({REPO!r}, folder={str(copy)!r}, endpoint={hub.url!r})"
    assert interrupted(call, hub, toys, tmp_path) == 130
    assert not copy.exists()
    assert not list((tmp_path / "home").rglob("*.incomplete"))
    assert not list((tmp_path / "home").rglob("heads.safetensors"))
    listed = json.loads((other / "zoo.json").read_text())["files"]
    here = {p.name for p in (tmp_path / "home").rglob("snapshots/*/*")}
    assert here < {"zoo.json", *listed}
