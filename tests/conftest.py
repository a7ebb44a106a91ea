"""Fixtures for every test, and an environment in which none touches the user's files or a network."""

import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.plugin_site import PluginSite

# Two workers with a thread each are faster than two that fight over the cores. This and the Hub's
# settings are read when torch and huggingface_hub are imported, so they are set before any test.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

# A shell that runs the tests in the background has them ignore Ctrl-C, and children inherit that;
# tests that interrupt real processes would wait for ever.
signal.signal(signal.SIGINT, signal.default_int_handler)

_home = tempfile.TemporaryDirectory(prefix="zoo-tests-")
for _name in [name for name in os.environ if name.startswith(("HF_", "HUGGING", "ZOO_"))]:
    del os.environ[_name]
os.environ["HF_HOME"] = str(Path(_home.name, "huggingface"))
os.environ["HF_ENDPOINT"] = "http://127.0.0.1:9"  # refuses at once; tests name their own hub
os.environ["XDG_CONFIG_HOME"] = str(Path(_home.name, "config"))
os.environ["XDG_CACHE_HOME"] = str(Path(_home.name, "cache"))

CHECKOUT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def checkout() -> Path:
    """The root of the repository."""
    return CHECKOUT


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real data and weights beside the checkout, read-only; skips where there are none."""
    folder = CHECKOUT.parent / "shared"
    if not (folder / "data").is_dir():
        pytest.skip("needs the data beside the checkout (../shared)")
    return folder


@pytest.fixture
def opened_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pushes open artifacts in this process, where torch is: a new one for each would take minutes."""
    from zoo.hub import preflight

    monkeypatch.setattr(preflight, "is_clean", lambda: True)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PluginSite]:
    """A folder on sys.path to install test plugins in."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    before = set(sys.modules)
    yield PluginSite(folder)
    for name in set(sys.modules) - before:
        if str(folder) in (getattr(sys.modules[name], "__file__", None) or ""):
            del sys.modules[name]


@pytest.fixture
def any_better_epoch(monkeypatch):
    """A probe is left for any better epoch: with few rows none is sure to be better."""
    monkeypatch.setattr("zoo.training.best._SURE", 0.0)
