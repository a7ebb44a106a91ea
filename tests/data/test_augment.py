import numpy as np
import pytest

from tests.data.making import picture
from zoo.data.augment import CROP, KINDS, MILD, NONE, augmented


def pixels(image):
    return np.asarray(image).tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_row_of_the_same_epoch_is_the_same_again(kind):
    once, again = (augmented(picture(1), kind, seed=3, epoch=2, row=5) for _ in range(2))
    assert pixels(once) == pixels(again)


@pytest.mark.parametrize("kind", [CROP, MILD])
def test_epochs_rows_and_seeds_differ(kind):
    seen = [
        (augmented(picture(1, (90, 60)), kind, seed=s, epoch=e, row=r).size)
        for s, e, r in [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)]
    ]
    assert len(set(seen)) == 4


def test_none_changes_nothing():
    image = picture(1)
    assert augmented(image, NONE, seed=0, epoch=0, row=0) is image


@pytest.mark.parametrize("size", [(90, 60), (400, 37), (1, 1), (2, 300)])
def test_a_crop_is_a_large_part_of_the_image(size):
    for row in range(50):
        width, height = augmented(
            picture(1, (400, 300)).resize(size), CROP, seed=0, epoch=0, row=row
        ).size
        assert 1 <= width <= size[0]
        assert 1 <= height <= size[1]
        if min(size) > 30:
            assert 0.6 <= width * height / (size[0] * size[1]) <= 1


def test_half_of_the_images_are_mirrored_and_none_by_crop():
    left_to_right = picture(0, (64, 64))
    left_to_right.paste("black", (0, 0, 32, 64))
    left_to_right.paste("white", (32, 0, 64, 64))

    def mirrored(kind):
        seen = (augmented(left_to_right, kind, seed=0, epoch=0, row=row) for row in range(200))
        return sum(np.asarray(i)[0, 0, 0] > np.asarray(i)[0, -1, 0] for i in seen)

    assert mirrored(CROP) == 0
    assert 70 < mirrored(MILD) < 130
