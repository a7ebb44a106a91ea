"""What the tests of pull share."""

import io
import json
from pathlib import Path

from huggingface_hub import HfApi

from zoo.hub.lock_file import BackbonePin, Pin
from zoo.progress import Silent

REPO = "me/flowers"
DEAD = "http://127.0.0.1:9"


class Told(Silent):
    """Keeps the notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


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


def a_pin() -> Pin:
    """A pin of nothing that is anywhere."""
    backbone = BackbonePin(name="toy:image", source="", commit=None, digest="0" * 64)
    return Pin(revision="main", commit="0" * 40, digest="0" * 64, backbone=backbone)
