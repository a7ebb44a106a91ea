from pathlib import Path

import numpy as np
import pytest

from tests.data.making import image_folder, picture
from zoo.data.contract import InputContract
from zoo.data.samples import Samples
from zoo.errors import ContractViolation, DataError, UnreadableFiles

IMAGE = InputContract(modality="image", channels=3, value_range=(0, 255))
TEXT = InputContract(modality="text")


def test_paths_strings_and_images_become_images(tmp_path):
    image_folder(tmp_path, {"a": 2})
    path = tmp_path / "a" / "0.jpg"
    samples = Samples([path, str(path), picture(5)], IMAGE)
    assert len(samples) == 3
    assert [sample.mode for sample in samples] == ["RGB"] * 3
    assert np.array_equal(samples[0], samples[1])


def test_nothing_is_read_before_it_is_asked_for(tmp_path):
    samples = Samples([tmp_path / "absent.jpg"], IMAGE)
    with pytest.raises(UnreadableFiles, match=r"absent\.jpg cannot be read: not found"):
        samples[0]


def test_a_slice_is_lazy_too(tmp_path):
    samples = Samples([tmp_path / "absent.jpg", picture(1), picture(2)], IMAGE)[1:]
    assert isinstance(samples, Samples)
    assert len(list(samples)) == 2


def test_convert_reaches_the_reader(tmp_path):
    grey = picture(1).convert("CMYK")
    with pytest.raises(ContractViolation):
        Samples([grey], IMAGE)[0]
    assert Samples([grey], IMAGE, convert=True)[0].mode == "RGB"


def test_texts_stay_as_they_are():
    assert list(Samples(["None", " spaced "], TEXT)) == ["None", " spaced "]


@pytest.mark.parametrize(
    ("given", "contract", "error", "says"),
    [
        (Path("x.jpg"), TEXT, ContractViolation, "Input 0 is .*Path; the backbone takes texts"),
        (3.5, TEXT, ContractViolation, "Input 0 is float; the backbone takes texts"),
        (" \n", TEXT, DataError, "Text 0 is blank"),
        (np.zeros((4, 4, 3)), IMAGE, ContractViolation, "Input 0 is ndarray; .* takes images"),
    ],
)
def test_what_the_backbone_does_not_take_is_refused(given, contract, error, says):
    with pytest.raises(error, match=says):
        Samples([given], contract)[0]


def test_one_text_for_a_list_is_refused():
    with pytest.raises(DataError, match="got the single text 'hello'"):
        Samples("hello", TEXT)


def test_a_plugins_own_modality_passes_through():
    assert Samples([{"any": "thing"}], InputContract(modality="graph"))[0] == {"any": "thing"}
