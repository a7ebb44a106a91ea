"""Pull: what was pushed, or nothing; no more of it than is needed."""

import errno
import io
import json
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from huggingface_hub import HfApi, constants
from PIL import Image

import zoo
from tests.artifact.conftest import Compose
from tests.hub.cutting import CuttingProxy
from zoo.errors import (
    BadSetting,
    CorruptFile,
    HubError,
    HubUnreachable,
    MissingPlugin,
    NotAnArtifact,
    OutputExists,
    RepoNotFound,
    UnsafeFile,
    WriteFailed,
)
from zoo.hub import download
from zoo.hub.fetch import fetch, remote_manifest
from zoo.hub.pull import pull
from zoo.hub.push import push
from zoo.hub.server import EmbeddedHub
from zoo.progress import Silent

REPO = "me/flowers"
DEAD = "http://127.0.0.1:9"


class Told(Silent):
    """Keeps the notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def pushed(hub: EmbeddedHub, artifact: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The commit of an artifact on the hub, with nothing of it in the cache."""
    commit = push(artifact, REPO, tag="v1", endpoint=hub.url).commit
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache.with_name("empty")))
    hub.log.clear()
    return commit


def flip(path: Path) -> None:
    """Change one byte of what a link leads to, and not the length."""
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.resolve().chmod(0o644)
    path.resolve().write_bytes(content)


def blob(tmp_path: Path, artifact: Path, name: str) -> Path:
    """Where the hub keeps a file of the artifact."""
    sha256 = json.loads((artifact / "zoo.json").read_text())["files"][name]["sha256"]
    return tmp_path / "hub" / REPO / ".zoo-hub/blobs" / sha256


def put(api: HfApi, name: str, content: bytes) -> None:
    """Commit a file with the stock client, which with hf_xet wants a file object."""
    api.upload_file(repo_id=REPO, path_in_repo=name, path_or_fileobj=io.BytesIO(content))


def replace_manifest(api: HfApi, artifact: Path, **changes: object) -> None:
    """Commit another manifest."""
    manifest = json.loads((artifact / "zoo.json").read_text()) | changes
    content = json.dumps(manifest).encode()
    put(api, "zoo.json", content)


class TestModel:
    def test_answers_as_the_one_that_was_pushed(
        self, hub: EmbeddedHub, compose: Compose, cache: Path
    ) -> None:
        model = compose()
        push(model, REPO, endpoint=hub.url)
        images = [Image.new("RGB", (20, 20), color) for color in ("red", "blue", "grey")]
        pulled = pull(REPO, endpoint=hub.url)
        assert torch.equal(
            pulled.logits(images)["classification"], model.logits(images)["classification"]
        )

    @pytest.mark.parametrize("revision", [None, "main", "v1"])
    def test_is_found_by_branch_tag_and_commit(
        self, hub: EmbeddedHub, pushed: str, revision: str | None
    ) -> None:
        assert fetch(REPO, revision, endpoint=hub.url).commit == pushed
        assert fetch(REPO, pushed, endpoint=hub.url).commit == pushed

    def test_of_an_older_commit_is_the_older_one(
        self, hub: EmbeddedHub, pushed: str, other: Path
    ) -> None:
        push(other, REPO, endpoint=hub.url)
        assert pull(REPO, revision="v1", endpoint=hub.url).adapter.spec.name == "lora"
        assert pull(REPO, endpoint=hub.url).adapter.spec.name == "linear-probe"

    def test_can_be_pushed_on(
        self, hub: EmbeddedHub, pushed: str, api: HfApi, tmp_path: Path
    ) -> None:
        manifest = remote_manifest(REPO, endpoint=hub.url)
        model = pull(REPO, folder=tmp_path / "copy", endpoint=hub.url)
        push(tmp_path / "copy", "you/copy", endpoint=hub.url)
        push(model, "you/model", endpoint=hub.url)
        for repo in ("you/copy", "you/model"):
            assert remote_manifest(repo, endpoint=hub.url) == manifest
            card = Path(api.hf_hub_download(repo, "README.md")).read_text()
            assert f'zoo.pull("{repo}")' in card


class TestTraffic:
    def test_is_the_listed_files_and_no_others(
        self, hub: EmbeddedHub, api: HfApi, pushed: str, artifact: Path
    ) -> None:
        put(api, "model.pkl", pickle.dumps("boo"))
        hub.log.clear()
        found = fetch(REPO, endpoint=hub.url)
        got = {r.path.rpartition("/")[2] for r in hub.log if r.method == "GET" and r.bytes_out}
        assert got == {"flowers", "zoo.json", *found.manifest.files}
        size = sum(p.stat().st_size for p in artifact.iterdir() if p.name != "README.md")
        assert sum(r.bytes_out for r in hub.log if "resolve" in r.path) == size

    def test_is_none_for_a_commit_that_is_here(self, hub: EmbeddedHub, pushed: str) -> None:
        pull(REPO, revision=pushed, endpoint=hub.url)
        hub.log.clear()
        pull(REPO, revision=pushed, endpoint=hub.url)
        assert list(hub.log) == []

    def test_is_one_question_for_a_branch_that_is_here(self, hub: EmbeddedHub, pushed: str) -> None:
        pull(REPO, endpoint=hub.url)
        hub.log.clear()
        pull(REPO, endpoint=hub.url)
        assert len(hub.log) == 1

    def test_is_what_is_missing_after_a_pull_that_broke_off(
        self, hub: EmbeddedHub, pushed: str
    ) -> None:
        found = fetch(REPO, endpoint=hub.url)
        (found.folder / "heads.safetensors").resolve().unlink()
        (found.folder / "heads.safetensors").unlink()
        hub.log.clear()
        fetch(REPO, endpoint=hub.url)
        assert [r.path.rpartition("/")[2] for r in hub.log if r.method == "GET"] == [
            "flowers",
            "heads.safetensors",
        ]

    def test_of_a_manifest_alone_is_the_manifest(
        self, hub: EmbeddedHub, pushed: str, artifact: Path
    ) -> None:
        assert remote_manifest(REPO, "v1", endpoint=hub.url).adapter.name == "lora"
        got = [r.path.rpartition("/")[2] for r in hub.log if r.method == "GET"]
        assert got == ["v1", "zoo.json"]

    def test_can_be_asked_for_again(self, hub: EmbeddedHub, pushed: str) -> None:
        fetch(REPO, pushed, endpoint=hub.url)
        hub.log.clear()
        fetch(REPO, pushed, force=True, endpoint=hub.url)
        assert len([r for r in hub.log if r.method == "GET" and "resolve" in r.path]) == 5


class TestCache:
    def test_may_share_a_file_among_repos(self, hub: EmbeddedHub, pushed: str) -> None:
        found = fetch(REPO, endpoint=hub.url)
        blob = (found.folder / "heads.safetensors").resolve()
        store = Path(constants.HF_HUB_CACHE) / "blobs/ab"  # as for files that come by Xet
        store.mkdir(parents=True)
        blob.rename(store / blob.name)
        blob.symlink_to(f"../../blobs/ab/{blob.name}")
        assert pull(REPO, endpoint=hub.url)

    def test_does_not_lead_outside(self, hub: EmbeddedHub, pushed: str, tmp_path: Path) -> None:
        found = fetch(REPO, endpoint=hub.url)
        link = found.folder / "heads.safetensors"
        outside = tmp_path / "outside"
        link.resolve().rename(outside)
        link.unlink()
        link.symlink_to(outside)
        with pytest.raises(UnsafeFile, match="is a symbolic link"):
            pull(REPO, endpoint=hub.url)


class TestDamage:
    @pytest.mark.parametrize("name", ["adapter_model.safetensors", "adapter_config.json"])
    def test_at_the_hub_is_refused_and_not_kept(
        self, hub: EmbeddedHub, pushed: str, artifact: Path, tmp_path: Path, name: str
    ) -> None:
        flip(blob(tmp_path, artifact, name))
        with pytest.raises(CorruptFile, match=rf"{name} of me/flowers at .* is not the file"):
            pull(REPO, endpoint=hub.url)
        assert not list(Path(constants.HF_HUB_CACHE).rglob(name))
        got = [r for r in hub.log if r.method == "GET" and r.path.endswith(name)]
        assert len(got) == 2
        flip(blob(tmp_path, artifact, name))
        assert pull(REPO, endpoint=hub.url)

    @pytest.mark.parametrize("name", ["zoo.json", "heads.safetensors", "probe.safetensors"])
    def test_in_the_cache_is_mended(self, hub: EmbeddedHub, pushed: str, name: str) -> None:
        found = fetch(REPO, endpoint=hub.url)
        flip(found.folder / name)
        if name == "zoo.json":
            (found.folder / name).resolve().write_bytes(b'{"format": 0')
        hub.log.clear()
        pull(REPO, endpoint=hub.url)
        got = [r.path.rpartition("/")[2] for r in hub.log if r.method == "GET"]
        assert got == ["flowers", name]

    def test_in_the_cache_is_found_offline_too(
        self, hub: EmbeddedHub, pushed: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        found = fetch(REPO, endpoint=hub.url)
        flip(found.folder / "heads.safetensors")
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        with pytest.raises(CorruptFile, match="was changed or damaged") as failure:
            pull(REPO, endpoint=hub.url)
        assert "HF_HUB_OFFLINE is set" in failure.value.hint

    def test_of_the_manifest_is_refused(
        self, hub: EmbeddedHub, api: HfApi, pushed: str, artifact: Path
    ) -> None:
        put(api, "zoo.json", b"<html>")
        with pytest.raises(CorruptFile, match=r"zoo\.json is not valid JSON"):
            pull(REPO, endpoint=hub.url)
        put(api, "zoo.json", b" " * 5_000_000)
        with pytest.raises(CorruptFile, match="does not end after the 4194304 bytes it may have"):
            pull(REPO, endpoint=hub.url)

    def test_by_more_bytes_than_listed_is_broken_off(
        self, hub: EmbeddedHub, api: HfApi, pushed: str
    ) -> None:
        put(api, "heads.safetensors", bytes(30_000_000))
        with pytest.raises(CorruptFile, match=r"heads\.safetensors does not end after the 300"):
            pull(REPO, endpoint=hub.url)

    def test_of_the_line_is_overcome(self, hub: EmbeddedHub, pushed: str) -> None:
        with CuttingProxy(hub.url, after=40_000) as line:
            assert pull(REPO, endpoint=line.url)
        assert line.has_cut


class TestRefusals:
    def test_of_pickles_come_before_they_do(
        self, hub: EmbeddedHub, api: HfApi, pushed: str, artifact: Path
    ) -> None:
        content = pickle.dumps("boo")
        put(api, "model.pkl", content)
        entry = {"sha256": "0" * 64, "size": len(content)}
        replace_manifest(api, artifact, files={"model.pkl": entry})
        hub.log.clear()
        with pytest.raises(UnsafeFile, match=r"lists model\.pkl, a pickle"):
            pull(REPO, endpoint=hub.url)
        assert not [r for r in hub.log if r.path.endswith("model.pkl")]

    def test_of_a_missing_plugin_name_it(
        self, hub: EmbeddedHub, api: HfApi, pushed: str, artifact: Path
    ) -> None:
        adapter = {"name": "prefix", "provider": "zoo-prefix 1.0", "settings": {}}
        replace_manifest(api, artifact, adapter=adapter)
        with pytest.raises(MissingPlugin, match="needs 'prefix', which no installed plugin"):
            pull(REPO, endpoint=hub.url)

    def test_of_a_file_that_is_listed_and_not_there(
        self, hub: EmbeddedHub, api: HfApi, pushed: str
    ) -> None:
        api.delete_file("heads.safetensors", REPO)
        with pytest.raises(HubError, match="is not in the repo me/flowers"):
            pull(REPO, endpoint=hub.url)

    def test_of_repos_that_are_none_say_what_to_check(
        self, hub: EmbeddedHub, api: HfApi, pushed: str
    ) -> None:
        with pytest.raises(RepoNotFound, match="There is no public repo me/none on") as failure:
            pull("me/none", endpoint=hub.url)
        assert "Check the spelling" in failure.value.hint
        with pytest.raises(RepoNotFound, match="has no revision 'v9'") as failure:
            pull(REPO, revision="v9", endpoint=hub.url)
        assert failure.value.hint == "It has main, v1."
        with pytest.raises(RepoNotFound, match="has no revision"):
            pull(REPO, revision="0" * 40, endpoint=hub.url)
        api.create_repo("me/plain")
        with pytest.raises(NotAnArtifact, match=r"is not an artifact: it has no zoo\.json"):
            pull("me/plain", endpoint=hub.url)

    @pytest.mark.parametrize("name", ["flowers", "me/../you", "mе/flowers", "me/a b"])
    def test_of_names_that_are_none(self, name: str) -> None:
        with pytest.raises(BadSetting, match="is not the name of a repo"):
            pull(name, endpoint=DEAD)
        with pytest.raises(BadSetting, match="is not the address of a hub"):
            pull(REPO, endpoint="hub.example")

    def test_of_what_is_no_hub(self, tmp_path: Path, cache: Path) -> None:
        class LoginPage(EmbeddedHub):
            def respond(self, request):  # type: ignore[no-untyped-def]
                from zoo.hub.server.wire import Answer

                return Answer(b"<html>Please log in</html>", headers={"Content-Type": "text/html"})

        with (
            LoginPage(tmp_path / "page") as page,
            pytest.raises(HubUnreachable, match=f"What answers at {page.url} is not a hub"),
        ):
            pull(REPO, endpoint=page.url)
        assert not list(cache.rglob("zoo.json"))


class TestWithoutANetwork:
    def test_a_pinned_commit_is_used(self, hub: EmbeddedHub, pushed: str) -> None:
        pull(REPO, endpoint=hub.url)
        hub.close()
        assert pull(REPO, revision=pushed, endpoint=hub.url)

    @pytest.mark.parametrize("offline", [True, False])
    def test_a_branch_is_what_it_was_and_that_is_said(
        self, hub: EmbeddedHub, pushed: str, offline: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pull(REPO, endpoint=hub.url)
        hub.close()
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", offline)
        told = Told()
        assert pull(REPO, endpoint=hub.url, progress=told)
        reason = "HF_HUB_OFFLINE is set" if offline else "No answer from"
        assert reason in told.notes[0]
        assert f"Using me/flowers main as fetched before: {pushed[:12]}" in told.notes[0]

    @pytest.mark.parametrize("offline", [True, False])
    @pytest.mark.parametrize("pinned", [True, False])
    def test_what_is_missing_is_listed(
        self,
        hub: EmbeddedHub,
        pushed: str,
        offline: bool,
        pinned: bool,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        found = fetch(REPO, endpoint=hub.url)
        for name in ("heads.safetensors", "probe.safetensors"):
            (found.folder / name).unlink()
        hub.close()
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", offline)
        with pytest.raises(
            HubUnreachable, match=r"missing: heads\.safetensors, probe\.safetensors"
        ):
            pull(REPO, revision=pushed if pinned else None, endpoint=hub.url)

    def test_what_was_never_here_cannot_be_had(self, cache: Path) -> None:
        with pytest.raises(HubUnreachable, match=f"No answer from {DEAD}"):
            pull(REPO, endpoint=DEAD)
        with pytest.raises(HubUnreachable, match=f"No answer from {DEAD}"):
            pull(REPO, revision="0" * 40, endpoint=DEAD)


class TestCopy:
    def test_is_an_artifact_of_its_own(self, hub: EmbeddedHub, pushed: str, tmp_path: Path) -> None:
        pull(REPO, folder=tmp_path / "copy", endpoint=hub.url)
        assert not [p for p in (tmp_path / "copy").iterdir() if p.is_symlink()]
        assert zoo.verify(tmp_path / "copy")

    def test_replaces_nothing_unasked(
        self, hub: EmbeddedHub, pushed: str, tmp_path: Path, other: Path
    ) -> None:
        (tmp_path / "home").mkdir()
        (tmp_path / "home/letter.txt").write_text("dear")
        with pytest.raises(OutputExists, match="something that is not an artifact"):
            pull(REPO, folder=tmp_path / "home", force=True, endpoint=hub.url)
        with pytest.raises(OutputExists, match="holds an artifact already"):
            pull(REPO, folder=other, endpoint=hub.url)
        assert list(hub.log) == []
        pull(REPO, folder=other, force=True, endpoint=hub.url)
        assert (other / "adapter_config.json").is_file()

    def test_is_not_made_of_a_model_that_is_refused(
        self, hub: EmbeddedHub, api: HfApi, pushed: str, artifact: Path, tmp_path: Path
    ) -> None:
        flip(blob(tmp_path, artifact, "heads.safetensors"))
        with pytest.raises(CorruptFile):
            pull(REPO, folder=tmp_path / "copy", endpoint=hub.url)
        assert not (tmp_path / "copy").exists()


def test_a_full_disk_keeps_nothing_unfinished(
    hub: EmbeddedHub, pushed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(download, "hf_hub_download", full)
    with pytest.raises(WriteFailed, match=r"disk of the cache, .*, is full; nothing unfinished"):
        pull(REPO, endpoint=hub.url)


def test_a_manifest_is_read_without_torch(hub: EmbeddedHub, pushed: str, tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from zoo.hub.fetch import remote_manifest\n"
        f"assert remote_manifest('{REPO}', endpoint='{hub.url}').adapter.name == 'lora'\n"
        "heavy = {'torch', 'timm', 'transformers', 'peft', 'datasets'} & set(sys.modules)\n"
        "sys.exit(f'imports {heavy}' if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
