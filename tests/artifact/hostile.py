"""Hostile artifacts: what a stranger can make of a good one, listed files signed again in the manifest.

Each case is a name and a function that spoils a folder holding a good LoRA of ``toy:image``.
"""

import json
import os
import pickle
import socket
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from tests.artifact import tampering
from tests.artifact.headers import WRONG
from zoo.artifact.manifest import FORMAT

Spoil = Callable[[Path], None]
Case = tuple[str, Spoil]

CONFIG, ADAPTER, HEADS, PROBE = LISTED = (
    "adapter_config.json",
    "adapter_model.safetensors",
    "heads.safetensors",
    "probe.safetensors",
)
SHA = "0" * 64
NEXT_FORMAT = f"0.{int(FORMAT.rpartition('.')[2]) + 1}"
ESCAPE = "\x1b]0;owned\x07\x1b[2J\u202e"
CODE_KEYS = (
    "auto_map", "trust_remote_code", "loader", "import", "__class__", "__reduce__", "_target_",
    "py:object", "custom_pipelines", ESCAPE,
)  # fmt: skip
BOMBS = ("(a+)+$", "(.*)*x", "([a-z]+)*\\1" * 50, "(" * 5000)


def cases() -> list[Case]:
    """All that were made by hand."""
    found = [
        *_texts(), *_formats(), *_keys(), *_values(), *_file_entries(),
        *_files(), *_headers(), *_tensors(), *_configs(), *_probes(),
    ]  # fmt: skip
    assert len({name for name, _ in found}) == len(found)
    return found


class Payload:
    """Touches a file when it is unpickled."""

    def __init__(self, canary: str) -> None:
        self.canary = canary

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.canary}",)


def _text(content: bytes) -> Spoil:
    return lambda folder: (folder / "zoo.json").write_bytes(content)  # type: ignore[return-value]


def _texts() -> Iterator[Case]:
    """A manifest that is no JSON, or JSON that nobody should parse."""
    yield from {
        "json empty": _text(b""),
        "json blank": _text(b"  \n"),
        "json cut": lambda f: (f / "zoo.json").write_bytes((f / "zoo.json").read_bytes()[:-3]),
        "json python": _text(b"{'format': 0}"),
        "json comment": _text(b"// x\n{}"),
        "json more after it": lambda f: (f / "zoo.json").open("ab").write(b"{}"),
        "json list": _text(b"[]"),
        "json text": _text(b'"zoo"'),
        "json number": _text(b"0"),
        "json null": _text(b"null"),
        "json byte order mark": _text(b"\xef\xbb\xbf{}"),
        "json utf-16": _text('{"format": 0}'.encode("utf-16")),
        "json bytes": _text(bytes(range(256))),
        "json NUL": _text(b"\0" * 100),
        "json NaN": _text(b'{"format": 0, "license": NaN}'),
        "json infinity": _text(b'{"format": 0, "license": -Infinity}'),
        "json too large a float": _text(b'{"format": 1e999}'),
        "json too large an int": _text(b'{"format": ' + b"9" * 4000 + b"}"),
        "json a million digits": _text(b'{"format": ' + b"9" * 1_000_000 + b"}"),
        "json half a letter": _text(b'{"format": 0, "license": "\\ud800"}'),
        "json duplicate key": _text(b'{"format": 0, "format": 0}'),
        "json lists in lists": _text(b"[" * 100_000),
        "json lists in lists, closed": _text(b"[" * 100_000 + b"]" * 100_000),
        "json objects in objects": _text(b'{"a":' * 100_000),
        "json 4 MB of lists": _text(b"[" + b"[]," * 1_300_000 + b"[]]"),
        "json 4 MB of objects": _text(b"[" + b'{"":0},' * 590_000 + b"0]"),
        "json 4 MB of numbers": _text(b"[" + b"1," * 2_000_000 + b"1]"),
        "json 200 MB": lambda f: os.truncate(f / "zoo.json", 200 << 20),
        "json a pickle": _text(pickle.dumps({"format": 0})),
        "json yaml": _text(b"format: 0\nbackbone: !!python/object/apply:os.system [id]\n"),
        "json html": _text(b"<html><body>Log in</body></html>"),
        "json a duplicate deep down": lambda f: _replace(
            f, b'"adapter": {', b'"adapter": {"name": "linear-probe", '
        ),
    }.items()


def _replace(folder: Path, old: bytes, new: bytes) -> None:
    content = (folder / "zoo.json").read_bytes()
    assert old in content
    (folder / "zoo.json").write_bytes(content.replace(old, new, 1))


def _formats() -> Iterator[Case]:
    for told in (
        -1,
        1,
        99,
        10**15,
        True,
        None,
        0.1,
        [],
        {},
        "",
        "1",
        NEXT_FORMAT,
        "0.999",
        "7.1",
        "0.1 ",
    ):
        yield f"format {told!r}", partial(_put, path="format", value=told)


def _put(folder: Path, path: str, value: Any) -> None:
    """Put a value at ``a/b/0/c`` in the manifest."""

    def edit(data: dict[str, Any]) -> None:
        *parents, last = path.split("/")
        place: Any = data
        for parent in parents:
            place = place[int(parent) if isinstance(place, list) else parent]
        place[int(last) if isinstance(place, list) else last] = value

    tampering.edit_manifest(folder, edit)


def _keys() -> Iterator[Case]:
    """Keys that name code, and others that nobody knows, everywhere in the manifest."""
    levels = ("", "backbone/", "adapter/", "tasks/0/", f"files/{HEADS}/", "provenance/")
    for level in levels:
        for key in CODE_KEYS:
            value = {"AutoModel": "evil.py--Evil"} if key == "auto_map" else "os:system"
            yield f"key {level}{key!r}", partial(_put, path=level + key, value=value)
    for place in ("adapter", "tasks/0"):
        for key in (*CODE_KEYS, "labels", "name", "spec", "self"):
            yield (
                f"setting {place} {key!r}",
                partial(_put, path=f"{place}/settings/{key}", value="os:system"),
            )


def _values() -> Iterator[Case]:
    """Values that are of another type, too much of something, or name what must not be named."""
    names = (
        "",
        "toy",
        "toy:",
        ":image",
        "toy:/etc/passwd",
        "toy:../up",
        "file:///etc/passwd",
        "toy:~/x",
        "toy:\\\\server\\share",
        "toy:C:\\x",
        "os:system",
        "absent:thing",
        "toy:image\0",
        "toy:" + "x" * 400,
        ESCAPE,
        f"toy:{ESCAPE}",
        "tоy:image",
        "toy:image ",
        3,
        None,
    )
    parts = ("", "absent", "os:system", "../lora", "lora\n", ESCAPE, "zoo_lora.lora:Lora", 3, None)
    wrong: dict[str, tuple[Any, ...]] = {
        "backbone/name": names,
        "backbone/source": ("/etc", "../x", "~root", "file:/x", "x" * 400, 3),
        "backbone/commit": ("x" * 400, 3, []),
        "backbone/digest": ("", SHA[:-1], SHA.upper().replace("0", "A"), SHA, "../" + SHA[3:], None),
        "backbone/pooling": ("", "max", "os:system", ESCAPE, None, 3, "x" * 400),
        "backbone/provider": (None, 3, "x" * 400),
        "backbone/contract": (None, [], "x"),
        "backbone/preprocessing": (None, "x", {str(i): 0 for i in range(1001)}),
        "adapter/name": parts,
        "adapter/settings": (None, [], "x", {"rank": {"a": 1}}, {"rank": None},
                             {str(i): i for i in range(2000)}),
        "adapter/settings/rank": (0, -1, 10**9, 2**63, 1e300, 8.5, "eight", True, [8], "9" * 4000),
        "adapter/settings/alpha": (0, -1.0, 1e308, "x", [1]),
        "adapter/settings/dropout": (1.5, -0.1, "x"),
        "adapter/settings/roles": (["conv"], ["attention"], "conv", ["x"] * 20_000, [ESCAPE], *BOMBS),
        "adapter/settings/last_blocks": (-1, 10**9, "all"),
        "adapter/settings/target_modules": (*BOMBS, "all-linear", ["0"]),
        "tasks": ([], None, {}, "x", [{}], [None]),
        "tasks/0/kind": parts,
        "tasks/0/name": ("", "a.b", "keys", "__class__", "forward", "../x", ESCAPE, 3, "x" * 400),
        "tasks/0/labels": ([], ["a"], ["a", "b"], list("abcd"), ["a", "a", "b"], "abc", [1, 2, 3],
                           [None] * 3, ["a"] * 100_001, [str(i) for i in range(100_001)],
                           ["x" * 200_000, "b", "c"], {"0": "a"}, None),
        "tasks/0/settings": (None, [], {"class_weights": "evil"}, {"label_smoothing": 5.0}),
        "files": (None, [], {}, "x"),
        "license": (3, [], {"name": "mit"}, "x" * 400),
        "accepted_licenses": ("mit", [3], ["x"] * 200),
        "provenance": (None, [], "x"),
        "provenance/metrics": ([], {"m": 1}, {"m": {"a": "x"}}, {str(i): {} for i in range(1001)}),
        "provenance/seed": ("0", 1.5, [], 10**30),
        "provenance/versions": ({"zoo": 1}, {"x" * 400: "1"}),
    }  # fmt: skip
    for path, values in wrong.items():
        for number, value in enumerate(values):
            yield f"value {path} {number}", partial(_put, path=path, value=value)
    yield (
        "tasks a thousand and one",
        lambda f: tampering.edit_manifest(f, lambda data: data.update(tasks=data["tasks"] * 1001)),
    )
    yield (
        "tasks two of one name",
        lambda f: tampering.edit_manifest(f, lambda data: data.update(tasks=data["tasks"] * 2)),
    )


def _file_entries() -> Iterator[Case]:
    """What the manifest says of files."""
    for name in ("..", "../x.json", "/etc/passwd", "a/b.json", "a\\b.json", "C:x.json", "\\\\u\\x",
                 "a\0.json", ".hidden.json", "x" * 300, "", " ", "ü.json", "e\u0301.json", ESCAPE,
                 "extra.json", "zoo.json", "README.md", "con.json", "x.py", "modeling.py",
                 "model.safetensors", "config.json", HEADS.upper(),
                 *(f"model{end}" for end in (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt",
                                             ".joblib"))):  # fmt: skip
        entry = {"sha256": SHA, "size": 1}
        yield (
            f"file entry {name!r}",
            lambda f, name=name, entry=entry: tampering.edit_manifest(  # type: ignore[misc]
                f, lambda data: data["files"].update({name: entry})
            ),
        )
    for name in LISTED:
        yield (
            f"file entry without {name}",
            lambda f, name=name: tampering.edit_manifest(f, lambda d: d["files"].pop(name)),  # type: ignore[misc]
        )
    for key, values in {
        "size": (-1, 0, 1, 1 << 50, 1 << 70, "5", 5.0, None, True),
        "sha256": (SHA, SHA.upper(), "", "x", None, 3, SHA + "0"),
    }.items():
        for number, value in enumerate(values):
            yield (
                f"file {key} {number}",
                partial(_put, path=f"files/{HEADS}/{key}", value=value),
            )
    yield (
        "files a thousand more",
        lambda f: tampering.edit_manifest(
            f,
            lambda d: d["files"].update({f"f{i}": {"sha256": SHA, "size": 1} for i in range(1000)}),
        ),
    )


def _files() -> Iterator[Case]:
    """What lies in the folder."""
    for name in (*LISTED, "zoo.json"):
        for kind, spoil in {
            "a link": _link, "a link to a device": _zero, "a link to nothing": _dangling,
            "a fifo": _fifo, "a directory": _directory, "a socket": _socket,
        }.items():  # fmt: skip
            yield f"{name} is {kind}", partial(spoil, name=name)
    for name in LISTED:
        for kind, change in {
            "cut": lambda b: b[:-1],
            "longer": lambda b: b + b"\0",
            "empty": lambda b: b"",
            "flipped": lambda b: b[:-9] + bytes([b[-9] ^ 1]) + b[-8:],
            "zeros": lambda b: bytes(len(b)),
        }.items():
            yield (
                f"{name} {kind}",
                lambda f, name=name, change=change: (f / name).write_bytes(  # type: ignore[misc]
                    change((f / name).read_bytes())
                ),
            )
        yield f"{name} missing", lambda f, name=name: (f / name).unlink()  # type: ignore[misc]
        yield (
            f"{name} missing, a pickle beside it",
            lambda f, name=name: (f / name).rename((f / name).with_suffix(".bin")),  # type: ignore[misc]
        )
        for protocol in range(6):
            yield f"{name} a pickle {protocol}", partial(_pickled, name=name, protocol=protocol)
        yield f"{name} a torch file", partial(_torch, name=name)


def _link(folder: Path, name: str) -> None:
    (folder / name).rename(folder.parent / f"{folder.name}-elsewhere")
    (folder / name).symlink_to(folder.parent / f"{folder.name}-elsewhere")


def _zero(folder: Path, name: str) -> None:
    (folder / name).unlink()
    (folder / name).symlink_to("/dev/zero")


def _dangling(folder: Path, name: str) -> None:
    (folder / name).unlink()
    (folder / name).symlink_to("nowhere")


def _fifo(folder: Path, name: str) -> None:
    (folder / name).unlink()
    os.mkfifo(folder / name)


def _directory(folder: Path, name: str) -> None:
    (folder / name).unlink()
    (folder / name).mkdir()


def _socket(folder: Path, name: str) -> None:
    (folder / name).unlink()
    here = Path.cwd()
    os.chdir(folder)  # the path of a socket has few letters
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(name)
    finally:
        os.chdir(here)


def _pickled(folder: Path, name: str, protocol: int) -> None:
    payload = Payload(str(folder.parent / "canary"))
    tampering.put(folder, name, pickle.dumps(payload, protocol))


def _torch(folder: Path, name: str) -> None:
    torch.save({"w": Payload(str(folder.parent / "canary"))}, folder / name)
    tampering.put(folder, name, (folder / name).read_bytes())


def _headers() -> Iterator[Case]:
    """Malformed safetensors, in place of each file."""
    for name in (ADAPTER, HEADS, PROBE):
        for kind, (content, _) in WRONG.items():
            yield (
                f"{name} header {kind}",
                lambda f, name=name, content=content: tampering.put(f, name, content),  # type: ignore[misc]
            )
        promise = json.dumps(
            {"w": {"dtype": "F32", "shape": [1 << 36], "data_offsets": [0, 1 << 38]}}
        ).encode()
        content = len(promise).to_bytes(8, "little") + promise
        yield f"{name} promises 256 GiB", lambda f, n=name, c=content: tampering.put(f, n, c)  # type: ignore[misc]


def _tensors() -> Iterator[Case]:
    """Sound files with tensors that are not the model's."""
    edits: dict[str, Callable[[dict[str, torch.Tensor], str], Any]] = {
        "missing": lambda t, k: t.pop(k),
        "extra": lambda t, k: t.update(extra=torch.zeros(1)),
        "extra with dots": lambda t, k: t.update({"../../up": torch.zeros(1)}),
        "extra with escapes": lambda t, k: t.update({ESCAPE: torch.zeros(1)}),
        "renamed": lambda t, k: t.update({f"{k}x": t.pop(k)}),
        "transposed": lambda t, k: t.update({k: t[k].reshape(*reversed(t[k].shape), 1)}),
        "empty": lambda t, k: t.update({k: torch.zeros(0)}),
        "scalar": lambda t, k: t.update({k: torch.tensor(1.0)}),
        "half": lambda t, k: t.update({k: t[k].half()}),
        "double": lambda t, k: t.update({k: t[k].double()}),
        "integers": lambda t, k: t.update({k: t[k].long()}),
        "NaN": lambda t, k: t[k].view(-1)[0].fill_(float("nan")),
        "infinity": lambda t, k: t[k].view(-1)[-1].fill_(float("-inf")),
        "all gone": lambda t, k: t.clear(),
        "ten thousand more": lambda t, k: t.update(
            {f"t{i}": torch.zeros(1) for i in range(10_000)}
        ),
        "other values": lambda t, k: t[k].add_(3.0),
    }
    for name in (ADAPTER, HEADS):
        for kind, edit in edits.items():
            yield (
                f"{name} tensor {kind}",
                lambda f, name=name, edit=edit: tampering.edit_tensors(  # type: ignore[misc]
                    f, name, lambda t: edit(t, sorted(t)[-1])
                ),
            )
    yield (
        "files swapped",
        lambda f: (
            tampering.put(f, HEADS, (f / ADAPTER).read_bytes()),
            tampering.put(f, ADAPTER, (f / PROBE).read_bytes()),
        ),
    )  # type: ignore[return-value,func-returns-value]


def _configs() -> Iterator[Case]:
    """The configuration that stock libraries read."""
    wrong: list[tuple[str, Any]] = [
        *((key, "os:system") for key in CODE_KEYS),
        *(("target_modules", bomb) for bomb in BOMBS),
        ("auto_mapping", {"base_model_class": "X", "parent_library": "os"}),
        ("base_model_name_or_path", "/etc"), ("base_model_name_or_path", "evil/base"),
        ("base_model_name_or_path", ESCAPE), ("revision", "evil"), ("r", 10**9), ("r", 0),
        ("lora_alpha", 10**9), ("modules_to_save", ["0", "1"]), ("peft_type", "EVIL"),
        ("task_type", "EVIL"), ("rank_pattern", {".*": 10**6}), ("alpha_pattern", {"(a+)+$": 1}),
        ("layers_pattern", BOMBS[0]), ("layers_to_transform", 3), ("init_lora_weights", "evil"),
        ("loftq_config", {"x": 1}), ("runtime_config", {"x": 1}), ("megatron_config", {"x": "os"}),
        ("peft_version", ESCAPE), ("bias", "all"), ("trainable_token_indices", [1]),
    ]  # fmt: skip
    for number, (key, value) in enumerate(wrong):
        yield f"config {number} {key!r}", partial(_configured, key=key, value=value)
    for kind, content in {
        "a list": b"[]", "cut": b'{"r":', "NaN": b'{"r": NaN}', "twice": b'{"r": 8, "r": 8}',
        "deep": b'{"a":' * 100_000, "large": b" " * (2 << 20), "empty": b"",
    }.items():  # fmt: skip
        yield f"config {kind}", lambda f, content=content: tampering.put(f, CONFIG, content)  # type: ignore[misc]


def _configured(folder: Path, key: str, value: Any) -> None:
    config = json.loads((folder / CONFIG).read_text())
    tampering.put(folder, CONFIG, json.dumps({**config, key: value}).encode())


def _probes() -> Iterator[Case]:
    """Probes that prove nothing, or cost too much."""
    logits = "logits.classification"
    edits: dict[str, Callable[[dict[str, torch.Tensor]], Any]] = {
        "other logits": lambda t: t[logits].add_(1.0),
        "constant logits": lambda t: t.update({logits: torch.ones_like(t[logits])}),
        "zero logits": lambda t: t.update({logits: torch.zeros_like(t[logits])}),
        "NaN logits": lambda t: t[logits].fill_(float("nan")),
        "no logits": lambda t: t.pop(logits),
        "half logits": lambda t: t.update({logits: t[logits].half()}),
        "logits of another task": lambda t: t.update({"logits.evil": t.pop(logits)}),
        "one row of logits": lambda t: t.update({logits: t[logits][:1].clone()}),
        "no inputs": lambda t: [t.pop(k) for k in list(t) if k.startswith("input.")],
        "one input": lambda t: [t.pop(f"input.{i}") for i in range(1, 8)],
        "a gap": lambda t: t.pop("input.3"),
        "a hundred inputs": lambda t: t.update(
            {f"input.{i}": t["input.0"].clone() for i in range(8, 100)}
        ),
        "an input of floats": lambda t: t.update({"input.0": t["input.0"].float()}),
        "an input without pixels": lambda t: t.update(
            {"input.0": torch.zeros(0, 4, 3, dtype=torch.uint8)}
        ),
        "an input of four channels": lambda t: t.update(
            {"input.0": torch.zeros(4, 4, 4, dtype=torch.uint8)}
        ),
        "a flat input": lambda t: t.update({"input.0": torch.zeros(48, dtype=torch.uint8)}),
        "a wide input": lambda t: t.update(
            {"input.0": torch.zeros(1, 1_000_000, 3, dtype=torch.uint8)}
        ),
        "9 MB": lambda t: t.update({"input.0": torch.zeros(1000, 3000, 3, dtype=torch.uint8)}),
        "inputs in another order": lambda t: t.update(
            {"input.0": t["input.1"].clone(), "input.1": t["input.0"].clone()}
        ),
        "logits promoted": lambda t: t.update({logits: t[logits].flip(1).contiguous()}),
    }
    for kind, edit in edits.items():
        yield f"probe {kind}", partial(_edit_probe, edit=edit)


def _edit_probe(folder: Path, edit: Callable[[dict[str, torch.Tensor]], Any]) -> None:
    from safetensors.torch import load_file

    tensors = load_file(folder / PROBE)
    edit(tensors)
    tampering.put(folder, PROBE, save(tensors, metadata={"format": "pt"}))
