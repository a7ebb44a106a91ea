"""Push: one atomic commit of what changed, or nothing."""

import hashlib
import json
import os
import socket
import stat
import sys
from pathlib import Path
from unittest import mock

import pytest
import torch
from huggingface_hub import HfApi, constants
from safetensors.torch import load_file, save_file

import zoo
from tests.artifact.conftest import Compose
from tests.hub.lines import Counted
from zoo.errors import (
    ArtifactError,
    BadSetting,
    CorruptFile,
    MissingPlugin,
    NotAnArtifact,
    OutputExists,
    UnsafeFile,
)
from zoo.hub import preflight
from zoo.hub.push import push
from zoo.hub.server import EmbeddedHub

REPO = "me/flowers"


def commits(api: HfApi, branch: str = "main") -> list[str]:
    return [commit.title for commit in api.list_repo_commits(REPO, revision=branch)]


def files(api: HfApi) -> set[str]:
    return set(api.list_repo_files(REPO))


class TestCommit:
    def test_is_one_of_everything(self, hub: EmbeddedHub, api: HfApi, artifact: Path) -> None:
        done = push(artifact, REPO, endpoint=hub.url)
        assert commits(api) == ["Push lora on toy:image", "initial commit"]
        assert files(api) == {p.name for p in artifact.iterdir()} == set(done.changed)
        assert str(done) == done.commit == api.model_info(REPO).sha
        assert done.url == f"{hub.url}/{REPO}"
        assert done.sent == sum(
            f.size for f in api.get_paths_info(REPO, sorted(done.changed)) if hasattr(f, "size")
        )

    @pytest.mark.row(9)
    @pytest.mark.parametrize("xet_off", [True, False])
    def test_goes_by_lfs_with_xet_installed_or_off(
        self,
        hub: EmbeddedHub,
        api: HfApi,
        artifact: Path,
        monkeypatch: pytest.MonkeyPatch,
        xet_off: bool,
    ) -> None:
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", xet_off)
        push(artifact, REPO, endpoint=hub.url)
        assert not [r for r in hub.log if "xet" in r.path]
        weights = [p.name for p in artifact.glob("*.safetensors")]
        assert all(f.lfs for f in api.get_paths_info(REPO, weights))

    @pytest.mark.row(11)
    @pytest.mark.parametrize("xet_off", [True, False])
    def test_of_the_same_again_is_none(
        self,
        hub: EmbeddedHub,
        api: HfApi,
        artifact: Path,
        monkeypatch: pytest.MonkeyPatch,
        xet_off: bool,
    ) -> None:
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", xet_off)
        first = push(artifact, REPO, endpoint=hub.url)
        hub.log.clear()
        again = push(artifact, REPO, endpoint=hub.url)
        assert (again.commit, again.changed, again.sent) == (first.commit, (), 0)
        assert len(commits(api)) == 2
        assert not [r for r in hub.log if r.bytes_in]

    def test_holds_only_what_changed(self, hub: EmbeddedHub, api: HfApi, artifact: Path) -> None:
        push(artifact, REPO, endpoint=hub.url)
        card = artifact / "README.md"
        card.write_text(card.read_text() + "\nBy hand.\n")
        hub.log.clear()
        done = push(artifact, REPO, message="A word more", endpoint=hub.url)
        assert done.changed == ("README.md",)
        assert "PUT" not in {r.method for r in hub.log}
        assert commits(api)[0] == "A word more"

    def test_removes_files_of_the_artifact_before_it(
        self, hub: EmbeddedHub, api: HfApi, artifact: Path, other: Path
    ) -> None:
        push(artifact, REPO, endpoint=hub.url)
        api.upload_file(repo_id=REPO, path_in_repo="notes.txt", path_or_fileobj=b"mine")
        done = push(other, REPO, endpoint=hub.url)
        assert "adapter_config.json" in done.deleted
        assert files(api) == {p.name for p in other.iterdir()} | {"notes.txt"}
        assert len(commits(api)) == 4

    def test_is_named_by_a_tag_that_never_moves(
        self, hub: EmbeddedHub, api: HfApi, artifact: Path, other: Path
    ) -> None:
        done = push(artifact, REPO, tag="v1", endpoint=hub.url)
        assert push(artifact, REPO, tag="v1", endpoint=hub.url).commit == done.commit
        with pytest.raises(OutputExists, match=r"has a tag 'v1' already, at .*nothing was pushed"):
            push(other, REPO, tag="v1", endpoint=hub.url)
        assert api.model_info(REPO, revision="v1").sha == api.model_info(REPO).sha == done.commit

    def test_goes_to_a_branch_made_for_it(
        self, hub: EmbeddedHub, api: HfApi, artifact: Path, other: Path
    ) -> None:
        first = push(artifact, REPO, endpoint=hub.url)
        push(other, REPO, branch="probe", endpoint=hub.url)
        assert api.model_info(REPO).sha == first.commit
        assert "adapter_config.json" not in api.list_repo_files(REPO, revision="probe")
        assert len(commits(api, "probe")) == 3

    def test_makes_private_repos(self, hub: EmbeddedHub, api: HfApi, artifact: Path) -> None:
        push(artifact, REPO, private=True, endpoint=hub.url)
        assert api.model_info(REPO).private

    def test_takes_a_model_as_well(self, hub: EmbeddedHub, compose: Compose) -> None:
        model = compose()
        push(model, REPO, endpoint=hub.url)
        pulled = zoo.pull(REPO, endpoint=hub.url)
        for name, tensor in model.state_dict().items():
            assert torch.equal(pulled.state_dict()[name], tensor)

    @pytest.mark.parametrize("as_path", [True, False])
    def test_needs_nothing_that_only_this_process_has(
        self,
        hub: EmbeddedHub,
        artifact: Path,
        compose: Compose,
        monkeypatch: pytest.MonkeyPatch,
        as_path: bool,
    ) -> None:
        monkeypatch.setattr(preflight, "is_clean", lambda: False)
        monkeypatch.setattr(
            sys, "path", [p for p in sys.path if not (Path(p) / "toy_parts.py").exists()]
        )
        with pytest.raises(MissingPlugin, match="needs 'toy:image'"):
            push(artifact if as_path else compose(), REPO, endpoint=hub.url)
        assert list(HfApi(endpoint=hub.url, token=False).list_models()) == []

    def test_opens_it_in_a_new_process_where_there_was_a_model_in_this_one(
        self, hub: EmbeddedHub, api: HfApi, artifact: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(preflight, "is_clean", lambda: False)
        notes = Counted()
        push(artifact, REPO, progress=notes, endpoint=hub.url)
        assert "Opening the artifact in a new process, and comparing its answers" in notes.notes
        assert f'zoo.pull("{REPO}")' in Path(api.hf_hub_download(REPO, "README.md")).read_text()

    def test_is_not_afraid_of_what_the_new_process_says(self, tmp_path: Path) -> None:
        for script in ("import os; os._exit(3)", "print('[]')", "print('{}'); raise SystemExit(1)"):
            with (
                mock.patch.object(preflight, "_SCRIPT", script),
                pytest.raises(ArtifactError, match="does not open in a new process"),
            ):
                preflight.open_elsewhere(tmp_path, REPO, None)

    @pytest.mark.parametrize("tag", ["", "main", "dev", "a b", "-x"])
    def test_takes_no_tag_that_is_none_or_that_of_a_branch(
        self, hub: EmbeddedHub, artifact: Path, tag: str
    ) -> None:
        with pytest.raises(BadSetting):
            push(artifact, REPO, branch="dev", tag=tag, endpoint=hub.url)
        assert list(HfApi(endpoint=hub.url, token=False).list_models()) == []

    def test_has_a_card_that_names_the_repo(
        self, hub: EmbeddedHub, api: HfApi, artifact: Path
    ) -> None:
        before = (artifact / "README.md").read_text()
        push(artifact, REPO, endpoint=hub.url)
        card = Path(api.hf_hub_download(REPO, "README.md")).read_text()
        assert f'zoo.pull("{REPO}")' in card
        assert "OWNER/NAME" not in card
        assert (artifact / "README.md").read_text() == before


class TestOtherModels:
    def test_in_the_repo_are_not_mixed_in(
        self, hub: EmbeddedHub, api: HfApi, artifact: Path
    ) -> None:
        api.create_repo(REPO)
        api.upload_file(repo_id=REPO, path_in_repo="config.json", path_or_fileobj=b"{}")
        api.upload_file(repo_id=REPO, path_in_repo="data.txt", path_or_fileobj=b"1")
        with pytest.raises(OutputExists, match=r"holds another model \(config\.json\)"):
            push(artifact, REPO, endpoint=hub.url)
        done = push(artifact, REPO, force=True, endpoint=hub.url)
        assert done.deleted == ("config.json",)
        assert "data.txt" in files(api)


class TestRefusedBeforeAnythingIsSent:
    @pytest.fixture(autouse=True)
    def nothing_arrived(self, hub: EmbeddedHub) -> None:
        yield
        assert list(HfApi(endpoint=hub.url, token=False).list_models()) == []

    def test_names_that_are_none(self, hub: EmbeddedHub, artifact: Path) -> None:
        for name in ("flowers", "me/flo wers", "mе/flowers", "me/..", "../x", "me/a--b"):
            with pytest.raises(BadSetting, match="is not the name of a repo"):
                push(artifact, name, endpoint=hub.url)
        with pytest.raises(BadSetting, match="is not the name of a branch, tag or commit"):
            push(artifact, REPO, branch="a..b", endpoint=hub.url)

    def test_what_is_no_artifact(self, hub: EmbeddedHub, tmp_path: Path) -> None:
        with pytest.raises(NotAnArtifact, match="There is no"):
            push(tmp_path / "none", REPO, endpoint=hub.url)
        (tmp_path / "empty").mkdir()
        with pytest.raises(NotAnArtifact, match="is not an artifact"):
            push(tmp_path / "empty", REPO, endpoint=hub.url)

    def test_a_damaged_artifact(self, hub: EmbeddedHub, artifact: Path) -> None:
        weights = artifact / "adapter_model.safetensors"
        content = bytearray(weights.read_bytes())
        content[-1] ^= 1
        weights.write_bytes(content)
        with pytest.raises(CorruptFile, match="was changed or damaged"):
            push(artifact, REPO, endpoint=hub.url)

    def test_an_artifact_that_answers_otherwise(self, hub: EmbeddedHub, artifact: Path) -> None:
        weights = artifact / "heads.safetensors"
        tensors = {name: tensor + 1 for name, tensor in load_file(weights).items()}
        save_file(tensors, weights)
        manifest = json.loads((artifact / "zoo.json").read_text())
        content = weights.read_bytes()
        manifest["files"]["heads.safetensors"] = {
            "sha256": hashlib.sha256(content).hexdigest(),
            "size": len(content),
        }
        (artifact / "zoo.json").write_text(json.dumps(manifest))
        with pytest.raises(ArtifactError, match="answer"):
            push(artifact, REPO, endpoint=hub.url)

    @pytest.mark.row(16)
    @pytest.mark.parametrize("name", [".env", "train.py", "model.pkl", "old.safetensors"])
    def test_files_that_are_no_part_of_it(
        self, hub: EmbeddedHub, artifact: Path, name: str
    ) -> None:
        (artifact / name).write_text("x")
        with pytest.raises(UnsafeFile, match=f"also holds '{name}', which is no part"):
            push(artifact, REPO, endpoint=hub.url)

    @pytest.mark.row(15)
    @pytest.mark.parametrize("name", ["README.md", "assets", "heads.safetensors", "more.json"])
    @pytest.mark.parametrize("target", ["/etc", "/etc/hostname", "zoo.json", "nowhere"])
    def test_links(self, hub: EmbeddedHub, artifact: Path, name: str, target: str) -> None:
        (artifact / name).unlink(missing_ok=True)
        (artifact / name).symlink_to(target)
        with pytest.raises(UnsafeFile, match=f"/{name} is a symbolic link; nothing was pushed"):
            push(artifact, REPO, endpoint=hub.url)

    @pytest.mark.row(15)
    @pytest.mark.parametrize("name", ["README.md", "heads.safetensors", "assets/more.png"])
    @pytest.mark.parametrize("kind", ["FIFO", "socket", "device", "folder"])
    def test_what_is_no_file(
        self,
        hub: EmbeddedHub,
        artifact: Path,
        name: str,
        kind: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        place = artifact / name
        place.parent.mkdir(exist_ok=True)
        place.unlink(missing_ok=True)
        monkeypatch.chdir(place.parent)  # the address of a socket is short
        match kind:
            case "FIFO":
                os.mkfifo(place)
            case "socket":
                with socket.socket(socket.AF_UNIX) as bound:
                    bound.bind(place.name)
            case "device":
                try:
                    os.mknod(place, stat.S_IFCHR | 0o600, os.makedev(1, 3))
                except PermissionError:
                    pytest.skip("only root makes devices")
            case "folder":
                place.mkdir()
        with pytest.raises(UnsafeFile, match=f"/{name} is not a regular file; nothing was pushed"):
            push(artifact, REPO, endpoint=hub.url)

    @pytest.mark.row(16, 17)
    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("hf_" + "aB3" * 10, "holds what looks like a"),
            ("-----BEGIN RSA PRIVATE KEY-----", "holds what looks like a"),
            ("trained in /home/ann/flowers", "names '/home/ann', a place on somebody's machine"),
            ("see C:\\Users\\ann\\x", "a place on somebody's machine"),
        ],
    )
    def test_secrets_and_places(
        self, hub: EmbeddedHub, artifact: Path, text: str, said: str
    ) -> None:
        card = artifact / "README.md"
        card.write_text(card.read_text() + text)
        with pytest.raises(UnsafeFile, match=said) as failure:
            push(artifact, REPO, endpoint=hub.url)
        assert "hf_aB3" not in str(failure.value)

    @pytest.mark.row(18)
    def test_a_card_whose_metadata_is_not_yaml(self, hub: EmbeddedHub, artifact: Path) -> None:
        (artifact / "README.md").write_text("---\nlicense: [\n---\n# Hello\n")
        with pytest.raises(
            ArtifactError, match=r"metadata at the head of README\.md cannot be used"
        ):
            push(artifact, REPO, endpoint=hub.url)
