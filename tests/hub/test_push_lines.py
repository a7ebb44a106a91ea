"""Push over a line with faults to a hub that shares no code with ours."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from huggingface_hub.utils import _http, close_session, get_session

from tests.hub.minimal import MinimalHub
from tests.hub.proxy import ALWAYS, FaultyLine
from zoo import waits as limits
from zoo.errors import AccessDenied, HeadMoved, HubUnreachable, RepoNotFound, ZooError
from zoo.hub.push import Pushed, push

REPO = "me/flowers"
SENDING = ("preupload", "batch", "commit")

pytestmark = pytest.mark.usefixtures("route")


@pytest.fixture
def hub(cache: Path) -> Iterator[MinimalHub]:
    with MinimalHub(first_commit=True) as running:
        yield running


@pytest.mark.row(1)
def test_a_lost_reply_is_no_second_commit(
    hub: MinimalHub, line: FaultyLine, artifact: Path
) -> None:
    line.on("/commit/", method="POST", lost=True)
    done = push(artifact, REPO, endpoint=line.url)
    assert [commit for commit, _ in hub.commits[REPO]][1:] == [done.commit]


@pytest.mark.row(1)
def test_a_reply_that_never_comes_is_not_waited_for(
    hub: MinimalHub, line: FaultyLine, artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(limits._LIMITS, "read", 0.5)
    line.on("/commit/", method="POST", stall=60)
    start = time.monotonic()
    done = push(artifact, REPO, endpoint=line.url)
    assert time.monotonic() - start < 20
    assert [commit for commit, _ in hub.commits[REPO]][1:] == [done.commit]


@pytest.mark.row(1)
def test_nor_is_one_that_a_later_session_of_the_client_waits_for(
    hub: MinimalHub, line: FaultyLine, artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever thread of the process cannot connect closes the session that this push uses."""
    monkeypatch.setitem(limits._LIMITS, "read", 0.5)
    line.on("/preupload/", method="POST", before=close_session)
    line.on("/commit/", method="POST", stall=60)
    start = time.monotonic()
    done = push(artifact, REPO, endpoint=line.url)
    assert time.monotonic() - start < 20
    assert [commit for commit, _ in hub.commits[REPO]][1:] == [done.commit]


@pytest.mark.row(29)
@pytest.mark.parametrize("oid", [b"../../etc", b"", b"main", b"0" * 39])
def test_a_commit_that_is_none_is_looked_up(
    hub: MinimalHub, line: FaultyLine, artifact: Path, oid: bytes
) -> None:
    answer = b'{"commitUrl": "x", "commitOid": "%s"}' % oid
    line.on("/commit/", method="POST", body=lambda _: answer)
    done = push(artifact, REPO, endpoint=line.url)
    assert [commit for commit, _ in hub.commits[REPO]][1:] == [done.commit]


@pytest.mark.parametrize(("part", "method"), [("/create", "POST"), ("/tag/", "POST")])
def test_nothing_else_is_waited_for_without_end(
    hub: MinimalHub,
    line: FaultyLine,
    artifact: Path,
    monkeypatch: pytest.MonkeyPatch,
    part: str,
    method: str,
) -> None:
    monkeypatch.setitem(limits._LIMITS, "read", 0.5)
    line.on(part, method=method, stall=60, times=ALWAYS)
    start = time.monotonic()
    with pytest.raises(HubUnreachable, match="No answer from"):
        push(artifact, REPO, tag="v1", endpoint=line.url)
    assert time.monotonic() - start < 20


def test_sessions_are_made_as_the_user_wants_them(monkeypatch: pytest.MonkeyPatch) -> None:
    close_session()
    made = []

    def factory() -> object:
        made.append(_http.default_client_factory())
        return made[-1]

    monkeypatch.setattr(_http, "_GLOBAL_CLIENT_FACTORY", factory)
    with limits.bounded(), limits.bounded():
        first = get_session()
        close_session()
        assert [first, get_session()] == made
    for session in made:
        assert session.event_hooks["response"].count(limits._refuse_long_waits) == 1
    close_session()


@pytest.mark.row(2, 3)
def test_a_denied_commit_is_ours_or_somebody_elses_by_its_files(
    hub: MinimalHub, line: FaultyLine, artifact: Path, other: Path
) -> None:
    push(other, REPO, endpoint=hub.url)
    line.on("/commit/", method="POST", before=lambda: push(artifact, REPO, endpoint=hub.url))
    assert push(artifact, REPO, endpoint=line.url).commit == hub.commits[REPO][-1][0]
    assert len(hub.commits[REPO]) == 3
    line.mend()
    line.on("/commit/", method="POST", before=lambda: hub.add(REPO, {"theirs.txt": b"1"}))
    with pytest.raises(HeadMoved, match="nothing was overwritten"):
        push(other, REPO, endpoint=line.url)
    assert hub.commits[REPO][-1][1].keys() == {"theirs.txt"}


@pytest.mark.row(4)
def test_a_hub_that_is_down_for_a_moment_is_asked_again(
    hub: MinimalHub, line: FaultyLine, artifact: Path, waits: list[float]
) -> None:
    line.on("/commit/", method="POST", status=503, times=ALWAYS)
    with pytest.raises(HubUnreachable, match="HTTP 503"):
        push(artifact, REPO, endpoint=line.url)
    assert len(hub.commits[REPO]) == 1
    line.mend()
    line.on("/commit/", method="POST", status=503)
    push(artifact, REPO, endpoint=line.url)
    assert len(hub.commits[REPO]) == 2


@pytest.mark.row(5)
@pytest.mark.parametrize("part", SENDING)
def test_a_busy_hub_is_waited_for_as_long_as_it_says(
    hub: MinimalHub, line: FaultyLine, artifact: Path, waits: list[float], part: str
) -> None:
    busy = {"method": "POST", "status": 429}
    line.on(f"/{part}", **busy, headers={"Retry-After": "86400"})
    with pytest.raises(HubUnreachable, match="is asked too often") as failure:
        push(artifact, REPO, endpoint=line.url)
    assert "86400 seconds" in failure.value.hint
    assert (len(hub.commits[REPO]), waits) == (1, [])
    line.mend()
    line.on(f"/{part}", **busy, headers={"Retry-After": "2"})
    push(artifact, REPO, endpoint=line.url)
    assert waits in ([2.0], [3.0])
    assert len(hub.commits[REPO]) == 2


@pytest.mark.row(9)
def test_no_token_for_xet_is_asked_for(hub: MinimalHub, line: FaultyLine, artifact: Path) -> None:
    refused = line.on("xet", method="", status=403, times=ALWAYS)
    push(artifact, REPO, endpoint=line.url)
    assert refused.met == 0
    assert len(hub.commits[REPO]) == 2


@pytest.mark.row(8)
@pytest.mark.parametrize("part", ["create", *SENDING])
def test_a_refusal_on_the_way_is_one_of_access(
    hub: MinimalHub, line: FaultyLine, artifact: Path, part: str
) -> None:
    line.on(f"/{part}", method="POST", status=403, times=ALWAYS)
    with pytest.raises(AccessDenied, match=f"refused access to {REPO}"):
        push(artifact, REPO, endpoint=line.url)
    assert len(hub.commits.get(REPO, [1])) == 1


@pytest.mark.row(10)
@pytest.mark.parametrize("part", ["preupload", "commit"])
def test_a_repo_that_goes_is_reported(
    hub: MinimalHub, line: FaultyLine, artifact: Path, part: str
) -> None:
    line.on(f"/{part}/", method="POST", before=lambda: hub.commits.pop(REPO))
    with pytest.raises(RepoNotFound, match="was deleted or renamed while this was pushed"):
        push(artifact, REPO, endpoint=line.url)
    assert REPO not in hub.commits


@pytest.mark.row(12)
def test_of_two_at_once_one_wins(
    hub: MinimalHub, line: FaultyLine, artifact: Path, other: Path
) -> None:
    hub.add(REPO, {".gitattributes": b""})
    both = threading.Barrier(2)
    line.on("/commit/", method="POST", before=lambda: both.wait(30), times=2)

    def attempt(source: Path) -> Pushed | ZooError:
        try:
            return push(source, REPO, endpoint=line.url)
        except ZooError as err:
            return err

    with ThreadPoolExecutor(2) as threads:
        ended = list(threads.map(attempt, (artifact, other)))
    assert sorted(type(each).__name__ for each in ended) == ["HeadMoved", "Pushed"], ended
    assert len(hub.commits[REPO]) == 2
