"""What the tests of pull over bad lines share: artifacts that are only fetched, and two hubs."""

import hashlib
import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from huggingface_hub import constants

from tests.hub.minimal import MinimalHub
from tests.hub.proxy import FaultyLine
from tests.hub.pulling import REPO
from zoo.hub.server import EmbeddedHub
from zoo.progress import Advance, Silent

HEADS = "heads.safetensors"
_GOOD = Path(__file__).parents[1] / "artifact/formats/0.0"


def files(size: int | None = None) -> dict[str, bytes]:
    """An artifact by file; with ``size``, one file of so many bytes in the place of weights.

    It is listed as it is, and so good enough for everything that does not open it.
    """
    found = {path.name: path.read_bytes() for path in _GOOD.iterdir()}
    return found if size is None else listing(found, HEADS, random.Random(0).randbytes(size))


def listing(found: dict[str, bytes], name: str, content: bytes) -> dict[str, bytes]:
    """Another content under a name, and in the manifest."""
    manifest = json.loads(found["zoo.json"])
    entry = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
    manifest["files"][name] = entry
    return {**found, name: content, "zoo.json": json.dumps(manifest).encode()}


@contextmanager
def line_to(kind: str, content: dict[str, bytes], folder: Path) -> Iterator[FaultyLine]:
    """A line to a hub, ``ours``, ``another`` or one with ``contents elsewhere``, that has ``REPO``."""
    if kind == "ours":
        place = folder / "served" / REPO
        place.mkdir(parents=True)
        for name, data in content.items():
            (place / name).write_bytes(data)
        with EmbeddedHub(folder / "served") as hub, FaultyLine(hub.url) as line:
            yield line
        return
    redirects = kind == "contents elsewhere"
    with MinimalHub(redirects=redirects) as other:
        other.add(REPO, content)
        with FaultyLine(other.url, other.elsewhere if redirects else None) as line:
            yield line


def kept() -> list[str]:
    """Files of the cache that hold something of an artifact, parts of files included."""
    cache = Path(constants.HF_HUB_CACHE)
    found = [*cache.rglob("blobs/*"), *cache.rglob("snapshots/*/*")]
    return sorted(path.name for path in found)


class Counted(Silent):
    """Keeps what it is told, and how far a stage is."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.steps: list[int] = []
        self.total = 0

    def note(self, text: str) -> None:
        self.notes.append(text)

    @contextmanager
    def stage(self, name: str, total: int) -> Iterator[Advance]:
        self.total = total
        yield self.steps.append
