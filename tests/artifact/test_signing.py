"""Signatures and the trust policy: who signed what, and who is believed."""

import base64
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import zoo
from tests.artifact.conftest import Compose
from tests.artifact.signing_keys import make_key
from zoo.artifact import trust
from zoo.artifact.signing import SIGNATURE, check, covers, key_id, read_signature, sign
from zoo.artifact.verify import verify
from zoo.errors import CorruptFile, NotTrusted, PolicyInvalid, UnsafeFile

CONTENT = (Path(__file__).with_name("formats") / "0.0/zoo.json").read_bytes()


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    for name in ("ann", "bob"):
        make_key(folder, name)
    return folder


@pytest.fixture(scope="module")
def signature(keys: Path) -> bytes:
    return sign(CONTENT, keys / "ann.pem")


# === Signatures ===


def test_a_signature_is_checked_with_the_key_it_was_made_with(keys: Path, signature: bytes) -> None:
    check(CONTENT, signature, keys / "ann.pub")
    assert covers(CONTENT, signature)
    assert len(key_id(signature)) == 64
    with pytest.raises(
        NotTrusted, match=r"^The signature is not by bob\.pub over this artifact: Key"
    ):
        check(CONTENT, signature, keys / "bob.pub")


def test_a_letter_of_the_manifest_is_enough(keys: Path, signature: bytes) -> None:
    changed = CONTENT.replace(b"ants", b"bees", 1).replace(b"bees", b"ants", 2)
    assert len(changed) == len(CONTENT)
    assert not covers(changed, signature)
    with pytest.raises(NotTrusted, match=r"it is of another zoo\.json"):
        check(changed, signature, keys / "ann.pub")


def test_a_signature_that_claims_another_content_is_none(keys: Path, signature: bytes) -> None:
    """What it speaks of is itself signed."""
    bundle = json.loads(signature)
    payload = base64.b64decode(bundle["dsseEnvelope"]["payload"])
    bundle["dsseEnvelope"]["payload"] = base64.b64encode(
        payload.replace(b"heads", b"tails")
    ).decode()
    with pytest.raises(NotTrusted):
        check(CONTENT, json.dumps(bundle).encode(), keys / "ann.pub")


@pytest.mark.parametrize("member", ["mediaType", "verificationMaterial", "dsseEnvelope"])
@pytest.mark.parametrize("value", [None, [], {}, "x", 3, {"publicKey": {"hint": "\x1b[2J"}}])
def test_what_is_no_signature_is_refused(
    keys: Path, signature: bytes, member: str, value: object
) -> None:
    spoilt = json.dumps({**json.loads(signature), member: value}).encode()
    with pytest.raises(NotTrusted) as caught:
        check(CONTENT, spoilt, keys / "ann.pub")
    assert "\x1b" not in str(caught.value)
    assert key_id(spoilt) in ("", key_id(signature))


@pytest.mark.parametrize(
    "spoilt",
    [
        b"",
        b"{}",
        b"[]",
        b"\x80\x04K\x01.",
        b"[" * 100_000,
        b'{"a":1,"a":1}',
        b"x" * ((1 << 20) + 1),
    ],
)
def test_files_that_are_none(keys: Path, spoilt: bytes) -> None:
    with pytest.raises(NotTrusted):
        check(CONTENT, spoilt, keys / "ann.pub")
    assert not covers(CONTENT, spoilt)
    assert key_id(spoilt) == ""


def test_the_same_is_not_signed_twice(keys: Path, signature: bytes) -> None:
    assert sign(CONTENT, keys / "ann.pem", signature) == signature
    assert sign(CONTENT, keys / "bob.pem", signature) != signature
    assert sign(CONTENT, keys / "ann.pem", b"rubbish") != signature  # no two are the same


def test_an_encrypted_key_is_opened_by_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private, public = make_key(tmp_path, "locked", b"sesame")
    with pytest.raises(PolicyInvalid, match="is not a private key that can sign") as caught:
        sign(CONTENT, private)
    assert "ZOO_KEY_PASSWORD" in caught.value.hint
    monkeypatch.setenv("ZOO_KEY_PASSWORD", "sesame")
    check(CONTENT, sign(CONTENT, private), public)


def test_keys_that_are_none(keys: Path, signature: bytes, tmp_path: Path) -> None:
    (tmp_path / "rubbish").write_text("rubbish")
    os.mkfifo(tmp_path / "fifo")
    for key in (keys / "ann.pub", tmp_path / "rubbish", tmp_path / "fifo", tmp_path / "none"):
        with pytest.raises(PolicyInvalid, match="key"):
            sign(CONTENT, key)
    for key in (keys / "ann.pem", tmp_path / "rubbish", tmp_path / "fifo", tmp_path / "none"):
        with pytest.raises(PolicyInvalid, match="key"):
            check(CONTENT, signature, key)


def test_an_artifact_is_verified_with_its_signature(
    compose: Compose, keys: Path, tmp_path: Path
) -> None:
    artifact = tmp_path / "artifact"
    zoo.save(compose(), artifact)
    with pytest.raises(NotTrusted, match="is not signed"):
        verify(artifact, key=keys / "ann.pub")
    made = sign((artifact / "zoo.json").read_bytes(), keys / "ann.pem")
    (artifact / SIGNATURE).write_bytes(made)
    assert verify(artifact, key=keys / "ann.pub").signed.startswith("by ann.pub (key ")
    assert verify(artifact).signed.endswith(", not checked")

    head = artifact / "heads.safetensors"
    head.write_bytes(head.read_bytes()[:-1] + b"\x7f")
    with pytest.raises(CorruptFile):  # what the signed manifest lists
        verify(artifact, key=keys / "ann.pub")

    zoo.save(compose(labels=("x", "y")), artifact)  # another model takes the place of all of it
    assert not (artifact / SIGNATURE).exists()


def test_a_signature_is_a_regular_file(tmp_path: Path) -> None:
    (tmp_path / SIGNATURE).symlink_to("elsewhere")
    with pytest.raises(UnsafeFile):
        read_signature(tmp_path)


# === Trust ===


@pytest.fixture
def policy(keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's policy, and a project to be in."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "project/deeper").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "project/deeper")
    path = tmp_path / "config/zoo/trust.toml"
    path.parent.mkdir(parents=True)
    for name in ("ann", "bob"):
        (path.parent / f"{name}.pub").write_bytes((keys / f"{name}.pub").read_bytes())
    return path


KEYS = '[keys]\nann = "ann.pub"\nbob = "bob.pub"\n'


def test_without_a_policy_anything_goes(policy: Path, signature: bytes) -> None:
    trust.require("lab/x", CONTENT, None)
    trust.require("lab/x", CONTENT, signature)
    assert str(trust.signed(CONTENT, signature)).endswith(", not checked")
    assert trust.signed(CONTENT, None) is None


@pytest.mark.parametrize(
    ("text", "repo", "signed", "said"),
    [
        ('[owners]\nlab = ["ann"]', "lab/x", True, ""),
        ('[owners]\nlab = ["bob", "ann"]', "lab/x", True, ""),
        ('[owners]\nlab = ["bob"]', "lab/x", True, "is signed with key"),
        ('[owners]\nLab = ["ann"]', "lab/x", False, "lab/x is not signed"),
        ('[owners]\nlab = ["ann"]', "else/x", False, ""),
        ("", "else/x", False, "else/x is not signed"),
        ("", "else/x", True, ""),
    ],
)
def test_what_a_policy_lets_in(
    policy: Path, signature: bytes, text: str, repo: str, signed: bool, said: str
) -> None:
    default = "" if text else 'unsigned = "refuse"\n'
    policy.write_text(f"{default}{KEYS}{text}")
    given = signature if signed else None
    if not said:
        return trust.require(repo, CONTENT, given)
    with pytest.raises(NotTrusted) as caught:
        trust.require(repo, CONTENT, given)
    assert said in caught.value.message
    assert f"{policy} asks for a signature by " in caught.value.message


def test_the_policy_gives_keys_their_names(policy: Path, signature: bytes) -> None:
    policy.write_text(KEYS)
    assert str(trust.signed(CONTENT, signature)) == f"ann (key {key_id(signature)[:12]})"


def test_a_project_can_only_tighten(policy: Path, keys: Path, signature: bytes) -> None:
    project = Path.cwd().parent / "zoo-trust.toml"
    users = f'unsigned = "refuse"\n{KEYS}[owners]\nlab = ["bob"]'
    policy.write_text(users)
    (project.parent / "ann.pub").write_bytes((keys / "ann.pub").read_bytes())
    project.write_text('unsigned = "allow"\n[keys]\nann = "ann.pub"\n[owners]\nlab = ["ann"]')
    with pytest.raises(NotTrusted, match=r"config/zoo/trust\.toml asks"):
        trust.require("lab/x", CONTENT, signature)
    with pytest.raises(NotTrusted, match=r"config/zoo/trust\.toml asks"):
        trust.require("else/x", CONTENT, None)

    policy.write_text("")
    trust.require("lab/x", CONTENT, signature)
    with pytest.raises(NotTrusted, match=r"project/zoo-trust\.toml asks"):
        trust.require("lab/x", CONTENT, None)


@pytest.mark.parametrize(
    "text",
    [
        "[owners]\nlab = ['nobody']",
        "[owners]\nlab = []",
        "unsigned = 'maybe'",
        "x = 1",
        "= no toml",
        f"{KEYS}[owners]\n'lab/x' = ['ann']",
        f"{KEYS}[owners]\n'lab ' = ['ann']",
        f"{KEYS}[owners]\n'' = ['ann']",
        f"{KEYS}[owners]\nlab = ['ann']\nLAB = ['bob']",
        "[keys]\nann = '~nobody-of-that-name/ann.pub'",
    ],
)
def test_a_policy_with_a_mistake_lets_nothing_in(policy: Path, text: str) -> None:
    policy.write_text(text)
    with pytest.raises(PolicyInvalid, match=r"trust\.toml cannot be used: "):
        trust.require("lab/x", CONTENT, None)


def test_an_owner_that_none_can_be_called_is_named_with_what_one_can(policy: Path) -> None:
    policy.write_text(f"{KEYS}[owners]\n'lab/x' = ['ann']")
    with pytest.raises(PolicyInvalid, match=r"'lab/x'.* before the '/' of a repo, of ASCII"):
        trust.require("else/y", CONTENT, None)


@pytest.mark.parametrize("of_project", [False, True])
@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.symlink_to("nowhere"),
        lambda path: path.symlink_to(path.name),
        lambda path: path.mkdir(),
        lambda path: os.mkfifo(path),
    ],
    ids=["link to nothing", "link to itself", "directory", "fifo"],
)
def test_what_is_there_and_no_file_lets_nothing_in(
    policy: Path, make: Callable[[Path], None], of_project: bool
) -> None:
    path = Path.cwd().parent / "zoo-trust.toml" if of_project else policy
    make(path)
    with pytest.raises(PolicyInvalid, match=rf"{path.name} cannot be used: .* to be"):
        trust.require("lab/x", CONTENT, None)


def test_a_folder_of_settings_that_is_a_link_to_nothing_lets_nothing_in(policy: Path) -> None:
    shutil.rmtree(policy.parent)
    trust.require("lab/x", CONTENT, None)
    policy.parent.symlink_to("not-mounted")
    with pytest.raises(PolicyInvalid, match=r"trust\.toml cannot be used: it is a link to nothing"):
        trust.require("lab/x", CONTENT, None)


def test_a_key_that_is_not_there_lets_nothing_in(policy: Path) -> None:
    policy.write_text("[keys]\ngone = 'gone.pub'\n[owners]\nlab = ['gone']")
    for repo in ("lab/x", "else/x"):
        with pytest.raises(PolicyInvalid, match=r"keys\.gone is .*gone\.pub, and no such file"):
            trust.require(repo, CONTENT, None)
