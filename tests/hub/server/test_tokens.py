"""Errors and rights, as the unmodified huggingface_hub client understands them."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from huggingface_hub import (
    HfApi,
    hf_hub_download,
)
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from tests.hub.server.asking import raw, status
from zoo.hub.server import Access, EmbeddedHub


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
