"""Preprocessing in a second process, where Python hashes texts otherwise and so orders sets otherwise.

That process is started when it is first asked for and ends with this one: importing torch takes
seconds, and many backbones may be asked about.
"""

from __future__ import annotations

import atexit
import functools
import hashlib
import json
import os
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import torch

from zoo.host import GROUP, Host
from zoo.host.raised import Raised
from zoo.model import Backbone, Weights, load_spec
from zoo.switches import Switches
from zoo.testing.rule import Broken
from zoo.testing.subjects import BackboneSubject, samples_of

_SEED = "PYTHONHASHSEED"
_END = 5  # seconds
_PATIENCE = 60.0  # seconds for a plugin that has been imported once: two at a time take longer


def preprocessed(backbone: Backbone) -> dict[str, Any]:
    """What preprocessing gives for the synthetic inputs, and what it says of itself, as plain data."""
    digests = []
    for sample in samples_of(backbone):
        digest = hashlib.sha256()
        for key, tensor in sorted(backbone.preprocess(sample).items()):
            content = tensor.contiguous().view(-1).view(torch.uint8).numpy().tobytes()
            digest.update(f"{key} {tensor.dtype} {list(tensor.shape)}".encode() + content)
        digests.append(digest.hexdigest())
    return {"tensors": digests, "described": json.dumps(backbone.preprocess.describe())}


def preprocessed_elsewhere(subject: BackboneSubject) -> dict[str, Any]:
    """The same of the same backbone in the other process.

    Raises:
        Broken: it fails there.
    """
    plugin, weights = subject.plugin, subject.weights
    answer = _other_process().ask(
        plugin=[plugin.name, plugin.module],
        backbone=subject.spec.name,
        weights=[str(weights.path) if weights.path else None, weights.revision, weights.pretrained],
        path=sys.path,
        folder=os.getcwd(),
        threads=torch.get_num_threads(),
    )
    if "error" in answer:
        raise Broken(f"in another process: {answer['error']}")
    return answer


class _Process:
    def __init__(self) -> None:
        other = "2" if os.environ.get(_SEED) == "1" else "1"
        script = f"import sys; sys.path[:] = {sys.path!r}\nfrom zoo.testing import elsewhere as e; e.serve()"
        self._talk = TemporaryFile()  # noqa: SIM115  # open as long as the process talks
        self._process = subprocess.Popen(
            [sys.executable, "-c", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._talk,
            env=os.environ | {_SEED: other},
            text=True,
            encoding="utf-8",
        )
        atexit.register(self._end)

    def ask(self, **request: object) -> dict[str, Any]:
        assert self._process.stdin
        assert self._process.stdout
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        except (OSError, ValueError):
            _other_process.cache_clear()
            self._end()
            return {"error": f"Python ends with {self._process.returncode}: {self._last_words()}"}
        return answer

    def _last_words(self) -> str:
        with self._talk as talk:
            talk.seek(0)
            lines = talk.read().decode("utf-8", "replace").split("\n")
        return next((line for line in reversed(lines) if line.strip()), "it says nothing")

    def _end(self) -> None:
        try:
            self._process.communicate(timeout=_END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@functools.cache
def _other_process() -> _Process:
    return _Process()


def serve() -> None:
    """Answer requests, one a line, until there are no more."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)  # what plugins print is no answer
        for line in sys.stdin:
            try:
                answer = _answer(**json.loads(line))
            except BaseException as err:  # a plugin may raise anything
                answer = {"error": str(Raised(err))}
            answers.write(json.dumps(answer) + "\n")
            answers.flush()


def _answer(
    plugin: tuple[str, str],
    backbone: str,
    weights: tuple[str | None, str | None, bool],
    path: list[str],
    folder: str,
    threads: int,
) -> dict[str, Any]:
    sys.path[:] = path
    os.chdir(folder)
    torch.set_num_threads(threads)
    name, module = plugin
    point = EntryPoint(name=name, value=module, group=GROUP)
    host = Host([point], switches=Switches(limit=_PATIENCE))
    place, revision, pretrained = weights
    given = Weights(Path(place) if place else None, revision, pretrained)
    return preprocessed(load_spec(host.backbone(backbone), given))
