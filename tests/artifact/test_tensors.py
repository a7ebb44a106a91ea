"""Our own reading of safetensors refuses what libraries let pass, and reads what they write."""

import math
import os
import time
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from tests.artifact.headers import WRONG, file
from zoo.artifact.header import require_sound
from zoo.artifact.tensors import copy_into, read_tensors, to_bytes
from zoo.errors import CorruptFile, TensorMismatch, TrainingFailed


@pytest.mark.row(48, 49)
@pytest.mark.parametrize("case", WRONG)
def test_a_malformed_file_is_refused_at_once(tmp_path: Path, case: str) -> None:
    content, said = WRONG[case]
    (tmp_path / "a.safetensors").write_bytes(content)

    start = time.perf_counter()
    with pytest.raises(CorruptFile) as caught:
        require_sound(tmp_path / "a.safetensors")
    assert time.perf_counter() - start < 10
    assert caught.value.message.startswith(f"{tmp_path}/a.safetensors is not a sound safetensors")
    assert said in caught.value.message


@pytest.mark.row(61)
def test_control_characters_in_a_name_are_not_printed(tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_bytes(file({"\x1b[31m" + "x" * 500: 3}))

    with pytest.raises(CorruptFile) as caught:
        require_sound(tmp_path / "a.safetensors")
    assert "\x1b" not in caught.value.message
    assert len(caught.value.message) < 250 + len(str(tmp_path))


def test_reading_gives_what_the_library_reads(tmp_path: Path) -> None:
    tensors = {
        "f32": torch.randn(3, 4),
        "f16": torch.randn(5).half(),
        "bf16": torch.randn(2, 2).bfloat16(),
        "f64": torch.randn(1).double(),
        "i64": torch.arange(6).reshape(2, 3),
        "u8": torch.arange(7, dtype=torch.uint8),
        "bool": torch.tensor([True, False]),
        "scalar": torch.tensor(3.5),
        "empty": torch.empty(0, 4),
        "é — ü": torch.ones(1),
    }
    path = tmp_path / "a.safetensors"
    path.write_bytes(to_bytes("a", tensors))

    read = read_tensors(path, max_bytes=10_000)
    library = load_file(path)
    assert read.keys() == library.keys()
    for name, found in read.items():
        assert found.dtype == library[name].dtype
        assert torch.equal(found, library[name])


@pytest.mark.row(48)
@settings(max_examples=60, deadline=None)
@given(position=st.integers(min_value=0), bit=st.integers(0, 7))
def test_a_flipped_bit_is_refused_or_read_as_the_library_reads_it(
    tmp_path_factory: pytest.TempPathFactory, position: int, bit: int
) -> None:
    """Nothing but our own errors comes out of a damaged file."""
    content = bytearray(to_bytes("a", {"one": torch.ones(3), "two": torch.zeros(2, 2)}))
    content[position % len(content)] ^= 1 << bit
    path = tmp_path_factory.mktemp("flip") / "a.safetensors"
    path.write_bytes(content)
    live = {"one": torch.empty(3), "two": torch.empty(2, 2)}

    try:
        copy_into(live, path)
    except (CorruptFile, TensorMismatch):
        return
    library = load_file(path)
    assert library.keys() == live.keys()
    assert all(torch.equal(library[name], tensor) for name, tensor in live.items())


def test_live_tensors_share_no_memory_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(to_bytes("a", {"x": torch.ones(4)}))
    live = {"x": torch.zeros(4)}
    copy_into(live, path)
    path.write_bytes(b"")

    assert live["x"].tolist() == [1.0] * 4


def test_a_view_and_a_shared_tensor_can_be_saved() -> None:
    whole = torch.arange(6.0).reshape(2, 3)
    assert to_bytes("a", {"a": whole, "b": whole[0], "c": whole.T})


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_finite_is_not_written(value: float) -> None:
    with pytest.raises(TrainingFailed, match=r"The model diverged: 'w' of a\.safetensors holds"):
        to_bytes("a.safetensors", {"w": torch.tensor([1.0, value])})


@pytest.mark.row(50)
def test_a_file_that_shrinks_while_it_is_read_raises(tmp_path: Path) -> None:
    """A mapped file would end the process."""
    path = tmp_path / "a.safetensors"
    path.write_bytes(to_bytes("a", {"x": torch.ones(1000, 1000)}))
    live = {"x": torch.zeros(1000, 1000)}
    os.truncate(path, 1000)

    with pytest.raises(CorruptFile):
        copy_into(live, path)
