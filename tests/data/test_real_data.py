"""Data as people have it: what it is taken for, and its rows."""

import subprocess
import sys

import pytest

from zoo.data.contract import InputContract
from zoo.data.load import load, load_for_evaluation
from zoo.data.samples import Samples
from zoo.errors import ColumnMissing, DataError, DataNotFound

pytestmark = pytest.mark.realdata

RGB = InputContract(modality="image", channels=3, value_range=(0, 255))

IMAGES = {
    "hymenoptera": {"train": 244, "val": 153},
    "flowers5": {"train": 595, "val": 105, "test": 300},
    "chest_xray": {"train": 892, "val": 158, "test": 450},
}
LABELS = {
    "hymenoptera": ("ants", "bees"),
    "flowers5": ("daisy", "dandelion", "rose", "sunflower", "tulip"),
    "chest_xray": ("bacterial", "normal", "viral"),
}


@pytest.mark.parametrize("name", IMAGES)
def test_image_folders(shared, name):
    data = load(shared / "data" / name, contract=RGB)
    assert data.rows == IMAGES[name]
    assert data.labels == LABELS[name]
    assert data.skipped == ()
    samples = Samples(data.splits["train"].inputs, RGB)
    assert {samples[i].mode for i in range(0, len(samples), 60)} == {"RGB"}


def test_grey_x_rays_may_stay_grey(shared):
    data = load(shared / "data" / "chest_xray", splits={"train": "test"})
    grey = InputContract(modality="image", channels=1)
    assert Samples(data.splits["train"].inputs, grey)[0].mode == "L"


def test_sst2(shared):
    data = load(shared / "data" / "sst2")
    assert data.rows == {"train": 6920, "val": 872, "test": 1821}
    assert data.labels == ("0", "1")
    assert data.description.endswith("texts in 'text', labels in 'label'")
    assert data.splits["train"].inputs[0].startswith("a stirring , funny and finally transporting")
    assert load_for_evaluation(shared / "data" / "sst2", split="dev").name == "val"


def test_trec_asks_which_label(shared):
    with pytest.raises(ColumnMissing) as caught:
        load(shared / "data" / "trec")
    assert caught.value.hint == "Say which: `--label-column coarse` or `--label-column fine`."
    coarse = load(shared / "data" / "trec", label_column="coarse")
    assert coarse.labels == ("ABBR", "DESC", "ENTY", "HUM", "LOC", "NUM")
    assert sum(coarse.rows.values()) == 5952
    leak = "10 of 500 test inputs also occur in train or val, e.g. "
    assert any(note.startswith(leak) for note in coarse.notes)
    assert len(load(shared / "data" / "trec", label_column="fine").labels) == 50


def test_amazon_reviews(shared):
    data = load(shared / "data" / "amazon_reviews" / "books")
    assert data.rows == {"train": 1360, "val": 240, "test": 400}
    assert data.labels == ("0", "1")
    with pytest.raises(DataNotFound, match="only in folders below it: books, dvd, electronics"):
        load(shared / "data" / "amazon_reviews")


def test_domains_are_no_classes(shared):
    root = shared / "data" / "office_caltech10"
    with pytest.raises(DataError, match="holds several data sets, amazon, caltech10, dslr"):
        load(root)
    data = load(root, splits={"train": "webcam", "test": "dslr"})
    assert data.rows == {"train": 251, "val": 44, "test": 157}


def test_what_is_no_classification_data(shared):
    with pytest.raises(ColumnMissing, match="no column holds the labels"):
        load(shared / "data" / "hindi_english")
    with pytest.raises(ColumnMissing, match="no column holds the labels"):
        load(shared / "data" / "wnut17")
    found = load(shared / "data" / "wnut17", task="token-classification")
    assert found.rows == {"train": 3394, "val": 1009, "test": 1287}
    assert len(found.labels) == 13


def test_an_image_folder_needs_neither_torch_nor_datasets(shared):
    code = (
        "import sys\nfrom zoo.data.load import load\n"
        "load(sys.argv[1])\n"
        "assert not {'torch', 'datasets', 'pandas'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, shared / "data" / "hymenoptera"], check=True)
