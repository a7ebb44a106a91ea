"""Pull by names that are not what they look like: renamed, registered anew, alike, or places."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub.lines import HEADS, Counted, files, kept, listing
from tests.hub.minimal import MinimalHub
from tests.hub.proxy import FaultyLine
from tests.hub.pulling import REPO
from zoo.errors import CorruptFile, HubUnreachable, RepoNotFound
from zoo.hub.fetch import fetch
from zoo.hub.signatures import glance

GOOD = files()


@pytest.fixture
def hub(cache: Path) -> Iterator[MinimalHub]:
    """A hub that shares no code with zoo."""
    with MinimalHub() as running:
        running.add(REPO, GOOD)
        yield running


@pytest.mark.row(45)
@pytest.mark.parametrize("name", ["mе/flowers", "me/fl\u200bowers", "me/x\x1b[2J", "x" * 300])
def test_a_repo_of_a_name_that_only_looks_like_one_is_no_answer(
    line: FaultyLine, name: str
) -> None:
    answer = json.dumps({"id": name, "sha": "0" * 40}).encode()
    line.on("/api/models/", body=lambda _: answer)
    with pytest.raises(HubUnreachable, match="is not a hub"):
        fetch(REPO, endpoint=line.url)


@pytest.mark.row(42)
@pytest.mark.parametrize(
    "name",
    ["../up", "/etc/x", "C:x", "\\\\host\\x", "a\\b", "a\0b", "nul", "a" * 300, "a/b", "é", "~x"],
)
def test_a_hostile_path_is_refused_before_anything_is_written(
    hub: MinimalHub, line: FaultyLine, tmp_path: Path, name: str
) -> None:
    hub.add(REPO, {**listing(GOOD, name, b"x"), name: b"x"})
    with pytest.raises(CorruptFile, match=r"zoo\.json is not a valid manifest: 'files"):
        fetch(REPO, endpoint=line.url)
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {"main"}  # a ref
    assert len(line.log) == 2


class TestRenamed:
    @pytest.fixture
    def hub(self, hub: MinimalHub) -> MinimalHub:
        hub.commits["lab/flowers"] = hub.commits.pop(REPO)
        hub.renamed[REPO] = "lab/flowers"
        return hub

    @pytest.mark.row(43)
    def test_is_followed_and_said(self, hub: MinimalHub, line: FaultyLine) -> None:
        told = Counted()
        found = fetch(REPO, endpoint=line.url, progress=told)
        assert found.commit == hub.commits["lab/flowers"][-1][0]
        assert told.notes == [f"{REPO} is called lab/flowers now on {line.url}."]
        assert glance(REPO, endpoint=line.url, progress=told).commit == found.commit
        assert told.notes[1:] == told.notes[:1]

    @pytest.mark.row(43)
    def test_is_followed_at_a_commit_only_if_that_is_there(
        self, hub: MinimalHub, line: FaultyLine
    ) -> None:
        assert fetch(REPO, hub.commits["lab/flowers"][-1][0], endpoint=line.url)
        with pytest.raises(RepoNotFound, match=f"has no revision '{'1' * 40}'"):
            fetch(REPO, "1" * 40, endpoint=line.url)

    @pytest.mark.row(44)
    def test_and_registered_anew_by_somebody_else_is_never_the_latest(
        self, hub: MinimalHub, line: FaultyLine
    ) -> None:
        commit = hub.commits["lab/flowers"][-1][0]
        del hub.renamed[REPO]
        hub.commits[REPO] = [("2" * 40, listing(GOOD, HEADS, b"evil" * 75))]
        with pytest.raises(RepoNotFound, match=f"has no revision '{commit}'"):
            fetch(REPO, commit, endpoint=line.url)
        assert kept() == []

    @pytest.mark.row(44)
    def test_and_registered_anew_a_commit_from_the_cache_is_still_the_old_one(
        self, hub: MinimalHub, line: FaultyLine
    ) -> None:
        first = fetch(REPO, endpoint=line.url)
        before = (first.folder / HEADS).read_bytes()
        del hub.renamed[REPO]
        hub.commits[REPO] = [("2" * 40, listing(GOOD, HEADS, b"evil" * 75))]
        found = fetch(REPO, first.commit, endpoint=line.url)
        assert (found.commit, (found.folder / HEADS).read_bytes()) == (first.commit, before)
        hub.commits[REPO] = []  # and whoever it is takes it away
        with pytest.raises(RepoNotFound):  # what the name once stood for is not the latest
            fetch(REPO, endpoint=line.url)
