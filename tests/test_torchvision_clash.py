"""The clash is mended only where it is exactly that one, each case in an interpreter of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

# What torchvision does where its compiled operators did not load, in small.
CLASHING = """
import torch
torch.library.register_fake("torchvision::nms")(lambda dets, scores, threshold: dets)
torch.library.register_fake("torchvision::qnms")(lambda dets, scores, threshold: dets)
"""

MEND = "from zoo.torchvision_clash import mend_torchvision; print(mend_torchvision())"


def run(script: str, *path: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path))}
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment, timeout=120
    )


def package(folder: Path, source: str) -> Path:
    """A folder with a package ``torchvision`` that hides the installed one."""
    (folder / "torchvision").mkdir()
    (folder / "torchvision" / "__init__.py").write_text(source)
    return folder


def test_the_clash_is_mended(tmp_path: Path) -> None:
    clashing = package(tmp_path, CLASHING)
    assert "operator torchvision::nms does not exist" in run("import torchvision", clashing).stderr
    answer = run(f"{MEND}; {MEND}; import torchvision; print('imported')", clashing)
    assert answer.stdout.split() == ["True", "True", "imported"], answer.stderr


def test_the_installed_torchvision_can_be_imported_by_plugins() -> None:
    answer = run(f"{MEND}; import torchvision.transforms.v2, timm; print('imported')")
    assert answer.stdout.split()[-1] == "imported", answer.stderr


def test_a_healthy_torchvision_is_left_alone(tmp_path: Path) -> None:
    healthy = package(tmp_path, "print('imported once')\n")
    answer = run(f"{MEND}; import torchvision", healthy)
    assert answer.stdout.splitlines() == ["imported once", "False"], answer.stderr


def test_an_absent_torchvision_is_left_alone() -> None:
    absent = "import sys; sys.modules['torchvision'] = None"
    answer = run(f"{absent}\n{MEND}\nprint('torch' in sys.modules)")
    assert answer.stdout.split() == ["False", "False"], answer.stderr


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("raise RuntimeError('libcudart.so.13: cannot open')", "libcudart.so.13: cannot open"),
        (CLASHING + "raise OSError('and broken besides')\n", "and broken besides"),
    ],
)
def test_a_torchvision_broken_in_another_way_is_left_alone(
    tmp_path: Path, source: str, error: str
) -> None:
    broken = package(tmp_path, source)
    answer = run(f"{MEND}\nimport torchvision", broken)
    assert answer.stdout.split() == ["False"]
    assert error in answer.stderr.splitlines()[-1]


def test_loading_a_plugin_mends_it_first(tmp_path: Path) -> None:
    clashing = package(tmp_path, CLASHING)
    (clashing / "needs_torchvision.py").write_text("import torchvision\nload = print\n")
    script = """
from zoo.host import Host, PluginRecord, Provided
from zoo.specs import BackboneSpec
spec = BackboneSpec(name="a:b", loader="needs_torchvision:load", modality="image")
print(Host([]).load(Provided(spec, PluginRecord("a", "a", "1"))) is print)
"""
    answer = run(script, clashing)
    assert answer.stdout.split() == ["True"], answer.stderr
