"""Reading ``zoo.json``: strict, bounded, and without torch."""

import hashlib
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from docs.write_options import SCHEMA
from zoo.artifact.manifest import (
    FORMAT,
    MAX_BYTES,
    Manifest,
    digest_of,
    parse_manifest,
    read_manifest,
    schema,
)
from zoo.errors import CorruptFile, NewerFormat, NotAnArtifact

SHA = "0" * 64
GOOD: dict[str, Any] = {
    "format": FORMAT,
    "backbone": {
        "name": "toy:image",
        "provider": "zoo-toys 1.0",
        "source": "toys/image",
        "commit": None,
        "digest": SHA,
        "pooling": "default",
        "license": "MIT",
        "contract": {"modality": "image"},
        "preprocessing": {"size": 16},
    },
    "adapter": {"name": "lora", "provider": "zoo-lora 0.1", "settings": {"rank": 8, "roles": []}},
    "tasks": [
        {"name": "t", "kind": "classification", "provider": "zoo-tasks 0.1", "labels": ["a"]}
    ],
    "files": {"probe.safetensors": {"sha256": SHA, "size": 1}},
}


def changed(path: str, value: Any) -> bytes:
    """The good manifest with one value put at ``a.b.c``."""
    data = json.loads(json.dumps(GOOD))
    *parents, last = path.split("/")
    place = data
    for parent in parents:
        place = place[int(parent) if isinstance(place, list) else parent]
    place[last] = value
    return json.dumps(data).encode()


def test_a_good_one_survives_writing() -> None:
    manifest = parse_manifest(json.dumps(GOOD).encode(), "zoo.json")

    assert isinstance(manifest, Manifest)
    assert parse_manifest(manifest.to_json().encode(), "zoo.json") == manifest


@pytest.mark.row(42, 53, 54, 59)
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is not valid JSON"),
        (b"{", "is not valid JSON"),
        (b"\xef\xbb\xbf{}", "is not valid JSON"),
        (b"\xff\xfe", "is not valid JSON"),
        (b'{"format": 0, "format": 0}', "is not valid JSON: a key occurs twice."),
        (b'{"format": NaN}', "is not valid JSON: NaN is not a number."),
        (b'{"format": 1e999}', "is not valid JSON: a number is too large."),
        (b'{"format": ' + b"9" * 5000 + b"}", "is not valid JSON: a number is too large."),
        (b'{"format": 18446744073709551616}', "is not valid JSON: a number is too large."),
        (b'{"format": "\\ud800"}', "is not valid JSON"),
        (b"[" + b"{}," * 1_300_000 + b"{}]", "is not valid JSON: more than 500000 items."),
        (b'{"format": 0, "a": ' + b"[" * 30 + b"]" * 30 + b"}", "valid JSON: nested too deeply."),
        (b"[" * 100_000, "is not valid JSON: nested too deeply."),
        (b'{"a":' * 100_000, "is not valid JSON: nested too deeply."),
        (b"[]", "is not a manifest: it is not an object."),
        *[
            (b'{"format": %s}' % told, "is not a manifest: it has no format number.")
            for told in (
                b'"0"',
                b'"0.1.2"',
                b'"00.1"',
                b'"-1.0"',
                b"-1",
                b"true",
                b"0.1",
                b"null",
                b"{}",
            )
        ],
        (b"{}", "is not a manifest: it has no format number."),
        (b'{"format": 0}', "is not a valid manifest: 'backbone': Field required"),
        (changed("auto_map", {}), "'auto_map': Extra inputs are not permitted"),
        (changed("backbone/trust_remote_code", True), "'backbone.trust_remote_code': Extra"),
        (changed("adapter/loader", "os:system"), "'adapter.loader': Extra"),
        (changed("backbone/name", "toy:/etc"), "'backbone.name': Value error, names a place on"),
        (changed("backbone/source", "https://evil.example/x"), "is neither a Hub repo nor pip:"),
        (changed("backbone/source", "a/b/c"), "is neither a Hub repo nor pip:"),
        (changed("backbone/source", "pip:https://x/y"), "is neither a Hub repo nor pip:"),
        (changed("backbone/source", "lab/a b"), "is neither a Hub repo nor pip:"),
        (changed("backbone/provider", "\x1b[31mevil; pip install evil 9"), "should match pattern"),
        (changed("backbone/contract", {"a": {"b": [1]}}), "'backbone.contract.a': Extra inputs"),
        (changed("backbone/contract", {"channels": "3"}), "'backbone.contract.channels': Input"),
        (
            changed("backbone/contract", {"value_range": [0]}),
            "'backbone.contract.value_range': List",
        ),
        (changed("backbone/source", "../up"), "'backbone.source': Value error, names a place on"),
        (changed("backbone/digest", "short"), "'backbone.digest': String should match"),
        (changed("adapter/settings", {"rank": {"a": 1}}), "'adapter.settings.rank"),
        (changed("tasks", []), "'tasks': List should have at least 1"),
        (changed("tasks/0/labels", "a"), "'tasks.0.labels': Input should be a valid list"),
        (changed("tasks/0/labels", ["a"] * 100_001), "'tasks.0.labels': List should have at most"),
        (changed("tasks/0/labels", ["a", "a"]), "'tasks.0.labels': Value error, a label occurs"),
        (
            changed("tasks/0/labels", ["a" * 100_001]),
            "'tasks.0.labels.0': String should have at most",
        ),
        (changed("tasks", GOOD["tasks"] * 1001), "'tasks': List should have at most"),
        (
            changed("backbone/provider", "p" * 301),
            "'backbone.provider': String should have at most",
        ),
        (changed("adapter/settings", {"r": "x" * 5000}), "'adapter.settings.r"),
        (changed("adapter/settings", {str(i): i for i in range(1001)}), "'adapter.settings': Dict"),
        (changed("license", ["mit"]), "'license': Input should be a valid string"),
        (
            changed("files", {str(i): {"sha256": SHA, "size": 1} for i in range(1001)}),
            "'files': Dictionary should have at most",
        ),
        (
            changed("files", {name: {"sha256": SHA, "size": 1} for name in ("A.json", "a.json")}),
            "'files': Value error, two names differ by case only",
        ),
        (changed("files/probe.safetensors", {"sha256": SHA, "size": -1}), "size': Input should be"),
        (changed("files/probe.safetensors", {"sha256": SHA, "size": 1 << 50}), "size': Input"),
        *[
            (changed(f"files/{name.replace('/', '')}", {"sha256": SHA, "size": 1}), "'files.")
            for name in ["..", ".hidden", "a\\b", "a b", "a\x00b", "ü", "a" * 101, "c:x", ""]
        ],
        *[
            (changed(f"files/{name}", {"sha256": SHA, "size": 1}), "Windows takes it for another")
            for name in ["con", "NUL.json", "aux.safetensors", "Com1.json", "lpt9", "a.json."]
        ],
    ],
)
def test_what_is_refused(content: bytes, said: str) -> None:
    start = time.perf_counter()
    with pytest.raises(CorruptFile) as caught:
        parse_manifest(content, "there/zoo.json")
    assert time.perf_counter() - start < 1
    assert caught.value.message.startswith("there/zoo.json is not ")
    assert said in caught.value.message
    assert len(caught.value.message) < 400


@pytest.mark.row(42)
@pytest.mark.parametrize("name", ["../x.json", "/etc/passwd", "a/b.json"])
def test_paths_as_file_names(name: str) -> None:
    data = json.loads(json.dumps(GOOD))
    data["files"][name] = {"sha256": SHA, "size": 1}

    with pytest.raises(CorruptFile, match="is not a valid manifest: 'files"):
        parse_manifest(json.dumps(data).encode(), "zoo.json")


@pytest.mark.row(61)
def test_terminal_escapes_are_not_printed() -> None:
    with pytest.raises(CorruptFile) as caught:
        parse_manifest(changed("\x1b[2J", 1), "zoo.json")
    assert "\x1b" not in caught.value.message


@pytest.mark.row(60)
@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"format": 12}, "has format 12.0; this zoo reads up to "),
        ({"format": "0.999"}, "has format 0.999; this zoo reads up to "),
        ({"format": "3.1"}, "has format 3.1; this zoo reads up to "),
        (
            {"format": "0.7", "provenance": {"versions": {"zoo": "4.2\x1b[2J"}}},
            r"has format 0.7, written by zoo '4.2\x1b[2J'; this zoo reads up to ",
        ),
    ],
)
def test_a_newer_format_is_known_before_its_keys_are_looked_at(
    told: dict[str, Any], said: str
) -> None:
    with pytest.raises(NewerFormat) as caught:
        parse_manifest(json.dumps({**told, "what": "ever"}).encode(), "zoo.json")
    assert said + FORMAT in caught.value.message


@pytest.mark.row(60)
def test_the_format_before_this_one_is_read_as_this_one(checkout: Path) -> None:
    """What format 0.0 wrote, the number 0 for it; no accepted licences."""
    found = read_manifest(checkout / "tests/artifact/formats/0.0")

    assert found.format == FORMAT
    assert found.tasks[0].labels == ["ants", "bees", "wasps"]
    assert found.accepted_licenses == []


def test_the_published_schema_is_that_of_the_models() -> None:
    text = SCHEMA.read_text(encoding="utf-8")
    assert text == schema(), "`make docs` writes it anew"
    described = json.loads(text)
    assert set(described["required"]) == {"backbone", "adapter", "tasks", "files"}
    assert described["additionalProperties"] is False


def test_the_digest_of_a_manifest_is_that_of_its_bytes() -> None:
    assert digest_of(b"{}") == hashlib.sha256(b"{}").hexdigest() != digest_of(b"{ }")


@pytest.mark.row(54)
def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "zoo.json").open("wb") as stream:
        stream.truncate(200 * 1024 * 1024)

    start = time.perf_counter()
    with pytest.raises(CorruptFile, match=f"is larger than {MAX_BYTES} bytes"):
        read_manifest(tmp_path)
    assert time.perf_counter() - start < 1


def test_no_manifest(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotAnArtifact, match=r"it has no zoo\.json"):
        read_manifest(tmp_path)
    with pytest.raises(NotAnArtifact, match="it is not a directory"):
        read_manifest(tmp_path / "file")


def test_reading_a_manifest_needs_no_torch(checkout: Path) -> None:
    code = "import sys, zoo.artifact.manifest; print([m for m in ('torch', 'numpy') if m in sys.modules])"
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=checkout, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"
