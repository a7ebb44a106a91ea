"""Pull requests on the embedded hub, through the unmodified huggingface_hub client."""

from pathlib import Path

import pytest
from huggingface_hub import CommitInfo, CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import HfHubHTTPError, RevisionNotFoundError

from tests.hub.server.asking import LARGE, head, status
from zoo.hub.server import Access, EmbeddedHub


def propose(api: HfApi, repo: str, name: str, content: bytes, **options: object) -> CommitInfo:
    return api.create_commit(
        repo,
        [CommitOperationAdd(name, content)],
        commit_message=f"Add {name}",
        create_pr=True,
        **options,
    )


def statuses(api: HfApi, repo: str, **options: object) -> dict[int, str]:
    return {each.num: each.status for each in api.get_repo_discussions(repo, **options)}


def test_they_wait_beside_the_branch(api: HfApi, repo: str) -> None:
    before = head(api, repo)
    made = propose(api, repo, "a.txt", b"1")
    assert (made.pr_num, made.pr_revision) == (1, "refs/pr/1")
    assert head(api, repo) == before
    assert "a.txt" in api.list_repo_files(repo, revision="refs/pr/1")
    assert "a.txt" not in api.list_repo_files(repo)
    [there] = api.list_repo_refs(repo, include_pull_requests=True).pull_requests
    assert (there.ref, there.target_commit) == ("refs/pr/1", made.oid)
    [listed] = api.get_repo_discussions(repo)
    assert (listed.title, listed.status, listed.is_pull_request) == ("Add a.txt", "open", True)
    assert listed.url == made.pr_url


def test_large_files_come_along(api: HfApi, repo: str, tmp_path: Path) -> None:
    content = LARGE + b"another"
    propose(api, repo, "other.safetensors", content)
    copy = api.hf_hub_download(repo, "other.safetensors", revision="refs/pr/1", cache_dir=tmp_path)
    assert Path(copy).read_bytes() == content


def test_they_are_merged_once(api: HfApi, repo: str) -> None:
    propose(api, repo, "a.txt", b"1")
    api.upload_file(repo_id=repo, path_in_repo="b.txt", path_or_fileobj=b"2")
    api.upload_file(repo_id=repo, path_in_repo="c.txt", path_or_fileobj=b"3", revision="refs/pr/1")
    api.merge_pull_request(repo, 1)
    assert {"a.txt", "b.txt", "c.txt"} <= set(api.list_repo_files(repo))
    assert api.list_repo_commits(repo)[0].title == "Add a.txt (#1)"
    assert statuses(api, repo) == {1: "merged"}
    with pytest.raises(HfHubHTTPError) as failure:
        api.merge_pull_request(repo, 1)
    assert status(failure) == 409


def test_they_delete_as_well(api: HfApi, repo: str) -> None:
    api.create_commit(
        repo, [CommitOperationDelete("README.md")], commit_message="Less", create_pr=True
    )
    assert "README.md" in api.list_repo_files(repo)
    api.merge_pull_request(repo, 1)
    assert "README.md" not in api.list_repo_files(repo)


def test_what_the_branch_changed_too_is_not_overwritten(api: HfApi, repo: str) -> None:
    propose(api, repo, "README.md", b"# Theirs\n")
    propose(api, repo, "a.txt", b"1", parent_commit=head(api, repo))
    api.upload_file(repo_id=repo, path_in_repo="README.md", path_or_fileobj=b"# Ours\n")
    before = head(api, repo)
    with pytest.raises(HfHubHTTPError, match=r"The branch changed README\.md as well") as failure:
        api.merge_pull_request(repo, 1)
    assert status(failure) == 409
    assert head(api, repo) == before
    api.merge_pull_request(repo, 2)
    assert statuses(api, repo) == {1: "open", 2: "merged"}


def test_they_are_closed_and_opened_again(api: HfApi, repo: str) -> None:
    propose(api, repo, "a.txt", b"1")
    assert api.change_discussion_status(repo, 1, "closed").new_status == "closed"
    assert statuses(api, repo, discussion_status="open") == {}
    with pytest.raises(HfHubHTTPError):
        api.merge_pull_request(repo, 1)
    api.change_discussion_status(repo, 1, "open")
    api.merge_pull_request(repo, 1)
    assert statuses(api, repo, discussion_status="closed") == {1: "merged"}
    with pytest.raises(HfHubHTTPError):
        api.change_discussion_status(repo, 1, "closed")


def test_they_need_a_branch_and_are_found_by_number(api: HfApi, repo: str) -> None:
    with pytest.raises(RevisionNotFoundError):
        propose(api, repo, "a.txt", b"1", revision="none")
    with pytest.raises(HfHubHTTPError) as failure:
        api.merge_pull_request(repo, 7)
    assert status(failure) == 404
    with pytest.raises(HfHubHTTPError):
        api.comment_discussion(repo, 1, "Nice.")
    assert list(api.get_repo_discussions(repo)) == []


def test_only_those_who_may_write_merge(tmp_path: Path) -> None:
    tokens = {f"hf_{name}": Access(user=name, namespaces=(name,)) for name in ("me", "ann")}
    with EmbeddedHub(tmp_path / "closed", tokens=tokens) as hub:
        mine, hers = (HfApi(endpoint=hub.url, token=f"hf_{name}") for name in ("me", "ann"))
        mine.create_repo("me/x")
        propose(hers, "me/x", "a.txt", b"1")
        with pytest.raises(HfHubHTTPError) as failure:
            hers.merge_pull_request("me/x", 1)
        assert status(failure) == 403
        mine.merge_pull_request("me/x", 1)
        assert [each.author for each in mine.get_repo_discussions("me/x", author="ann")] == ["ann"]
        assert mine.list_repo_commits("me/x")[0].authors == ["me"]
