import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.data.making import encoded, picture
from zoo.data import images
from zoo.data.contract import InputContract
from zoo.errors import ContractViolation, UnreadableFiles

RGB = InputContract(modality="image", channels=3)
GREY = InputContract(modality="image", channels=1)


def saved(folder: Path, image: Image.Image, name: str = "x.png", **options: object) -> Path:
    path = folder / name
    image.save(path, **options)
    return path


def deep_png(values: np.ndarray, colour: int) -> bytes:
    """A PNG of 16 bits a channel, which Pillow cannot write in colour."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + crc

    height, width = values.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    content = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + content


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "RGB"])
@pytest.mark.parametrize(("contract", "expected"), [(RGB, "RGB"), (GREY, "L")])
def test_everyday_modes_become_the_contracts_channels(tmp_path, mode, contract, expected):
    path = saved(tmp_path, picture(1).convert(mode))
    image = images.read(path, contract)
    assert image.mode == expected
    assert image.size == (24, 16)


@pytest.mark.parametrize("name", ["x.gif", "x.webp", "x.tiff", "x.bmp", "x.ppm", "x.jpg"])
def test_usual_formats_are_read(tmp_path, name):
    assert images.read(saved(tmp_path, picture(1), name), RGB).size == (24, 16)


def test_first_of_several_frames_is_taken(tmp_path):
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    for name in ("x.gif", "x.tiff"):
        path = saved(tmp_path, frames[0], name, save_all=True, append_images=frames[1:])
        assert images.read(path, RGB).getpixel((0, 0)) == (255, 0, 0)


def test_transparency_is_laid_over_white(tmp_path):
    clear = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    assert images.read(saved(tmp_path, clear), RGB).getpixel((0, 0)) == (255, 255, 255)
    half = Image.new("LA", (4, 4), (0, 128))
    assert images.read(saved(tmp_path, half), GREY).getpixel((0, 0)) == pytest.approx(127, abs=1)
    palette = Image.new("P", (4, 4), 0)
    palette.putpalette([10, 20, 30])
    path = saved(tmp_path, palette, transparency=0)
    assert images.read(path, RGB).getpixel((0, 0)) == (255, 255, 255)


def test_exif_orientation_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned
    path = saved(tmp_path, picture(1), "x.jpg", exif=exif)
    assert images.read(path, RGB).size == (16, 24)


def test_a_broken_exif_block_does_not_break_the_picture(tmp_path):
    path = saved(tmp_path, picture(1), "x.jpg", exif=b"Exif\0\0not a tiff header")
    assert images.read(path, RGB).size == (24, 16)


REFUSED = {
    "16-bit image (mode I;16)": Image.fromarray(np.full((4, 4), 40_000, "uint16")),
    "32-bit image (mode I)": Image.fromarray(np.full((4, 4), 40_000, "int32")),
    "float image (mode F)": Image.fromarray(np.full((4, 4), 0.5, "float32")),
    "CMYK image": picture(1).convert("CMYK"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_other_than_8_bit_is_refused_by_name_and_mode(tmp_path, what):
    path = saved(tmp_path, REFUSED[what], "scan.tiff")
    with pytest.raises(ContractViolation) as caught:
        images.read(path, RGB)
    assert f"scan.tiff is a {what}. Backbones take 8-bit grey or RGB." in caught.value.message
    assert caught.value.hint == "`--convert` turns such images into 8-bit."


def test_convert_scales_the_whole_range(tmp_path):
    values = np.array([[0, 257 * 100, 65535]], "uint16")
    deep = saved(tmp_path, Image.fromarray(values), "deep.png")
    assert np.asarray(images.read(deep, GREY, convert=True)).tolist() == [[0, 100, 255]]
    unit = saved(tmp_path, Image.fromarray(np.array([[0, 0.2, 1]], "float32")), "unit.tiff")
    assert np.asarray(images.read(unit, GREY, convert=True)).tolist() == [[0, 51, 255]]
    bytes_ = saved(tmp_path, Image.fromarray(np.array([[0, 51, 200]], "float32")), "bytes.tiff")
    assert np.asarray(images.read(bytes_, GREY, convert=True)).tolist() == [[0, 51, 200]]


def test_convert_refuses_a_range_it_cannot_know(tmp_path):
    odd = saved(tmp_path, Image.fromarray(np.array([[-3, 9]], "float32")), "odd.tiff")
    with pytest.raises(ContractViolation, match="with values from -3 to 9"):
        images.read(odd, RGB, convert=True)
    empty = saved(tmp_path, Image.fromarray(np.array([[np.nan, 9]], "float32")), "nan.tiff")
    with pytest.raises(ContractViolation, match="with values from nan to nan"):
        images.read(empty, RGB, convert=True)


def test_convert_makes_cmyk_rgb(tmp_path):
    red = Image.new("RGB", (8, 8), (250, 0, 0)).convert("CMYK")
    image = images.read(saved(tmp_path, red, "x.tiff"), RGB, convert=True)
    assert image.mode == "RGB"
    assert image.getpixel((0, 0)) == (250, 0, 0)


@pytest.mark.parametrize(("colour", "channels"), [(2, 3), (6, 4), (4, 2)])
def test_16_bit_colour_is_refused_although_pillow_hides_it(tmp_path, colour, channels):
    values = np.full((4, 5, channels), 0x80FF, "uint16")
    values[..., -1] = 0xFFFF  # opaque, where there is transparency
    path = tmp_path / "deep.png"
    path.write_bytes(deep_png(values, colour))
    with pytest.raises(ContractViolation, match="16-bit image"):
        images.read(path, RGB)
    assert images.glance(path.read_bytes())[0]
    assert images.read(path, RGB, convert=True).getpixel((0, 0))[0] == 0x80


def test_a_decoded_image_is_held_to_the_contract_too():
    with pytest.raises(ContractViolation, match="image 3 is a CMYK image"):
        images.conform(picture(1).convert("CMYK"), RGB, name="image 3")
    assert images.conform(picture(1), GREY, name="image 3").mode == "L"


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("share", [0.3, 0.9, 0.99])
def test_the_cheap_check_sees_a_truncated_jpeg(progressive, share):
    content = encoded(picture(1, (400, 300)), "JPEG", progressive=progressive)
    assert images.glance(content)[0] is None
    with pytest.raises(OSError, match="truncated") as caught:
        images.glance(content[: int(len(content) * share)])
    assert images.reason(caught.value) == "truncated"


def test_a_bomb_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1_000_000)
    path = saved(tmp_path, Image.new("1", (2000, 1500)))
    with pytest.raises(UnreadableFiles, match=r"more than 2 million pixels.*decompression bomb"):
        images.read(path, RGB)
