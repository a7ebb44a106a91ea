"""What the embedded hub makes of a directory, and how it starts and stops."""

import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from huggingface_hub import (
    HfApi,
    hf_hub_download,
    snapshot_download,
)
from huggingface_hub.errors import (
    HfHubHTTPError,
    RevisionNotFoundError,
)

from tests.hub.server.asking import LARGE, head, raw, status
from zoo.errors import BadSetting, DataNotFound, OutputExists
from zoo.hub.server import EmbeddedHub


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
