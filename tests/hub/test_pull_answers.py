"""Pull from hubs that answer with something else than they should, or move while they are asked."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.hub.lines import HEADS, Counted, files, kept, listing
from tests.hub.minimal import MinimalHub
from tests.hub.proxy import ALWAYS, FaultyLine
from tests.hub.pulling import REPO
from zoo.errors import (
    AccessDenied,
    CorruptFile,
    HubError,
    HubUnreachable,
    RepoNotFound,
    UnsafeFile,
    WriteFailed,
)
from zoo.hub import exchange
from zoo.hub.fetch import fetch

GOOD = files()
HTML = {"Content-Type": "text/html", "X-Repo-Commit": None, "ETag": None}


@pytest.fixture(autouse=True)
def _short_waits(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "FIRST_WAIT", 0.01)


@pytest.fixture
def hub() -> Iterator[MinimalHub]:
    """A hub that shares no code with zoo."""
    with MinimalHub() as running:
        running.add(REPO, GOOD)
        yield running


def asked_for(line: FaultyLine) -> set[str]:
    """Commits that files were asked for at."""
    return {seen.path.split("/")[4] for seen in line.log if "/resolve/" in seen.path}


@pytest.mark.row(29)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ETag", None),
        ("ETag", '"abc"'),
        ("ETag", '"../../../../up"'),
        ("ETag", '"' + "A" * 40 + '"'),
        ("X-Repo-Commit", None),
        ("X-Repo-Commit", "main"),
        ("X-Repo-Commit", "0" * 40),
        ("X-Repo-Commit", "../" * 13 + "x"),
        ("X-Linked-Size", "-5"),
        ("X-Linked-Size", "1e9"),
        ("X-Linked-Size", "9" * 30),
        ("X-Linked-ETag", "x"),
    ],
)
@pytest.mark.parametrize(("at", "method"), [("zoo.json", "GET"), (HEADS, "HEAD")])
def test_headers_are_looked_at_before_anything_is_written(
    line: FaultyLine, at: str, method: str, name: str, value: str | None
) -> None:
    line.on(at, method=method, headers={name: value}, times=ALWAYS)
    with pytest.raises(HubUnreachable, match=r"is not a hub|answered with another commit"):
        fetch(REPO, endpoint=line.url)
    assert at not in kept()
    assert not [each for each in kept() if "incomplete" in each]


@pytest.mark.row(29)
@pytest.mark.parametrize("sha", [None, "main", "../../x", "A" * 40, 3, ["0" * 40]])
def test_a_commit_that_is_none_is_no_answer(hub: MinimalHub, line: FaultyLine, sha: Any) -> None:
    answer = json.dumps({"id": REPO, "sha": sha}).encode()
    line.on("/api/models/", body=lambda _: answer)
    with pytest.raises(HubUnreachable, match="is not a hub"):
        fetch(REPO, endpoint=line.url)
    assert kept() == []


@pytest.mark.row(29)
@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"[]",
        b"3",
        b"null",
        b'"x"',
        b"{",
        b'{"sha": {}}',
        b"[" * 200_000,
        b"9" * 10_000,
        b"\xff",
    ],
    ids=lambda answer: answer[:8].decode(errors="replace"),
)
def test_an_answer_that_makes_no_sense_is_none(line: FaultyLine, answer: bytes) -> None:
    line.on("/api/models/", body=lambda _: answer)
    with pytest.raises(HubError, match=r"is not a hub|could not be understood"):
        fetch(REPO, endpoint=line.url)


@pytest.mark.row(26)
def test_a_hub_with_names_of_its_own_is_believed_what_it_says_twice(line: FaultyLine) -> None:
    named = {"ETag": '"' + "c0ffee" * 6 + 'c0ff"'}
    line.on("", headers=named, times=ALWAYS)
    line.on("", method="HEAD", headers=named, times=ALWAYS)
    assert fetch(REPO, endpoint=line.url)


@pytest.mark.row(26)
def test_a_hub_with_names_of_its_own_is_not_believed_when_it_says_otherwise(
    line: FaultyLine,
) -> None:
    said = iter(range(100))
    line.on(
        "zoo.json",
        headers={"ETag": '"' + "c0ffee" * 6 + 'c0ff"'},
        body=lambda content: content.replace(b"ants", b"ant%d" % next(said)),
        times=ALWAYS,
    )
    with pytest.raises(CorruptFile, match=r"zoo\.json is not what the hub itself says"):
        fetch(REPO, endpoint=line.url)
    assert kept() == []


@pytest.mark.row(30)
@pytest.mark.parametrize("at", ["/api/models/", "zoo.json", HEADS])
def test_a_login_page_is_no_answer(line: FaultyLine, at: str) -> None:
    line.on(at, method="", status=200, headers=HTML, body=lambda _: b"<html>Log in", times=ALWAYS)
    with pytest.raises(HubUnreachable, match="is not a hub") as failure:
        fetch(REPO, endpoint=line.url)
    assert "a login page or a proxy may be in between" in failure.value.hint
    assert at not in kept()


@pytest.mark.row(31)
@pytest.mark.parametrize("at", ["/api/models/", "zoo.json", HEADS])
def test_a_token_does_not_follow_to_another_origin(
    line: FaultyLine, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_" + "a" * 30)
    with FaultyLine(line.url) as stranger:
        line.on(
            at,
            method="",
            status=307,
            headers={
                "Location": f"{stranger.url}/elsewhere",
                "X-Repo-Commit": json.loads(_info(line))["sha"],
                "ETag": '"' + "0" * 40 + '"',
            },
            times=ALWAYS,
        )
        with pytest.raises((HubUnreachable, RepoNotFound, CorruptFile)):
            fetch(REPO, endpoint=line.url)
        assert stranger.log
        assert not [seen for seen in stranger.log if "authorization" in seen.headers]
    assert [seen for seen in line.log if "authorization" in seen.headers]


def _info(line: FaultyLine) -> bytes:
    return exchange.exchange(f"{line.url}/api/models/{REPO}", False).content


@pytest.mark.row(31)
@pytest.mark.parametrize(
    "to", ["file:///etc/passwd", "http://[", "http://a b/", "//", "gopher://x/"]
)
@pytest.mark.parametrize(("at", "method"), [("zoo.json", "GET"), (HEADS, "HEAD")])
def test_a_redirect_to_nowhere_is_no_answer(
    line: FaultyLine, at: str, method: str, to: str
) -> None:
    line.on(at, method=method, status=302, headers={"Location": to}, times=ALWAYS)
    with pytest.raises(HubUnreachable, match="is not a hub"):
        fetch(REPO, endpoint=line.url)
    assert at not in kept()


@pytest.mark.row(31)
def test_a_redirect_in_a_circle_ends(line: FaultyLine) -> None:
    line.on(HEADS, method="HEAD", status=302, headers={"Location": "?again"}, times=ALWAYS)
    with pytest.raises(HubUnreachable, match="is not a hub"):
        fetch(REPO, endpoint=line.url)
    assert len(line.log) < 20


@pytest.mark.row(33)
@pytest.mark.parametrize("claim", ["10 TB", "a million files"])
def test_what_nobody_could_fetch_is_not_begun(
    hub: MinimalHub, line: FaultyLine, claim: str
) -> None:
    size, count = (10**12, 10) if claim == "10 TB" else (1, 1_000_000)
    entry = json.dumps({"sha256": "0" * 64, "size": size})
    more = ",".join(f'"f{number}.safetensors":{entry}' for number in range(count))
    manifest = GOOD["zoo.json"].replace(b'"files": {', f'"files": {{{more},'.encode())
    hub.add(REPO, {**GOOD, "zoo.json": manifest})
    with pytest.raises(
        (UnsafeFile, CorruptFile), match=r"claims 10,000,000,001,729 bytes|zoo\.json"
    ):
        fetch(REPO, endpoint=line.url)
    if claim == "10 TB":
        with pytest.raises(WriteFailed, match=r"has 10,000,000,001,729 bytes.* has room for"):
            fetch(REPO, any_size=True, endpoint=line.url)
    assert not [seen for seen in line.log if ".safetensors" in seen.path]


@pytest.mark.row(34)
@pytest.mark.parametrize("what", ["size", "sha256"])
def test_a_file_that_is_not_as_listed_is_named(
    hub: MinimalHub, line: FaultyLine, what: str
) -> None:
    content = GOOD[HEADS] + b"\0" if what == "size" else GOOD[HEADS][:-1] + b"\1"
    hub.add(REPO, {**GOOD, HEADS: content})
    with pytest.raises(CorruptFile, match=f"{HEADS} of {REPO} at [0-9a-f]{{12}} is not the file"):
        fetch(REPO, endpoint=line.url)
    manifest = hashlib.sha256(GOOD["zoo.json"]).hexdigest()
    assert kept() == sorted(["zoo.json", manifest])


@pytest.mark.row(35)
@pytest.mark.parametrize(
    ("status", "code", "kind", "said"),
    [
        (404, "RepoNotFound", RepoNotFound, "There is no public repo me/flowers on"),
        (401, "RepoNotFound", RepoNotFound, "There is no public repo me/flowers on"),
        (404, "RevisionNotFound", RepoNotFound, "has no revision 'v1'"),
        (403, "GatedRepo", AccessDenied, "The repo me/flowers is gated"),
        (403, "DisabledRepo", AccessDenied, "The repo me/flowers has been disabled"),
    ],
)
@pytest.mark.parametrize("at", ["/api/models/", "zoo.json", HEADS])
def test_why_there_is_nothing_is_said(
    hub: MinimalHub,
    line: FaultyLine,
    status: int,
    code: str,
    kind: type[Exception],
    said: str,
    at: str,
) -> None:
    message = "Access to this resource is disabled." if code == "DisabledRepo" else "No"
    line.on(
        at,
        method="",
        status=status,
        headers={"X-Error-Code": code, "X-Error-Message": message},
        times=ALWAYS,
    )
    revision = "v1" if at.startswith("/api") else hub.commits[REPO][-1][0]
    with pytest.raises(kind, match=said.replace("v1", revision)) as failure:
        fetch(REPO, revision, endpoint=line.url)
    assert "connection" not in f"{failure.value}"


@pytest.mark.row(36)
def test_a_hub_that_hangs_up_without_a_word_is_as_none(line: FaultyLine) -> None:
    commit = fetch(REPO, endpoint=line.url).commit
    line.on("/", method="", lost=True, times=ALWAYS)
    told = Counted()
    assert fetch(REPO, endpoint=line.url, progress=told).commit == commit
    assert f"Using {REPO} main as fetched before: {commit[:12]}" in told.notes[0]
    assert fetch(REPO, commit, endpoint=line.url).commit == commit


@pytest.mark.row(38)
@pytest.mark.parametrize("at", ["zoo.json", "heads", "probe"])
@pytest.mark.parametrize("redirects", [False, True])
def test_all_files_are_of_one_commit_though_the_branch_moves(at: str, redirects: bool) -> None:
    newer = listing(GOOD, HEADS, b"newer" * 60)
    with MinimalHub(redirects=redirects) as hub, FaultyLine(hub.url) as line:
        before = hub.add(REPO, GOOD)
        line.on(at, method="", before=lambda: hub.add(REPO, newer))
        found = fetch(REPO, endpoint=line.url)
        assert found.commit == before
        assert (found.folder / HEADS).read_bytes() == GOOD[HEADS]
        assert asked_for(line) == {before}
        assert fetch(REPO, endpoint=line.url).commit != before
