"""Push to a hub that fails, forgets, or has changed: never half, never twice, never over others."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from tests.hub.faulty import FaultyHub
from zoo.errors import HeadMoved, HubError, HubUnreachable, RepoNotFound, ZooError
from zoo.hub.push import Pushed, push
from zoo.progress import Silent

REPO = "me/flowers"
SENDING = ("preupload", "batch", "lfs", "commit")  # the requests of a push, in order


@pytest.fixture
def hub(tmp_path: Path, cache: Path) -> Iterator[FaultyHub]:
    with FaultyHub(tmp_path / "hub") as running:
        yield running


def commits(api: HfApi, branch: str = "main") -> list[str]:
    return [commit.title for commit in api.list_repo_commits(REPO, revision=branch)]


def files(api: HfApi) -> set[str]:
    return set(api.list_repo_files(REPO))


def contents(hub: FaultyHub, status: int = 200) -> list[tuple[str, int]]:
    """Large contents that were sent, and their bytes."""
    sent = [r for r in hub.log if r.method == "PUT" and r.status == status]
    return [(r.path.split("?")[0], r.bytes_in) for r in sent]


class TestReplies:
    @pytest.mark.row(1)
    def test_a_lost_one_is_no_second_commit(
        self, hub: FaultyHub, api: HfApi, artifact: Path
    ) -> None:
        hub.lose_reply("commit")
        done = push(artifact, REPO, endpoint=hub.url)
        assert done.commit == api.model_info(REPO).sha
        assert len(commits(api)) == 2

    @pytest.mark.row(3)
    @pytest.mark.parametrize("status", [412, 503])
    def test_that_deny_our_own_commit_are_not_believed(
        self, hub: FaultyHub, api: HfApi, artifact: Path, status: int
    ) -> None:
        hub.lie("commit", status)
        done = push(artifact, REPO, endpoint=hub.url)
        assert done.commit == api.model_info(REPO).sha
        assert len(commits(api)) == 2

    @pytest.mark.row(3)
    def test_are_compared_by_digests(self, hub: FaultyHub, api: HfApi, artifact: Path) -> None:
        hub.before("commit", lambda: push(artifact, REPO, endpoint=hub.url))
        done = push(artifact, REPO, endpoint=hub.url)
        assert done.commit == api.model_info(REPO).sha
        assert len(commits(api)) == 2


class TestBusyHub:
    @pytest.mark.row(4)
    def test_is_asked_again(
        self, hub: FaultyHub, api: HfApi, artifact: Path, waits: list[float]
    ) -> None:
        hub.fail("commit", 503)
        push(artifact, REPO, endpoint=hub.url)
        assert (len(commits(api)), waits) == (2, [1.0])

    @pytest.mark.row(4)
    def test_is_given_up(
        self, hub: FaultyHub, api: HfApi, artifact: Path, waits: list[float]
    ) -> None:
        hub.fail("commit", 503, times=99)
        with pytest.raises(HubUnreachable, match="failed with HTTP 503"):
            push(artifact, REPO, endpoint=hub.url)
        assert commits(api) == ["initial commit"]
        assert waits == [1.0, 2.0]
        hub.mend()
        push(artifact, REPO, endpoint=hub.url)
        assert len(commits(api)) == 2

    @pytest.mark.row(5)
    @pytest.mark.parametrize("part", SENDING)
    def test_is_waited_for(
        self, hub: FaultyHub, api: HfApi, artifact: Path, waits: list[float], part: str
    ) -> None:
        hub.fail(part, 429, headers={"Retry-After": "2"})
        push(artifact, REPO, endpoint=hub.url)
        assert waits in ([2.0], [3.0])  # the client library adds a second
        assert len(commits(api)) == 2

    @pytest.mark.row(5)
    @pytest.mark.parametrize("part", SENDING)
    @pytest.mark.parametrize(
        "headers", [{"Retry-After": "86400"}, {"RateLimit": '"api";r=0;t=86400'}]
    )
    def test_is_not_waited_for_a_day(
        self,
        hub: FaultyHub,
        api: HfApi,
        artifact: Path,
        waits: list[float],
        part: str,
        headers: dict[str, str],
    ) -> None:
        hub.fail(part, 429, times=99, headers=headers)
        with pytest.raises(HubUnreachable, match="is asked too often") as failure:
            push(artifact, REPO, endpoint=hub.url)
        assert failure.value.hint == "Try again in 86400 seconds."
        assert len([r for r in hub.log if r.status == 429]) == 1
        assert (commits(api), waits) == (["initial commit"], [])

    def test_of_a_full_disk_is_quoted(self, hub: FaultyHub, artifact: Path) -> None:
        hub.fail("commit", 507)
        with pytest.raises(HubError, match=r"disk of the hub on .* is full; nothing was changed"):
            push(artifact, REPO, endpoint=hub.url)

    def test_that_is_not_there_is_said_at_once(self, artifact: Path, waits: list[float]) -> None:
        with pytest.raises(HubUnreachable, match=r"No answer from http://127\.0\.0\.1:9"):
            push(artifact, REPO, endpoint="http://127.0.0.1:9")


class TestOthers:
    @pytest.mark.row(2)
    def test_who_commit_first_are_not_overwritten(
        self, hub: FaultyHub, api: HfApi, artifact: Path, other: Path
    ) -> None:
        push(other, REPO, endpoint=hub.url)

        def somebody_commits() -> None:
            api.upload_file(
                repo_id=REPO,
                path_in_repo="README.md",
                path_or_fileobj=b"theirs",
                commit_message="Mine first",
            )

        hub.before("commit", somebody_commits)
        with pytest.raises(HeadMoved, match="moved while this was pushed: user committed 'Mine f"):
            push(artifact, REPO, endpoint=hub.url)
        assert commits(api)[0] == "Mine first"
        assert "adapter_config.json" not in files(api)

        hub.before("commit", somebody_commits)
        push(artifact, REPO, force=True, message="On top", endpoint=hub.url)
        assert commits(api)[:2] == ["On top", "Mine first"]

    @pytest.mark.row(2, 12)
    def test_at_the_same_time_lose_or_win(
        self, hub: FaultyHub, api: HfApi, artifact: Path, other: Path
    ) -> None:
        api.create_repo(REPO)
        both = threading.Barrier(2)
        for _ in range(2):
            hub.before("commit", lambda: both.wait(30))

        def attempt(source: Path) -> Pushed | ZooError:
            try:
                return push(source, REPO, endpoint=hub.url)
            except ZooError as err:
                return err

        with ThreadPoolExecutor(2) as threads:
            ended = list(threads.map(attempt, (artifact, other)))
        won = [each for each in ended if isinstance(each, Pushed)]
        lost = [each for each in ended if isinstance(each, HeadMoved)]
        assert (len(won), len(lost)) == (1, 1), ended
        assert "nothing was overwritten" in lost[0].message
        assert (len(commits(api)), api.model_info(REPO).sha) == (2, won[0].commit)
        assert files(api) == set(won[0].changed)

    @pytest.mark.row(10)
    def test_who_made_the_repo_are_no_obstacle(
        self, hub: FaultyHub, api: HfApi, artifact: Path
    ) -> None:
        hub.before("create", lambda: api.create_repo(REPO))
        assert push(artifact, REPO, endpoint=hub.url).commit == api.model_info(REPO).sha

    @pytest.mark.row(2, 12)
    def test_who_push_to_the_same_new_repo_are_not_overwritten(
        self, hub: FaultyHub, api: HfApi, artifact: Path, other: Path
    ) -> None:
        hub.before("create", lambda: push(other, REPO, endpoint=hub.url))
        with pytest.raises(HeadMoved, match="user committed 'Push linear-probe on toy:image'"):
            push(artifact, REPO, endpoint=hub.url)
        assert len(commits(api)) == 2
        assert push(artifact, REPO, endpoint=hub.url).commit == api.model_info(REPO).sha

    @pytest.mark.row(2)
    def test_who_push_while_the_artifact_is_opened_are_not_overwritten(
        self, hub: FaultyHub, api: HfApi, artifact: Path, other: Path
    ) -> None:
        push(artifact, REPO, message="The base of both", endpoint=hub.url)

        class Meanwhile(Silent):
            def note(self, text: str) -> None:
                if text.startswith("Opening"):
                    api.upload_file(repo_id=REPO, path_in_repo="theirs", path_or_fileobj=b"1")

        with pytest.raises(HeadMoved, match="nothing was overwritten"):
            push(other, REPO, progress=Meanwhile(), endpoint=hub.url)
        assert "theirs" in files(api)
        assert "adapter_config.json" in files(api)

    @pytest.mark.row(10)
    @pytest.mark.parametrize("part", SENDING)
    def test_who_delete_the_repo_are_reported(
        self, hub: FaultyHub, api: HfApi, artifact: Path, part: str
    ) -> None:
        hub.before(part, lambda: api.delete_repo(REPO))
        with pytest.raises(RepoNotFound, match=r"was deleted or renamed while this was pushed"):
            push(artifact, REPO, endpoint=hub.url)
        assert not api.repo_exists(REPO)
        push(artifact, REPO, endpoint=hub.url)
        assert len(commits(api)) == 2


@pytest.mark.usefixtures("route")
class TestUploads:
    @pytest.mark.row(6)
    def test_that_fail_commit_nothing_and_are_not_repeated_in_full(
        self, hub: FaultyHub, api: HfApi, artifact: Path, waits: list[float]
    ) -> None:
        hub.fail("lfs", 500, method="PUT", after=1, times=99)
        with pytest.raises(HubUnreachable, match="failed with HTTP 500"):
            push(artifact, REPO, endpoint=hub.url)
        assert commits(api) == ["initial commit"]
        assert sum(waits) < 60
        [arrived] = contents(hub)
        hub.mend()
        hub.log.clear()
        push(artifact, REPO, endpoint=hub.url)
        whole = sum(path.stat().st_size for path in artifact.glob("*.safetensors"))
        assert arrived not in contents(hub)
        assert len(contents(hub)) == 2
        assert sum(size for _, size in contents(hub)) == whole - arrived[1]
        assert len(commits(api)) == 2

    @pytest.mark.row(7)
    def test_that_are_cut_are_sent_again(
        self, hub: FaultyHub, api: HfApi, artifact: Path, waits: list[float]
    ) -> None:
        hub.cut_upload(0.5)
        done = push(artifact, REPO, endpoint=hub.url)
        assert len(waits) == 1
        assert len(commits(api)) == 2
        sizes = {f.path: f.size for f in api.get_paths_info(REPO, sorted(done.changed))}
        assert {
            name: (artifact / name).stat().st_size for name in sizes if name != "README.md"
        } == {name: size for name, size in sizes.items() if name != "README.md"}

    @pytest.mark.row(9)
    @pytest.mark.parametrize("status", [401, 403, 404])
    def test_need_no_token_for_xet(
        self, hub: FaultyHub, api: HfApi, artifact: Path, status: int
    ) -> None:
        hub.fail("xet-write-token", status, method="GET", times=99)
        push(artifact, REPO, endpoint=hub.url)
        assert not [r for r in hub.log if "xet" in r.path]
        assert len(commits(api)) == 2

    @pytest.mark.row(21)
    def test_of_what_the_repo_ignores_are_an_error(
        self, hub: FaultyHub, api: HfApi, artifact: Path
    ) -> None:
        hub.ignore("heads.safetensors")
        with pytest.raises(HubError, match=r"ignores heads\.safetensors; nothing was committed"):
            push(artifact, REPO, endpoint=hub.url)
        assert commits(api) == ["initial commit"]

    @pytest.mark.row(21)
    def test_of_what_a_gitignore_there_names_are_an_error(
        self, hub: FaultyHub, api: HfApi, artifact: Path
    ) -> None:
        api.create_repo(REPO)
        api.upload_file(repo_id=REPO, path_in_repo=".gitignore", path_or_fileobj=b"*.md\n/a\n")
        with pytest.raises(HubError, match=r"ignores README\.md; nothing was committed"):
            push(artifact, REPO, endpoint=hub.url)
        assert files(api) == {".gitignore"}
        api.delete_file(".gitignore", REPO)
        push(artifact, REPO, endpoint=hub.url)
