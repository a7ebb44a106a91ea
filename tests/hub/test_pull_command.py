"""`zoo pull` when something is wrong: one line and what to do, nothing lost, and the next one works."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants

from tests.cli.commands import zoo as run
from tests.hub.proxy import ALWAYS, FaultyLine
from tests.hub.pulling import REPO
from zoo.hub import exchange
from zoo.hub.server import EmbeddedHub

TOKEN = "hf_" + "a1B2" * 9
WEIGHTS = "adapter_model.safetensors"
FAULTS: dict[str, tuple[str, dict[str, Any]]] = {
    "asked too often": ("/api/", {"status": 429, "headers": {"Retry-After": "86400"}}),
    "failing": (WEIGHTS, {"method": "HEAD", "status": 500}),
    "cut": (WEIGHTS, {"cut": 0}),
    "flipped": (WEIGHTS, {"body": lambda content: content[:-1] + bytes([content[-1] ^ 1])}),
    "too short": ("zoo.json", {"body": lambda content: content[:-9]}),
    "a lying size": (WEIGHTS, {"method": "HEAD", "headers": {"X-Linked-Size": "5"}}),
    "a lying commit": (WEIGHTS, {"method": "HEAD", "headers": {"X-Repo-Commit": "0" * 40}}),
    "no ETag": ("zoo.json", {"headers": {"ETag": None}}),
    "a login page": (WEIGHTS, {"method": "", "status": 200, "body": lambda _: b"<html>"}),
    "gone": ("/api/", {"status": 404, "headers": {"X-Error-Code": "RepoNotFound"}}),
    "disabled": (
        "/api/",
        {"status": 403, "headers": {"X-Error-Message": "Access to this resource is disabled."}},
    ),
    "an expired token": (
        "/api/",
        {"status": 401, "headers": {"X-Error-Message": f"Invalid token {TOKEN}: expired"}},
    ),
}


@pytest.fixture
def line(hub: EmbeddedHub, pushed: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyLine]:
    monkeypatch.setattr(exchange, "FIRST_WAIT", 0.01)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with FaultyLine(hub.url) as there:
        monkeypatch.setattr(constants, "ENDPOINT", there.url)
        yield there


@pytest.mark.row(5, 23, 26, 28, 29, 30, 34, 35)
@pytest.mark.parametrize("fault", FAULTS)
def test_is_one_line_and_what_to_do(
    line: FaultyLine, fault: str, other: Path, tmp_path: Path
) -> None:
    at, what = FAULTS[fault]
    before = {path.name: path.read_bytes() for path in other.iterdir()}
    line.on(at, times=ALWAYS, **what)
    ended = run("pull", REPO, "--out", other, "--force", "--json")
    assert ended.code == 1
    assert ended.out == ""
    failure = [text for text in ended.err.splitlines() if text.startswith("Error: ")]
    assert len(failure) == 1
    assert REPO in failure[0]
    assert at.startswith("/") or at in failure[0]
    assert ended.err.count("Error: ") == 1
    assert TOKEN not in ended.err + run("pull", REPO, "--debug").err
    assert "Traceback" not in ended.err
    assert {path.name: path.read_bytes() for path in other.iterdir()} == before

    line.mend()
    assert run("pull", REPO, "--out", other, "--force").code == 0
    assert json.loads((other / "zoo.json").read_text())["adapter"]["name"] == "lora"
