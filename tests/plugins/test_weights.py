"""Headers of safetensors are checked before a plugin's library maps the files."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tests.artifact.headers import WRONG
from zoo.errors import WeightsInvalid
from zoo.model import Weights

SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"


@pytest.mark.parametrize(
    "case", ["a name twice", "an overlap", "data missing", "nothing times everything"]
)
def test_a_file_that_promises_what_it_has_not_is_refused(tmp_path: Path, case: str) -> None:
    content, said = WRONG[case]
    (tmp_path / SINGLE).write_bytes(content)
    with pytest.raises(WeightsInvalid) as caught:
        Weights().folder(tmp_path, required=[SINGLE])
    assert said in caught.value.message
    assert caught.value.hint == "Copy or download it again."


def test_so_is_a_part_of_one_model(tmp_path: Path) -> None:
    (tmp_path / INDEX).write_text(json.dumps({"weight_map": {}}))
    save_file({"a": torch.ones(2)}, tmp_path / "model-00001-of-00002.safetensors")
    required = [(SINGLE, INDEX)]
    assert Weights().folder(tmp_path, required=required).folder == tmp_path
    (tmp_path / "model-00002-of-00002.safetensors").write_bytes(b"\x80\x04K\x01.")
    with pytest.raises(WeightsInvalid, match="00002-of-00002"):
        Weights().folder(tmp_path, required=required)


def test_links_in_a_folder_of_ones_own_are_followed_and_other_files_let_be(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    save_file({"a": torch.ones(2)}, tmp_path / "elsewhere.safetensors")
    (folder / SINGLE).symlink_to(tmp_path / "elsewhere.safetensors")
    (folder / "other.safetensors").write_bytes(b"a pointer to somewhere")
    assert Weights().folder(folder, required=[SINGLE]).folder == folder
