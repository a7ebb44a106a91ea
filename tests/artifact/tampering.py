"""What a stranger could do to an artifact: change files and sign them again in the manifest."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file


def manifest(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "zoo.json").read_text(encoding="utf-8"))


def edit_manifest(folder: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    """Apply ``edit`` to the manifest's plain data."""
    data = manifest(folder)
    edit(data)
    (folder / "zoo.json").write_text(json.dumps(data), encoding="utf-8")


def put(folder: Path, name: str, content: bytes) -> None:
    """Write a file and let the manifest say that it belongs there."""
    (folder / name).write_bytes(content)
    entry = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
    edit_manifest(folder, lambda data: data["files"].update({name: entry}))


def edit_tensors(folder: Path, name: str, edit: Callable[[dict[str, torch.Tensor]], None]) -> None:
    """Apply ``edit`` to a safetensors file's tensors and sign it again."""
    tensors = load_file(folder / name)
    edit(tensors)
    save_file(tensors, folder / name, metadata={"format": "pt"})
    put(folder, name, (folder / name).read_bytes())


def flip(path: Path, position: int) -> None:
    """Flip one bit of one byte."""
    content = bytearray(path.read_bytes())
    content[position] ^= 0x10
    path.write_bytes(content)
