"""Scans of many bits as images of eight: on pydicom's own files, and on NIfTI and PNG made here."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from zoo_medical.scans import images_of, is_scan
from zoo_medical.windows import NAMED, Window, window_of, windowed

from tests.cli.commands import zoo
from zoo.errors import BadSetting, DataError

pydicom = pytest.importorskip("pydicom")


def bundled(name):
    """A file that is in pydicom's wheel; nothing is downloaded."""
    from pydicom.data import get_testdata_file

    return Path(get_testdata_file(name, download=False))


def pixels(name, window="file", **options):
    return [
        np.asarray(image) for _, image in images_of(bundled(name), window_of(window), **options)
    ]


def test_ct_is_in_hounsfield_units_before_it_is_windowed():
    (seen,) = pixels("CT_small.dcm", "soft-tissue")
    stored = pydicom.dcmread(bundled("CT_small.dcm")).pixel_array.astype(float)
    units = stored - 1024  # its rescale intercept
    assert seen[units <= -160].max() == 0
    assert seen[units >= 240].min() == 255
    within = (units > -160) & (units < 240)
    assert np.abs(seen[within] - (units[within] + 160) / 400 * 255).max() <= 1.5


def test_the_window_of_the_file_is_pydicoms_own():
    from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut

    for name in ("MR_small.dcm", "693_J2KI.dcm", "examples_overlay.dcm"):
        dataset = pydicom.dcmread(bundled(name))
        units = apply_modality_lut(dataset.pixel_array, dataset)
        expected = apply_voi_lut(units, dataset).astype(float)
        expected = (expected - expected.min()) / (expected.max() - expected.min()) * 255
        (seen,) = pixels(name)
        low, high = expected[seen == seen.min()].max(), expected[seen == seen.max()].min()
        inner = (expected > low) & (expected < high)
        share = np.corrcoef(seen[inner], expected[inner])[0, 1]
        assert share > 0.999, name


@pytest.mark.parametrize(
    "name", ["MR_small_RLE.dcm", "MR_small_bigendian.dcm", "MR_small_implicit.dcm",
             "MR_small_jp2klossless.dcm", "MR_small_expb.dcm", "MR_small_padded.dcm"],
)  # fmt: skip
def test_one_image_in_other_encodings_is_one_image(name):
    assert np.array_equal(pixels(name)[0], pixels("MR_small.dcm")[0])


def test_inverted_radiographs_come_out_as_others(tmp_path):
    dataset = pydicom.dcmread(bundled("MR_small.dcm"))
    dataset.PhotometricInterpretation = "MONOCHROME1"
    dataset.save_as(tmp_path / "inverted.dcm")
    for window in ("file", "spread", "full", "1000,1500"):
        (plain,) = pixels("MR_small.dcm", window)
        ((_, image),) = images_of(tmp_path / "inverted.dcm", window_of(window))
        if window != "1000,1500":  # which is of the values as they are seen
            assert np.abs(np.asarray(image).astype(int) + plain - 255).max() <= 2


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("examples_rgb_color.dcm", "RGB"),
        ("examples_palette.dcm", "RGB"),
        ("SC_ybr_full_422_uncompressed.dcm", "RGB"),
        ("SC_rgb_rle_16bit.dcm", "RGB"),
        ("SC_rgb_rle_32bit_2frame.dcm", "RGB"),
        ("rtdose.dcm", "L"),
        ("liver_1frame.dcm", "L"),
        ("image_dfl.dcm", "L"),
    ],
)
def test_every_kind_of_pixels_becomes_grey_or_colour(name, mode):
    ((_, image),) = images_of(bundled(name), "file")
    assert image.mode == mode
    low, high = np.asarray(image).min(), np.asarray(image).max()
    assert low < high


def test_colours_of_sixteen_bits_keep_their_high_byte():
    (eight,) = pixels("SC_rgb_rle.dcm")
    (sixteen,) = pixels("SC_rgb_rle_16bit.dcm")
    assert np.abs(eight.astype(int) - sixteen).max() <= 1


def test_frames_are_taken_evenly_and_named():
    names = [name for name, _ in images_of(bundled("rtdose.dcm"), "file", 3)]
    assert names == ["-03", "-08", "-13"]
    assert [name for name, _ in images_of(bundled("rtdose.dcm"), "file")] == [""]
    assert len(list(images_of(bundled("rtdose.dcm"), "file", 99))) == 15


@pytest.mark.parametrize(
    "name",
    ["MR_truncated.dcm", "rtplan.dcm", "badVR.dcm", "no_meta.dcm", "SC_rgb_jls_lossy_line.dcm"],
)
def test_what_holds_no_image_is_named(name):
    with pytest.raises(DataError, match=rf"{name} cannot be read: \w+"):
        list(images_of(bundled(name), "file"))


def test_windows():
    values = np.array([-1000.0, -1350.5, -600.5, 149.5, 150.5])
    assert windowed(values, NAMED["lung"]).tolist()[1:] == [0, 128, 255, 255]
    assert window_of("40,400") == NAMED["soft-tissue"] == Window(40, 400)
    for word in ("lunge", "40", "40,0", "nan,3", "3,inf", ""):
        with pytest.raises(BadSetting, match="is no window"):
            window_of(word)


def test_sixteen_bits_in_png_and_slices_of_nifti(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    ramp = np.linspace(1000, 3000, 64 * 64).reshape(64, 64)
    Image.fromarray(ramp.astype("uint16")).save(tmp_path / "deep.png")
    ((_, image),) = images_of(tmp_path / "deep.png", "spread")
    assert (np.asarray(image).min(), np.asarray(image).max()) == (0, 255)
    ((_, image),) = images_of(tmp_path / "deep.png", "full")
    assert 3 <= np.asarray(image).min() < np.asarray(image).max() <= 12

    volume = np.zeros((20, 30, 10), np.float32)
    volume[15:, 25:, 5] = 100  # on the right of the body, in front
    nibabel.save(nibabel.Nifti1Image(volume, np.eye(4)), tmp_path / "head.nii.gz")
    ((_, image),) = images_of(tmp_path / "head.nii.gz", window_of("50,100"))
    assert image.size == (20, 30)
    shown = np.asarray(image)
    assert shown[0, 0] == 255  # as radiologists look at it: in front is up, right is left
    assert shown[-1, -1] == 0


def test_zoo_window_writes_a_folder_to_fit(tmp_path):
    for label, name in (("ct", "CT_small.dcm"), ("mr", "MR_small.dcm"), ("mr", "MR_truncated.dcm")):
        (tmp_path / "scans" / label).mkdir(parents=True, exist_ok=True)
        (tmp_path / "scans" / label / name).write_bytes(bundled(name).read_bytes())
    (tmp_path / "scans" / "ct" / "IM0001").write_bytes(bundled("CT_small.dcm").read_bytes())
    (tmp_path / "scans" / "ct" / "notes").write_text("no scan")
    words = ("window", tmp_path / "scans", tmp_path / "out", "--window", "spread")
    refused = zoo(*words)
    assert refused.code == 2
    assert "MR_truncated.dcm cannot be read" in refused.err
    assert "`--skip-bad`" in refused.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scans"]
    ended = zoo(*words, "--skip-bad")
    assert ended.code == 0, ended.err
    assert "Wrote 3 images of 3 scans" in ended.err
    found = sorted(str(path.relative_to(tmp_path / "out")) for path in tmp_path.rglob("out/*/*"))
    assert found == ["ct/CT_small.png", "ct/IM0001.png", "mr/MR_small.png"]
    assert Image.open(tmp_path / "out" / "mr" / "MR_small.png").mode == "L"
    assert not Image.open(tmp_path / "out" / "mr" / "MR_small.png").info
    assert zoo(*words).code == 2  # it exists


def test_what_is_a_scan(tmp_path):
    assert is_scan(bundled("CT_small.dcm"))
    assert not is_scan(tmp_path / "a.jpg")
