"""The installed command in processes of its own, and a hub of our own for it to talk to."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from zoo.hub.server import EmbeddedHub


class Person:
    """Somebody at a terminal: a working directory, an empty Hub cache, and the address of a hub."""

    def __init__(self, folder: Path, hub: EmbeddedHub):
        self.folder = folder
        self.environment = {
            **os.environ,
            "HF_ENDPOINT": hub.url,
            "HF_HOME": str(folder / "huggingface"),
        }
        folder.mkdir()

    def types(self, *words: object, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run ``zoo`` with these words and require its exit code."""
        zoo = Path(sys.executable).with_name("zoo")
        done = subprocess.run(
            [zoo, *map(str, words)],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == code, done.stderr + done.stdout
        return done


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedHub]:
    """A hub that keeps what is pushed."""
    with EmbeddedHub(tmp_path_factory.mktemp("hub")) as hub:
        yield hub


@pytest.fixture(scope="module")
def author(hub: EmbeddedHub, tmp_path_factory: pytest.TempPathFactory) -> Person:
    """Who fits and pushes."""
    return Person(tmp_path_factory.mktemp("people") / "author", hub)


@pytest.fixture
def consumer(hub: EmbeddedHub, tmp_path: Path) -> Person:
    """Who pulls, on a machine that has nothing yet."""
    return Person(tmp_path / "consumer", hub)
