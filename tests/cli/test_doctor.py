"""`zoo doctor`: what is broken is found, said with its remedy, and decides the exit code."""

import json
import os
import subprocess
import sys

import pytest

from tests.cli.commands import zoo
from zoo.cli import checks
from zoo.host import installed
from zoo.hub.server import EmbeddedHub


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    yield
    installed.cache_clear()


def by_name(ended):
    return {check["name"]: check for check in ended.data["checks"]}


def test_a_sound_installation_ends_with_0():
    ended = zoo("doctor", "--json")
    found = by_name(ended)
    assert (ended.code, ended.data["ok"]) == (0, True), ended.data
    assert "plugin API 0.1" in found["zoo"]["detail"]
    assert "torch 2." in found["libraries"]["detail"]
    assert found["hub"]["status"] == "note"
    table = zoo("doctor")
    assert table.code == 0
    assert all(any(line.startswith(name) for line in table.out.splitlines()) for name in found)


def test_a_broken_plugin_ends_it_with_1_and_is_mended_by_what_it_says(site):
    site.add("zoo-wreck", "raise RuntimeError('no such device')")
    installed.cache_clear()
    ended = zoo("doctor")
    assert ended.code == 1
    assert "To mend plugin zoo-wreck: Upgrade it, or `zoo plugin uninstall zoo-wreck`" in ended.err
    assert "RuntimeError: no such device" in ended.out
    installed.cache_clear()
    assert zoo("doctor", "--disable-plugins", "zoo-wreck").code == 0


@pytest.mark.parametrize(
    ("torch", "torchvision", "asks", "status"),
    [
        ("2.13.0+cpu", "0.28.0+cpu", "2.13.0", "ok"),
        ("2.13.0+cpu", "0.28.0+cu130", "2.13.0", "note"),
        ("2.12.0+cpu", "0.28.0+cpu", "2.13.0", "broken"),
    ],
)
def test_the_pair_of_torch_and_torchvision_is_judged_by_their_files(
    site, torch, torchvision, asks, status
):
    for name, version in (("torch", torch), ("torchvision", torchvision)):
        info = site.folder / f"{name}-{version.partition('+')[0]}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version.partition('+')[0]}\n"
            f"Requires-Dist: torch (=={asks})\n"
        )
        (site.folder / name).mkdir()
        (site.folder / name / "version.py").write_text(f"__version__ = '{version}'\n")
    (check,) = checks.torch_pair()
    assert check.status == status
    assert f"torch {torch}, torchvision {torchvision}" in check.detail
    assert bool(check.remedy) == (status == "broken")


def run(tmp_path, **environment):
    ended = subprocess.run(
        [sys.executable, "-c", "import zoo.cli; zoo.cli.main(['doctor', '--json'])"],
        env={**os.environ, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "0", **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return ended, {check["name"]: check for check in json.loads(ended.stdout)["checks"]}


def test_a_hub_that_answers_and_a_token_that_is_never_shown(tmp_path):
    with EmbeddedHub(tmp_path / "hub") as hub:
        ended, found = run(tmp_path, HF_ENDPOINT=hub.url, HF_TOKEN="hf_sesame1234567890")
    assert ended.returncode == 0, ended.stdout
    assert found["hub"]["detail"] == f"{hub.url} answers"
    assert found["token"]["detail"] == "a token is set"
    assert "sesame" not in ended.stdout + ended.stderr


def test_a_hub_that_is_not_there(tmp_path):
    ended, found = run(tmp_path, HF_ENDPOINT="http://me:hush@127.0.0.1:9")
    assert ended.returncode == 1
    assert found["hub"]["status"] == "broken"
    assert "http://127.0.0.1:9 does not answer: " in found["hub"]["detail"]
    assert "HF_HUB_OFFLINE" in found["hub"]["remedy"]
    assert "hush" not in ended.stdout + ended.stderr
    assert found["token"]["status"] == "note"


def test_caches_are_measured_without_following_links(tmp_path):
    (tmp_path / "hub" / "a").mkdir(parents=True)
    (tmp_path / "hub" / "a" / "blob").write_bytes(bytes(2_000_000))
    (tmp_path / "hub" / "link").symlink_to(tmp_path / "hub" / "a" / "blob")
    (tmp_path / "hub" / "round").symlink_to(tmp_path / "hub")
    _, found = run(tmp_path, HF_HUB_OFFLINE="1")
    assert found["hub cache"]["detail"] == f"{tmp_path / 'hub'}: 2 MB"
