"""A model is opened in a new process before it is pushed: as those will open it who pull it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from huggingface_hub import constants

from zoo.errors import ArtifactError
from zoo.hub.translate import reason

_PATIENCE = 1800.0  # seconds; large backbones take their time
_SCRIPT = """
import json, sys
from pathlib import Path
from zoo.artifact.load import open_artifact
from zoo.errors import ZooError
folder, weights = sys.argv[1:]
try:
    open_artifact(folder, weights=Path(weights) if weights else None)
except ZooError as err:
    print(json.dumps([err.message, err.hint]), file=sys.stderr)
    sys.exit(1)
"""


def open_elsewhere(folder: Path, weights: Path | None) -> None:
    """Open an artifact where nothing of this process is but its import path.

    Raises:
        ArtifactError: it cannot be opened there, or answers otherwise.
    """
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "HF_HUB_CACHE": constants.HF_HUB_CACHE,
    }
    try:
        ended = subprocess.run(
            [sys.executable, "-c", _SCRIPT, str(folder), str(weights or "")],
            env=environment,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
        )
    except subprocess.TimeoutExpired as err:
        raise _refused(f"it was not done after {_PATIENCE:.0f} seconds.") from err
    if ended.returncode != 0:
        last = (ended.stderr.strip().splitlines() or [f"exit status {ended.returncode}"])[-1]
        try:
            message, hint = json.loads(last)
        except ValueError:
            message, hint = reason(last), ""
        raise _refused(str(message), str(hint))


def _refused(message: str, hint: str = "") -> ArtifactError:
    return ArtifactError(
        f"The model does not open in a new process: {message} Nothing was pushed.",
        hint=hint or "Those who pull it have no more than was saved and the plugins it names.",
    )
