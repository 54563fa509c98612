import os

import numpy as np
import pytest
from PIL import Image

from hornbook import UserError
from hornbook.data.images import decoding

GREY = np.random.default_rng(0).integers(0, 256, (6, 5), dtype=np.uint8)
COLOURS = np.random.default_rng(1).integers(0, 256, (6, 5, 3), dtype=np.uint8)


def saved(path, array, **options):
    Image.fromarray(array).save(path, **options)
    return str(path)


@pytest.mark.parametrize("maximum", [255, 16, 1.0])
def test_a_grey_picture(tmp_path, maximum):
    image = decoding.from_file(saved(tmp_path / "a.png", GREY), (6, 5, 1), maximum)
    assert image.dtype == np.float32
    assert image.shape == (6, 5, 1)
    np.testing.assert_allclose(image[..., 0], GREY * (maximum / 255), rtol=1e-6)


@pytest.mark.parametrize("suffix", ["png", "bmp", "gif"])
def test_a_picture_in_colours(tmp_path, suffix):
    array = COLOURS // 255 * 255  # Few colours: GIF has a palette.
    assert np.array_equal(decoding.from_file(saved(tmp_path / f"a.{suffix}", array), (6, 5, 3), 255), array)


def test_colours_become_grey_and_grey_colours(tmp_path):
    grey = decoding.from_file(saved(tmp_path / "a.png", COLOURS), (6, 5, 1), 255)
    expected = COLOURS @ np.array([0.299, 0.587, 0.114])  # ITU-R 601-2.
    np.testing.assert_allclose(grey[..., 0], expected, atol=1)
    colours = decoding.from_file(saved(tmp_path / "b.png", GREY), (6, 5, 3), 255)
    assert np.array_equal(colours, np.repeat(GREY[..., None], 3, axis=2))


def test_a_picture_of_another_size_is_resized(tmp_path):
    large = np.kron(GREY, np.ones((4, 4), np.uint8))
    image = decoding.from_file(saved(tmp_path / "a.png", large), (6, 5, 1), 255)
    assert image.shape == (6, 5, 1)
    assert abs(image.mean() - GREY.mean()) < 2
    white = decoding.from_file(saved(tmp_path / "b.png", np.full((9, 40), 255, np.uint8)), (6, 5, 1), 16)
    np.testing.assert_allclose(white, 16, rtol=1e-6)


def test_16_bits_are_scaled_not_cut_off(tmp_path):
    deep = GREY.astype(np.uint16) * 257
    np.testing.assert_array_equal(decoding.from_file(saved(tmp_path / "a.png", deep), (6, 5, 1), 255)[..., 0], GREY)


def test_a_photograph_is_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # Taken with the camera turned: to be shown turned clockwise.
    image = decoding.from_file(saved(tmp_path / "a.png", GREY, exif=exif), (5, 6, 1), 255)
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
            decoding.from_file(str(tmp_path / name), (6, 5, 1), 255)
    with pytest.raises(UserError, match="no such file"):
        decoding.from_file(str(tmp_path / "nosuch.png"), (6, 5, 1), 255)
    with pytest.raises(UserError, match=r"the model takes 2 channels, .* pass arrays as .npy"):
        decoding.from_file(whole, (6, 5, 2), 255)


def test_a_pipe_and_a_device_are_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")  # Opened for reading, it would wait for a writer.
    for path in (tmp_path / "pipe.jpg", "/dev/zero"):
        with pytest.raises(UserError, match=f"{path} cannot be read as an image .is a (pipe|device), not a file"):
            decoding.from_file(str(path), (6, 5, 1), 255)
        with pytest.raises(decoding.UnreadableError, match=r"is a (pipe|device), not a file"):
            decoding.survey(str(path))


def decoded(path, channels, size=(6, 5)):
    decoding.quiet_pillow()
    return decoding.decode(str(path), size, channels)


def test_what_is_transparent_is_white(tmp_path):
    alpha = np.zeros((6, 5), np.uint8)
    alpha[:3], alpha[3] = 255, 128
    saved(tmp_path / "rgba.png", np.dstack([COLOURS, alpha]))
    pixels = decoded(tmp_path / "rgba.png", 3)
    assert np.array_equal(pixels[:3], COLOURS[:3])
    np.testing.assert_allclose(pixels[3], COLOURS[3] * (128 / 255) + 127, atol=1)
    assert (pixels[4:] == 255).all()
    saved(tmp_path / "la.png", np.dstack([GREY, alpha]))
    assert np.array_equal(decoded(tmp_path / "la.png", 1)[:3, :, 0], GREY[:3])
    assert (decoded(tmp_path / "la.png", 1)[4:] == 255).all()
    palette = Image.fromarray(np.array([[0, 1], [1, 0]], np.uint8), "P")
    palette.putpalette([10, 20, 30, 0, 0, 0])
    palette.save(tmp_path / "p.png", transparency=bytes([255, 0]))
    assert decoded(tmp_path / "p.png", 3, (2, 2)).tolist() == [[[10, 20, 30], [255] * 3], [[255] * 3, [10, 20, 30]]]
    Image.fromarray(COLOURS).save(tmp_path / "key.png", transparency=tuple(map(int, COLOURS[0, 0])))
    assert decoded(tmp_path / "key.png", 3)[0, 0].tolist() == [255] * 3


@pytest.mark.parametrize(
    ("mode", "suffix", "channels"),
    [("1", "png", 1), ("L", "jpg", 1), ("LA", "png", 1), ("P", "png", 3), ("RGB", "jpg", 3), ("RGBA", "png", 3), ("CMYK", "jpg", 3),
     ("L", "gif", 1), ("RGB", "gif", 3), ("L", "webp", 3), ("RGB", "tiff", 3), ("I;16", "tiff", 1), ("I;16", "png", 1), ("L", "pgm", 1)],
)  # fmt: skip
def test_modes_and_what_a_first_look_tells(tmp_path, mode, suffix, channels):
    image = Image.new("RGB", (5, 6), (200, 100, 50)).convert(mode) if mode != "I;16" else Image.new("I;16", (5, 6), 257 * 124)
    path = str(tmp_path / f"a.{suffix.upper()}")
    image.save(path, format={"jpg": "JPEG", "pgm": "PPM"}.get(suffix, suffix.upper()))
    assert decoding.survey(path) == (6, 5, channels)
    grey, colours = decoded(path, 1), decoded(path, 3)
    assert (grey.dtype, grey.shape, colours.shape) == (np.uint8, (6, 5, 1), (6, 5, 3))
    if mode != "1":
        np.testing.assert_allclose(grey, 124, atol=3)
        np.testing.assert_allclose(
            colours, np.broadcast_to([200, 100, 50] if channels == 3 and suffix != "webp" else 124, (6, 5, 3)), atol=6
        )


def test_16_bits_of_every_kind(tmp_path):
    deep = np.array([[0, 257, 65535]], np.uint16)
    for name in ("a.png", "a.tiff"):
        Image.fromarray(deep).save(tmp_path / name)
        assert decoded(tmp_path / name, 1, (1, 3)).ravel().tolist() == [0, 1, 255]
    (tmp_path / "a.pgm").write_bytes(b"P5 3 1 65535 " + deep.astype(">u2").tobytes())
    assert decoded(tmp_path / "a.pgm", 1, (1, 3)).ravel().tolist() == [0, 1, 255]
    for mode in ("I", "F"):
        Image.new(mode, (3, 1)).save(tmp_path / "b.tiff")
        with pytest.raises(UserError, match="32-bit numbers"):
            decoding.from_file(str(tmp_path / "b.tiff"), (1, 3, 1), 255)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_height_and_width_are_those_of_the_upright_picture(tmp_path, suffix):
    exif = Image.Exif()
    exif[0x0112] = 6
    ramp = np.repeat(np.arange(0, 240, 2, dtype=np.uint8)[:, None], 90, axis=1)
    path = saved(tmp_path / f"a.{suffix}", ramp, exif=exif, quality=95)
    assert decoding.survey(path)[:2] == (90, 120)
    for size in ((90, 120), (9, 12)):  # Whole, and by a smaller unpacking.
        pixels = decoded(path, 1, size)[..., 0].astype(int)
        assert (np.diff(pixels, axis=1) < 0).mean() > 0.9


def test_a_smaller_unpacking_looks_the_same(tmp_path):
    coarse = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    whole = Image.fromarray(coarse).resize((400, 320), Image.Resampling.BICUBIC)
    whole.save(tmp_path / "a.jpg", quality=95)
    expected = np.asarray(whole.resize((25, 20), Image.Resampling.BILINEAR), int)
    assert np.abs(decoded(tmp_path / "a.jpg", 3, (20, 25)) - expected).mean() < 3


def test_a_file_and_its_bytes_are_the_same(tmp_path):
    path = saved(tmp_path / "a.png", COLOURS)
    assert np.array_equal(decoding.decode((tmp_path / "a.png").read_bytes(), (6, 5), 3), decoded(path, 3))
    with pytest.raises(decoding.UnreadableError, match="is empty"):
        decoding.decode(b"", (6, 5), 3)


def test_other_formats_start_no_program(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 5 6\n%%EndComments\nshowpage\n")
    with pytest.raises(UserError, match="no image of an accepted format"):
        decoding.from_file(str(tmp_path / "a.jpg"), (6, 5, 3), 255)


def test_a_large_photograph_is_no_bomb(tmp_path, monkeypatch):
    path = saved(tmp_path / "a.png", GREY)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20)  # Pillow warns from here to twice as many.
    assert np.array_equal(decoding.from_file(path, (6, 5, 1), 255)[..., 0], GREY)


def test_a_bomb_is_not_unpacked(tmp_path, monkeypatch):
    path = saved(tmp_path / "a.png", GREY)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(UserError, match="cannot be read as an image"):
        decoding.from_file(path, (6, 5, 1), 255)
