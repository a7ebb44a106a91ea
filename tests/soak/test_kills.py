"""A thousand kills at random moments of save, push, pull and lock: never half, and the next succeeds.

``SOAK_KILLS`` says how many, ``SOAK_SEED`` which.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT
from zoo.hub.server import EmbeddedHub

HERE = Path(__file__).parent


@pytest.mark.soak
def test_nothing_is_ever_half_there(tmp_path: Path) -> None:
    kills = int(os.environ.get("SOAK_KILLS", "1000"))
    seed = os.environ.get("SOAK_SEED", "0")
    env = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HOME": str(tmp_path / "home")}
    env["PYTHONPATH"] = str(CHECKOUT)
    with EmbeddedHub(tmp_path / "hub") as hub:
        done = subprocess.run(
            [sys.executable, HERE / "kills.py", hub.url, tmp_path / "work", str(kills), seed],
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    sys.stdout.write(f"\n{done.stdout}\n")  # with -s, or where it fails
    found = json.loads(done.stdout)
    for work in ("save", "push", "pull", "lock"):
        assert found[work]["bad"] == [], done.stderr[-3000:]
        assert found[work]["killed"] == kills // 4
        assert found[work]["old"] > 0
