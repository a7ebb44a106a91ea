"""``zoo plugin install`` looks at what came as the next command will find it."""

from pathlib import Path

import pytest

from tests.conftest import CHECKOUT
from tests.environments import Environment
from tests.wheels import wheel_of, write_plugin

SOUND = """
print("loud")
@hookimpl
def zoo_backbones():
    return [BackboneSpec(name="vision:sound", loader="zoo_sound.nowhere:load", modality="image")]
"""
OPTIONS = ("--", "--no-index", "--no-deps", "--no-build-isolation")


@pytest.fixture
def place(tmp_path: Path) -> Environment:
    return Environment(tmp_path, [wheel_of(CHECKOUT, tmp_path)])


def test_a_source_tree_installed_in_place_is_looked_at_as_the_next_command_finds_it(
    place: Environment, tmp_path: Path
) -> None:
    sound = write_plugin(tmp_path / "trees", "zoo-sound", SOUND)
    come = place.zoo("plugin", "install", "-e", sound, *OPTIONS)
    assert (come.returncode, come.stdout) == (0, ""), come.stderr
    assert "zoo-sound 1.0 (plugin 'sound'): provides vision:sound" in come.stderr
    wreck = write_plugin(tmp_path / "trees", "zoo-wreck", "raise RuntimeError('no GPU here')")
    broken = place.zoo("plugin", "install", "-e", wreck, *OPTIONS)
    assert broken.returncode == 1
    assert "zoo-wreck 1.0 (plugin 'wreck') is installed and broken: RuntimeError" in broken.stderr
