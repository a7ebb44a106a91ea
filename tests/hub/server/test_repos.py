"""Repos and files of the embedded hub, through the unmodified huggingface_hub client."""

import hashlib
import http.client
import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from huggingface_hub import (
    HfApi,
    hf_hub_download,
    snapshot_download,
)
from huggingface_hub.errors import (
    EntryNotFoundError,
    HfHubHTTPError,
)

from tests.hub.cutting import CuttingProxy
from tests.hub.server.asking import LARGE, head, raw, status
from zoo.hub.server import EmbeddedHub


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
