"""What must not leave this machine by accident."""

import random
import struct
import zlib

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
    "aws_secret_access_key = " + "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "password: hunter2",
    "Password=sesame",
    "API_KEY = abcdef1234",
    "DB_PASSWORD=opensesame",
    "client_secret: a1b2c3d4",
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
    "/data/patients/ann.csv",
    "/gpfs/home2/ann",
    "/opt/x",
    "/workspace/y",
    "/srv/models/1",
    "/lustre/ann/run",
    "/kaggle/input",
    "file:///srv/ann",
    "C:\\data\\ann",
    "D:\\runs",
    "E:/runs/ann",
    "ann@gpu1:/big/disk",
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
    "and/or, input/output, n/a, 24/7",
    "#!/usr/bin/env python",
    "https://example.org/data/people/ann.csv?x=/data",
    "https://huggingface.co/datasets/lab/data/tree/main/opt/x",
    "hf://datasets/lab/flowers/data/x.parquet",
    "s3://bucket/data/x",
    "../data/flowers and ./data/flowers and data/flowers",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "at c0ffeec0ffeec0ffeec0ffeec0ffeec0ffeec0ff",
    "git clone git@github.com:lab/flowers.git",
    "precision@5, mail ann@example.org",
    "password: the word that opens the door",
    "The password is required; api_key = os.environ['KEY']; token = get_token()",
    "api_key: YOUR_API_KEY_1 password = <secret1>",
    "tokenizer.pad_token = '</s>'",
    "secret_key: null",
    "a ratio of 3:/4 and 16:9; C: drive; note: see below",
    "keys: zoo://x, timm/vit_base_patch16_224.augreg2_in21k_ft_in1k",
]


@pytest.mark.parametrize("text", SECRETS)
def test_a_secret_is_found_and_never_shown(text: str) -> None:
    (found,) = scan([("a.md", f"{{'x': '{text}'}}".encode())], secrets=["s3cret-in-use-here"])
    assert found.file == "a.md"
    assert not found.place
    assert text not in str(found)


def spelled(text: str) -> str:
    """``text`` as JSON may write it: every letter by its number."""
    return "".join(f"\\u{ord(letter):04x}" for letter in text)


def png(kind: bytes, body: bytes) -> bytes:
    """A picture with a text chunk."""
    chunk = kind + body
    return (
        b"\x89PNG\r\n\x1a\n\0\0\0\0IEND\xaeB`\x82"
        + struct.pack(">I", len(body))
        + chunk
        + struct.pack(">I", zlib.crc32(chunk))
    )


def hidden(text: str) -> dict[str, bytes]:
    """The same in every kind of file that is published, as that kind can hide it."""
    header = f'{{"__metadata__":{{"note":"{spelled(text)}"}}}}'.encode()
    packed = zlib.compress(text.encode())
    return {
        "zoo.json": f'{{"x":{{"y":["{spelled(text)}"]}}}}'.encode(),
        "config.json": f'{{"{spelled(text)}":1,"{spelled(text)}":2}}'.encode(),
        "heads.safetensors": len(header).to_bytes(8, "little") + header,
        "README.md": "".join(f"&#{ord(letter)};" for letter in text).encode(),
        "assets/a.svg": f"<svg><!-- {text} --></svg>".encode(),
        "assets/a.png": png(b"tEXt", b"Comment\0" + text.encode()),
        "assets/b.png": png(b"zTXt", b"Comment\0\0" + packed),
        "assets/c.png": png(b"iTXt", b"Comment\0\1\0en\0Comment\0" + packed),
        "assets/a.jpg": b"\xff\xd8\xff\xe1\0\x10Exif\0\0"
        + f"from {text} it came".encode()
        + b"\0\xff\xd9",
        "assets/b.jpg": b"\xff\xd8\xff\xe1\0\x10"
        + f"from {text} on".encode("utf-16-le")
        + b"\xff\xd9",
        "assets/a.webp": b"RIFF\0\0\0\0WEBP\x9c\0" + f"from {text} it came".encode(),
    }


KINDS = list(hidden(""))


@pytest.mark.row(16)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "text", ["-----BEGIN PRIVATE KEY-----", "hf_" + "aB3d" * 9, "password=s3same-s3same"]
)
def test_a_secret_is_found_in_every_kind_of_file(kind: str, text: str) -> None:
    (found,) = scan([(kind, hidden(text)[kind])])
    assert (found.file, found.place) == (kind, "")
    assert text not in str(found)


@pytest.mark.row(17)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", ["/home/ann/flowers", "/data/people/ann", "C:\\people\\ann"])
def test_a_place_is_found_in_every_kind_of_file(kind: str, text: str) -> None:
    (found,) = scan([(kind, hidden(text)[kind])])
    assert (found.file, found.what) == (kind, "a place on somebody's machine")


@pytest.mark.row(16)
def test_the_name_of_a_file_is_read_too() -> None:
    (found,) = scan([("assets/hf_" + "aB3d" * 9 + ".png", b"")])
    assert found.what == "a Hugging Face token"


@pytest.mark.parametrize("seed", range(3))
def test_chance_finds_nothing_in_a_picture(seed: int) -> None:
    noise = random.Random(seed).randbytes(1 << 20)
    assert scan([("assets/a.png", noise)], places=["anns-laptop"]) == []


def test_a_vocabulary_may_spell_paths_but_no_key() -> None:
    assert scan([("tokenizer.json", b'{"/home/x": 1}'), ("vocab.txt", b"/tmp/x")]) == []
    assert scan([("tokenizer_config.json", b'{"x": "/home/x"}')])
    assert scan([("tokenizer.json", b'"-----BEGIN PRIVATE KEY-----"')])


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
