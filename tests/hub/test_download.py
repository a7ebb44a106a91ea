"""Download of a file: continued where it broke off, once for all processes, and never mixed up."""

import json
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from tests.hub.cutting import CuttingProxy
from tests.hub.pulling import REPO, put
from zoo.errors import CorruptFile, HubUnreachable
from zoo.hub import cache, exchange
from zoo.hub.client import connect
from zoo.hub.fetch import fetch
from zoo.hub.server import EmbeddedHub

NAME = "heads.safetensors"


@pytest.fixture
def sha256(artifact: Path) -> str:
    listed = json.loads((artifact / "zoo.json").read_text())["files"]
    return str(listed[NAME]["sha256"])


def bytes_sent(hub: EmbeddedHub) -> list[int]:
    """How much of the file the hub sent, request by request."""
    return [r.bytes_out for r in hub.log if r.path.endswith(NAME) and r.method == "GET"]


class TestContinuing:
    @pytest.mark.row(23)
    def test_goes_on_in_another_process_after_the_last_byte(
        self, hub: EmbeddedHub, pushed: str, artifact: Path, sha256: str
    ) -> None:
        part = cache.partial(connect(hub.url).entry(REPO), sha256)
        part.parent.mkdir(parents=True)
        content = (artifact / NAME).read_bytes()
        part.write_bytes(content[:-100])
        found = fetch(REPO, endpoint=hub.url)
        assert (found.folder / NAME).read_bytes() == content
        assert bytes_sent(hub) == [100]
        assert not part.exists()

    @pytest.mark.row(23)
    def test_keeps_what_came_when_the_line_stays_broken(
        self, hub: EmbeddedHub, pushed: str, sha256: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(exchange, "ATTEMPTS", 1)
        with CuttingProxy(hub.url, after=30_000) as line:
            with pytest.raises(HubUnreachable):
                fetch(REPO, endpoint=line.url)
            blobs = cache.partial(connect(line.url).entry(REPO), sha256).parent
            (part,) = blobs.glob("*.zoo.incomplete")
            assert part.stat().st_size > 0
            fetch(REPO, endpoint=line.url)
            assert not part.exists()

    @pytest.mark.parametrize("of", ["other bytes", "more than there are"])
    def test_starts_again_where_what_is_here_is_no_beginning(
        self, hub: EmbeddedHub, pushed: str, artifact: Path, sha256: str, of: str
    ) -> None:
        size = 10_000 if of == "other bytes" else 10 * (artifact / NAME).stat().st_size
        part = cache.partial(connect(hub.url).entry(REPO), sha256)
        part.parent.mkdir(parents=True)
        part.write_bytes(b"\1" * size)
        found = fetch(REPO, endpoint=hub.url)
        assert (found.folder / NAME).read_bytes() == (artifact / NAME).read_bytes()

    @pytest.mark.row(26)
    def test_keeps_nothing_of_wrong_bytes(
        self, hub: EmbeddedHub, api: HfApi, pushed: str, artifact: Path, sha256: str
    ) -> None:
        hub_has = bytearray((artifact / NAME).read_bytes())
        hub_has[-1] ^= 1
        put(api, NAME, bytes(hub_has))
        with pytest.raises(CorruptFile, match="also when fetched again; it was not opened"):
            fetch(REPO, endpoint=hub.url)
        assert not cache.partial(connect(hub.url).entry(REPO), sha256).exists()
        assert not cache.blob(connect(hub.url).entry(REPO), sha256).exists()
