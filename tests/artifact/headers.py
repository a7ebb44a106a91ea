"""safetensors files whose headers are wrong, and what is said of each."""

import json
from typing import Any


def tensor(start: int, stop: int, shape: list[Any], dtype: str = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, stop]}


def file(header: Any, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


FOUR = b"\0" * 4
WRONG = {
    "empty": (b"", "a header of 0 bytes in a file of 0"),
    "seven bytes": (b"\0" * 7, "a header of 0 bytes in a file of 7"),
    "no header": (b"\0" * 8, "its header does not begin as an object"),
    "a header beyond the end": ((100).to_bytes(8, "little") + b"{}", "a header of 100 bytes"),
    "a header of 2**63": ((2**63).to_bytes(8, "little") + b"{}", "in a file of 10"),
    "not JSON": (file(b"{,}"), "its header is not JSON"),
    "not UTF-8": (file(b'{"\xff": 1}'), "its header is not JSON"),
    "a list": (file([]), "its header does not begin as an object"),
    "blanks first": (file(b"  {}"), "its header does not begin as an object"),
    "nested": (file(b'{"a":' + b"[" * 100_000), "its header is not JSON (nested too deeply)"),
    "many empty lists": (
        file(b'{"a":[' + b"[]," * 5_000_000 + b"[]]}"),
        "its header is not JSON (more than 1200000 items)",
    ),
    "metadata that is no texts": (file({"__metadata__": {"a": {}}}), "its metadata is not texts"),
    "metadata that is a list": (file({"__metadata__": []}), "its metadata is not texts"),
    "a type of half a byte": (file({"a": tensor(0, 4, [8], "F4")}, FOUR), "'a' is not described"),
    "nothing times everything": (
        file({"a": tensor(0, 0, [0, 1 << 40, 1 << 40])}),
        "'a' has a shape that no tensor has",
    ),
    "NaN": (file(b'{"a": NaN}'), "its header is not JSON"),
    "a name twice": (
        file(
            b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},'
            b'"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
            FOUR,
        ),
        "a key occurs twice",
    ),
    "not described": (file({"a": 3}), "'a' is not described as a tensor"),
    "an extra key": (file({"a": {**tensor(0, 4, [1]), "b": 1}}, FOUR), "'a' is not described"),
    "an unknown type": (file({"a": tensor(0, 4, [1], "F99")}, FOUR), "'a' is not described"),
    "a type that is a list": (file({"a": tensor(0, 4, [1], ["F32"])}, FOUR), "is not described"),  # type: ignore[arg-type]
    "a negative size": (file({"a": tensor(0, 4, [-1])}, FOUR), "that are no sizes"),
    "a size that is true": (file({"a": tensor(0, 4, [True])}, FOUR), "that are no sizes"),
    "a fractional size": (file({"a": tensor(0, 4, [1.0])}, FOUR), "that are no sizes"),
    "a huge size": (file({"a": tensor(0, 4, [1 << 60])}, FOUR), "that are no sizes"),
    "many dimensions": (file({"a": tensor(0, 4, [1] * 100)}, FOUR), "that are no sizes"),
    "negative offsets": (file({"a": tensor(-4, 0, [1])}, FOUR), "that are no sizes"),
    "another shape": (file({"a": tensor(0, 4, [2])}, FOUR), "'a' do not fit its shape"),
    "offsets backwards": (file({"a": tensor(4, 0, [1])}, FOUR), "'a' do not fit its shape"),
    "a hole": (
        file({"a": tensor(0, 4, [1]), "b": tensor(8, 12, [1])}, FOUR * 3),
        "overlap or leave holes",
    ),
    "an overlap": (
        file({"a": tensor(0, 4, [1]), "b": tensor(2, 6, [1])}, FOUR * 2),
        "overlap or leave holes",
    ),
    "data missing": (file({"a": tensor(0, 8, [2])}, FOUR), "take 8 bytes and it holds 4"),
    "data to spare": (file({"a": tensor(0, 4, [1])}, FOUR * 2), "take 4 bytes and it holds 8"),
    "too many tensors": (
        file({str(i): tensor(0, 0, [0]) for i in range(100_001)}),
        "more than 100000 tensors",
    ),
    "a large header": (
        file(b"{}".ljust(16 * 1024 * 1024 + 1)),
        "a header of 16777217 bytes",
    ),
}
