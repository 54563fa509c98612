"""Of a run, what a format is made of: the model that answers, what stands before it, and how many examples it takes at a time."""

import dataclasses

import numpy as np

from hornbook import records, terminal
from hornbook.data import naming
from hornbook.data.tables.columns import with_missing
from hornbook.data.tables.encoding import Encoding
from hornbook.inference.export import answering, fronts, litert_file, onnx_file, quantized, saved_model_folder


@dataclasses.dataclass(frozen=True)
class Made:
    """What a format is written of.

    Attributes:
        model: functional `keras.Model`, as of `answering.answering`.
        kind: what `use.py` gives it, a key of `use_file.TAKES`.
        front: what stands before the model, see `saved_model_folder.write`; None where nothing does.
        batch_size: examples a call, or None for any number.
    """

    model: object
    kind: str
    front: object
    batch_size: int | None

    @property
    def outputs(self):
        """The names of the answers."""
        return sorted(self.model.output)


def made(model, trained, format_name, raw, *, for_int8=False):
    """What a format is written of, `Made`.

    Args:
        model: the run's, as loaded.
        trained: `data.inputs.Trained`.
        format_name: "keras", "saved_model", "onnx" or "litert".
        raw: inputs as somebody has them, with which a tokenizer inside the model is compared.
        for_int8: whether kernels will be int8, which must not have the scaling of features in them.

    Raises:
        UserError: the format cannot hold it.
    """
    about, medium = trained.about, trained.about["medium"]
    if format_name == "keras":
        model = answering.of_keras_alone(model, trained.folder / "model.keras")
    model = answering.answering(model, about)
    kind, front, batch_size = medium, None, None
    if format_name != "keras":
        answering.ready_for_converters(model)
    if for_int8:
        answering.keep_scaling_apart(model)
    if format_name == "litert" and answering.is_recurrent(model):
        batch_size = 1
    if medium == "series" and "sample_rate" in about["preprocessing"]:
        model = with_features(model, about["preprocessing"], without_fft=format_name == "onnx")
        kind, batch_size = "sound", 1
    elif format_name == "saved_model" and medium == "tables":
        missing = naming.names(trained.config["missing_values"], f"{trained.folder / 'config.json'}: --missing-values")
        kind, front = "columns", fronts.Columns(records.read(trained.folder / "table.json", Encoding), with_missing(missing))
    elif format_name == "saved_model" and medium == "texts":
        front = _tokenizer(trained, raw)
        kind = "texts" if front is None else "strings"
    return Made(model, kind, front, batch_size)


def with_features(model, preprocessing, *, without_fft=False):
    """A model of waveforms `(batch, samples)`, all of one length, that makes their features itself.

    Args:
        model: of features.
        preprocessing: of the run's `labels.json`.
        without_fft: whether the Fourier transform is a convolution with cosines and sines: tf2onnx knows no other.
    """
    import keras

    from hornbook.data.series import audio

    features = audio.feature_model(preprocessing["sample_rate"], preprocessing["mel_bands"])
    if without_fft:
        for layer in features.layers:
            if isinstance(layer, keras.layers.MelSpectrogram):
                layer._spectrogram = _spectrogram_by_convolution(layer)
    waveforms = keras.Input((None,), name="waveforms")
    return keras.Model(waveforms, model(features(waveforms)), name="answers")


def _spectrogram_by_convolution(layer):
    """What `MelSpectrogram._spectrogram` computes, of a waveform `(batch, samples)`: `(batch, frames, frequencies)`."""
    from keras import ops

    size, length = layer.fft_length, layer.sequence_length
    before = (size - length) // 2
    window = np.zeros(size)
    window[before : before + length] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    angles = 2 * np.pi * np.outer(np.arange(size), np.arange(size // 2 + 1)) / size
    kernel = np.concatenate([np.cos(angles), np.sin(angles)], axis=1) * window[:, None]
    kernel = kernel[:, None].astype(np.float32)

    def spectrogram(waveforms):
        padded = ops.pad(waveforms, ((0, 0), (size // 2, size // 2)), mode="reflect")
        parts = ops.conv(ops.expand_dims(padded, -1), kernel, strides=layer.sequence_stride, padding="valid")
        real, imaginary = ops.split(parts, 2, axis=-1)
        return ops.power(ops.square(real) + ops.square(imaginary), layer.mag_exp / 2)

    return spectrogram


def _tokenizer(trained, raw):
    """The run's tokenizer of TensorFlow's operations; None where there is no such, or it makes other tokens of the run's texts."""
    import tensorflow as tf

    from hornbook.data.texts import tokenizing

    tokenizer = tokenizing.load(trained.folder / "tokenizer.json")
    if fronts.kind_of(tokenizer) == "bpe":
        terminal.say("note: TensorFlow has no tokenizer of pieces of words (bpe): the model takes token ids, which use.py makes")
        return None
    front = fronts.Texts(tokenizer)
    wanted, found = tokenizer.batch(raw), front({"texts": tf.constant(raw)}).numpy()
    width = min(wanted.shape[1], found.shape[1])
    other = (wanted[:, :width] != found[:, :width]).any(axis=1) | wanted[:, width:].any(axis=1) | found[:, width:].any(axis=1)
    if other.any():
        text = raw[int(np.flatnonzero(other)[0])]
        terminal.say(f"note: TensorFlow makes other tokens of {text[:60]!r}: the model takes token ids, which use.py makes")
        return None
    return front


def write(path, made, format_name, precision, batches=()):
    """Write the model's file, or folder, at `path`.

    Args:
        path: of the file or folder.
        made: `Made`.
        format_name, precision: of the export.
        batches: as of `quantized.calibration`.

    Returns:
        `quantized.Int8`, or None.

    Raises:
        UserError: the format cannot hold it.
    """
    if format_name == "keras":
        made.model.save(path)
        return None
    name = "waveforms" if made.kind == "sound" else "inputs"
    front = made.front or saved_model_folder.Plain(made.model, made.batch_size if format_name == "litert" else None, name)
    if format_name == "saved_model":
        saved_model_folder.write(path, made.model, front)
    elif format_name == "onnx":
        onnx_file.write(path, made.model, front)
    else:
        content = litert_file.content(made.model, front, half=precision == "float16")
        if precision in quantized.PRECISIONS:
            return quantized.write(path, content, made, precision, batches)
        path.write_bytes(content)
    return None
