"""Pull over lines that break, stall and spoil what they carry, and from hubs in trouble."""

import datetime
import email.utils
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from tests.hub.lines import HEADS, Counted, files, kept, line_to
from tests.hub.minimal import MinimalHub
from tests.hub.proxy import ALWAYS, FaultyLine
from tests.hub.pulling import REPO
from tests.hub.test_other_hubs import XET
from zoo import waits as limits
from zoo.errors import AccessDenied, CorruptFile, HubUnreachable
from zoo.hub import exchange
from zoo.hub.fetch import fetch

MB = 1 << 20
GOOD = files()
REQUESTS = {
    "which commit": ("/api/models/", "GET"),
    "the manifest": ("zoo.json", "GET"),
    "where a file is": (HEADS, "HEAD"),
    "a file": (HEADS, "GET"),
}


@pytest.fixture(autouse=True)
def waits(cache: Path, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that were waited for, and were not."""
    asked: list[float] = []
    monkeypatch.setattr(exchange.time, "sleep", lambda seconds: asked.append(seconds))
    monkeypatch.setattr(limits, "TIMEOUT", 2.0)
    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 2.0)
    return asked


@pytest.fixture(params=["ours", "contents elsewhere"])
def line(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FaultyLine]:
    """A line to a small artifact on each kind of hub."""
    with line_to(request.param, GOOD, tmp_path) as there:
        yield there


@pytest.fixture
def big(tmp_path: Path) -> Iterator[FaultyLine]:
    """A line to an artifact of 24 MB, on a hub that can go on in the middle of a file."""
    with line_to("ours", files(24 * MB), tmp_path) as there:
        yield there


def where(line: FaultyLine, request: str = "a file") -> tuple[str, str]:
    """Which of the requests that go over the line is meant: part of its path, and its method."""
    at, method = REQUESTS[request]
    if line.moved and method == "GET" and at in GOOD:
        at = f"/blob/{hashlib.sha256(GOOD[at]).hexdigest()}"
    return at, method


def asked(line: FaultyLine, method: str, at: str = HEADS) -> list[str]:
    """From which byte on a file was asked for, request by request."""
    found = [seen for seen in line.log if seen.method == method and seen.path.endswith(at)]
    return [seen.headers.get("range", "") for seen in found]


class TestBusyHub:
    @pytest.mark.row(5)
    @pytest.mark.parametrize("request_", REQUESTS)
    def test_is_asked_again_when_it_says(
        self, line: FaultyLine, waits: list[float], request_: str
    ) -> None:
        at, method = where(line, request_)
        fault = line.on(at, method=method, status=429, headers={"Retry-After": "2"})
        fetch(REPO, endpoint=line.url)
        assert fault.met >= 1
        assert waits == [2.0]

    @pytest.mark.row(5)
    @pytest.mark.parametrize("request_", REQUESTS)
    def test_is_not_waited_for_a_day(
        self, line: FaultyLine, waits: list[float], request_: str
    ) -> None:
        at, method = where(line, request_)
        line.on(at, method=method, status=429, headers={"Retry-After": "86400"}, times=ALWAYS)
        with pytest.raises(HubUnreachable, match="is asked too often") as failure:
            fetch(REPO, endpoint=line.url)
        assert failure.value.hint == "Try again in 86400 seconds."
        assert waits == []

    @pytest.mark.row(5)
    def test_that_names_a_date_is_told_in_seconds(self, line: FaultyLine) -> None:
        later = email.utils.format_datetime(
            datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1), usegmt=True
        )
        line.on("/api/", status=429, headers={"Retry-After": later}, times=ALWAYS)
        with pytest.raises(HubUnreachable) as failure:
            fetch(REPO, endpoint=line.url)
        (seconds,) = re.findall(r"Try again in (\d+) seconds\.", failure.value.hint)
        assert 3500 < int(seconds) <= 3600

    @pytest.mark.row(4)
    @pytest.mark.parametrize(
        ("request_", "status"), [*zip(REQUESTS, [500, 502, 503, 504], strict=True)]
    )
    def test_is_given_up_in_the_end_and_not_before(
        self, line: FaultyLine, waits: list[float], status: int, request_: str
    ) -> None:
        at, method = where(line, request_)
        line.on(at, method=method, status=status, times=ALWAYS)
        with pytest.raises(HubUnreachable, match=f"failed with HTTP {status}"):
            fetch(REPO, endpoint=line.url)
        assert len(waits) == exchange.ATTEMPTS - 1
        line.mend()
        line.on(at, method=method, status=status, times=exchange.ATTEMPTS - 1)
        found = fetch(REPO, endpoint=line.url)
        assert (found.folder / HEADS).read_bytes() == GOOD[HEADS]

    @pytest.mark.row(8, 35)
    @pytest.mark.parametrize("request_", REQUESTS)
    def test_does_not_take_a_token_whose_time_is_over(
        self, line: FaultyLine, monkeypatch: pytest.MonkeyPatch, request_: str
    ) -> None:
        monkeypatch.setenv("HF_TOKEN", "hf_" + "a" * 30)
        at, method = where(line, request_)
        said = {"X-Error-Message": "User Access Token has expired"}
        line.on(at, method=method, status=401, headers=said)
        if at.startswith("/blob/"):  # from elsewhere, whose 401 is about the address
            fetch(REPO, endpoint=line.url)
            return
        with pytest.raises(AccessDenied, match="The token in HF_TOKEN is not valid") as failure:
            fetch(REPO, endpoint=line.url)
        assert "hf_aaa" not in f"{failure.value.message} {failure.value.hint}"
        assert fetch(REPO, endpoint=line.url)


class TestBrokenLine:
    @pytest.mark.row(23)
    def test_is_taken_up_where_it_broke(self, big: FaultyLine) -> None:
        big.on(HEADS, cut=15 * MB)
        told = Counted()
        fetch(REPO, endpoint=big.url, progress=told)
        assert asked(big, "GET") == ["", f"bytes={15 * MB}-"]
        assert sum(told.steps) == told.total

    @pytest.mark.row(23)
    def test_whose_other_end_cannot_go_on_is_begun_anew(self, big: FaultyLine) -> None:
        big.on(HEADS, cut=15 * MB)
        big.on(HEADS, status=416)
        told = Counted()
        fetch(REPO, endpoint=big.url, progress=told)
        assert asked(big, "GET") == ["", f"bytes={15 * MB}-", ""]
        assert sum(told.steps) == told.total

    @pytest.mark.row(23)
    def test_that_brings_nothing_is_given_up_and_leaves_nothing(self, line: FaultyLine) -> None:
        at, _ = where(line)
        line.on(at, cut=0, times=ALWAYS)
        with pytest.raises(HubUnreachable, match="No answer from"):
            fetch(REPO, endpoint=line.url)
        assert len(asked(line, "GET", at)) == exchange.ATTEMPTS
        assert [name for name in kept() if "incomplete" in name or name == HEADS] == []
        line.mend()
        assert fetch(REPO, endpoint=line.url)

    @pytest.mark.row(24)
    def test_that_dies_every_5_mb_brings_all_of_it(
        self, big: FaultyLine, waits: list[float]
    ) -> None:
        big.on(HEADS, cut=5 * MB, times=ALWAYS)
        fetch(REPO, endpoint=big.url)
        assert asked(big, "GET") == ["", *(f"bytes={n * MB}-" for n in (5, 10, 15, 20))]
        assert waits == [exchange.FIRST_WAIT] * 4

    @pytest.mark.row(24)
    def test_that_dies_every_5_mb_ends_where_nobody_can_go_on(
        self, tmp_path: Path, waits: list[float]
    ) -> None:
        with line_to("another", files(12 * MB), tmp_path) as line:
            line.on(HEADS, cut=5 * MB, times=ALWAYS)
            told = Counted()
            with pytest.raises(HubUnreachable, match="No answer from"):
                fetch(REPO, endpoint=line.url, progress=told)
            assert len(asked(line, "GET")) <= exchange.ATTEMPTS + 1
            assert sum(waits) < 60
            assert 0 <= sum(told.steps) <= told.total

    @pytest.mark.row(25)
    @pytest.mark.parametrize("request_", REQUESTS)
    def test_that_stalls_is_not_waited_for_without_end(
        self, line: FaultyLine, monkeypatch: pytest.MonkeyPatch, request_: str
    ) -> None:
        monkeypatch.setattr(limits, "TIMEOUT", 0.2)
        monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.2)
        monkeypatch.setattr(exchange, "ATTEMPTS", 2)
        at, method = where(line, request_)
        stalled = {"before": lambda: line.idle.wait(5)} if method == "HEAD" else {"stall": 5.0}
        line.on(at, method=method, times=2, **stalled)
        with pytest.raises(HubUnreachable, match=r"No answer from .*timed out"):
            fetch(REPO, endpoint=line.url)

    @pytest.mark.row(25)
    @pytest.mark.parametrize("request_", ["which commit", "the manifest", "a file"])
    def test_that_drips_is_not_waited_for_either(
        self, line: FaultyLine, monkeypatch: pytest.MonkeyPatch, request_: str
    ) -> None:
        monkeypatch.setattr(exchange, "WINDOW", 0.2)
        at, method = where(line, request_)
        line.on(at, method=method, pace=100, times=ALWAYS)
        with pytest.raises(HubUnreachable, match="that is too slow"):
            fetch(REPO, endpoint=line.url)
        line.mend()
        assert fetch(REPO, endpoint=line.url)

    @pytest.mark.row(25)
    def test_that_is_slow_is_no_fault_and_shows_how_far_it_is(self, tmp_path: Path) -> None:
        content = files(15_000)
        with line_to("ours", content, tmp_path) as line:
            line.on(HEADS, pace=10_000)
            told = Counted()
            found = fetch(REPO, endpoint=line.url, progress=told)
            assert (found.folder / HEADS).read_bytes() == content[HEADS]
            assert len(told.steps) > 10


def flipped(content: bytes) -> bytes:
    return content[:-20] + bytes([content[-20] ^ 1]) + content[-19:]


class TestSpoiltBytes:
    @pytest.mark.row(26)
    @pytest.mark.parametrize("xet", [False, True])
    @pytest.mark.parametrize("name", [HEADS, "zoo.json"])
    def test_of_the_right_number_are_fetched_once_more_and_then_refused(
        self, name: str, xet: bool
    ) -> None:
        with (
            MinimalHub(redirects=xet, headers=XET if xet else {}) as hub,
            FaultyLine(hub.url, hub.elsewhere) as line,
        ):
            hub.add(REPO, GOOD)
            at = f"/blob/{hub.sha256(REPO, name)}" if xet else name
            line.on(at, body=flipped, times=ALWAYS)
            with pytest.raises(CorruptFile, match=rf"{name}.* is not "):
                fetch(REPO, endpoint=line.url)
            assert len(asked(line, "GET", at)) == 2
            assert name not in kept()
            assert hub.sha256(REPO, name) not in kept()
            line.mend()
            line.on(at, body=flipped)
            found = fetch(REPO, endpoint=line.url)
            assert (found.folder / name).read_bytes() == GOOD[name]

    @pytest.mark.row(28)
    @pytest.mark.parametrize("name", [HEADS, "zoo.json"])
    def test_that_are_too_few_are_an_error_and_not_kept(self, line: FaultyLine, name: str) -> None:
        at, _ = where(line, "a file" if name == HEADS else "the manifest")
        line.on(at, body=lambda content: content[:-10], times=ALWAYS)
        with pytest.raises(CorruptFile, match=rf"{name} "):
            fetch(REPO, endpoint=line.url)
        assert [each for each in kept() if each.endswith((name, "incomplete"))] == []
        line.mend()
        assert fetch(REPO, endpoint=line.url)

    @pytest.mark.row(28)
    @pytest.mark.parametrize(("name", "method"), [(HEADS, "HEAD"), ("zoo.json", "GET")])
    def test_of_which_the_hub_says_another_number_are_an_error(
        self, line: FaultyLine, name: str, method: str
    ) -> None:
        line.on(name, method=method, headers={"X-Linked-Size": "5"}, times=ALWAYS)
        with pytest.raises(CorruptFile, match=rf"{name} (has 5 bytes by the hub's word|is not)"):
            fetch(REPO, endpoint=line.url)
        assert name not in kept()

    @pytest.mark.row(32)
    def test_come_from_a_new_address_once_the_old_ones_time_is_over(self, tmp_path: Path) -> None:
        with line_to("contents elsewhere", GOOD, tmp_path) as line:
            line.on("/blob/", status=403, after=1)  # the first is the manifest's
            assert fetch(REPO, endpoint=line.url)
            assert len(asked(line, "HEAD")) == 2

    @pytest.mark.row(32)
    def test_are_not_asked_for_at_new_addresses_for_ever(
        self, tmp_path: Path, waits: list[float]
    ) -> None:
        with line_to("contents elsewhere", GOOD, tmp_path) as line:
            line.on("/blob/", status=403, after=1, times=ALWAYS)
            with pytest.raises(HubUnreachable, match="named for a file answers with HTTP 403"):
                fetch(REPO, endpoint=line.url)
            assert len(asked(line, "HEAD")) == 2
            assert waits == []
