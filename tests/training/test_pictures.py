import numpy as np
import pytest
from PIL import Image

from hornbook import UserError
from hornbook.training import pictures

GREY = np.random.default_rng(0).integers(0, 256, (6, 5), dtype=np.uint8)
COLOURS = np.random.default_rng(1).integers(0, 256, (6, 5, 3), dtype=np.uint8)


def saved(path, array, **options):
    Image.fromarray(array).save(path, **options)
    return str(path)


@pytest.mark.parametrize("maximum", [255, 16, 1.0])
def test_a_grey_picture(tmp_path, maximum):
    image = pictures.from_file(saved(tmp_path / "a.png", GREY), (6, 5, 1), maximum)
    assert image.dtype == np.float32
    assert image.shape == (6, 5, 1)
    np.testing.assert_allclose(image[..., 0], GREY * (maximum / 255), rtol=1e-6)


@pytest.mark.parametrize("suffix", ["png", "bmp", "gif"])
def test_a_picture_in_colours(tmp_path, suffix):
    array = COLOURS // 255 * 255  # Few colours: GIF has a palette.
    assert np.array_equal(pictures.from_file(saved(tmp_path / f"a.{suffix}", array), (6, 5, 3), 255), array)


def test_colours_become_grey_and_grey_colours(tmp_path):
    grey = pictures.from_file(saved(tmp_path / "a.png", COLOURS), (6, 5, 1), 255)
    expected = COLOURS @ np.array([0.299, 0.587, 0.114])  # ITU-R 601-2.
    np.testing.assert_allclose(grey[..., 0], expected, atol=1)
    colours = pictures.from_file(saved(tmp_path / "b.png", GREY), (6, 5, 3), 255)
    assert np.array_equal(colours, np.repeat(GREY[..., None], 3, axis=2))


def test_a_picture_of_another_size_is_resized(tmp_path):
    large = np.kron(GREY, np.ones((4, 4), np.uint8))
    image = pictures.from_file(saved(tmp_path / "a.png", large), (6, 5, 1), 255)
    assert image.shape == (6, 5, 1)
    assert abs(image.mean() - GREY.mean()) < 2
    white = pictures.from_file(saved(tmp_path / "b.png", np.full((9, 40), 255, np.uint8)), (6, 5, 1), 16)
    np.testing.assert_allclose(white, 16, rtol=1e-6)


def test_16_bits_are_scaled_not_cut_off(tmp_path):
    deep = GREY.astype(np.uint16) * 257
    np.testing.assert_array_equal(pictures.from_file(saved(tmp_path / "a.png", deep), (6, 5, 1), 255)[..., 0], GREY)


def test_a_photograph_is_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # Taken with the camera turned: to be shown turned clockwise.
    image = pictures.from_file(saved(tmp_path / "a.png", GREY, exif=exif), (5, 6, 1), 255)
    assert np.array_equal(image[..., 0], np.rot90(GREY, -1))


def test_what_is_no_picture(tmp_path):
    whole = saved(tmp_path / "a.png", np.kron(GREY, np.ones((40, 40), np.uint8)))
    content = bytearray((tmp_path / "a.png").read_bytes())
    (tmp_path / "cut.png").write_bytes(content[: len(content) // 2])
    content[len(content) // 2] ^= 255
    (tmp_path / "corrupt.png").write_bytes(content)
    (tmp_path / "text.png").write_text("not a picture")
    (tmp_path / "empty.png").write_bytes(b"")
    for name in ("cut.png", "corrupt.png", "text.png", "empty.png", "."):
        with pytest.raises(UserError, match=r"cannot be read as an image .* accepted are JPEG, PNG"):
            pictures.from_file(str(tmp_path / name), (6, 5, 1), 255)
    with pytest.raises(UserError, match="no such file"):
        pictures.from_file(str(tmp_path / "nosuch.png"), (6, 5, 1), 255)
    with pytest.raises(UserError, match=r"the model takes 2 channels, .* pass arrays as .npy"):
        pictures.from_file(whole, (6, 5, 2), 255)


def test_a_bomb_is_not_unpacked(tmp_path, monkeypatch):
    path = saved(tmp_path / "a.png", GREY)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(UserError, match="cannot be read as an image"):
        pictures.from_file(path, (6, 5, 1), 255)
