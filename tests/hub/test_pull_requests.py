"""Push as a pull request: the branch stays, there is one of it, and stock clients see it."""

from pathlib import Path

import pytest
from huggingface_hub import HfApi, constants

import zoo
from tests.cli.commands import zoo as run
from tests.hub.faulty import FaultyHub
from zoo.errors import AccessDenied, BadSetting, HubUnreachable, RepoNotFound
from zoo.hub.push import push
from zoo.hub.server import Access, EmbeddedHub

REPO = "me/flowers"


@pytest.fixture
def hub(tmp_path: Path, cache: Path) -> FaultyHub:
    with FaultyHub(tmp_path / "hub") as running:
        yield running


@pytest.fixture
def there(hub: FaultyHub, artifact: Path) -> str:
    return push(artifact, REPO, endpoint=hub.url).commit


def refs(api: HfApi) -> dict[str, str]:
    found = api.list_repo_refs(REPO, include_pull_requests=True).pull_requests
    return {each.ref: each.target_commit for each in found}


@pytest.mark.parametrize("xet_off", [True, False])
def test_the_branch_stays_and_the_proposal_is_whole(
    hub: FaultyHub,
    api: HfApi,
    there: str,
    other: Path,
    monkeypatch: pytest.MonkeyPatch,
    xet_off: bool,
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", xet_off)
    done = push(other, REPO, create_pr=True, endpoint=hub.url)
    assert done.pull_request == f"{hub.url}/{REPO}/discussions/1"
    assert api.model_info(REPO).sha == there
    assert refs(api) == {"refs/pr/1": done.commit}
    proposed = zoo.pull(REPO, revision="refs/pr/1", endpoint=hub.url)
    assert proposed.adapter.spec.name == "linear-probe"
    assert zoo.pull(REPO, endpoint=hub.url).adapter.spec.name == "lora"


def test_the_same_again_is_the_one_that_waits(
    hub: FaultyHub, api: HfApi, there: str, artifact: Path, other: Path
) -> None:
    first = push(other, REPO, create_pr=True, endpoint=hub.url)
    again = push(other, REPO, create_pr=True, endpoint=hub.url)
    assert (again.commit, again.pull_request) == (first.commit, first.pull_request)
    assert (again.changed, again.deleted, again.sent) == ((), (), 0)
    assert list(refs(api)) == ["refs/pr/1"]
    api.change_discussion_status(REPO, 1, "closed")
    assert push(other, REPO, create_pr=True, endpoint=hub.url).pull_request.endswith("/2")
    hub.fail("discussions", 404, method="GET", times=9)  # not every hub tells
    assert push(other, REPO, create_pr=True, endpoint=hub.url).pull_request.endswith("/3")


def test_a_lost_reply_makes_no_second_one(
    hub: FaultyHub, api: HfApi, there: str, other: Path
) -> None:
    hub.lose_reply("commit")
    done = push(other, REPO, create_pr=True, endpoint=hub.url)
    assert refs(api) == {"refs/pr/1": done.commit}
    assert done.pull_request == f"{hub.url}/{REPO}/discussions/1"


def test_a_lost_request_is_sent_again(hub: FaultyHub, api: HfApi, there: str, other: Path) -> None:
    hub.fail("commit", 503)
    push(other, REPO, create_pr=True, endpoint=hub.url)
    assert len(refs(api)) == 1
    api.change_discussion_status(REPO, 1, "closed")
    hub.mend()
    hub.fail("commit", 503, times=99)
    with pytest.raises(HubUnreachable):
        push(other, REPO, create_pr=True, endpoint=hub.url)
    assert len(refs(api)) == 1


def test_what_is_there_needs_none(hub: FaultyHub, api: HfApi, there: str, artifact: Path) -> None:
    done = push(artifact, REPO, create_pr=True, endpoint=hub.url)
    assert (done.pull_request, done.commit, refs(api)) == (None, there, {})


def test_there_must_be_something_to_open_it_on(hub: FaultyHub, api: HfApi, other: Path) -> None:
    with pytest.raises(RepoNotFound, match="There is no me/flowers with a branch main"):
        push(other, REPO, create_pr=True, endpoint=hub.url)
    assert not api.repo_exists(REPO)
    with pytest.raises(BadSetting, match="A pull request has no tag"):
        push(other, REPO, create_pr=True, tag="v1", endpoint=hub.url)


def test_a_token_that_only_reads_opens_none(
    tmp_path: Path, cache: Path, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_reads")
    with (
        EmbeddedHub(tmp_path / "closed", tokens={"hf_reads": "read"}) as closed,
        pytest.raises(AccessDenied, match="can only read"),
    ):
        push(other, REPO, create_pr=True, endpoint=closed.url)


def test_nobody_needs_a_right_to_the_repo(
    tmp_path: Path, cache: Path, artifact: Path, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = {f"hf_{name}": Access(user=name, namespaces=(name,)) for name in ("me", "ann")}
    with EmbeddedHub(tmp_path / "closed", tokens=tokens) as closed:
        monkeypatch.setenv("HF_TOKEN", "hf_me")
        first = push(artifact, REPO, endpoint=closed.url)
        monkeypatch.setenv("HF_TOKEN", "hf_ann")
        with pytest.raises(AccessDenied, match="me is not one of the token's namespaces"):
            push(other, REPO, endpoint=closed.url)
        done = push(other, REPO, create_pr=True, endpoint=closed.url)
        api = HfApi(endpoint=closed.url, token="hf_ann")
        assert refs(api) == {"refs/pr/1": done.commit}
        assert api.list_repo_commits(REPO, revision="refs/pr/1")[0].authors == ["ann"]
        assert api.model_info(REPO).sha == first.commit
        monkeypatch.delenv("HF_TOKEN")
        with pytest.raises(AccessDenied, match="needs a token, and none was found"):
            push(other, REPO, create_pr=True, endpoint=closed.url)


def test_it_starts_where_the_branch_was_looked_at(
    hub: FaultyHub, api: HfApi, there: str, other: Path
) -> None:
    def somebody_commits() -> None:
        api.upload_file(repo_id=REPO, path_in_repo="notes.txt", path_or_fileobj=b"theirs")

    hub.before("commit", somebody_commits)
    push(other, REPO, create_pr=True, endpoint=hub.url)
    history = api.list_repo_commits(REPO, revision="refs/pr/1")
    assert history[1].commit_id == there
    assert "notes.txt" in api.list_repo_files(REPO)


def test_one_can_be_built_upon(hub: FaultyHub, api: HfApi, there: str, other: Path) -> None:
    done = push(other, REPO, create_pr=True, endpoint=hub.url)
    api.upload_file(
        repo_id=REPO, path_in_repo="notes.txt", path_or_fileobj=b"x", revision="refs/pr/1"
    )
    titles = [each.title for each in api.list_repo_commits(REPO, revision="refs/pr/1")]
    assert len(titles) == 4
    assert refs(api)["refs/pr/1"] != done.commit
    assert api.model_info(REPO).sha == there


def test_the_command(
    hub: FaultyHub, there: str, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", hub.url)
    ended = run("push", other, REPO, "--create-pr")
    assert ended.code == 0, ended.err
    assert f"It waits to be merged: {hub.url}/{REPO}/discussions/1" in ended.err
    ended = run("push", other, REPO, "--create-pr")
    assert "Pushed nothing: it is proposed already." in ended.err
