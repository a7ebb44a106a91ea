"""An artifact is opened in a clean process before it is pushed: as those will open it who pull it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from huggingface_hub import constants

from zoo import errors
from zoo.errors import ArtifactError, ZooError
from zoo.hub.translate import reason

_PATIENCE = 1800.0  # seconds; large backbones take their time
_SCRIPT = """
import sys
from zoo.hub.preflight import answer
sys.exit(answer(*sys.argv[1:]))
"""


@dataclass(frozen=True)
class Opened:
    """What is known of an artifact that answers as it should.

    Attributes:
        license: that its backbone states.
        card: ``README.md`` as it reads in the repo.
    """

    license: str | None
    card: str


def open_here(path: Path, repo: str, weights: Path | None) -> Opened:
    """Open an artifact and compare its answers.

    Raises:
        ArtifactError, PluginError, WeightsNotFound: it cannot be opened, or answers otherwise.
        LicenceConflict: its backbone is under another licence than it says.
    """
    from zoo.artifact.base import require_licence
    from zoo.artifact.card import card_for
    from zoo.artifact.load import open_artifact

    found = open_artifact(path, weights=weights)
    backbone = found.model.backbone
    require_licence(found.manifest.backbone, backbone)
    return Opened(backbone.license, card_for(found.folder, repo, model=found.model))


def open_elsewhere(path: Path, repo: str, weights: Path | None) -> Opened:
    """As :func:`open_here`, in a process that has nothing of this one but its import path."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "HF_ENDPOINT": constants.ENDPOINT,
        "HF_HUB_CACHE": constants.HF_HUB_CACHE,
        "HF_HUB_OFFLINE": str(int(constants.HF_HUB_OFFLINE)),
    }
    try:
        ended = subprocess.run(
            [sys.executable, "-c", _SCRIPT, str(path), repo, str(weights or "")],
            env=environment,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
        )
    except subprocess.TimeoutExpired as err:
        raise _refused(f"it was not done after {_PATIENCE:.0f} seconds.") from err
    try:
        told = json.loads(ended.stdout.strip().splitlines()[-1])
        if ended.returncode == 0:
            return Opened(**told)
        kind, message, hint = told["kind"], told["message"], told["hint"]
    except (ValueError, IndexError, KeyError, TypeError) as err:
        last = (ended.stderr.strip().splitlines() or [f"exit status {ended.returncode}"])[-1]
        raise _refused(reason(last)) from err
    raise _as_there(kind, message, hint)


def is_clean() -> bool:
    """Whether nothing here can have been made or changed by hand: no model was ever in this process."""
    return "torch" not in sys.modules


def answer(path: str, repo: str, weights: str) -> int:
    """What the new process does: prints as JSON what it found, or why it was refused."""
    try:
        found = open_here(Path(path), repo, Path(weights) if weights else None)
    except ZooError as err:
        refusal = {"kind": type(err).__name__, "message": err.message, "hint": err.hint}
        sys.stdout.write(f"\n{json.dumps(refusal)}\n")
        return 1
    sys.stdout.write(f"\n{json.dumps(asdict(found))}\n")
    return 0


def _as_there(kind: str, message: str, hint: str) -> ZooError:
    """The refusal of the other process; of one that takes other arguments, its text."""
    known = getattr(errors, kind, None)
    if known is None or known.__init__ is not ZooError.__init__:
        return _refused(message, hint)
    made: ZooError = known(message, hint=hint)
    return made


def _refused(message: str, hint: str = "") -> ArtifactError:
    return ArtifactError(
        f"The artifact does not open in a new process: {message} Nothing was pushed.",
        hint=hint or "Those who pull it have no more than was saved and the plugins it names.",
    )
