"""`zoo gap`: words and figures, JSON, the plot, and clear refusals."""

import pytest

from tests.cli.commands import zoo
from tests.domain.planted import images, inverted, side


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Image folders by class: two alike, one inverted; and one without classes."""
    root = tmp_path_factory.mktemp("gap")
    one, other = images(0)
    planted = {
        "here": (one, {}),
        "alike": (other, {}),
        "inverted": (other, {"change": inverted}),
        "few": (other, {"count": 12}),
    }
    for name, (rows, how) in planted.items():
        made = side(name, rows, root / "flat", **{"count": 120, **how})
        for path, label in zip(made.inputs, made.labels, strict=True):
            (root / name / label).mkdir(parents=True, exist_ok=True)
            (root / name / label / path.name).write_bytes(path.read_bytes())
    return root


def test_the_verdict_comes_first_and_the_figures_below(folders, tmp_path):
    plot = tmp_path / "gap.png"
    ended = zoo(
        "gap", folders / "here", folders / "inverted", "--backbone", "digits", "--plot", plot
    )
    assert ended.code == 0, ended.err
    said = ended.out.splitlines()
    assert said[0].startswith("inverted is almost wholly apart from here")
    assert "proxy A-distance" in ended.out
    (head,) = [line for line in said if line.startswith("class ")]
    assert head.split("  ")[-1] == "p"
    assert sum(line.split()[0] in map(str, range(10)) for line in said if line.strip()) == 10
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_two_sets_of_one_name_are_told_apart(folders, tmp_path):
    """As `old/photos` and `new/photos` are."""
    for name in ("here", "inverted"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "photos").symlink_to(folders / name)
    paths = [tmp_path / name / "photos" for name in ("here", "inverted")]
    ended = zoo("gap", *paths, "--backbone", "digits", "--plot", tmp_path / "gap.png")
    assert ended.code == 0, ended.err
    assert ended.out.startswith(f"{paths[1]} is almost wholly apart from {paths[0]}")


def test_json_has_verdicts_figures_and_words(folders):
    ended = zoo("gap", folders / "here", folders / "alike", "--backbone", "digits", "--json")
    assert ended.code == 0, ended.err
    found = ended.data
    assert (found["differs"], found["inputs_differ"], found["shifted"]) == (False, False, [])
    assert found["words"][0].startswith("No gap between here and alike")
    assert found["rows"] == {"source": 120, "target": 120}
    assert 0 < found["classifier"]["p"] <= 1
    assert len(found["label_shift"]["estimated"]) == 10
    assert "plane" not in found


def test_sets_without_labels_are_compared(folders):
    flat = folders / "flat"
    ended = zoo(
        "gap", flat / "here", flat / "inverted", "--backbone", "digits", "--source-unlabelled",
        "--target-unlabelled", "--json",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    assert ended.data["differs"]
    assert ended.data["label_shift"] is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["here", "few", "--backbone", "digits"], "few has 12 inputs to compare"),
        (["here", "here", "--backbone", "digits"], "these are the same files"),
        (["here", "alike", "--backbone", "minilm"], "text inputs are needed"),
        (["here", "alike", "--source-unlabelled"], "--backbone NAME"),
        (["here", "nowhere", "--backbone", "digits"], "nowhere"),
        (["here", "alike", "--backbone", "digits", "--target-split", "tets"], "tets"),
        (["here", "alike", "--backbone", "digits", "--plot", "a.svg"], "is no .png"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_words(words, message, folders, monkeypatch):
    monkeypatch.chdir(folders)
    ended = zoo("gap", *words)
    assert ended.code == 2, ended.err
    assert message in ended.err
