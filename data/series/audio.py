"""Audio: WAV files to waveforms, and waveforms to log-mel features by Keras' own layer, in a model that is saved beside the classifier."""

import math
import os
import struct
import warnings

import numpy as np

from hornbook import UserError, files, memory
from hornbook.data.series.source import float32

HOP_SECONDS = 0.010
WINDOW_SECONDS = 0.025
FLOOR = 1e-8  # Of power, -80 dB: below the rounding of 16 bits. Silence is this and not the logarithm of 0.
ACCEPTED = "WAV files of 8 to 32 bits or of floats"
LEAST_RATE = 1000  # Below it, a frame of 25 ms has next to no samples.
_AT_A_TIME = 32
_SAMPLES_AT_A_TIME = 2**22  # Of a batch, padding and all: long ones among short ones are computed by few.
_BYTES_A_SAMPLE = 64  # That the features take at least: 70 and 72 were measured at 16 and 8 kHz.


_CUT_OFF = "is cut off: its header announces more samples than there are"


class UnreadableError(ValueError):
    """A file that is no whole WAV file. The message is the reason, without the file."""


def read(path):
    """A WAV file as a waveform.

    Args:
        path: of a file of 8, 16, 24 or 32 bits or of floats; several channels are averaged.

    Returns:
        float32 array `(samples,)` from -1 to 1, and the samples per second.

    Raises:
        UnreadableError: it is not there, of another format, cut off, without samples, or has samples that are not finite.

    Example:
    ```python
    import tempfile

    import numpy
    from hornbook.data.series import audio
    from scipy.io import wavfile

    with tempfile.TemporaryDirectory() as folder:
        wavfile.write(f"{folder}/tone.wav", 16000, (20000 * numpy.sin(numpy.arange(4000) / 5)).astype("int16"))
        samples, rate = audio.read(f"{folder}/tone.wav")
    frames = audio.features([audio.resampled(samples, rate, 8000)], 8000, 40)
    ```
    """
    from scipy.io import wavfile

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", wavfile.WavFileWarning)
            # Chunks of editors' own are no fault.
            warnings.filterwarnings("ignore", "Chunk .non-data. not understood", wavfile.WavFileWarning)
            with files.opened(path) as file:
                # A copy in float64 for each of 16 bits, which most files have.
                memory.require(4 * os.fstat(file.fileno()).st_size, path, "cut it into shorter files")
                _refuse_cut_off(file)
                rate, samples = wavfile.read(file)
    except (UserError, UnreadableError):
        raise
    except wavfile.WavFileWarning as error:
        reason = _CUT_OFF if "EOF" in str(error) else str(error)
        raise UnreadableError(reason) from error
    except FileNotFoundError as error:
        raise UnreadableError("is not there") from error
    except IsADirectoryError as error:
        raise UnreadableError("is a folder") from error
    except OSError as error:
        raise UnreadableError(error.strerror or str(error)) from error
    except UnboundLocalError as error:  # Of SciPy's reader, which has come to the end without what it looked for.
        raise UnreadableError("is cut off: it has no samples or no header of them") from error
    # Whatever a broken header may lead the reader to.
    except Exception as error:
        raise UnreadableError(f"is no WAV file that can be read ({' '.join(str(error).split())[:80] or type(error).__name__})") from error
    if rate < LEAST_RATE:
        raise UnreadableError(f"has {rate} samples per second; accepted are {LEAST_RATE} or more")
    return waveform(samples), rate


def _refuse_cut_off(file):
    """Refuse a file whose chunks announce more than there is: SciPy would make room for it before it looks."""
    length = os.fstat(file.fileno()).st_size
    kind = file.read(4)
    if kind == b"RF64":
        raise UnreadableError("is an RF64 file, which are for sounds of more than 4 GiB; cut it into shorter WAV files")
    order = {b"RIFF": "<", b"RIFX": ">"}.get(kind, "")
    file.seek(12)
    while order and len(head := file.read(8)) == 8:
        name, size = struct.unpack(f"{order}4sI", head)
        if name in (b"fmt ", b"fact", b"data") and size > length - file.tell():
            raise UnreadableError(_CUT_OFF if name == b"data" else "is cut off in its header")
        file.seek(size + size % 2, os.SEEK_CUR)
    file.seek(0)


def waveform(samples):
    """Samples of any type as float32 from -1 to 1, one channel.

    Args:
        samples: array `(samples,)` or `(samples, channels)`; unsigned 8-bit, integers of 16 to 64 bits, or floats, which stay as they are.
            64-bit integers, as TensorFlow Datasets has them, are taken to hold 16 bits.

    Raises:
        UnreadableError: there are none, or some are not finite.

    Example:
    ```python
    import numpy
    from hornbook.data.series import audio

    stereo = (20000 * numpy.sin(numpy.arange(4000) / 5)).astype("int16")[:, None].repeat(2, axis=1)
    frames = audio.features([audio.waveform(stereo)], sample_rate=8000, mel_bands=40)
    ```
    """
    samples = np.asarray(samples)
    if not samples.size:
        raise UnreadableError("has no samples")
    if samples.dtype == np.uint8:
        samples = (samples.astype(np.float32) - 128) / 128
    elif samples.dtype.kind in "iu":
        samples = samples.astype(np.float64) / (2.0**15 if samples.dtype.itemsize in (2, 8) else 2.0**31)
    if not np.isfinite(samples).all():
        raise UnreadableError(f"has a sample that is not finite at position {np.argwhere(~np.isfinite(samples))[0][0]}")
    return float32(samples.mean(axis=1) if samples.ndim == 2 else samples)


def resampled(samples, rate, new_rate):
    """A waveform at another rate, by a polyphase filter that takes out what the new rate cannot hold.

    Example:
    ```python
    import numpy
    from hornbook.data.series import audio

    tone = numpy.sin(numpy.arange(4000) / 5).astype("float32")
    frames = audio.features([audio.resampled(tone, 16000, 8000)], sample_rate=8000, mel_bands=40)
    ```
    """
    if rate == new_rate:
        return samples
    from scipy.signal import resample_poly

    divisor = math.gcd(rate, new_rate)
    return resample_poly(samples, new_rate // divisor, rate // divisor).astype(np.float32)


def feature_model(sample_rate, mel_bands):
    """A `keras.Model` from waveforms `(batch, samples)` to log-mel features `(batch, frames, mel_bands)` in decibels.

    A frame is 25 ms under a Hann window, one every 10 ms; of `samples` there are `1 + samples // hop`. The waveform is followed by silence,
    so that a clip has the same features whatever it is padded to in a batch. Only Keras' own layers: it loads with plain Keras.

    Args:
        sample_rate: samples per second.
        mel_bands: features, from 20 Hz to half the sample rate.

    Example:
    ```python
    import numpy
    from hornbook.data.series import audio

    model = audio.feature_model(8000, 40)
    print(model.predict(numpy.zeros((2, 8000)), verbose=0).shape)
    ```
    """
    import keras

    hop = round(HOP_SECONDS * sample_rate)
    window = round(WINDOW_SECONDS * sample_rate)
    fft = 2 ** math.ceil(math.log2(window))
    silence = hop * math.ceil(fft / hop)
    inputs = keras.Input((None,), name="waveform")
    padded = keras.layers.ZeroPadding1D((0, silence))(keras.layers.Reshape((-1, 1))(inputs))
    mel = keras.layers.MelSpectrogram(
        fft_length=fft,
        sequence_stride=hop,
        sequence_length=window,
        sampling_rate=sample_rate,
        num_mel_bins=mel_bands,
        min_power=FLOOR,
        # Its default cuts off 80 dB below the loudest of the whole batch: a clip would depend on its neighbours.
        top_db=1000.0,
        dtype="float32",
    )(keras.layers.Reshape((-1,))(padded))
    frames = keras.layers.Cropping1D((0, silence // hop))(keras.layers.Permute((2, 1))(mel))
    return keras.Model(inputs, frames, name="log_mel")


def save_feature_model(path, preprocessing):
    """Write `feature_model` of a dataset's `preprocessing`, for those who use the classifier without Hornbook."""
    with files.atomic(path) as temporary:
        feature_model(preprocessing["sample_rate"], preprocessing["mel_bands"]).save(temporary)


def _batches(lengths, step):
    """Positions of waveforms to be computed together, the shortest first, each with the length that they are padded to.

    Lengths are multiples of `step`, so that they are few, for each of which a backend may compile anew.
    """
    own = []
    for position in sorted(range(len(lengths)), key=lengths.__getitem__):
        length = step * math.ceil(lengths[position] / step)
        if own and (len(own) == _AT_A_TIME or length * (len(own) + 1) > _SAMPLES_AT_A_TIME):
            yield step * math.ceil(lengths[own[-1]] / step), own
            own = []
        own.append(position)
    if own:
        yield step * math.ceil(lengths[own[-1]] / step), own


def features(waveforms, sample_rate, mel_bands):
    """Log-mel features of waveforms of any lengths: a list of float32 arrays `(frames, mel_bands)`, in their order.

    Example:
    ```python
    import keras
    import numpy
    from hornbook.data.series import audio

    tones = [numpy.sin(numpy.arange(4000) * pitch).astype("float32") for pitch in (0.1, 0.2, 0.3, 0.4)]
    frames = numpy.stack(audio.features(tones, sample_rate=8000, mel_bands=40))
    model = keras.Sequential([keras.layers.GRU(8), keras.layers.Dense(2, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(frames, numpy.array([0, 0, 1, 1]), verbose=0)
    ```
    """
    from hornbook import libraries

    with libraries.quiet_libraries():
        import keras
    model, result = feature_model(sample_rate, mel_bands), [None] * len(waveforms)
    hop = round(HOP_SECONDS * sample_rate)
    for length, own in _batches([len(wave) for wave in waveforms], hop * 32):
        memory.require(_BYTES_A_SAMPLE * length * len(own), f"a sound of {length / sample_rate:,.0f} seconds", "cut it into shorter files")
        batch = np.zeros((len(own), length), np.float32)
        for row, k in zip(batch, own, strict=True):
            row[: len(waveforms[k])] = waveforms[k]
        for row, k in zip(keras.ops.convert_to_numpy(model(batch)), own, strict=True):
            result[k] = row[: 1 + len(waveforms[k]) // hop].copy()
    return result
