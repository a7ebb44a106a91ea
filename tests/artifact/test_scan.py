"""What must not leave this machine by accident."""

import pytest

from zoo.artifact.scan import bytes_to_scan, scan

SECRETS = [
    "-----BEGIN OPENSSH PRIVATE KEY-----",
    "-----BEGIN PRIVATE KEY-----",
    "hf_" + "aB3d" * 9,
    "ghp_" + "a1B2" * 9,
    "github_pat_" + "a1B2_" * 8,
    "glpat-" + "abcde12345" * 2,
    "AKIA" + "ABCD1234" * 2,
    "AIza" + "a" * 35,
    "xoxb-1234567890-abc",
    "sk-proj-" + "a1B2" * 10,
    "pypi-" + "AgEIcHlwaS5vcmc" * 4,
    "npm_" + "a1B2" * 9,
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc",
    "https://ann:sesame@example.org/x",
    "s3cret-in-use-here",
]
PLACES = [
    "/home/ann/flowers",
    "/Users/ann",
    "C:\\Users\\ann",
    "C:\\\\Users\\\\ann",
    "/tmp/pytest-1",
    "/root/x",
    "/mnt/disk",
    "\\\\server\\share",
    "/data/people/ann",
]
HARMLESS = [
    "hf_hub_download",
    "https://huggingface.co/home/docs",
    "see docs/home/index.md",
    "sk-learn",
    "a/home/b",
    "https://example.org:8080/a@b",
    "the /predict route",
    "{repo}",
]


@pytest.mark.parametrize("text", SECRETS)
def test_a_secret_is_found_and_never_shown(text: str) -> None:
    (found,) = scan([("a.json", f'{{"x": "{text}"}}'.encode())], secrets=["s3cret-in-use-here"])
    assert found.file == "a.json"
    assert not found.place
    assert text not in str(found)


@pytest.mark.parametrize("text", PLACES)
def test_a_place_is_found_and_named(text: str) -> None:
    (found,) = scan([("README.md", f"from {text} on".encode())], places=["/data/people/ann"])
    assert found.what == "a place on somebody's machine"
    assert str(found).startswith("README.md names ")


@pytest.mark.parametrize("text", HARMLESS)
def test_ordinary_words_are_none(text: str) -> None:
    assert scan([("README.md", text.encode())], secrets=["short"], places=["/x"]) == []


def test_of_tensors_only_the_header_is_read() -> None:
    assert bytes_to_scan("a.safetensors", (120).to_bytes(8, "little")) == 120
    assert bytes_to_scan("a.safetensors", b"\xff" * 8) == 16 * 1024 * 1024
    assert bytes_to_scan("a.json", b"{") == -1
