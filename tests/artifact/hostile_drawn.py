"""Hostile artifacts that hypothesis draws: each breaks a promise by the way it is made."""

import hashlib
import json
import math
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.artifact import tampering
from tests.artifact.headers import file
from tests.artifact.hostile import ADAPTER, CONFIG, HEADS, LISTED, PROBE, Case

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
_PLACES = ("", "backbone", "adapter", "tasks/0", f"files/{HEADS}", "provenance")
_TYPED = {
    "backbone/digest": str, "backbone/name": str, "backbone/pooling": str, "adapter/name": str,
    "adapter/settings": dict, "tasks": list, "tasks/0/labels": list, "tasks/0/kind": str,
    "files": dict, f"files/{HEADS}": dict, f"files/{HEADS}/sha256": str, "provenance": dict,
}  # fmt: skip


def drawn(count: int) -> list[Case]:
    """The same ``count`` cases each time."""
    found: list[Case] = []

    @settings(
        max_examples=max(count, 1),
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(_hostile())
    def collect(case: tuple[str, Any]) -> None:
        if len(found) < count:
            found.append((f"drawn {len(found)}: {case[0]}", case[1]))

    if count:
        collect()
    return found


@st.composite
def _hostile(draw: st.DrawFn) -> tuple[str, Any]:
    return draw(
        st.one_of(
            _unknown_key(), _wrong_type(), _wrong_name(), _noise(), _header(), _flip(), _value()
        )
    )


@st.composite
def _unknown_key(draw: st.DrawFn) -> tuple[str, Any]:
    """A key nobody knows, anywhere, with any value."""
    place, key, value = draw(st.sampled_from(_PLACES)), draw(st.text(max_size=30)), draw(_JSON)

    def spoil(folder: Path) -> None:
        def edit(data: dict[str, Any]) -> None:
            inside = _at(data, place)
            inside[key + "?"] = value

        tampering.edit_manifest(folder, edit)

    return f"key in {place!r}", spoil


@st.composite
def _wrong_type(draw: st.DrawFn) -> tuple[str, Any]:
    """A value of another type."""
    path, kind = draw(st.sampled_from(sorted(_TYPED.items(), key=str)))
    value = draw(_JSON.filter(lambda v: not isinstance(v, kind)))

    def spoil(folder: Path) -> None:
        def edit(data: dict[str, Any]) -> None:
            *parents, last = path.split("/")
            inside = _at(data, "/".join(parents))
            inside[int(last) if isinstance(inside, list) else last] = value

        tampering.edit_manifest(folder, edit)

    return f"type of {path}", spoil


@st.composite
def _wrong_name(draw: st.DrawFn) -> tuple[str, Any]:
    """A file that the model has not, by whatever name."""
    name = draw(st.text(max_size=40).filter(lambda n: n not in LISTED))

    def spoil(folder: Path) -> None:
        entry = {"sha256": "0" * 64, "size": 1}
        tampering.edit_manifest(folder, lambda data: data["files"].update({name: entry}))

    return "file name", spoil


@st.composite
def _noise(draw: st.DrawFn) -> tuple[str, Any]:
    """Any bytes at all in place of a file, which the manifest then lists."""
    name, content = draw(st.sampled_from(LISTED)), draw(st.binary(max_size=300))
    return f"noise in {name}", lambda folder: tampering.put(folder, name, content)


@st.composite
def _header(draw: st.DrawFn) -> tuple[str, Any]:
    """A safetensors header of any numbers, over zeros."""
    name = draw(st.sampled_from((ADAPTER, HEADS, PROBE)))
    sizes = st.integers(-2, 1 << 62)
    entry = st.fixed_dictionaries(
        {
            "dtype": st.sampled_from(("F32", "F16", "U8", "I64", "BOOL", "C64", "F8_E4M3", "x")),
            "shape": st.lists(sizes, max_size=5),
            "data_offsets": st.lists(sizes, min_size=1, max_size=3),
        }
    )
    header = draw(st.dictionaries(st.text(max_size=12), entry, max_size=5))
    data = bytes(draw(st.integers(0, 64)))
    return f"header of {name}", lambda folder: tampering.put(folder, name, file(header, data))


@st.composite
def _flip(draw: st.DrawFn) -> tuple[str, Any]:
    """One bit of a listed file."""
    name, share, bit = draw(st.sampled_from(LISTED)), draw(st.floats(0, 1)), draw(st.integers(0, 7))

    def spoil(folder: Path) -> None:
        content = bytearray((folder / name).read_bytes())
        before = hashlib.sha256(content).digest()
        content[math.floor(share * (len(content) - 1))] ^= 1 << bit
        assert hashlib.sha256(content).digest() != before
        (folder / name).write_bytes(content)

    return f"bit of {name}", spoil


@st.composite
def _value(draw: st.DrawFn) -> tuple[str, Any]:
    """A key or a value that the configuration of this model has not."""
    key, value = draw(st.text(max_size=20)), draw(_JSON.filter(_says_something))

    def spoil(folder: Path) -> None:
        config = json.loads((folder / CONFIG).read_text())
        tampering.put(folder, CONFIG, json.dumps({**config, key + "?": value}).encode())

    return "config", spoil


def _says_something(value: Any) -> bool:
    return value not in (None, False, "", [], {}) or type(value) in (int, float)


def _at(data: Any, path: str) -> Any:
    for part in filter(None, path.split("/")):
        data = data[int(part) if isinstance(data, list) else part]
    return data
