"""The lines of a `use.py` that turn what somebody has into what a model takes, for each medium. They are copied, as `format_lines`' are.

For each medium there are `read`, from a word of the command line to pairs of a name and an input; `prepare`, from an input to the examples
that it becomes (of a series in windows several, else one); and `stack`, from examples to the arrays of a batch.
"""

import json
import pathlib

import numpy as np

HERE = pathlib.Path(".")
ABOUT, TABLE, NGRAMS, TOKENIZER = {}, {}, {}, None


def read_images(given):
    """Image files, turned upright, on white where transparent, stretched to the model's size; or .npy arrays of pixels."""
    height, width, channels = ABOUT["input_shape"]
    if given.endswith(".npy"):
        pixels = np.load(given, allow_pickle=False)
        pixels = pixels[None] if pixels.ndim == 3 else pixels
        return [(f"{given}[{place}]", image) for place, image in enumerate(pixels)]
    from PIL import Image, ImageOps

    with Image.open(given) as image:
        if image.format in ("JPEG", "MPO"):
            turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
            image.draft(image.mode, (2 * height, 2 * width) if turned else (2 * width, 2 * height))
        upright = ImageOps.exif_transpose(image)
        if upright.mode.startswith("I;16"):
            upright = Image.fromarray((np.asarray(upright) / 257).round().astype(np.uint8))
        if upright.has_transparency_data:
            upright = Image.alpha_composite(Image.new("RGBA", upright.size, "white"), upright.convert("RGBA"))
        upright = upright.convert("L" if channels == 1 else "RGB")
        if upright.size != (width, height):
            upright = upright.resize((width, height), Image.Resampling.BILINEAR)
        pixels = np.asarray(upright, np.float32).reshape(height, width, channels)
    return [(given, pixels * np.float32(ABOUT["pixel_maximum"] / 255))]


def prepare_images(image):
    """Pixels (height, width, channels) of any number type, on the scale of training: 0 to labels.json's pixel_maximum."""
    image = np.asarray(image, np.float32)
    if list(image.shape) != ABOUT["input_shape"]:
        raise ValueError(f"an image has shape {image.shape}; the model takes {ABOUT['input_shape']}")
    return [image]


def stack_images(examples):
    """A batch: float32 (batch, height, width, channels)."""
    return {"inputs": np.stack(examples)}


def read_texts(given):
    """A sentence, or the lines of a text file."""
    if not given.endswith(".txt"):
        return [(given, given)]
    lines = pathlib.Path(given).read_text(encoding="utf-8-sig").split("\n")
    return [(f"{given}:{number}", line.strip()) for number, line in enumerate(lines, start=1) if line.strip()]


def prepare_strings(text):
    """A text as it is: the model has its tokenizer inside."""
    return [text]


def stack_strings(examples):
    """A batch: strings (batch,)."""
    return {"texts": np.array(examples, object)}


def tokens():
    """The tokenizer, and the ids of runs of tokens that have one: needs the package tokenizers."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(HERE / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    beside = HERE / "ngrams.json"
    runs = json.loads(beside.read_text(encoding="utf-8")) if beside.exists() else []
    return tokenizer, {tuple(ids): place for place, ids in enumerate(runs, start=tokenizer.get_vocab_size())}


def prepare_texts(text):
    """Token ids of a text: those of single tokens, then of runs of two, three and so on, cut as in training; 1 where there is none."""
    ids = TOKENIZER.encode(text, add_special_tokens=False).ids or [1]
    found = list(ids)
    for size in sorted({len(run) for run in NGRAMS}):
        found += [NGRAMS[run] for run in zip(*(ids[start:] for start in range(size)), strict=False) if run in NGRAMS]
    return [found[: ABOUT["max_length"]]]


def stack_texts(examples):
    """A batch: int32 (batch, tokens), padded with 0 to 8, or the next of 12, 16, 24, 32, 48 and so on, as in training."""
    length = 8
    while length < max(map(len, examples)):
        length = length * 3 // 2 if length & (length - 1) == 0 else length // 3 * 4
    padded = np.zeros((len(examples), length), np.int32)
    for row, ids in zip(padded, examples, strict=True):
        row[: len(ids)] = ids
    return {"inputs": padded}


def read_series(given):
    """A .npy array (steps, features), or a CSV file of one series whose columns are labels.json's features, a row a step."""
    if given.endswith(".npy"):
        return [(given, np.load(given, allow_pickle=False))]
    import csv

    features = ABOUT["preprocessing"]["features"]
    with open(given, newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    return [(given, np.array([[float(row[name] or "nan") for name in features] for row in rows], np.float32))]


def prepare_series(values):
    """A series (steps, features), NaN where a value is missing: without missing values, in windows, as labels.json's preprocessing says."""
    about, steps = ABOUT["preprocessing"], ABOUT["input_shape"][0]
    values = np.asarray(values, np.float32)
    values = values[:, None] if values.ndim == 1 else values
    missing, fill = np.isnan(values), np.array(about["fill"], np.float32)
    if missing.any() and about["missing"] == "refuse":
        raise ValueError("a series has missing values; the model was trained on numbers alone")
    if about["missing"] == "mask":
        values = np.concatenate([np.where(missing, fill, values), missing.astype(np.float32)], axis=1)
    elif about["missing"] == "interpolate" and missing.any():
        values, places = values.copy(), np.arange(len(values))
        for k in np.flatnonzero(missing.any(axis=0)):
            known = ~missing[:, k]
            values[:, k] = np.interp(places, places[known], values[known, k]) if known.any() else fill[k]
    if about["window"]:
        stride = about["stride"] or max(1, about["window"] // 2)
        starts = range(0, len(values) - about["window"] + 1, stride)
        if not starts:
            raise ValueError(f"a series has {len(values)} steps, fewer than the model's window of {about['window']}")
        return [values[start : start + about["window"]] for start in starts]
    if values.shape[1] != ABOUT["input_shape"][1] or (steps and len(values) != steps):
        raise ValueError(f"a series has the shape {values.shape}; the model takes {ABOUT['input_shape']}")
    return [values]


def stack_series(examples):
    """A batch: float32 (batch, steps, features); steps that are NaN in all features are padding."""
    padded = np.full((len(examples), max(map(len, examples)), examples[0].shape[1]), np.nan, np.float32)
    for row, values in zip(padded, examples, strict=True):
        row[: len(values)] = values
    return {"inputs": padded}


def read_sound(given):
    """A WAV file of 16 bits at labels.json's sample_rate; several channels are averaged. Or a .npy array (samples,) from -1 to 1."""
    if given.endswith(".npy"):
        return [(given, np.load(given, allow_pickle=False))]
    import wave

    with wave.open(given) as file:
        rate, wanted = file.getframerate(), ABOUT["preprocessing"]["sample_rate"]
        if rate != wanted or file.getsampwidth() != 2:
            raise ValueError(f"{given} has {rate} samples a second of {8 * file.getsampwidth()} bits; the model takes {wanted} of 16 bits")
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, file.getnchannels())
    return [(given, (samples / 32768).mean(axis=1))]


def prepare_sound(samples):
    """A waveform (samples,) from -1 to 1 as it is: the model makes its features."""
    return [np.asarray(samples, np.float32)]


def stack_sound(examples):
    """A batch: float32 (batch, samples), all of one length."""
    return {"waveforms": np.stack(examples)}


def read_tables(given):
    """The rows of a CSV file, whose first line names the columns."""
    import csv

    with open(given, newline="", encoding="utf-8-sig") as file:
        return [(f"{given}:{number}", row) for number, row in enumerate(csv.DictReader(file), start=2)]


def cell(row, name):
    """A cell of a row, a dict of column to text or number: a number or a text, None where it is missing."""
    value = row[name]
    if value is None or value != value:
        return None
    if isinstance(value, str):
        return None if value.strip().lower() in ABOUT["missing_values"] else value.strip()
    return str(int(value)) if value == int(value) else repr(float(value))


def prepare_tables(row):
    """The model's inputs of a row: numbers with medians for missing ones, which of them were missing, then codes of categories."""
    numbers = {name: cell(row, name) for name in TABLE["numbers"]}
    inputs = [TABLE["numbers"][name] if value is None else float(value) for name, value in numbers.items()]
    inputs += [numbers[name] is None for name in TABLE["indicators"]]
    for name, known in TABLE["categories"].items():
        value = cell(row, name)
        value = "missing" if value is None else value
        inputs.append(known.index(value) + 1 if value in known else 0)
    return [np.array(inputs, np.float32)]


def stack_tables(examples):
    """A batch: float32 (batch, inputs)."""
    return {"inputs": np.stack(examples)}


def prepare_columns(row):
    """The cells of a row as the model takes them: numbers, NaN where missing, and texts of categories, empty where missing."""
    numbers = {name: cell(row, name) for name in TABLE["numbers"]}
    numbers = {name: float("nan") if value is None else float(value) for name, value in numbers.items()}
    return [{**numbers, **{name: cell(row, name) or "" for name in TABLE["categories"]}}]


def stack_columns(examples):
    """A batch: an array (batch,) for each column, by the name of its input in labels.json's columns."""
    kinds = {**dict.fromkeys(TABLE["numbers"], np.float32), **dict.fromkeys(TABLE["categories"], object)}
    return {ABOUT["columns"][name]: np.array([one[name] for one in examples], kind) for name, kind in kinds.items()}
