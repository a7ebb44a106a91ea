"""Broken plugins in wheels, installed beside sound ones, and the commands that must work all the same."""

import json
import time
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT
from tests.environments import Environment
from tests.wheels import wheel_of, write_plugin

LISTS = """
@hookimpl
def zoo_backbones():
    return [BackboneSpec(name="vision:{0}", loader="zoo_{0}.nowhere:load", modality="text")]
"""

# By distribution: the hook module, and the beginning of the reason.
WRECKS = {
    "zoo-import": ("raise RuntimeError('no GPU here')", "RuntimeError: no GPU here"),
    "zoo-register": (
        "@hookimpl\ndef zoo_tasks(gpu):\n    return []\n",
        "zoo_tasks has no argument 'gpu'",
    ),
    "zoo-hook": ("@hookimpl\ndef zoo_tasks():\n    return 1 / 0\n", "zoo_tasks raised ZeroDiv"),
    "zoo-hang": (
        "import os, time\nopen(os.environ.get('MARK', os.devnull), 'w').close()\ntime.sleep(100)\n",
        "importing zoo_hang.hooks took longer than ",
    ),
    "zoo-spell": ("@hookimpl\ndef zoo_taks():\n    return []\n", "implements 'zoo_taks', which "),
    "zoo-type": ("@hookimpl\ndef zoo_tasks():\n    return {1: 2}\n", "zoo_tasks returned dict"),
    "zoo-exit": ("import sys\nsys.exit(0)\n", "SystemExit: 0"),
    "zoo-base": ("class Odd(BaseException):\n    pass\nraise Odd('!')\n", "Odd: !"),
    "zoo-ape": (
        "import zoo.cli.output as o\no.emit_json = print\n"
        "import zoo_digits.hooks as d\ndef evil():\n    return []\nd.zoo_backbones = evil\n",
        "replaced zoo.cli.output.emit_json, zoo_digits.hooks.zoo_backbones",
    ),
    "zoo-lost": (
        "import json, os, sys\nos.close(1)\nos.close(2)\nos.chdir('/')\nos.environ.clear()\n"
        "sys.path.clear()\nsys.setrecursionlimit(150)\njson.dumps = print\n"
        "for name in [name for name in sys.modules if name.startswith('zoo')]:\n"
        "    del sys.modules[name]\n",
        "changed the recursion limit; changed the working directory; changed ",
    ),
    "zoo-hide": (
        "from zoo.plugin import CommandSpec\n@hookimpl\ndef zoo_commands():\n"
        "    return [CommandSpec(name='fit', loader='x:y')]\n",
        "its command 'fit' would hide zoo's own",
    ),
}
LOUD = (
    "import os, subprocess\nprint('loud')\nos.write(1, b'loud')\nsubprocess.run(['echo', 'loud'])\n"
)
SOUND = {
    "zoo-good": LISTS.format("good"),
    "zoo-loud": LOUD + LISTS.format("loud"),
    "zoo-one": LISTS.format("same"),
    "zoo-other": LISTS.format("same"),
}
NEEDS = {"zoo-good": ("a-library", "pluggy"), "zoo-other": ("zoo-good",)}
SOON = {"ZOO_PLUGIN_TIMEOUT": "2"}
NO_HANG = {"ZOO_DISABLE_PLUGINS": "zoo-hang"}


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("wheels")
    trees = [CHECKOUT, CHECKOUT / "plugins" / "zoo-digits", CHECKOUT / "plugins" / "zoo-tasks"]
    sources = SOUND | {name: hooks for name, (hooks, _) in WRECKS.items()}
    trees += [
        write_plugin(folder / "trees", name, hooks, dependencies=("zoo", *NEEDS.get(name, ())))
        for name, hooks in sources.items()
    ]
    trees.append(write_plugin(folder / "trees", "a-library", "", points={}, dependencies=()))
    future = "ZOO_API = '9.0'\n" + LISTS.format("future")
    trees.append(write_plugin(folder / "trees", "zoo-future", future, version="4.2"))
    points = {"two-bad": "zoo_two.missing", "two-good": "zoo_two.hooks"}
    trees.append(write_plugin(folder / "trees", "zoo-two", LISTS.format("two"), points=points))
    return {tree.name if tree != CHECKOUT else "zoo": wheel_of(tree, folder) for tree in trees}


@pytest.fixture(scope="module")
def place(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Everything above, installed."""
    return Environment(tmp_path_factory.mktemp("place"), wheels.values())


def test_each_is_named_with_its_reason_and_the_others_work(place: Environment) -> None:
    start = time.monotonic()
    ended = place.zoo("plugins", "--json", env=SOON)
    assert time.monotonic() - start < 60, "the process waited for the plugin that hangs"
    assert ended.returncode == 0
    found = {plugin["name"]: plugin for plugin in json.loads(ended.stdout)}
    for distribution, (_, reason) in WRECKS.items():
        plugin = found[distribution.removeprefix("zoo-")]
        assert (plugin["distribution"], plugin["version"]) == (distribution, "1.0")
        assert plugin["status"] == "broken", plugin
        assert plugin["reason"].startswith(reason)
        assert plugin["remedy"]
    future = found["future"]
    assert (future["status"], future["version"], future["provides"]) == ("skipped", "4.2", [])
    assert found["two-bad"]["status"] == "broken"
    for name, provides in {
        "good": "good", "loud": "loud", "one": "same", "other": "same", "two-good": "two",
        "digits": "digits",
    }.items():  # fmt: skip
        assert found[name]["status"] == "ok"
        assert found[name]["provides"] == [f"vision:{provides}"]


def test_listing_ends_well_with_clean_data(place: Environment) -> None:
    ended = place.zoo("backbones", "--json", env=NO_HANG)
    assert ended.returncode == 0
    names = {entry["name"] for entry in json.loads(ended.stdout)}
    assert {"vision:good", "vision:loud", "vision:two", "vision:digits"} <= names
    assert ended.stderr.count("loud") == 3


def test_the_help_works(place: Environment) -> None:
    ended = place.zoo("--help", env=NO_HANG)
    assert ended.returncode == 0
    assert "doctor" in ended.stdout
    assert "Traceback" not in ended.stderr


def test_a_name_of_two_is_an_error_that_names_both(place: Environment) -> None:
    ended = place.zoo("show", "vision:same", env=NO_HANG)
    assert ended.returncode == 2
    assert "zoo-one 1.0" in ended.stderr
    assert "zoo-other 1.0" in ended.stderr


def test_a_loader_that_is_not_there_names_its_plugin(place: Environment) -> None:
    (place.folder / "texts.csv").write_text("text,label\nsome words,a\nother words,b\n")
    ended = place.zoo(
        "embed", "vision:good", "texts.csv", "--unlabelled", "--out", "x.npz", env=NO_HANG
    )
    assert (ended.returncode, ended.stdout) == (1, ""), ended.stderr
    assert (
        "Error: zoo-good 1.0 (plugin 'good') cannot load 'vision:good': ModuleNotFoundError: "
        in ended.stderr
    )


def test_the_doctor_says_how_each_is_mended(place: Environment) -> None:
    ended = place.zoo("doctor", "--json", env=NO_HANG)
    assert ended.returncode == 1
    answer = json.loads(ended.stdout)
    assert answer["ok"] is False
    broken = {c["name"]: c for c in answer["checks"] if c["status"] == "broken"}
    wrecks = {f"plugin {name.removeprefix('zoo-')}" for name in WRECKS} - {"plugin hang"}
    assert wrecks | {"plugin future", "plugin two-bad", "names"} <= set(broken)
    assert all(check["remedy"] for check in broken.values())


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--help"], 0),
        (["plugins"], 0),
        (["doctor"], 1),
        (["backbones", "--json"], 0),
        (["plugin", "uninstall", "nothing-of-the-kind"], 2),
    ],
)
def test_what_mends_works_with_every_plugin_broken(
    place: Environment, words: list[str], code: int
) -> None:
    names = ",".join(name for name in WRECKS if name != "zoo-hang")
    ended = place.zoo(*words, env={"ZOO_ALLOW_PLUGINS": names})
    assert ended.returncode == code, ended.stderr
    assert "Traceback" not in ended.stderr


def test_strictly_the_first_broken_one_ends_the_command(place: Environment) -> None:
    ended = place.zoo("plugins", "--strict", "--json", env=NO_HANG)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.splitlines()[-2].startswith("Error: zoo-ape 1.0 (plugin 'ape'): ")


def test_only_allowed_ones_are_loaded_and_traced(place: Environment) -> None:
    ended = place.zoo("--allow-plugins", "zoo-good,digits", "--trace", "plugins", "--json")
    found = {p["name"]: p["status"] for p in json.loads(ended.stdout)}
    assert {name for name, status in found.items() if status == "ok"} == {"good", "digits"}
    assert set(found.values()) == {"ok", "disabled"}
    assert "trace: load zoo-good 1.0 (plugin 'good') …" in ended.stderr
    assert "loud" not in ended.stderr.replace("zoo-loud", "")


def test_plugins_come_and_go(place: Environment, wheels: dict[str, Path]) -> None:
    """`uninstall` imports nothing: the plugin that hangs would leave a mark."""
    mark = place.folder / "imported"
    gone = place.zoo("plugin", "uninstall", "hang", "zoo-good", env={"MARK": str(mark)})
    assert not mark.exists()
    assert (gone.returncode, gone.stdout) == (0, ""), gone.stderr
    assert "Removed zoo-hang, zoo-good." in gone.stderr
    assert "plugins remain" in gone.stderr
    assert "zoo-other 1.0 (plugin 'other') needs zoo-good and will not work without." in gone.stderr
    assert "Nothing else asks for a-library; pip leaves what a plugin needed." in gone.stderr
    good = wheels["zoo-good"]
    come = place.zoo("plugin", "install", good, "--", "--no-index", "--no-deps")
    assert come.returncode == 0, come.stderr
    assert "zoo-good 1.0 (plugin 'good'): provides vision:good" in come.stderr
    again = place.zoo("plugin", "install", wheels["zoo-hang"], "--", "--no-index", "--no-deps",
                      env=SOON)  # fmt: skip
    assert again.returncode == 1
    assert "zoo-hang 1.0 (plugin 'hang') is installed and broken: importing" in again.stderr


def test_zoo_and_what_is_not_there_are_not_uninstalled(place: Environment) -> None:
    host = place.zoo("plugin", "uninstall", "zoo")
    assert host.returncode == 2
    assert "zoo itself is not a plugin" in host.stderr
    unknown = place.zoo("plugin", "uninstall", "zoo-godo")
    assert unknown.returncode == 2
    assert "Did you mean 'zoo-good'" in unknown.stderr
