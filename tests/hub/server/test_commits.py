"""Commits and uploads to the embedded hub, through the unmodified huggingface_hub client."""

import hashlib
import http.client
import json
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationDelete,
    HfApi,
    hf_hub_download,
)
from huggingface_hub.errors import (
    EntryNotFoundError,
    HfHubHTTPError,
    RevisionNotFoundError,
)

from tests.hub.server.asking import CARD, LARGE, head, raw, status
from zoo.hub.server import EmbeddedHub


class TestCommits:
    def test_keep_what_was(self, api: HfApi, repo: str, cache: Path) -> None:
        first = head(api, repo)
        api.upload_file(repo_id=repo, path_in_repo="README.md", path_or_fileobj=b"# Bye\n")
        assert head(api, repo) != first
        for revision, text in ((first, CARD), ("main", "# Bye\n"), (head(api, repo), "# Bye\n")):
            path = hf_hub_download(repo, "README.md", revision=revision, endpoint=api.endpoint)
            assert Path(path).read_text() == text
        titles = [commit.title for commit in api.list_repo_commits(repo)]
        assert titles == ["Upload README.md with huggingface_hub", "First", "initial commit"]

    def test_on_an_outdated_parent_are_refused(self, api: HfApi, repo: str) -> None:
        first = head(api, repo)
        api.upload_file(repo_id=repo, path_in_repo="a", path_or_fileobj=b"1", parent_commit=first)
        second = head(api, repo)
        with pytest.raises(HfHubHTTPError) as failure:
            api.upload_file(
                repo_id=repo, path_in_repo="a", path_or_fileobj=b"2", parent_commit=first
            )
        assert status(failure) == 412
        assert head(api, repo) == second

    def test_delete(self, api: HfApi, repo: str) -> None:
        api.create_commit(
            repo,
            [CommitOperationDelete("README.md"), CommitOperationDelete("deep/")],
            commit_message="Less",
        )
        assert api.list_repo_files(repo) == ["model.safetensors"]
        with pytest.raises(EntryNotFoundError):
            api.delete_file("README.md", repo)

    def test_of_the_same_content_are_not_made(
        self, api: HfApi, repo: str, hub: EmbeddedHub
    ) -> None:
        before = head(api, repo)
        hub.log.clear()
        api.upload_file(repo_id=repo, path_in_repo="model.safetensors", path_or_fileobj=LARGE)
        assert head(api, repo) == before
        assert "PUT" not in {r.method for r in hub.log}

    def test_of_many_files_are_one(self, api: HfApi) -> None:
        api.create_repo("me/x")
        before = head(api, "me/x")
        files = [CommitOperationAdd(f"f{i}.txt", str(i).encode()) for i in range(300)]
        api.create_commit("me/x", files, commit_message="Many", parent_commit=before)
        assert len(api.list_repo_files("me/x")) == 300
        assert len(api.list_repo_commits("me/x")) == 2

    @pytest.mark.parametrize("path", ["../x", "a/../../x", "a//b", ".git/config", "a\\b", "a\0b"])
    def test_with_a_path_outside_are_refused(
        self, api: HfApi, repo: str, hub: EmbeddedHub, path: str
    ) -> None:
        lines = [
            {"key": "header", "value": {"summary": "x"}},
            {"key": "file", "value": {"path": path, "content": ""}},
        ]
        connection = http.client.HTTPConnection(urlsplit(hub.url).netloc, timeout=10)
        body = "\n".join(json.dumps(line) for line in lines)
        connection.request("POST", f"/api/models/{repo}/commit/main", body)
        assert connection.getresponse().status == 400
        connection.close()
        assert len(api.list_repo_commits(repo)) == 2

    def test_cannot_make_a_file_a_folder(self, api: HfApi, repo: str) -> None:
        with pytest.raises(HfHubHTTPError, match="is a file"):
            api.upload_file(repo_id=repo, path_in_repo="README.md/x", path_or_fileobj=b"1")

    def test_from_many_threads_all_arrive(self, api: HfApi, repo: str) -> None:
        def add(number: int) -> str:
            return api.upload_file(
                repo_id=repo, path_in_repo=f"{number}.txt", path_or_fileobj=str(number).encode()
            ).oid

        with ThreadPoolExecutor(8) as pool:
            commits = set(pool.map(add, range(16)))
        assert len(commits) == 16
        assert {f"{number}.txt" for number in range(16)} < set(api.list_repo_files(repo))
        assert {c.commit_id for c in api.list_repo_commits(repo)} > commits

    def test_from_one_parent_only_one_wins(self, api: HfApi, repo: str) -> None:
        parent = head(api, repo)

        def add(number: int) -> bool:
            try:
                api.upload_file(
                    repo_id=repo,
                    path_in_repo="same.txt",
                    path_or_fileobj=str(number).encode(),
                    parent_commit=parent,
                )
            except HfHubHTTPError as err:
                return err.response.status_code != 412
            return True

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(add, range(8))) == 1

    def test_on_a_branch_leave_main_alone(self, api: HfApi, repo: str) -> None:
        before = head(api, repo)
        api.create_branch(repo, branch="try/out")
        api.upload_file(repo_id=repo, path_in_repo="a", path_or_fileobj=b"1", revision="try/out")
        assert head(api, repo) == before
        assert head(api, repo, "try/out") != before
        assert {b.name for b in api.list_repo_refs(repo).branches} == {"main", "try/out"}
        api.delete_branch(repo, branch="try/out")
        with pytest.raises(RevisionNotFoundError):
            api.model_info(repo, revision="try/out")

    def test_are_tagged(self, api: HfApi, repo: str, cache: Path) -> None:
        first = head(api, repo)
        api.create_tag(repo, tag="v1")
        api.upload_file(repo_id=repo, path_in_repo="README.md", path_or_fileobj=b"later")
        path = hf_hub_download(repo, "README.md", revision="v1", endpoint=api.endpoint)
        assert Path(path).read_text() == CARD
        assert [(t.name, t.target_commit) for t in api.list_repo_refs(repo).tags] == [("v1", first)]
        with pytest.raises(HfHubHTTPError) as failure:
            api.create_tag(repo, tag="v1")
        assert status(failure) == 409
        api.delete_tag(repo, tag="v1")
        with pytest.raises(RevisionNotFoundError):
            api.model_info(repo, revision="v1")

    def test_with_a_card_of_bad_yaml_are_refused(self, api: HfApi, repo: str) -> None:
        with pytest.raises(ValueError, match=r"Invalid metadata in README\.md"):
            api.upload_file(
                repo_id=repo, path_in_repo="README.md", path_or_fileobj=b"---\na: [\n---\n"
            )


class TestUploads:
    def start(self, hub: EmbeddedHub, api: HfApi, content: bytes) -> str:
        """Agree on an upload; returns where to put it."""
        api.create_repo("me/x", exist_ok=True)
        connection = http.client.HTTPConnection(urlsplit(hub.url).netloc, timeout=10)
        wanted = {"oid": hashlib.sha256(content).hexdigest(), "size": len(content)}
        body = json.dumps({"operation": "upload", "objects": [wanted]})
        connection.request("POST", "/me/x.git/info/lfs/objects/batch", body)
        answer = json.loads(connection.getresponse().read())
        connection.close()
        href: str = answer["objects"][0]["actions"]["upload"]["href"]
        return href.removeprefix(hub.url)

    def put(self, hub: EmbeddedHub, path: str, content: bytes) -> int:
        connection = http.client.HTTPConnection(urlsplit(hub.url).netloc, timeout=10)
        connection.request("PUT", path, content)
        code = connection.getresponse().status
        connection.close()
        return code

    def blobs(self, tmp_path: Path) -> list[str]:
        return [p.name for p in (tmp_path / "hub/me/x/.zoo-hub/blobs").iterdir()]

    def test_of_other_bytes_than_agreed_are_refused(
        self, hub: EmbeddedHub, api: HfApi, tmp_path: Path
    ) -> None:
        path = self.start(hub, api, b"agreed")
        assert self.put(hub, path, b"not so") == 400
        assert self.put(hub, path, b"much more than agreed") == 400
        assert self.put(hub, path.replace("size=6", "size=7"), b"agreed!") == 403
        assert self.blobs(tmp_path) == []
        assert self.put(hub, path, b"agreed") == 200
        assert self.blobs(tmp_path) == [hashlib.sha256(b"agreed").hexdigest()]

    def test_that_stop_halfway_leave_nothing(
        self, hub: EmbeddedHub, api: HfApi, tmp_path: Path
    ) -> None:
        path = self.start(hub, api, LARGE)
        with socket.create_connection(urlsplit(hub.url).netloc.split(":")) as connection:
            start = f"PUT {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(LARGE)}\r\n\r\n"
            connection.sendall(start.encode() + LARGE[:100_000])
            self.wait_until(lambda: self.blobs(tmp_path) != [])
        self.wait_until(lambda: self.blobs(tmp_path) == [])

    def wait_until(self, true: Callable[[], bool]) -> None:
        for _ in range(500):
            if true():
                return
            threading.Event().wait(0.02)
        pytest.fail("nothing happened for ten seconds")

    def test_in_chunks_of_unknown_length_arrive(self, hub: EmbeddedHub, api: HfApi) -> None:
        path = self.start(hub, api, b"in two pieces")
        connection = http.client.HTTPConnection(urlsplit(hub.url).netloc, timeout=10)
        connection.request("PUT", path, iter([b"in two ", b"pieces"]), encode_chunked=True)
        assert connection.getresponse().status == 200
        connection.close()

    def test_by_xet_are_told_what_to_set(self, hub: EmbeddedHub, repo: str) -> None:
        code, body, _ = raw(hub, "GET", f"/api/models/{repo}/xet-write-token/main")
        assert code == 404
        assert "HF_HUB_DISABLE_XET=1" in json.loads(body)["error"]
