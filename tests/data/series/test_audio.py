"""WAV files to log-mel features: what is read, what is refused by name, and that a clip does not depend on its neighbours."""

import keras
import numpy as np
import pytest
from scipy.io import wavfile

from hornbook import UserError, data
from hornbook.data.series import audio

RATE = 8000


def tone(frequency, seconds=0.3, rate=RATE):
    return (0.5 * np.sin(2 * np.pi * frequency * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


def write(path, samples, rate=RATE):
    path.parent.mkdir(parents=True, exist_ok=True)
    wavfile.write(path, rate, samples)


def folder_of_tones(root, count=10):
    for k in range(count):
        for name, frequency in (("low", 300), ("high", 2000)):
            write(root / name / f"{k}.wav", (tone(frequency, 0.2 + 0.02 * k) * 2**15).astype(np.int16))
    return root


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32, np.float32, np.float64])
def test_every_type_of_sample_becomes_the_same_wave(tmp_path, dtype):
    wave = tone(440)
    scaled = {"u": wave * 127 + 128, "i": wave * np.iinfo(dtype).max if dtype in (np.int16, np.int32) else wave, "f": wave}
    write(tmp_path / "a.wav", scaled[np.dtype(dtype).kind].astype(dtype))
    samples, rate = audio.read(tmp_path / "a.wav")
    assert (rate, samples.dtype, samples.shape) == (RATE, np.float32, wave.shape)
    np.testing.assert_allclose(samples, wave, atol=0.02)


def test_several_channels_are_averaged(tmp_path):
    write(tmp_path / "a.wav", np.stack([tone(440), np.zeros_like(tone(440))], axis=1))
    np.testing.assert_allclose(audio.read(tmp_path / "a.wav")[0], tone(440) / 2, atol=1e-6)


def test_a_band_is_where_its_tone_is_and_a_frame_comes_every_10_ms():
    low, high = audio.features([tone(300), tone(3000)], RATE, 40)
    assert low.shape == high.shape == (31, 40)
    assert low[15].argmax() < 12 < 30 < high[15].argmax()


def test_a_clip_does_not_depend_on_its_neighbours():
    clips = [tone(500, 0.11), 100 * tone(500, 0.5), tone(900, 0.33)]
    together = audio.features(clips, RATE, 20)
    for clip, values in zip(clips, together, strict=True):
        np.testing.assert_allclose(audio.features([clip], RATE, 20)[0], values, atol=1e-3)


def test_silence_is_finite():
    (values,) = audio.features([np.zeros(800, np.float32)], RATE, 40)
    np.testing.assert_allclose(values, 10 * np.log10(audio.FLOOR), rtol=1e-5)


def test_the_saved_feature_model_gives_what_training_saw(tmp_path):
    audio.save_feature_model(tmp_path / "features.keras", {"sample_rate": RATE, "mel_bands": 24})
    model = keras.saving.load_model(tmp_path / "features.keras")
    wave = tone(700, 0.25)
    np.testing.assert_allclose(model.predict(wave[None], verbose=0)[0], audio.features([wave], RATE, 24)[0], atol=1e-3)


def test_a_folder_of_wav_files_is_a_dataset(tmp_path):
    dataset = data.series.load(f"folder:{folder_of_tones(tmp_path)}")
    assert dataset.class_names == ("high", "low")
    assert dataset.input_shape == (None, 40)
    assert dataset.preprocessing["sample_rate"] == RATE
    assert {part: len(one) for part, one in dataset.parts.items()} == {"train": 14, "validation": 2, "test": 4}
    assert all(file.endswith(".wav") for file in dataset.train.files)


def truncated(path):
    write(path, (tone(300) * 2**15).astype(np.int16))
    path.write_bytes(path.read_bytes()[:2000])


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (truncated, "is cut off: its header announces more samples than there are"),
        (lambda path: write(path, np.zeros(0, np.int16)), "has no samples"),
        (lambda path: path.write_bytes(b"RIFF and no more"), "is no WAV file that can be read"),
        (lambda path: path.write_bytes(b"RIFF\x04\x00\x00\x00WAVE"), "is cut off: it has no samples"),
        (lambda path: (path.unlink(missing_ok=True), path.mkdir()), "is a folder"),
        (lambda path: write(path, np.ones(80, np.int16), 10), "has 10 samples per second; accepted are 1000 or more"),
        (lambda path: path.write_bytes(b""), "is no WAV file that can be read"),
        (lambda path: path.write_text("not a sound"), "is no WAV file that can be read"),
        (lambda path: write(path, np.full(400, np.nan, np.float32)), "has a sample that is not finite at position 0"),
    ],
)
def test_a_broken_file_is_named_or_left_out(tmp_path, spoil, said):
    folder_of_tones(tmp_path)
    spoil(tmp_path / "low" / "3.wav")
    with pytest.raises(UserError) as caught:
        data.series.load(f"folder:{tmp_path}")
    assert "3.wav" in str(caught.value)
    assert said in str(caught.value)
    assert "--skip-unreadable" in str(caught.value)
    dataset = data.series.load(f"folder:{tmp_path}", skip_unreadable=True)
    assert sum(map(len, dataset.parts.values())) == 19
    assert [(file[-5:], reason[:20]) for file, reason in dataset.unreadable] == [("3.wav", said[:20])]


def test_several_rates_are_refused_or_brought_to_one(tmp_path):
    folder_of_tones(tmp_path)
    stereo = np.stack([tone(300, rate=44100)] * 2, axis=1)
    write(tmp_path / "low" / "3.wav", stereo, 44100)
    with pytest.raises(UserError, match=r"has 8,000 samples per second, .*3\.wav has 44,100; pass --sample-rate 8000"):
        data.series.load(f"folder:{tmp_path}")
    dataset = data.series.load(f"folder:{tmp_path}", sample_rate=8000, test_fraction=0, validation_fraction=0)
    place = next(k for k, file in enumerate(dataset.train.files) if file.endswith("low/3.wav"))
    like = next(k for k, file in enumerate(dataset.train.files) if file.endswith("low/5.wav"))
    assert len(dataset.train.series[place]) == 31
    assert dataset.train.series[place][15].argmax() == dataset.train.series[like][15].argmax()


def test_audio_and_tables_do_not_mix(tmp_path):
    folder_of_tones(tmp_path)
    (tmp_path / "low" / "a.csv").write_text("x\n1\n")
    with pytest.raises(UserError, match="has audio and tables"):
        data.series.load(f"folder:{tmp_path}")


def test_an_empty_class_folder_is_refused(tmp_path):
    folder_of_tones(tmp_path)
    (tmp_path / "none").mkdir()
    with pytest.raises(UserError, match="none has no files; add some"):
        data.series.load(f"folder:{tmp_path}")


def test_a_loose_wav_file_has_no_class(tmp_path):
    folder_of_tones(tmp_path)
    (tmp_path / "labels.csv").write_text("file,label\n")
    assert data.series.load(f"folder:{tmp_path}").num_classes == 2
    write(tmp_path / "loose.WAV", tone(300))
    with pytest.raises(UserError, match=r"loose\.WAV lies beside the class folders, so it has no class"):
        data.series.load(f"folder:{tmp_path}")
