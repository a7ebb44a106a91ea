"""Push to a hub that fails, forgets, or has changed: never half, never twice, never over others."""

from pathlib import Path

import pytest
from huggingface_hub import HfApi

from tests.hub.faulty import FaultyHub
from zoo.errors import (
    HeadMoved,
    HubError,
    HubUnreachable,
)
from zoo.hub.push import push

REPO = "me/flowers"


def commits(api: HfApi, branch: str = "main") -> list[str]:
    return [commit.title for commit in api.list_repo_commits(REPO, revision=branch)]


def files(api: HfApi) -> set[str]:
    return set(api.list_repo_files(REPO))


class TestFaults:
    @pytest.fixture
    def hub(self, tmp_path: Path, cache: Path) -> FaultyHub:
        with FaultyHub(tmp_path / "hub") as running:
            yield running

    def test_a_lost_reply_is_no_second_commit(
        self, hub: FaultyHub, api: HfApi, artifact: Path
    ) -> None:
        hub.lose_reply("commit")
        done = push(artifact, REPO, endpoint=hub.url)
        assert done.commit == api.model_info(REPO).sha
        assert len(commits(api)) == 2

    def test_a_lost_request_is_sent_again(self, hub: FaultyHub, api: HfApi, artifact: Path) -> None:
        hub.fail("commit", 503)
        push(artifact, REPO, endpoint=hub.url)
        assert len(commits(api)) == 2

    def test_a_hub_that_keeps_failing_is_given_up(
        self, hub: FaultyHub, api: HfApi, artifact: Path
    ) -> None:
        hub.fail("commit", 503, times=99)
        with pytest.raises(HubUnreachable, match="failed with HTTP 503"):
            push(artifact, REPO, endpoint=hub.url)
        assert commits(api) == ["initial commit"]
        hub.mend()
        push(artifact, REPO, endpoint=hub.url)
        assert len(commits(api)) == 2

    def test_a_hub_that_asks_for_a_day_is_not_waited_for(
        self, hub: FaultyHub, artifact: Path
    ) -> None:
        hub.fail("commit", 429, times=99, headers={"Retry-After": "86400"})
        with pytest.raises(HubUnreachable, match="Try again in 86400 seconds"):
            push(artifact, REPO, endpoint=hub.url)
        assert len([r for r in hub.log if "/commit/" in r.path]) == 1

    def test_a_commit_in_between_is_not_overwritten(
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

    def test_the_same_push_from_elsewhere_counts_as_ours(
        self, hub: FaultyHub, api: HfApi, artifact: Path
    ) -> None:
        hub.before("commit", lambda: push(artifact, REPO, endpoint=hub.url))
        done = push(artifact, REPO, endpoint=hub.url)
        assert done.commit == api.model_info(REPO).sha
        assert len(commits(api)) == 2

    def test_a_failed_upload_commits_nothing_and_is_not_repeated_in_full(
        self, hub: FaultyHub, api: HfApi, artifact: Path
    ) -> None:
        hub.fail("lfs", 400, method="PUT", after=1, times=99)
        with pytest.raises(HubError, match="answered HTTP 400"):
            push(artifact, REPO, endpoint=hub.url)
        assert commits(api) == ["initial commit"]
        arrived = [r.path.split("?")[0] for r in hub.log if r.method == "PUT" and r.status == 200]
        assert len(arrived) == 1
        hub.mend()
        hub.log.clear()
        push(artifact, REPO, endpoint=hub.url)
        sent = {r.path.split("?")[0] for r in hub.log if r.method == "PUT"}
        assert sent.isdisjoint(arrived)
        assert len(sent) == 2

    def test_a_full_disk_there_is_said(self, hub: FaultyHub, artifact: Path) -> None:
        hub.fail("commit", 507)
        with pytest.raises(HubError, match=r"disk of the hub on .* is full; nothing was changed"):
            push(artifact, REPO, endpoint=hub.url)

    def test_files_the_repo_ignores_are_missed(
        self, hub: FaultyHub, api: HfApi, artifact: Path
    ) -> None:
        hub.ignore("heads.safetensors")
        with pytest.raises(HubError, match=r"ignores heads\.safetensors; nothing was committed"):
            push(artifact, REPO, endpoint=hub.url)
        assert commits(api) == ["initial commit"]

    def test_a_gitignore_that_is_there_is_one_of_those(
        self, hub: FaultyHub, api: HfApi, artifact: Path
    ) -> None:
        api.create_repo(REPO)
        api.upload_file(repo_id=REPO, path_in_repo=".gitignore", path_or_fileobj=b"*.md\n/a\n")
        with pytest.raises(HubError, match=r"ignores README\.md; nothing was committed"):
            push(artifact, REPO, endpoint=hub.url)
        assert api.list_repo_files(REPO) == [".gitignore"]
        api.delete_file(".gitignore", REPO)
        push(artifact, REPO, endpoint=hub.url)


def test_nobody_there_is_said_at_once(artifact: Path, cache: Path) -> None:
    with pytest.raises(HubUnreachable, match=r"No answer from http://127\.0\.0\.1:9"):
        push(artifact, REPO, endpoint="http://127.0.0.1:9")
