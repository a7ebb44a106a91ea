"""The embedded hub, driven by the unmodified huggingface_hub client over loopback."""

import hashlib
import http.client
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationDelete,
    HfApi,
    constants,
    hf_hub_download,
    snapshot_download,
)
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from tests.hub.cutting import CuttingProxy
from zoo.errors import BadSetting, DataNotFound, OutputExists
from zoo.hub.server import Access, EmbeddedHub

LARGE = bytes(range(256)) * 1_000  # of a kind that takes the LFS route
CARD = "---\nlicense: mit\nlibrary_name: zoo\ntags: [flowers]\nbase_model: a/b\n---\n# Hello\n"


@pytest.fixture(autouse=True)
def stock_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """As HF_HUB_DISABLE_XET=1 before the client is imported."""
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)


@pytest.fixture
def repo(api: HfApi) -> str:
    """A repo with a small and a large file and a card."""
    api.create_repo("me/flowers")
    api.create_commit(
        "me/flowers",
        [
            CommitOperationAdd("README.md", CARD.encode()),
            CommitOperationAdd("deep/er/config.json", b'{"a": 1}'),
            CommitOperationAdd("model.safetensors", LARGE),
        ],
        commit_message="First",
    )
    return "me/flowers"


def head(api: HfApi, repo: str, revision: str = "main") -> str:
    sha = api.model_info(repo, revision=revision).sha
    assert sha is not None
    return sha


def status(failure: pytest.ExceptionInfo[HfHubHTTPError]) -> int:
    return failure.value.response.status_code


def raw(hub: EmbeddedHub, method: str, path: str, **headers: str) -> tuple[int, bytes, dict]:
    """A request that the client library would not send."""
    connection = http.client.HTTPConnection(urlsplit(hub.url).netloc, timeout=10)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    result = answer.status, answer.read(), dict(answer.getheaders())
    connection.close()
    return result


class TestRepos:
    def test_are_made_once(self, api: HfApi) -> None:
        assert str(api.create_repo("me/new")).endswith("/me/new")
        with pytest.raises(HfHubHTTPError) as failure:
            api.create_repo("me/new")
        assert status(failure) == 409
        assert api.create_repo("me/new", exist_ok=True).repo_id == "me/new"

    def test_without_an_owner_belong_to_the_user(self, api: HfApi) -> None:
        assert api.create_repo("mine").repo_id == f"{api.whoami('any token')['name']}/mine"

    def test_are_deleted_with_all_they_hold(
        self, api: HfApi, repo: str, hub: EmbeddedHub, tmp_path: Path
    ) -> None:
        api.delete_repo(repo)
        assert not api.repo_exists(repo)
        assert not list((tmp_path / "hub").rglob("blobs"))
        api.create_repo(repo)
        assert api.list_repo_files(repo) == []

    @pytest.mark.parametrize("name", ["a/b/c", "../x", "me/..", "me/a--b", "me/x.git"])
    def test_have_names_the_hub_would_take(self, hub: EmbeddedHub, name: str) -> None:
        connection = http.client.HTTPConnection(urlsplit(hub.url).netloc, timeout=10)
        owner, _, rest = name.partition("/")
        body = json.dumps({"organization": owner, "name": rest})
        connection.request("POST", "/api/repos/create", body)
        assert connection.getresponse().status == 400
        connection.close()

    def test_only_models_are_kept(self, api: HfApi) -> None:
        with pytest.raises(HfHubHTTPError, match="models only"):
            api.create_repo("me/data", repo_type="dataset")

    def test_are_listed_and_searched(self, api: HfApi, repo: str) -> None:
        api.create_repo("you/trees")
        assert {m.id for m in api.list_models()} == {"me/flowers", "you/trees"}
        assert [m.id for m in api.list_models(search="FLOW")] == ["me/flowers"]
        assert [m.id for m in api.list_models(author="you")] == ["you/trees"]
        assert [m.id for m in api.list_models(filter=["flowers", "license:mit"])] == ["me/flowers"]
        assert len(list(api.list_models(limit=1))) == 1

    def test_show_what_their_card_says(self, api: HfApi, repo: str) -> None:
        info = api.model_info(repo)
        assert info.card_data is not None
        assert info.card_data.license == "mit"
        assert info.library_name == "zoo"
        assert set(info.tags or []) >= {"flowers", "license:mit", "base_model:a/b"}


class TestFiles:
    def test_take_both_routes(self, api: HfApi, repo: str, hub: EmbeddedHub) -> None:
        tree = {f.path: f for f in api.list_repo_tree(repo, recursive=True) if hasattr(f, "size")}
        small, large = tree["deep/er/config.json"], tree["model.safetensors"]
        assert small.lfs is None
        assert small.blob_id == hashlib.sha1(b'blob 8\0{"a": 1}').hexdigest()
        assert large.lfs.sha256 == hashlib.sha256(LARGE).hexdigest()
        assert large.size == len(LARGE)
        sent = [(r.method, r.bytes_in) for r in hub.log if r.method == "PUT"]
        assert sent == [("PUT", len(LARGE))]

    def test_of_ten_megabytes_go_inline_and_larger_ones_do_not(self, api: HfApi) -> None:
        api.create_repo("me/x")
        limit = 10 * 1024 * 1024
        for name, content in (("at.txt", b"a" * limit), ("over.txt", b"a" * (limit + 1))):
            api.upload_file(repo_id="me/x", path_in_repo=name, path_or_fileobj=content)
        at, over = api.get_paths_info("me/x", ["at.txt", "over.txt"])
        assert (at.lfs, over.lfs.size) == (None, limit + 1)

    def test_may_be_empty(self, api: HfApi, cache: Path) -> None:
        api.create_repo("me/x")
        api.upload_file(repo_id="me/x", path_in_repo="empty.safetensors", path_or_fileobj=b"")
        path = hf_hub_download("me/x", "empty.safetensors", endpoint=api.endpoint)
        assert Path(path).read_bytes() == b""

    def test_are_asked_for_by_path(self, api: HfApi, repo: str) -> None:
        found = api.get_paths_info(repo, ["README.md", "deep", "none.txt"])
        assert [f.path for f in found] == ["README.md", "deep"]
        assert [f.path for f in api.list_repo_tree(repo, "deep")] == ["deep/er"]
        with pytest.raises(EntryNotFoundError):
            list(api.list_repo_tree(repo, "nowhere"))

    def test_come_back_as_they_went(self, api: HfApi, repo: str, cache: Path) -> None:
        folder = Path(snapshot_download(repo, endpoint=api.endpoint, token=False))
        assert (folder / "model.safetensors").read_bytes() == LARGE
        assert (folder / "deep/er/config.json").read_bytes() == b'{"a": 1}'

    def test_are_named_in_the_cache_by_their_digest(
        self, api: HfApi, repo: str, cache: Path
    ) -> None:
        path = Path(hf_hub_download(repo, "model.safetensors", endpoint=api.endpoint, token=False))
        assert path.resolve().name == hashlib.sha256(LARGE).hexdigest()
        assert path.parent.name == head(api, repo)

    def test_are_sent_in_parts(self, api: HfApi, repo: str, hub: EmbeddedHub) -> None:
        path = f"/{repo}/resolve/main/model.safetensors"
        for asked, expected in (
            ("bytes=10-19", LARGE[10:20]),
            (f"bytes={len(LARGE) - 5}-", LARGE[-5:]),
            ("bytes=-3", LARGE[-3:]),
            (f"bytes=0-{2 * len(LARGE)}", LARGE),
        ):
            code, body, headers = raw(hub, "GET", path, Range=asked)
            assert body == expected
            assert headers["Content-Length"] == str(len(expected))
            assert code == (206 if len(expected) < len(LARGE) else 200)
        code, body, headers = raw(hub, "GET", path, Range=f"bytes={len(LARGE)}-")
        assert (code, body, headers["Content-Range"]) == (416, b"", f"bytes */{len(LARGE)}")

    def test_say_what_they_are_before_they_come(
        self, api: HfApi, repo: str, hub: EmbeddedHub
    ) -> None:
        code, body, headers = raw(hub, "HEAD", f"/{repo}/resolve/main/model.safetensors")
        digest = f'"{hashlib.sha256(LARGE).hexdigest()}"'
        assert (code, body, headers["Content-Length"]) == (200, b"", str(len(LARGE)))
        assert headers["X-Linked-Size"] == str(len(LARGE))
        assert headers["ETag"] == headers["X-Linked-ETag"] == digest
        assert headers["X-Repo-Commit"] == head(api, repo)

    @pytest.mark.parametrize(
        "path",
        [
            "/me/flowers/resolve/main/..%2F..%2F.zoo-hub",
            "/me/flowers/resolve/main/../../../.zoo-hub",
            "/me/flowers/resolve/main/.zoo-hub/repo.json",
            "/me/flowers/resolve/..%2Fheads%2Fmain/README.md",
            "/me/..%2F..%2Fetc/resolve/main/passwd",
            "/api/models/me/flowers/revision/..%2f..%2frepo.json",
            "/%2e%2e/%2e%2e/resolve/main/etc/passwd",
        ],
    )
    def test_outside_a_repo_are_out_of_reach(self, repo: str, hub: EmbeddedHub, path: str) -> None:
        assert raw(hub, "GET", path)[0] == 404


class TestDownloads:
    def test_resume_where_they_broke_off(self, hub: EmbeddedHub, api: HfApi, cache: Path) -> None:
        content = LARGE * 50  # 13 MB; the client resumes in pieces of 10
        api.create_repo("me/x")
        api.upload_file(repo_id="me/x", path_in_repo="m.bin", path_or_fileobj=content)
        with CuttingProxy(hub.url, after=11 * 1024 * 1024) as line:
            path = hf_hub_download("me/x", "m.bin", endpoint=line.url, token=False)
        assert line.has_cut
        assert Path(path).read_bytes() == content
        resumed = [r for r in hub.log if r.status == 206]
        assert len(resumed) == 1
        assert 0 < resumed[0].bytes_out < len(content)


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
        for _ in range(100):
            if not self.blobs(tmp_path):
                break
            threading.Event().wait(0.02)
        assert self.blobs(tmp_path) == []

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


class TestErrors:
    def test_are_those_the_client_knows(self, api: HfApi, repo: str, cache: Path) -> None:
        with pytest.raises(RepositoryNotFoundError):
            api.model_info("me/none")
        with pytest.raises(RevisionNotFoundError):
            api.model_info(repo, revision="v9")
        with pytest.raises(EntryNotFoundError):
            hf_hub_download(repo, "none.txt", endpoint=api.endpoint, token=False)
        with pytest.raises(RevisionNotFoundError):
            api.upload_file(repo_id=repo, path_in_repo="a", path_or_fileobj=b"1", revision="v9")

    @pytest.mark.parametrize(
        ("method", "path"),
        [("GET", "/none"), ("POST", "/api/models/me/flowers/nonsense"), ("DELETE", "/a/b/c/d/e")],
    )
    def test_of_unknown_pages_are_plain(
        self, repo: str, hub: EmbeddedHub, method: str, path: str
    ) -> None:
        code, body, headers = raw(hub, method, path)
        assert code == 404
        assert json.loads(body)["error"] == headers["X-Error-Message"]

    def test_of_bad_requests_do_not_end_the_hub(self, hub: EmbeddedHub, api: HfApi) -> None:
        for sent in (
            b"POST /api/repos/create HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
            b"POST /api/repos/create HTTP/1.1\r\nContent-Length: x\r\n\r\n",
            b"POST /api/repos/create HTTP/1.1\r\nContent-Length: 2\r\n\r\n[]",
            b"nonsense\r\n\r\n",
        ):
            with socket.create_connection(urlsplit(hub.url).netloc.split(":")) as connection:
                connection.sendall(sent)
                assert b"400" in connection.recv(1000)
        assert list(api.list_models()) == []


class TestTokens:
    @pytest.fixture
    def guarded(self, tmp_path: Path, cache: Path) -> Iterator[EmbeddedHub]:
        tokens = {
            "hf_write": Access("write", user="ann", namespaces=("ann", "lab")),
            "hf_read": "read",
            "hf_scoped": Access("write", user="ann", namespaces=("ann",), repos=("ann/one",)),
        }
        with EmbeddedHub(tmp_path / "guarded", tokens=tokens) as hub:
            yield hub

    def test_say_whose_they_are(self, guarded: EmbeddedHub) -> None:
        who = HfApi(endpoint=guarded.url, token="hf_write").whoami()
        assert who["name"] == "ann"
        assert [org["name"] for org in who["orgs"]] == ["lab"]
        assert who["auth"]["accessToken"]["role"] == "write"

    def test_are_needed_to_write(self, guarded: EmbeddedHub) -> None:
        for token, repo, code in (
            (False, "ann/x", 401),
            ("hf_unknown", "ann/x", 401),
            ("hf_read", "ann/x", 403),
            ("hf_write", "bob/x", 403),
            ("hf_scoped", "ann/two", 403),
        ):
            with pytest.raises(HfHubHTTPError) as failure:
                HfApi(endpoint=guarded.url, token=token).create_repo(repo)
            assert status(failure) == code
        assert list(HfApi(endpoint=guarded.url, token="hf_write").list_models()) == []
        HfApi(endpoint=guarded.url, token="hf_scoped").create_repo("ann/one")

    def test_open_private_repos(self, guarded: EmbeddedHub, cache: Path) -> None:
        ann = HfApi(endpoint=guarded.url, token="hf_write")
        ann.create_repo("lab/secret", private=True)
        ann.upload_file(repo_id="lab/secret", path_in_repo="a", path_or_fileobj=b"1")
        assert ann.model_info("lab/secret").private
        stranger = HfApi(endpoint=guarded.url, token=False)
        with pytest.raises(RepositoryNotFoundError):
            stranger.model_info("lab/secret")
        assert list(stranger.list_models()) == []
        with pytest.raises(RepositoryNotFoundError):
            hf_hub_download("lab/secret", "a", endpoint=guarded.url, token=False)
        assert hf_hub_download("lab/secret", "a", endpoint=guarded.url, token="hf_write")
        ann.update_repo_settings("lab/secret", private=False)
        assert stranger.model_info("lab/secret").private is False

    def test_open_gated_repos(self, guarded: EmbeddedHub, cache: Path) -> None:
        ann = HfApi(endpoint=guarded.url, token="hf_write")
        ann.create_repo("ann/gated")
        ann.upload_file(repo_id="ann/gated", path_in_repo="a", path_or_fileobj=b"1")
        ann.update_repo_settings("ann/gated", gated="manual")
        assert HfApi(endpoint=guarded.url, token=False).model_info("ann/gated").gated == "manual"
        with pytest.raises(GatedRepoError):
            hf_hub_download("ann/gated", "a", endpoint=guarded.url, token=False)
        assert hf_hub_download("ann/gated", "a", endpoint=guarded.url, token="hf_write")


class TestPlainFolders:
    @pytest.fixture
    def mirror(self, tmp_path: Path) -> Path:
        folder = tmp_path / "mirror"
        (folder / "lab/net/sub").mkdir(parents=True)
        (folder / "lab/net/config.json").write_text("{}")
        (folder / "lab/net/sub/model.safetensors").write_bytes(LARGE)
        (folder / "lab/net/.hidden").write_text("no")
        (folder / "secret.txt").write_text("no")
        (folder / "lab/net/link.txt").symlink_to(folder / "secret.txt")
        return folder

    def test_are_repos_as_they_are(self, mirror: Path, cache: Path) -> None:
        before = sorted(mirror.rglob("*"))
        with EmbeddedHub(mirror) as hub:
            api = HfApi(endpoint=hub.url, token=False)
            assert not hub.writable
            assert [m.id for m in api.list_models()] == ["lab/net"]
            assert api.list_repo_files("lab/net") == ["config.json", "sub/model.safetensors"]
            path = hf_hub_download("lab/net", "sub/model.safetensors", endpoint=hub.url)
            assert Path(path).read_bytes() == LARGE
            assert len(api.list_repo_commits("lab/net")) == 1
        assert sorted(mirror.rglob("*")) == before

    def test_refuse_to_be_written_to(self, mirror: Path) -> None:
        with EmbeddedHub(mirror) as hub:
            api = HfApi(endpoint=hub.url, token=False)
            with pytest.raises(HfHubHTTPError, match="read-only") as failure:
                api.upload_file(repo_id="lab/net", path_in_repo="a", path_or_fileobj=b"1")
            assert status(failure) == 403
            with pytest.raises(HfHubHTTPError, match="read-only") as failure:
                api.create_repo("lab/new")
            assert status(failure) == 403
            with pytest.raises(HfHubHTTPError, match="read-only"):
                api.delete_repo("lab/net")
        assert not (mirror / "lab/new").exists()

    def test_have_a_commit_that_follows_from_their_content(self, mirror: Path) -> None:
        def commit() -> str:
            with EmbeddedHub(mirror) as hub:
                return head(HfApi(endpoint=hub.url, token=False), "lab/net")

        first = commit()
        assert commit() == first
        with EmbeddedHub(mirror) as hub:
            api = HfApi(endpoint=hub.url, token=False)
            assert head(api, "lab/net") == first
            (mirror / "lab/net/config.json").write_text('{"changed": 1}')
            changed = head(api, "lab/net")
            assert changed != first
            with pytest.raises(RevisionNotFoundError):
                api.model_info("lab/net", revision=first)
        (mirror / "lab/net/config.json").write_text("{}")
        assert commit() == first

    def test_stand_beside_a_directory_of_the_hubs_own(
        self, mirror: Path, tmp_path: Path, cache: Path
    ) -> None:
        with EmbeddedHub(tmp_path / "own", mirrors=[mirror]) as hub:
            api = HfApi(endpoint=hub.url, token=False)
            api.create_repo("me/x")
            assert {m.id for m in api.list_models()} == {"me/x", "lab/net"}
            with pytest.raises(HfHubHTTPError) as failure:
                api.create_repo("lab/net")
            assert status(failure) == 409
            assert hf_hub_download("lab/net", "config.json", endpoint=hub.url)

    @pytest.mark.realdata
    def test_of_real_weights_are_served_untouched(self, shared: Path, cache: Path) -> None:
        before = sorted(shared.joinpath("hub").rglob("*"))
        sums = dict(
            reversed(line.split(maxsplit=1))
            for line in (shared / "hub/SHA256SUMS").read_text().splitlines()
        )
        with EmbeddedHub(shared / "hub") as hub:
            api = HfApi(endpoint=hub.url, token=False)
            models = list(api.list_models(author="zoo-mirror"))
            assert len(models) == 6
            for model in models:
                files = {f.path: f for f in api.list_repo_tree(model.id)}
                listed = sums[next(n for n in sums if f"{model.id}/model.safetensors" in n)]
                assert files["model.safetensors"].lfs.sha256 == listed
            folder = snapshot_download("zoo-mirror/stories260k", endpoint=hub.url, token=False)
            assert (Path(folder) / "tokenizer.json").stat().st_size > 10_000
            with pytest.raises(HfHubHTTPError, match="read-only"):
                api.create_repo("zoo-mirror/new")
        assert sorted(shared.joinpath("hub").rglob("*")) == before


class TestRunning:
    def test_what_it_keeps_outlives_it(
        self, hub: EmbeddedHub, api: HfApi, repo: str, tmp_path: Path
    ) -> None:
        commit = head(api, repo)
        hub.close()
        with EmbeddedHub(tmp_path / "hub") as again:
            assert head(HfApi(endpoint=again.url, token=False), repo) == commit

    def test_another_process_reads_along(
        self, hub: EmbeddedHub, api: HfApi, repo: str, tmp_path: Path
    ) -> None:
        with EmbeddedHub(tmp_path / "hub") as reader:
            beside = HfApi(endpoint=reader.url, token=False)
            assert head(beside, repo) == head(api, repo)
            api.upload_file(repo_id=repo, path_in_repo="new.txt", path_or_fileobj=b"1")
            assert "new.txt" in beside.list_repo_files(repo)

    def test_closing_hangs_up(self, hub: EmbeddedHub, api: HfApi) -> None:
        assert list(api.list_models()) == []
        hub.close()
        with pytest.raises(Exception, match=r"refused|disconnected|reset|Errno"):
            raw(hub, "GET", "/api/models")

    def test_a_directory_with_other_things_in_it_is_left_alone(self, tmp_path: Path) -> None:
        home = tmp_path / "home"
        home.mkdir()
        (home / "letter.txt").write_text("dear")
        with EmbeddedHub(home) as hub, pytest.raises(HfHubHTTPError, match="read-only"):
            HfApi(endpoint=hub.url, token=False).create_repo("me/x")
        assert [p.name for p in home.iterdir()] == ["letter.txt"]

    def test_needs_a_directory_and_a_free_port(self, hub: EmbeddedHub, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(OutputExists, match="is a file; a hub needs a directory"):
            EmbeddedHub(tmp_path / "file")
        with pytest.raises(DataNotFound, match="is not a directory; a mirror is one"):
            EmbeddedHub(tmp_path / "new", mirrors=[tmp_path / "none"])
        with pytest.raises(BadSetting, match=r"Cannot listen on 127\.0\.0\.1:"):
            EmbeddedHub(tmp_path / "new", port=urlsplit(hub.url).port or 0)

    def test_tells_what_it_is_asked(self, tmp_path: Path) -> None:
        told = []
        with EmbeddedHub(tmp_path / "hub", on_request=told.append) as hub:
            assert raw(hub, "GET", "/")[1].startswith(b"A hub served by zoo.")
            assert [(r.method, r.path, r.status) for r in hub.log] == [("GET", "/", 200)]
        assert told == list(hub.log)

    def test_needs_no_torch(self) -> None:
        code = (
            "import sys, zoo.hub.server\n"
            "heavy = {'torch', 'timm', 'transformers', 'peft', 'datasets'} & set(sys.modules)\n"
            "sys.exit(f'imports {heavy}' if heavy else 0)"
        )
        subprocess.run([sys.executable, "-c", code], check=True)
