"""Pull: what was pushed; no more of it than is needed, and without a network if it is here."""

import pickle
from pathlib import Path

import pytest
import torch
from huggingface_hub import HfApi, constants
from PIL import Image

import zoo
from tests.artifact.conftest import Compose
from tests.hub.pulling import DEAD, REPO, Told, blob, flip, put
from zoo.errors import (
    CorruptFile,
    HubUnreachable,
    OutputExists,
    UnsafeFile,
)
from zoo.hub.fetch import fetch
from zoo.hub.pull import pull
from zoo.hub.push import push
from zoo.hub.server import EmbeddedHub


class TestModel:
    def test_answers_as_the_one_that_was_pushed(
        self, hub: EmbeddedHub, compose: Compose, tmp_path: Path
    ) -> None:
        model = compose()
        zoo.save(model, tmp_path / "model")
        push(tmp_path / "model", REPO, endpoint=hub.url)
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
        manifest = fetch(REPO, endpoint=hub.url).manifest
        model = pull(REPO, folder=tmp_path / "copy", endpoint=hub.url)
        push(tmp_path / "copy", "you/copy", endpoint=hub.url)
        zoo.save(model, tmp_path / "model")
        push(tmp_path / "model", "you/model", endpoint=hub.url)
        for repo in ("you/copy", "you/model"):
            assert fetch(repo, endpoint=hub.url).manifest == manifest
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
        assert got == {"flowers", "zoo.json", "model.sig", *found.manifest.files}
        size = sum(p.stat().st_size for p in artifact.iterdir() if p.name != "README.md")
        sent = [r for r in hub.log if "resolve" in r.path and not r.path.endswith("model.sig")]
        assert sum(r.bytes_out for r in sent) == size

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

    def test_can_be_asked_for_again(self, hub: EmbeddedHub, pushed: str) -> None:
        fetch(REPO, pushed, endpoint=hub.url)
        hub.log.clear()
        fetch(REPO, pushed, force=True, endpoint=hub.url)
        assert len([r for r in hub.log if r.method == "GET" and "resolve" in r.path]) == 6


class TestCache:
    def test_may_share_a_file_among_repos(self, hub: EmbeddedHub, pushed: str) -> None:
        found = fetch(REPO, endpoint=hub.url)
        blob = (found.folder / "heads.safetensors").resolve()
        store = Path(constants.HF_HUB_CACHE) / "blobs/ab"  # as for files that come by Xet
        store.mkdir(parents=True)
        blob.rename(store / blob.name)
        blob.symlink_to(f"../../blobs/ab/{blob.name}")
        assert pull(REPO, endpoint=hub.url)

    @pytest.mark.row(50)
    def test_does_not_lead_outside(self, hub: EmbeddedHub, pushed: str, tmp_path: Path) -> None:
        found = fetch(REPO, endpoint=hub.url)
        link = found.folder / "heads.safetensors"
        outside = tmp_path / "outside"
        link.resolve().rename(outside)
        link.unlink()
        link.symlink_to(outside)
        with pytest.raises(UnsafeFile, match="is a symbolic link"):
            pull(REPO, endpoint=hub.url)


class TestWithoutANetwork:
    @pytest.mark.row(36)
    @pytest.mark.parametrize("offline", [True, False])
    def test_a_pinned_commit_is_used_and_that_is_said(
        self, hub: EmbeddedHub, pushed: str, offline: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = Told()
        pull(REPO, revision=pushed, endpoint=hub.url, progress=first)
        assert "as fetched before" not in " ".join(first.notes)
        hub.close()
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", offline)
        told = Told()
        assert pull(REPO, revision=pushed, endpoint=hub.url, progress=told)
        assert f"Using me/flowers at {pushed[:12]} as fetched before" in told.notes[0]
        assert ("HF_HUB_OFFLINE is set. " in told.notes[0]) is offline

    @pytest.mark.row(36)
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

    @pytest.mark.row(37)
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
