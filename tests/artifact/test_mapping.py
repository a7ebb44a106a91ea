"""Large files of one's own are mapped, others are read; both are checked alike."""

import os
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from zoo import unchanged
from zoo.artifact import mapping
from zoo.artifact.files import check_file, open_regular
from zoo.artifact.mapping import map_own
from zoo.artifact.tensors import copy_into, to_bytes
from zoo.errors import CorruptFile, TensorMismatch

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there files are read")


@pytest.fixture(autouse=True)
def _small_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapping, "LARGE", 1)


def _saved(path: Path, module: nn.Module) -> dict[str, torch.Tensor]:
    state = {name: torch.randn_like(tensor) for name, tensor in module.state_dict().items()}
    path.write_bytes(to_bytes(path.name, state))
    path.chmod(0o644)
    return state


def _put(path: Path, module: nn.Module) -> None:
    copy_into(module.state_dict(), path, list(module.parameters()))


def test_parameters_lie_in_the_file_and_never_change_it(tmp_path: Path) -> None:
    path, module = tmp_path / "a.safetensors", nn.Linear(3, 2)
    state = _saved(path, module)
    content, was = path.read_bytes(), module.weight.data_ptr()
    weight = module.weight

    _put(path, module)
    assert torch.equal(module.weight, state["weight"])
    assert module.weight is weight
    assert module.weight.requires_grad
    assert module.weight.data_ptr() != was
    with torch.no_grad():
        module.weight.add_(1)
    assert torch.equal(module.weight, state["weight"] + 1)
    assert path.read_bytes() == content


def test_a_new_file_in_its_place_changes_no_open_model(tmp_path: Path) -> None:
    path, module = tmp_path / "a.safetensors", nn.Linear(3, 2)
    state = _saved(path, module)
    _put(path, module)

    _saved(tmp_path / "new", module)
    (tmp_path / "new").replace(path)
    assert torch.equal(module.weight, state["weight"])


def test_other_strides_are_copied_to(tmp_path: Path) -> None:
    path, module = tmp_path / "a.safetensors", nn.Conv2d(3, 4, 2)
    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    state = _saved(path, module)

    _put(path, module)
    assert torch.equal(module.weight, state["weight"])
    assert module.weight.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.row(50)
def test_what_others_may_write_to_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    _saved(path, nn.Linear(3, 2))
    for mode, is_mapped in ((0o600, True), (0o644, True), (0o664, False), (0o646, False)):
        path.chmod(mode)
        with open_regular(path) as stream:
            assert (map_own(stream) is not None) == is_mapped


def test_small_files_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    path = tmp_path / "a.safetensors"
    _saved(path, nn.Linear(3, 2))

    with open_regular(path) as stream:
        assert map_own(stream) is None


@pytest.mark.row(48)
def test_nan_in_a_mapped_file_is_refused_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unchanged, "_SETTLED_NS", -unchanged._SETTLED_NS)
    path, module = tmp_path / "a.safetensors", nn.Linear(3, 2)
    _saved(path, module)
    _put(path, module)
    content = bytearray(path.read_bytes())
    content[-4:] = b"\x00\x00\xc0\x7f"
    path.write_bytes(content)

    for _ in range(2):
        with pytest.raises(TensorMismatch, match="NaN"):
            _put(path, module)


@pytest.mark.row(48)
def test_a_file_hashed_before_is_refused_once_a_bit_is_flipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unchanged, "_SETTLED_NS", -unchanged._SETTLED_NS)
    path = tmp_path / "a"
    path.write_bytes(b"one")
    sha256 = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"
    before = path.stat()
    for _ in range(2):
        check_file(path, size=3, sha256=sha256)

    path.write_bytes(b"ona")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(CorruptFile, match="changed or damaged"):
        check_file(path, size=3, sha256=sha256)
