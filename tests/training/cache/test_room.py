"""How much disk activations may have, and what goes first."""

import os

import pytest

from zoo.errors import BadSetting
from zoo.training.cache.room import FOLDER, LIMIT, Room, human


def entry(room, name, size, used):
    folder = room.entry(name)
    folder.mkdir(parents=True)
    (folder / "0.safetensors").write_bytes(b"0" * size)
    os.utime(folder, (used, used))
    return folder


def test_what_was_not_used_for_longest_goes_first_and_the_entry_in_use_never(tmp_path):
    room = Room(tmp_path, limit=1000)
    old, older, own = (entry(room, n, 400, t) for n, t in (("b", 20), ("a", 10), ("own", 1)))
    assert room.refusal(150, keep="own") == ""
    assert not older.exists()
    assert old.exists()
    assert own.exists()


def test_more_than_the_limit_is_refused_and_evicts_nothing(tmp_path):
    room = Room(tmp_path, limit=1000)
    kept = entry(room, "a", 400, 10)
    assert LIMIT in room.refusal(2000, keep="own")
    assert kept.exists()


def test_a_full_disk_is_seen_before_anything_is_written(tmp_path):
    room = Room(tmp_path, limit=10**18)
    assert "left" in room.refusal(10**17, keep="own")


def test_a_place_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    assert str(tmp_path / "file") in Room(tmp_path / "file" / "cache", 1000).refusal(1, keep="")


def test_the_environment_configures_it(monkeypatch, tmp_path):
    monkeypatch.setenv(FOLDER, str(tmp_path))
    monkeypatch.setenv(LIMIT, "1.5 GB")
    assert Room.configured() == Room(tmp_path, 1_500_000_000)
    monkeypatch.setenv(FOLDER, "off")
    assert "off" in Room.configured().refusal(1, keep="")
    monkeypatch.setenv(LIMIT, "much")
    with pytest.raises(BadSetting, match=LIMIT):
        Room.configured()


@pytest.mark.parametrize(
    ("size", "text"), [(12, "12 bytes"), (1500, "1.5 kB"), (2.5e9, "2.5 GB"), (3e12, "3 TB")]
)
def test_sizes_in_words(size, text):
    assert human(size) == text
