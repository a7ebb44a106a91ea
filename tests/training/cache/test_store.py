"""Rows on disk: mapped, shared, and computed again where a file was damaged."""

import hashlib

import numpy as np
import pytest
import torch

from zoo.training.cache.store import IN_MEMORY, Store


def keys_of(*names):
    return np.array([hashlib.sha256(n.encode()).digest()[:16] for n in names], dtype="S16")


@pytest.fixture
def said():
    return []


@pytest.fixture
def open_store(tmp_path, said):
    return lambda ragged=False: Store(tmp_path / "entry", ragged=ragged, tell=said.append)


def test_rows_come_back_in_another_process_in_any_order(open_store):
    rows = torch.randn(3, 4, 5)
    open_store().add(keys_of("a", "b", "c"), list(rows))
    again = open_store()
    places = again.find(keys_of("c", "nobody", "a"))
    assert places.missing.tolist() == [1]
    assert torch.equal(again.row(places, 0), rows[2])
    assert torch.equal(again.row(places, 2), rows[0])


def test_ragged_rows_keep_their_lengths(open_store):
    rows = [torch.randn(n, 3) for n in (2, 5, 1)]
    store = open_store(ragged=True)
    store.add(keys_of("a", "b"), rows[:2])
    store.add(keys_of("c"), rows[2:])
    places = store.find(keys_of("b", "c", "a"))
    for index, row in enumerate((rows[1], rows[2], rows[0])):
        assert torch.equal(store.row(places, index), row)


def test_bfloat16_stays_bfloat16(open_store):
    open_store().add(keys_of("a"), [torch.tensor([1.5, 2.5], dtype=torch.bfloat16)])
    again = open_store()
    assert again.row(again.find(keys_of("a")), 0).dtype == torch.bfloat16


def test_a_flipped_bit_takes_away_that_file_alone(open_store, tmp_path, said):
    store = open_store()
    store.add(keys_of("a"), [torch.ones(100)])
    store.add(keys_of("b"), [torch.zeros(100)])
    damaged = sorted((tmp_path / "entry").iterdir())[0]
    data = bytearray(damaged.read_bytes())
    data[-7] ^= 1
    damaged.write_bytes(data)
    again = open_store()
    assert len(again.find(keys_of("a", "b")).missing) == 1
    assert "damaged" in said[0]
    assert not damaged.exists()


def test_a_file_cut_short_or_of_something_else_is_not_opened(open_store, tmp_path, said):
    open_store().add(keys_of("a"), [torch.ones(100)])
    (file,) = (tmp_path / "entry").iterdir()
    file.write_bytes(file.read_bytes()[:50])
    (tmp_path / "entry" / "notes.safetensors").write_text("hello")
    assert len(open_store().find(keys_of("a")).missing) == 1
    assert len(said) == 2


def test_where_the_disk_takes_nothing_memory_does_and_words_say_so(tmp_path, said):
    (tmp_path / "entry").write_text("a file where the folder should be")
    store = Store(tmp_path / "entry", ragged=False, tell=said.append)
    store.add(keys_of("a"), [torch.ones(3)])
    assert torch.equal(store.row(store.find(keys_of("a")), 0), torch.ones(3))
    assert "goes on without" in said[0]
    assert not store.full


def test_memory_is_bounded(tmp_path, said):
    store = Store(None, ragged=False, tell=said.append)
    # As large as it gets without being there: a row of zeros that takes no memory.
    store._held = IN_MEMORY
    store.add(keys_of("a"), [torch.ones(1)])
    assert store.full
