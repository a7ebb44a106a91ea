"""Who signed what, over a hub: signatures travel with an artifact, and a policy is asked first."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import HfApi, constants

import zoo
from tests.artifact import tampering
from tests.artifact.signing_keys import make_key
from tests.hub.minimal import MinimalHub
from tests.hub.pulling import REPO, put
from tests.plugin_site import PluginSite
from zoo.artifact import signing
from zoo.errors import LicenceConflict, NotTrusted, PushRefused, UnsafeFile
from zoo.host import installed
from zoo.hub.fetch import fetch
from zoo.hub.push import push
from zoo.hub.server import EmbeddedHub
from zoo.hub.signatures import glance


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    for name in ("ann", "bob"):
        make_key(tmp_path / "keys", name)
    return tmp_path / "keys"


@pytest.fixture
def policy(keys: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's trust policy: what `me` publishes is signed by ann."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(keys))
    (keys / "zoo").mkdir()
    path = keys / "zoo/trust.toml"
    path.write_text('[keys]\nann = "../ann.pub"\n[owners]\nme = ["ann"]\n')
    return path


def forget(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str = "fresh") -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / name))


def test_a_signed_push_is_repeated_as_nothing(
    hub: EmbeddedHub, api: HfApi, artifact: Path, keys: Path
) -> None:
    first = push(artifact, REPO, sign=keys / "ann.pem", endpoint=hub.url)
    assert "model.sig" in first.changed
    again = push(artifact, REPO, sign=keys / "ann.pem", endpoint=hub.url)
    assert (again.commit, again.changed, again.sent) == (first.commit, (), 0)
    assert push(artifact, REPO, endpoint=hub.url).changed == ()  # the signature stays
    other = push(artifact, REPO, sign=keys / "bob.pem", endpoint=hub.url)
    assert other.changed == ("model.sig",)


def test_a_signature_does_not_outlive_what_it_is_of(
    hub: EmbeddedHub, api: HfApi, artifact: Path, other: Path, keys: Path
) -> None:
    push(artifact, REPO, sign=keys / "ann.pem", endpoint=hub.url)
    assert "model.sig" in push(other, REPO, endpoint=hub.url).deleted
    assert "model.sig" not in api.list_repo_files(REPO)


def test_a_pulled_copy_keeps_its_signature_and_a_changed_one_is_not_pushed(
    hub: EmbeddedHub, artifact: Path, keys: Path, tmp_path: Path
) -> None:
    push(artifact, REPO, sign=keys / "ann.pem", endpoint=hub.url)
    zoo.pull(REPO, folder=tmp_path / "copy", endpoint=hub.url)
    assert "model.sig" in push(tmp_path / "copy", "me/copy", endpoint=hub.url).changed

    tampering.edit_manifest(tmp_path / "copy", lambda data: data.update(license="mit"))
    with pytest.raises(NotTrusted, match=r"is not a signature of the zoo\.json beside it"):
        push(tmp_path / "copy", "me/copy", endpoint=hub.url)


@pytest.mark.parametrize("key", ["ann", "bob", None])
def test_a_policy_is_asked_before_any_weights_are_fetched(
    hub: EmbeddedHub,
    artifact: Path,
    keys: Path,
    policy: Path,
    key: str | None,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    push(artifact, REPO, sign=keys / f"{key}.pem" if key else None, endpoint=hub.url)
    forget(monkeypatch, tmp_path)
    hub.log.clear()
    if key == "ann":
        assert zoo.pull(REPO, endpoint=hub.url)
        return
    with pytest.raises(NotTrusted, match="asks for a signature by ann; nothing of it was opened"):
        zoo.pull(REPO, endpoint=hub.url)
    assert not [request for request in hub.log if "safetensors" in request.path]


def test_who_can_write_the_repo_but_has_no_key_changes_nothing_unseen(
    hub: EmbeddedHub,
    api: HfApi,
    artifact: Path,
    keys: Path,
    policy: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    push(artifact, REPO, sign=keys / "ann.pem", endpoint=hub.url)
    data = json.loads((artifact / "zoo.json").read_text())
    data["tasks"][0]["labels"].reverse()
    put(api, "zoo.json", json.dumps(data).encode())
    forget(monkeypatch, tmp_path)
    with pytest.raises(NotTrusted, match="is signed with key"):
        zoo.pull(REPO, endpoint=hub.url)


def test_a_second_pull_asks_no_more_for_a_signature(
    hub: EmbeddedHub, artifact: Path, keys: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, key in (("me/signed", keys / "ann.pem"), ("me/unsigned", None)):
        commit = push(artifact, name, sign=key, endpoint=hub.url).commit
        forget(monkeypatch, tmp_path, name.replace("/", "-"))
        found = fetch(name, endpoint=hub.url)
        assert (found.folder / "model.sig").exists() is (key is not None)
        hub.log.clear()
        fetch(name, endpoint=hub.url)
        assert len(hub.log) == 1
        hub.log.clear()
        fetch(name, commit, endpoint=hub.url)
        assert len(hub.log) == 0


@pytest.mark.parametrize("signed", [True, False])
def test_a_look_at_a_repo_is_a_few_requests_without_torch_and_weights(
    hub: EmbeddedHub,
    artifact: Path,
    keys: Path,
    policy: Path,
    tmp_path: Path,
    signed: bool,
    checkout: Path,
) -> None:
    commit = push(
        artifact, REPO, sign=keys / "ann.pem" if signed else None, endpoint=hub.url
    ).commit
    hub.log.clear()
    code = (
        "import sys\nfrom zoo.cli import main\n"
        f"try:\n    main(['show', '{REPO}', '--json'])\n"
        "finally:\n    heavy = {'torch', 'peft', 'timm', 'transformers', 'datasets'}\n"
        "    assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={
            "HF_ENDPOINT": hub.url,
            "HF_HOME": str(tmp_path / "home"),
            "XDG_CONFIG_HOME": str(keys),
            "PATH": "/usr/bin",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    facts = json.loads(shown.stdout)
    assert len(hub.log) <= 4
    assert not [request for request in hub.log if "safetensors" in request.path]
    assert facts["commit"] == commit
    assert facts["digest"] == hashlib.sha256((artifact / "zoo.json").read_bytes()).hexdigest()
    assert (facts["signed"] and facts["signed"]["by"]) == ("ann" if signed else None)
    assert facts["tasks"][0]["labels"] == ["ants", "bees", "wasps"]
    assert {"license", "files", "provenance", "backbone"} <= facts.keys()
    assert glance(REPO, endpoint=hub.url).digest == facts["digest"]


def test_a_hub_that_redirects_is_not_asked_more_than_that(
    cache: Path, artifact: Path, keys: Path
) -> None:
    with MinimalHub(redirects=True) as hub:
        pushed = push(artifact, REPO, sign=keys / "ann.pem", endpoint=hub.url)
        hub.log.clear()
        found = glance(REPO, endpoint=hub.url)
        assert len(hub.log) <= 4, hub.log
    assert found.commit == pushed.commit
    assert signing.covers(found.content, found.signature)


def test_to_look_at_a_branch_takes_nothing_from_who_pulled_it(
    hub: EmbeddedHub, artifact: Path, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = push(artifact, REPO, endpoint=hub.url).commit
    zoo.pull(REPO, endpoint=hub.url)
    new = push(other, REPO, endpoint=hub.url).commit
    assert glance(REPO, endpoint=hub.url).commit == new
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert fetch(REPO, endpoint=hub.url).commit == old


def test_a_signature_that_was_damaged_in_the_cache_is_fetched_by_force(
    hub: EmbeddedHub, artifact: Path, keys: Path, policy: Path, cache: Path
) -> None:
    push(artifact, REPO, sign=keys / "ann.pem", endpoint=hub.url)
    fetch(REPO, endpoint=hub.url)
    (kept,) = cache.rglob("model.sig")
    kept.write_bytes(b"{}")
    with pytest.raises(NotTrusted):
        fetch(REPO, endpoint=hub.url)
    fetch(REPO, force=True, endpoint=hub.url)
    fetch(REPO, endpoint=hub.url)


def test_a_policy_that_knows_no_key_says_so(
    hub: EmbeddedHub, artifact: Path, keys: Path, policy: Path
) -> None:
    push(artifact, REPO, sign=keys / "ann.pem", endpoint=hub.url)
    policy.write_text('unsigned = "refuse"\n')
    with pytest.raises(NotTrusted, match="knows no key"):
        fetch(REPO, endpoint=hub.url)


def test_what_looks_like_a_secret_is_sent_only_on_demand(hub: EmbeddedHub, artifact: Path) -> None:
    card = artifact / "README.md"
    card.write_text(f"{card.read_text()}\nghp_{'a1B2' * 9}\nand /home/ann/x\n")
    with pytest.raises(UnsafeFile) as caught:
        push(artifact, REPO, endpoint=hub.url)
    assert caught.value.message == (
        "README.md holds what looks like a GitHub token; README.md names '/home/ann', a place on "
        "somebody's machine; nothing was pushed."
    )
    assert "--allow-findings" in caught.value.hint
    assert push(artifact, REPO, allow_findings=True, endpoint=hub.url).changed


def test_a_secret_in_the_header_of_tensors_is_found(hub: EmbeddedHub, artifact: Path) -> None:
    from safetensors.torch import load_file, save_file

    heads = artifact / "heads.safetensors"
    save_file(load_file(heads), heads, metadata={"by": "hf_" + "aB3d" * 9})
    tampering.put(artifact, heads.name, heads.read_bytes())
    with pytest.raises(UnsafeFile, match=r"heads\.safetensors holds what looks like a Hugging"):
        push(artifact, REPO, endpoint=hub.url)


def test_a_licence_that_contradicts_is_not_pushed(hub: EmbeddedHub, artifact: Path) -> None:
    def contradict(data: dict) -> None:
        data["provenance"]["data"] = {
            "description": "", "fingerprint": "", "rows": {}, "license": "cc-by-nc-4.0",
        }  # fmt: skip

    tampering.edit_manifest(artifact, contradict)
    with pytest.raises(LicenceConflict, match=r"the data is under cc-by-nc-4\.0") as failure:
        push(artifact, REPO, endpoint=hub.url)
    assert "zoo.save(zoo.load(FOLDER), FOLDER, license='cc-by-nc-4.0')" in failure.value.hint
    tampering.edit_manifest(artifact, lambda d: d.update(accepted_licenses=["cc-by-nc-4.0"]))
    assert push(artifact, REPO, endpoint=hub.url).changed


# === Hooks ===

GATE = """
import pathlib


@hookimpl
def zoo_before_push(repo, manifest):
    if repo == "me/broken":
        raise RuntimeError("out of order")
    if repo == "me/odd":
        return 3
    return "not on a Friday" if manifest["tasks"][0]["labels"] == ["ants", "bees", "wasps"] else None


@hookimpl
def zoo_after_pull(repo, commit, folder):
    if repo == "me/broken":
        raise RuntimeError("out of order")
    (pathlib.Path(__file__).parent / "pulled").write_text(f"{repo} {commit} {(folder / 'zoo.json').exists()}")
"""


@pytest.fixture
def gate(toys: Path) -> Iterator[Path]:
    """An installed plugin that looks at what is pushed and pulled."""
    PluginSite(toys).add("zoo-gate", GATE)
    installed.cache_clear()
    yield toys
    for path in toys.glob("zoo_gate*"):
        subprocess.run(["rm", "-r", str(path)], check=True)
    installed.cache_clear()


@pytest.mark.parametrize(
    ("repo", "said"),
    [
        (REPO, "not on a Friday"),
        ("me/broken", "zoo_before_push raised RuntimeError: out of order"),
        ("me/odd", "returned int, not a reason"),
    ],
)
def test_a_plugin_refuses_a_push_and_a_broken_one_does_too(
    hub: EmbeddedHub, artifact: Path, gate: Path, repo: str, said: str
) -> None:
    with pytest.raises(PushRefused) as caught:
        push(artifact, repo, endpoint=hub.url)
    assert caught.value.message == (
        f"zoo-gate 1.0 (plugin 'zoo-gate'): {said}; nothing was pushed to {repo}."
    )
    assert not hub.log


def test_plugins_are_told_of_what_was_pulled(
    hub: EmbeddedHub, other: Path, artifact: Path, gate: Path
) -> None:
    tampering.edit_manifest(other, lambda data: data["tasks"][0]["labels"].reverse())
    commit = push(other, REPO, endpoint=hub.url).commit
    zoo.pull(REPO, endpoint=hub.url)
    assert (gate / "pulled").read_text() == f"{REPO} {commit} True"
