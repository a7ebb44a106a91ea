"""Pull of what is damaged, hostile, or not there: refused, and nothing of it kept."""

import errno
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import HfApi, constants

from tests.hub.cutting import CuttingProxy
from tests.hub.pulling import DEAD, REPO, blob, flip, put, replace_manifest
from zoo.errors import (
    BadSetting,
    CorruptFile,
    HubError,
    HubUnreachable,
    MissingPlugin,
    NotAnArtifact,
    RepoNotFound,
    UnsafeFile,
    WriteFailed,
)
from zoo.hub import download
from zoo.hub.fetch import fetch
from zoo.hub.pull import pull
from zoo.hub.server import EmbeddedHub


class TestDamage:
    @pytest.mark.row(26)
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

    @pytest.mark.row(27)
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

    @pytest.mark.row(27)
    def test_in_the_cache_is_found_though_it_reads_well(
        self, hub: EmbeddedHub, pushed: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        kept = fetch(REPO, endpoint=hub.url).folder / "zoo.json"
        good = kept.read_bytes()
        kept.resolve().write_bytes(good.replace(b'"wasps"', b'"wasp!"'))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        with pytest.raises(CorruptFile, match=r"zoo\.json was changed or damaged in the cache"):
            fetch(REPO, endpoint=hub.url)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        assert (fetch(REPO, endpoint=hub.url).folder / "zoo.json").read_bytes() == good

    @pytest.mark.row(27)
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

    @pytest.mark.row(28)
    def test_by_more_bytes_than_listed_is_broken_off(
        self, hub: EmbeddedHub, api: HfApi, pushed: str
    ) -> None:
        put(api, "heads.safetensors", bytes(30_000_000))
        with pytest.raises(
            CorruptFile,
            match=r"heads\.safetensors has 30000000 bytes by the hub's word; the manifest lists",
        ):
            pull(REPO, endpoint=hub.url)

    @pytest.mark.row(23)
    def test_of_the_line_is_overcome(self, hub: EmbeddedHub, pushed: str) -> None:
        with CuttingProxy(hub.url, after=40_000) as line:
            assert pull(REPO, endpoint=line.url)
        assert line.has_cut


class TestRefusals:
    @pytest.mark.row(55)
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

    @pytest.mark.row(56)
    def test_of_a_missing_plugin_name_it(
        self, hub: EmbeddedHub, api: HfApi, pushed: str, artifact: Path
    ) -> None:
        adapter = {"name": "prefix", "provider": "zoo-prefix 1.0", "settings": {}}
        replace_manifest(api, artifact, adapter=adapter)
        with pytest.raises(MissingPlugin, match="needs 'prefix', which no installed plugin"):
            pull(REPO, endpoint=hub.url)

    @pytest.mark.row(34)
    def test_of_a_file_that_is_listed_and_not_there(
        self, hub: EmbeddedHub, api: HfApi, pushed: str
    ) -> None:
        api.delete_file("heads.safetensors", REPO)
        with pytest.raises(HubError, match="is not in the repo me/flowers"):
            pull(REPO, endpoint=hub.url)

    @pytest.mark.row(35)
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

    @pytest.mark.row(45)
    @pytest.mark.parametrize("name", ["flowers", "me/../you", "mе/flowers", "me/a b"])
    def test_of_names_that_are_none(self, name: str) -> None:
        with pytest.raises(BadSetting, match="is not the name of a repo"):
            pull(name, endpoint=DEAD)
        with pytest.raises(BadSetting, match="is not the address of a hub"):
            pull(REPO, endpoint="hub.example")

    @pytest.mark.row(30)
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


@pytest.mark.row(40)
def test_a_full_disk_keeps_nothing_unfinished(
    hub: EmbeddedHub, pushed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(download._Digest, "update", full)  # where a write would fail too
    with pytest.raises(WriteFailed, match=r"disk of the cache, .*, is full; nothing unfinished"):
        pull(REPO, endpoint=hub.url)


LIMITED = """
import resource, sys
from zoo.errors import WriteFailed
from zoo.hub.fetch import fetch
endpoint, limit = sys.argv[1], int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    fetch("me/flowers", endpoint=endpoint)
except WriteFailed as err:
    print(err.message)
"""


@pytest.mark.row(40)
def test_a_write_that_the_system_refuses_keeps_nothing_unfinished(
    hub: EmbeddedHub, pushed: str, artifact: Path
) -> None:
    sizes = {path.name: path.stat().st_size for path in artifact.glob("*.safetensors")}
    largest = max(sizes, key=lambda name: sizes[name])
    cache = Path(constants.HF_HUB_CACHE)
    ended = subprocess.run(
        [sys.executable, "-c", LIMITED, hub.url, str(sizes[largest] - 1)],
        env={**os.environ, "HF_HUB_CACHE": str(cache)},
        capture_output=True,
        text=True,
    )
    assert "File too large" in ended.stdout, ended.stderr
    assert not list(cache.rglob(largest))
    assert fetch(REPO, endpoint=hub.url).commit == pushed


@pytest.mark.row(40)
def test_a_cache_that_cannot_be_written_is_said_and_one_that_is_full_of_it_is_enough(
    hub: EmbeddedHub, pushed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch(REPO, endpoint=hub.url)
    before = Path.mkdir, Path.write_bytes, Path.write_text

    def refused(path: Path, *_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    for name in ("mkdir", "write_bytes", "write_text", "symlink_to"):
        monkeypatch.setattr(Path, name, refused)
    assert fetch(REPO, endpoint=hub.url).commit == pushed
    assert fetch(REPO, pushed, endpoint=hub.url).commit == pushed
    for name, method in zip(("mkdir", "write_bytes", "write_text"), before, strict=True):
        monkeypatch.setattr(Path, name, method)
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "file/cache"))
    with pytest.raises(WriteFailed, match=r"The cache, .*file/cache, cannot be written: Not a dir"):
        fetch(REPO, endpoint=hub.url)
