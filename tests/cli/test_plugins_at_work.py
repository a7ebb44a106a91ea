"""A plugin that misbehaves while a command computes: the data parses, the error has its name."""

import json
import os
import subprocess
import sys

import pytest

from tests.cli.commands import zoo
from tests.digits import write_digits
from tests.plugin_site import PluginSite
from zoo.host import installed

HOOKS = """
@hookimpl
def zoo_backbones():
    return [BackboneSpec(name="clumsy:net", loader="zoo_clumsy_net:load", modality="image")]

@hookimpl
def zoo_adapters():
    from zoo.plugin import Setting

    settings = (Setting("l2", 0.0, "as the parent's"), Setting("refit", True, "as the parent's"))
    return [AdapterSpec(name="clumsy", loader="zoo_clumsy_net:Clumsy", settings=settings)]
"""
NETWORK = """
import os, subprocess, sys
import torch
from zoo_linear_probe.probe import LinearProbe
from zoo.testing.reference import ConvBackbone, load_conv

def act(where):
    exec(os.environ.get("CLUMSY_" + where, ""), globals())

class Net(ConvBackbone):
    def forward(self, batch):
        act("FORWARD")
        return super().forward(batch)

class Clumsy(LinearProbe):
    def attach(self, backbone):
        act("ATTACH")

def load(spec, weights):
    act("LOAD")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = load_conv(spec, weights)
    made.__class__ = Net
    kind = type(made.preprocess)
    class Pixels(kind):
        def __call__(self, sample):
            act("PREPROCESS")
            return super().__call__(sample)
    made.preprocess = Pixels()
    return made
"""
NOISE = (
    "print('printed'); os.write(1, b'written\\n'); sys.__stdout__.write('by name\\n'); "
    "subprocess.run(['echo', 'child'])"
)
PLACES = ("LOAD", "PREPROCESS", "FORWARD", "ATTACH")


@pytest.fixture(scope="module")
def clumsy(tmp_path_factory):
    """A folder with the plugin, data, and a run that was fitted with it."""
    folder = tmp_path_factory.mktemp("clumsy")
    PluginSite(folder).add("zoo-clumsy", HOOKS)
    (folder / "zoo_clumsy_net.py").write_text(NETWORK)
    write_digits(folder / "data", classes=(3, 8), per_class=12)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        installed.cache_clear()
        fit = ("fit", folder / "data", "--backbone", "clumsy:net", "--adapter", "clumsy")
        ended = zoo(*fit, "--out", folder / "run")
        assert ended.code == 0, ended.err
        yield folder
    installed.cache_clear()


def words(command, folder):
    picture = folder / "data" / "3" / "000.png"
    return {
        "predict": ("predict", folder / "run", picture, "--json"),
        "evaluate": ("evaluate", folder / "run", folder / "data", "--json"),
    }[command]


def test_what_it_prints_is_no_data(clumsy):
    asked = words("predict", clumsy)
    ended = subprocess.run(
        [sys.executable, "-c", "from zoo.cli import main; main()", *map(str, asked)],
        env={
            **os.environ,
            **{f"CLUMSY_{place}": NOISE for place in PLACES},
            "PYTHONPATH": os.pathsep.join([str(clumsy), os.environ.get("PYTHONPATH", "")]),
        },
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)
    for said in ("printed", "written", "by name", "child"):
        assert ended.stderr.splitlines().count(said) >= len(PLACES)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("deed", "told"),
    [
        ("sys.exit(0)", "SystemExit: 0"),
        ("None.heart", "AttributeError: 'NoneType' object has no attribute 'heart'"),
        ("raise BaseException('deep')", "BaseException: deep"),
        ("open('/gone/x')", "FileNotFoundError: [Errno 2] No such file or directory: '/gone/x'"),
    ],
    ids=["exit", "mistake", "base", "system"],
)
def test_what_it_raises_has_its_name(clumsy, monkeypatch, place, deed, told):
    monkeypatch.setenv(f"CLUMSY_{place}", deed)
    for command in ("predict", "evaluate"):
        ended = zoo(*words(command, clumsy))
        assert (ended.code, ended.out) == (1, ""), command
        assert "zoo-clumsy 1.0 (plugin 'zoo-clumsy')" in ended.err, command
        assert told in ended.err, command
        assert "bug in zoo" not in ended.err, command
        assert len(ended.err.splitlines()) <= 3, command
