"""What files a push takes, whatever they are called and however many and large they are."""

import contextlib
import hashlib
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from huggingface_hub import HfApi
from huggingface_hub.hf_api import RepoFile
from safetensors.torch import load_file, save_file

import zoo
from tests.hub.pulling import Told
from zoo.errors import (
    ArtifactError,
    BackboneMismatch,
    BackboneMisstated,
    CorruptFile,
    HubError,
    LicenceConflict,
    PolicyInvalid,
    TensorMismatch,
    UnsafeFile,
    ZooError,
)
from zoo.hub import findings, outgoing
from zoo.hub import repo as repo_there
from zoo.hub.client import connect
from zoo.hub.push import push
from zoo.hub.server import EmbeddedHub

REPO = "me/flowers"
MB = 1 << 20
HEADS = "heads.safetensors"


def none_arrived(hub: EmbeddedHub) -> bool:
    return not list(HfApi(endpoint=hub.url, token=False).list_models())


@pytest.mark.row(19)
def test_many_empty_and_large_ones_are_one_commit(
    hub: EmbeddedHub, api: HfApi, artifact: Path
) -> None:
    assets = artifact / "assets"
    assets.mkdir()
    for number in range(257):
        (assets / f"{number}.svg").write_text(f"<svg id='{number}'/>")
    (assets / "empty.png").touch()
    (assets / "limit.svg").write_bytes(b" " * (10 * MB))
    (assets / "above.svg").write_bytes(b" " * (10 * MB + 1))
    done = push(artifact, REPO, endpoint=hub.url)
    assert len(api.list_repo_commits(REPO)) == 2
    there = {f.path: f for f in api.list_repo_tree(REPO, recursive=True) if isinstance(f, RepoFile)}
    assert there.keys() == set(done.changed)
    assert len(there) > 257
    by_lfs = {path for path, file in there.items() if file.lfs}
    assert {p for p in by_lfs if p.startswith("assets")} == {"assets/above.svg"}
    for name in ("empty.png", "limit.svg", "above.svg", "256.svg"):
        assert there[f"assets/{name}"].size == (assets / name).stat().st_size
        copy = api.hf_hub_download(REPO, f"assets/{name}")
        assert Path(copy).read_bytes() == (assets / name).read_bytes()


@pytest.mark.row(20)
@pytest.mark.parametrize(
    "names",
    [
        ["a b.png"],
        ["caf\u00e9.png", "cafe\u0301.png"],
        ["Plot.png", "plot.png"],
        ["x" * 240 + ".png"],
        ["con.png"],
        ["LPT1.svg"],
        ["a\u202eb.png"],
        ["-rf.png"],
        [".hidden.png"],
        ["a\nb.png"],
        ["a\\b.png"],
    ],
)
def test_names_that_not_every_machine_can_hold_are_refused(
    hub: EmbeddedHub, artifact: Path, names: list[str]
) -> None:
    (artifact / "assets").mkdir()
    for name in names:
        (artifact / "assets" / name).write_bytes(b"1")
    with pytest.raises(UnsafeFile, match="nothing was pushed") as failure:
        push(artifact, REPO, endpoint=hub.url)
    assert str(failure.value).isprintable() or "\n" in str(failure.value)
    assert "\u202e" not in str(failure.value)
    assert none_arrived(hub)


@pytest.mark.row(20)
def test_other_names_come_back_as_they_went(hub: EmbeddedHub, api: HfApi, artifact: Path) -> None:
    names = ["plot.png", "Plot_2.v1.PNG.svg", "0.jpeg", "y" * 96 + ".gif"]
    (artifact / "assets").mkdir()
    for name in names:
        (artifact / "assets" / name).write_bytes(name.encode())
    push(artifact, REPO, endpoint=hub.url)
    for name in names:
        assert Path(api.hf_hub_download(REPO, f"assets/{name}")).read_bytes() == name.encode()


def rewrite(artifact: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    """Change tensors, and let the manifest list what came of it."""
    tensors = load_file(artifact / HEADS)
    change(tensors)
    save_file(tensors, artifact / HEADS)
    relist(artifact)


def relist(artifact: Path) -> None:
    content = (artifact / HEADS).read_bytes()
    edit(artifact, "files", HEADS, sha256=hashlib.sha256(content).hexdigest(), size=len(content))


def edit(artifact: Path, *keys: str | int, **values: object) -> None:
    manifest = json.loads((artifact / "zoo.json").read_text())
    place = manifest
    for key in keys:
        place = place[key]
    place |= values
    (artifact / "zoo.json").write_text(json.dumps(manifest))


def first(tensors: dict[str, torch.Tensor]) -> str:
    return sorted(tensors)[0]


@pytest.mark.row(22)
@pytest.mark.parametrize(
    "change",
    [
        lambda t: t[first(t)].view(-1).__setitem__(0, float("nan")),
        lambda t: t[first(t)].view(-1).__setitem__(0, float("-inf")),
        lambda t: t.pop(first(t)),
        lambda t: t.__setitem__("more", torch.zeros(1)),
        lambda t: t.__setitem__(f"x.{first(t)}", t.pop(first(t))),
        lambda t: t.__setitem__(first(t), t[first(t)][:1].clone()),
        lambda t: t.__setitem__(first(t), t[first(t)].double()),
    ],
)
def test_tensors_that_nobody_could_use_are_refused(
    hub: EmbeddedHub, artifact: Path, change: Callable[[dict[str, torch.Tensor]], object]
) -> None:
    rewrite(artifact, change)
    with pytest.raises(TensorMismatch, match=HEADS):
        push(artifact, REPO, endpoint=hub.url)
    assert none_arrived(hub)
    told = Told()
    push(artifact, REPO, force=True, endpoint=hub.url, progress=told)
    assert any(HEADS in note and "nobody can open it" in note for note in told.notes)
    with pytest.raises(TensorMismatch, match=HEADS):
        zoo.pull(REPO, endpoint=hub.url)


@pytest.mark.row(22)
@pytest.mark.parametrize("other", [{"name": "toy:grey"}, {"digest": "0" * 64}])
def test_an_adapter_of_another_backbone_is_refused(
    hub: EmbeddedHub, artifact: Path, other: dict[str, str]
) -> None:
    edit(artifact, "backbone", **other)
    with pytest.raises(BackboneMismatch, match="is not the one this model was trained on"):
        push(artifact, REPO, endpoint=hub.url)
    assert none_arrived(hub)
    push(artifact, REPO, force=True, endpoint=hub.url)
    with pytest.raises(BackboneMismatch):
        zoo.pull(REPO, endpoint=hub.url)


@pytest.mark.row(22)
@pytest.mark.parametrize("damaged", [False, True])
def test_force_lets_no_false_base_and_no_damage_pass(
    hub: EmbeddedHub, artifact: Path, damaged: bool
) -> None:
    if damaged:
        content = (artifact / HEADS).read_bytes()
        (artifact / HEADS).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    else:
        edit(artifact, "backbone", source="evil/repo")
    with pytest.raises(CorruptFile if damaged else BackboneMisstated):
        push(artifact, REPO, force=True, endpoint=hub.url)
    assert none_arrived(hub)


@pytest.mark.row(18)
@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("", "has no license, and the model's is apache-2.0"),
        ("license: mit\n", "says license: 'mit', and the model's is apache-2.0"),
        ("license: apache-2.0\n", "has no base_model, and the model's is toys/base"),
        ("license: apache-2.0\nbase_model: toys/other\n", "says base_model: 'toys/other'"),
        ("license: [\n", "cannot be used"),
        ("- apache-2.0\n", "cannot be used: the metadata is not a mapping"),
    ],
)
def test_a_card_that_hides_where_the_model_is_from_is_refused(
    artifact: Path, head: str, said: str
) -> None:
    edit(artifact, "backbone", source="toys/base")
    edit(artifact, license="Apache-2.0")
    manifest = outgoing.parse_manifest((artifact / "zoo.json").read_bytes(), "here")
    with pytest.raises(ArtifactError, match=f"README.md {said}") as failure:
        outgoing.check_card(f"---\n{head}---\n# Flowers\n", manifest)
    assert "nothing was pushed" in failure.value.message
    good = "---\nlicense: apache-2.0\nbase_model:\n- toys/base\n- toys/more\n---\n"
    outgoing.check_card(good, manifest)


@pytest.mark.row(18)
@pytest.mark.parametrize(
    ("model", "backbone", "error", "said"),
    [
        (None, "cc-by-nc-nd-4.0", LicenceConflict, "under cc-by-nc-nd-4.0, but the backbone is"),
        ("Apache 2.0", "cc-by-nc-4.0", LicenceConflict, "which allows no commercial use"),
        ("Our own", "gpl-3.0", LicenceConflict, "zoo does not know whether 'Our own' asks"),
        # The installed toy is under Apache-2.0, whatever the manifest says.
        ("mit", "mit", LicenceConflict, "is under 'mit', and the one opened is under 'Apache-2.0'"),
        ("mit", "Apache-2.0", ArtifactError, "says license: 'apache-2.0', and the model's is mit"),
        ("Apache 2.0", None, None, ""),
        (None, "Apache 2.0", None, ""),
    ],
)
def test_a_licence_that_is_not_the_authors_to_give_is_refused(
    hub: EmbeddedHub,
    artifact: Path,
    model: str | None,
    backbone: str | None,
    error: type[ZooError] | None,
    said: str,
) -> None:
    edit(artifact, license=model)
    edit(artifact, "backbone", license=backbone)
    with pytest.raises(error, match=said) if error else contextlib.nullcontext():
        push(artifact, REPO, endpoint=hub.url)
    assert none_arrived(hub) is bool(error)


@pytest.mark.row(18)
@pytest.mark.parametrize(
    ("stated", "model", "said"),
    [
        (
            "[mit, apache-2.0]",
            "apache-2.0",
            r"says \"\['mit', 'apache-2.0'\]\", and the model's is",
        ),
        ("other\nlicense_name: Theirs", "Our own", "says 'Theirs', and the model's is Our own"),
        ("apache-2.0", None, "says license: 'apache-2.0', and the model states none"),
    ],
)
def test_a_card_says_no_other_licence_than_the_model(
    artifact: Path, stated: str, model: str | None, said: str
) -> None:
    edit(artifact, license=model)
    edit(artifact, "backbone", license=None, source="")
    manifest = outgoing.parse_manifest((artifact / "zoo.json").read_bytes(), "here")
    with pytest.raises(ArtifactError, match=said):
        outgoing.check_card(f"---\nlicense: {stated}\n---\n# Flowers\n", manifest)


@pytest.mark.row(18)
@pytest.mark.parametrize(
    ("keys", "values", "said"),
    [
        (
            (),
            {"source": "evil/repo"},
            "'\"evil/repo\"', and that of the one opened is '\"toys/image",
        ),
        ((), {"commit": "a" * 40}, "the commit of the backbone"),
        (("contract",), {"channels": 1}, "is '1', and that of the one opened is '3'"),
        (("preprocessing",), {"scale": 1.0}, "is '1.0', and that of the one opened is '255.0'"),
    ],
)
def test_a_base_that_is_not_the_one_opened_is_not_published(
    hub: EmbeddedHub, artifact: Path, keys: tuple[str, ...], values: dict[str, object], said: str
) -> None:
    edit(artifact, "backbone", *keys, **values)
    (artifact / "README.md").unlink()
    with pytest.raises(BackboneMismatch, match=said):
        push(artifact, REPO, endpoint=hub.url)
    assert none_arrived(hub)


@pytest.mark.row(33)
def test_a_repo_that_claims_a_million_files_is_not_listed_to_its_end() -> None:
    page = [{"type": "file", "path": f"{n:04d}", "size": 1, "oid": "0" * 40} for n in range(1000)]
    asked = []

    class Endless(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            number = len(asked)
            asked.append(self.path)
            entries = [{**each, "path": f"{number}/{each['path']}"} for each in page]
            content = json.dumps(entries).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Link", f'<{url}{self.path}&cursor={number}>; rel="next"')
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Endless) as server:
        url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            with pytest.raises(HubError, match="claims more than 100,000 files"):
                repo_there.files(connect(url), REPO, "1" * 40)
        finally:
            server.shutdown()
    assert len(asked) == 101


@pytest.mark.row(17)
@pytest.mark.parametrize("name", ["anns-laptop-7", "annabella", "ann@anns-laptop-7"])
def test_the_name_of_this_machine_or_its_user_is_refused(
    hub: EmbeddedHub, artifact: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(findings.platform, "node", lambda: "anns-laptop-7.lab.example")
    monkeypatch.setenv("LOGNAME", "annabella")
    card = artifact / "README.md"
    card.write_text(card.read_text() + f"\nTrained by {name} in a night.\n")
    with pytest.raises(UnsafeFile, match="a place on somebody's machine"):
        push(artifact, REPO, endpoint=hub.url)
    assert none_arrived(hub)


def test_the_owner_of_the_repo_may_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "annabella")
    card = [("README.md", b"zoo predict annabella/flowers photo.jpg")]
    findings.refuse_private(card, repo="annabella/flowers")
    with pytest.raises(UnsafeFile):
        findings.refuse_private(card, repo="lab/flowers")


TOKEN = "hf_" + "aB3d" * 9
PLACE = "/data/people/ann"


@pytest.mark.row(16, 17)
@pytest.mark.parametrize("text", [TOKEN, PLACE, "DB_PASSWORD=opensesame"])
@pytest.mark.parametrize("place", ["description", "label", "metadata", "picture", "card"])
def test_private_texts_are_found_wherever_they_are(
    hub: EmbeddedHub, artifact: Path, place: str, text: str
) -> None:
    match place:
        case "description":
            data = {"description": text, "fingerprint": "", "rows": {}}
            edit(artifact, "provenance", data=data)
        case "label":
            edit(artifact, "tasks", 0, labels=["ants", "bees", text])
        case "metadata":
            save_file(load_file(artifact / HEADS), artifact / HEADS, metadata={"from": text})
            relist(artifact)
        case "picture":
            (artifact / "assets").mkdir()
            (artifact / "assets" / "a.png").write_bytes(b"\x89PNG\0" + text.encode() + b" at end\0")
        case "card":
            card = artifact / "README.md"
            card.write_text(card.read_text() + f"\nFrom {text} it came.\n")
    # JSON can spell a letter as its number, and a slash with a backslash before it.
    manifest = (artifact / "zoo.json").read_text()
    hidden = text.replace("_", "\\u005f").replace("/", "\\/")
    (artifact / "zoo.json").write_text(manifest.replace(text, hidden))
    with pytest.raises(UnsafeFile, match="nothing was pushed") as failure:
        push(artifact, REPO, endpoint=hub.url)
    assert TOKEN not in str(failure.value)
    assert none_arrived(hub)
    push(artifact, REPO, allow_findings=True, endpoint=hub.url)
    assert not none_arrived(hub)


@pytest.mark.row(16, 17)
@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"message": f"with {TOKEN}"}, "the commit message holds what looks like a Hugging Face"),
        ({"message": f"from {PLACE}"}, "the commit message names '/data/people'"),
        ({"tag": TOKEN}, "the tag holds what looks like a Hugging Face token"),
        ({"branch": TOKEN}, "the branch holds what looks like a Hugging Face token"),
    ],
)
def test_private_words_beside_the_files_are_found(
    hub: EmbeddedHub, artifact: Path, given: dict[str, str], what: str
) -> None:
    with pytest.raises(UnsafeFile, match=what) as failure:
        push(artifact, REPO, endpoint=hub.url, **given)
    assert TOKEN not in str(failure.value)
    assert not hub.log
    push(artifact, REPO, endpoint=hub.url, allow_findings=True, **given)


def test_a_key_that_cannot_sign_is_refused_before_anything_is_opened(
    hub: EmbeddedHub, artifact: Path
) -> None:
    (artifact / HEADS).write_bytes(b"")  # opening would find this
    with pytest.raises(PolicyInvalid, match=r"nokey\.pem"):
        push(artifact, REPO, sign=artifact.parent / "nokey.pem", endpoint=hub.url)
    assert not hub.log
