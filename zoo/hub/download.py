"""One file of one commit, into the cache, never more bytes than it may have."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from huggingface_hub import constants, hf_hub_download
from huggingface_hub.utils.tqdm import tqdm

import zoo
from zoo.errors import CorruptFile, HubUnreachable
from zoo.hub.client import Client, quiet, shown_endpoint
from zoo.hub.translate import told
from zoo.progress import Advance


def download(
    client: Client,
    repo: str,
    commit: str,
    name: str,
    *,
    limit: int,
    advance: Advance,
    again: bool = False,
) -> Path:
    """Fetch ``name`` as it is in ``commit``.

    Args:
        client: the hub.
        repo: ``owner/name``.
        commit: a full commit id.
        name: the file's path in the repo.
        limit: bytes after which the download is broken off.
        advance: told of bytes as they come.
        again: also if it is in the cache.

    Raises:
        CorruptFile: the hub sends more than ``limit``.
        HubError: the hub does not have it, or does not answer.
    """
    with told(client, repo, commit), quiet(), _plain_http():
        path = Path(
            hf_hub_download(
                repo,
                name,
                revision=commit,
                cache_dir=constants.HF_HUB_CACHE,
                endpoint=client.endpoint,
                token=client.token,
                force_download=again,
                library_name="zoo",
                library_version=zoo.__version__,
                tqdm_class=_meter(f"{repo}: {name}", limit, advance),
            )
        )
    if path.parent.name != commit:
        raise HubUnreachable(
            f"{shown_endpoint(client.endpoint)} was asked for {name} of {repo} at {commit[:12]} "
            f"and answered with another commit.",
            hint="Check HF_ENDPOINT; no hub does that.",
        )
    return path


@contextlib.contextmanager
def _plain_http() -> Iterator[None]:
    """Keep hf_xet out of it: it needs a second service, waits minutes for one, and stops at no limit."""
    before = constants.HF_HUB_DISABLE_XET
    constants.HF_HUB_DISABLE_XET = True
    try:
        yield
    finally:
        constants.HF_HUB_DISABLE_XET = before


def _meter(what: str, limit: int, advance: Advance) -> type[Any]:
    """A progress bar of the library's kind: it shows nothing, counts, and stops what never ends."""

    class Meter(tqdm):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            options["disable"] = True
            super().__init__(*arguments, **options)  # type: ignore[no-untyped-call]
            self.received = 0

        def update(self, units: float | None = 1) -> None:
            self.received += int(units or 0)
            if self.received > limit:
                raise CorruptFile(
                    f"{what} does not end after the {limit} bytes it may have; nothing was kept.",
                    hint="The repo or the hub is not to be trusted.",
                )
            advance(int(units or 0))

    return Meter
