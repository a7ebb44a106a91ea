"""Where a backbone's weights come from: ``--weights PATH``, the wheel, the Hub cache, the Hub.

The wheel is the plugin's own business; the rest is here. ``HF_ENDPOINT``, ``HF_HUB_OFFLINE``,
``HF_TOKEN`` and ``HF_HOME`` mean what they mean everywhere, because huggingface_hub reads them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from zoo.errors import WeightsNotFound


@dataclass(frozen=True)
class Fetched:
    """Files of one commit in one folder. ``commit`` is ``None`` for a plain local folder."""

    folder: Path
    commit: str | None


@dataclass(frozen=True)
class Weights:
    """What a loader asks for its files.

    Attributes:
        path: a folder the user named; it wins over everything else.
        revision: branch, tag or commit on the Hub; ``None`` is the default branch.
        pretrained: ``False`` asks for the same architecture with random weights.
    """

    path: Path | None = None
    revision: str | None = None
    pretrained: bool = True

    def folder(self, path: str | Path, *, required: Sequence[str]) -> Fetched:
        """A local folder that must hold ``required``.

        Raises:
            WeightsNotFound: the folder or one of the files is not there.
        """
        folder = Path(path).expanduser()
        missing = [name for name in required if not (folder / name).is_file()]
        if missing:
            state = f"lacks {', '.join(missing)}" if folder.is_dir() else "is not a folder"
            raise WeightsNotFound(
                f"{folder} {state}.",
                hint=f"A folder of weights holds {', '.join(required)}.",
            )
        return Fetched(folder, None)

    def repo(self, repo: str, *, required: Sequence[str], optional: Sequence[str] = ()) -> Fetched:
        """Files of a Hub repo, all from one commit; the cache is asked before the network.

        Args:
            repo: ``owner/name``.
            required: names that must be there.
            optional: names that are taken where they exist.

        Raises:
            WeightsNotFound: neither cache nor Hub has them; names the repo and the ways to get it.
        """
        if self.path is not None:
            return self.folder(self.path, required=required)
        return self._cached(repo, required) or self._downloaded(repo, required, optional)

    def _cached(self, repo: str, required: Sequence[str]) -> Fetched | None:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import LocalEntryNotFoundError

        try:
            folder = Path(snapshot_download(repo, revision=self.revision, local_files_only=True))
        except (LocalEntryNotFoundError, ValueError):
            return None
        if not all((folder / name).is_file() for name in required):
            return None
        return Fetched(folder, folder.name)

    def _downloaded(self, repo: str, required: Sequence[str], optional: Sequence[str]) -> Fetched:
        import httpx
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError

        try:
            folder = Path(
                snapshot_download(
                    repo, revision=self.revision, allow_patterns=[*required, *optional]
                )
            )
        except (HfHubHTTPError, HFValidationError, OSError, ValueError, httpx.HTTPError) as err:
            raise self._not_found(repo, err) from err
        missing = [name for name in required if not (folder / name).is_file()]
        if missing:
            raise WeightsNotFound(
                f"The repo {repo} has no {' or '.join(missing)}.",
                hint="zoo reads safetensors only, never pickles; choose a repo that has them.",
            )
        return Fetched(folder, folder.name)

    def _not_found(self, repo: str, err: Exception) -> WeightsNotFound:
        from huggingface_hub import constants

        reason = str(err.__cause__ or err).strip().splitlines()
        where = "HF_HUB_OFFLINE is set" if constants.HF_HUB_OFFLINE else constants.ENDPOINT
        revision = f" at {self.revision}" if self.revision else ""
        return WeightsNotFound(
            f"The weights of {repo}{revision} are not in the cache and could not be fetched "
            f"({where}: {reason[0] if reason else type(err).__name__}).",
            hint=f"Give a folder with `--weights PATH`; or run `hf download {repo}` where there "
            "is a network and copy the cache; or set HF_ENDPOINT to a hub that has it.",
        )
