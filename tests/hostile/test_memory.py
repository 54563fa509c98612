"""What a file claims, or a flag asks for, is compared with the memory before it is allocated."""

import importlib
import io
import os
import struct
import tracemalloc
import typing
import zipfile

import keras
import numpy as np
import pytest
from scipy.io import wavfile

from hornbook import UserError, command_line, data, files, memory, recipes
from hornbook.data import csv_rows, inputs, npz, splits
from hornbook.data.dataset import few
from hornbook.data.images import decoding
from hornbook.data.series import audio, ts
from hornbook.recipes import image_classification, options, sequence_classification, tabular_classification, text_classification
from hornbook.training import runs
from hornbook.training.diagnosis import footprint
from hornbook.tuning import command as tune
from hornbook.tuning import vary
from hornbook.tuning.comparison import command as compare
from hornbook.tuning.cross_validation import command as cross_validate

FREE = 2**26


@pytest.fixture
def little(monkeypatch):
    """A machine with 64 MiB of free memory, and a check that a case has taken a fraction of that."""
    monkeypatch.setattr(memory, "available", lambda: FREE)
    tracemalloc.start()
    yield
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < FREE


def header(shape, descr="<f4", by_column=False):
    written = io.BytesIO()
    np.lib.format.write_array_header_1_0(written, {"descr": descr, "fortran_order": by_column, "shape": shape})
    return written.getvalue()


def write_zeros(file, count):
    for _ in range(count >> 20):
        file.write(bytes(2**20))


def packed(path, **sizes):
    """An .npz file of arrays of zeros, as many bytes as `sizes` say, packed to next to nothing."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, size in sizes.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                file.write(header((size,), "|u1"))
                write_zeros(file, size)


def sparse(path, size, beginning=b""):
    """A file that claims to be large and takes no room on the disk."""
    with open(path, "wb") as file:
        file.write(beginning)
        file.truncate(size)
    return path


NAMES = {"train": (("x", "y"),), "test": (("x_test", "y_test"),)}


@pytest.mark.parametrize("sizes", [{"x": 2**27, "y": 2**20}, {"x": 2**25, "y": 2**20, "x_test": 2**26, "y_test": 2**20}])
def test_an_archive_that_unpacks_to_more_than_there_is(tmp_path, little, sizes):
    packed(tmp_path / "a.npz", **sizes)
    assert os.path.getsize(tmp_path / "a.npz") < 2**20
    with pytest.raises(UserError, match=r"a\.npz takes at least .* MiB of memory, and 64\.0 MiB are free; save fewer"):
        npz.read_parts(tmp_path / "a.npz", NAMES, "x and y")


def test_an_array_that_nobody_asks_for_is_not_read(tmp_path, little):
    packed(tmp_path / "a.npz", x=2**20, y=2**20, other=2**27)
    _, arrays = npz.read_parts(tmp_path / "a.npz", NAMES, "x and y")
    assert arrays["other"] is None


@pytest.mark.parametrize("shape", [(10**15,), (2**62, 4), (-1, 4), (10**6, 10**6)])
def test_a_header_that_claims_more_than_its_file_has(tmp_path, little, shape):
    (tmp_path / "a.npy").write_bytes(header(shape) + bytes(64))
    with pytest.raises(UserError, match=r"a\.npy cannot be read as a NumPy array: "):
        inputs.array(str(tmp_path / "a.npy"))


LARGE = {
    "a.npy": (header((2**27, 2), by_column=True), lambda path: inputs.array(str(path))[:5]),
    "a.csv": (b"a,b\n", lambda path: csv_rows.read(path)),
    "a.ts": (b"@data\n", lambda path: ts.to_predict(path)),
    "a.json": (b"{}", lambda path: files.content(path, "JSON")),
    "a.wav": (b"RIFF", lambda path: audio.read(path)),
}


@pytest.mark.parametrize("name", LARGE)
def test_a_file_larger_than_the_memory(tmp_path, little, name):
    beginning, read = LARGE[name]
    path = sparse(tmp_path / name, len(beginning) + 2**30, beginning)
    with pytest.raises(UserError, match=rf"{name} takes at least .* GiB of memory, and 64\.0 MiB are free; "):
        read(path)


def test_sounds_are_summed_before_they_are_read(tmp_path, little):
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for place in range(8):
            sparse(tmp_path / name / f"{place}.wav", 2**24, b"RIFF")
    with pytest.raises(UserError, match=r"takes at least 512\.0 MiB of memory, .*; train on fewer or shorter sounds"):
        data.series.load(f"folder:{tmp_path}")


def test_one_long_sound_among_short_ones_does_not_make_the_others_long():
    lengths = [8000] * 31 + [20_000_000]
    batches = list(audio._batches(lengths, 2560))
    assert [own for _, own in batches] == [list(range(31)), [31]]
    assert max(length * len(own) for length, own in batches) < 20_010_000
    assert [len(own) for _, own in audio._batches([8000] * 70, 2560)] == [32, 32, 6]


def test_a_sound_that_claims_more_than_its_file_has(tmp_path, little):
    wavfile.write(tmp_path / "a.wav", 8000, np.zeros(100, np.int16))
    content = bytearray((tmp_path / "a.wav").read_bytes())
    content[40:44] = struct.pack("<I", 2**32 - 2)
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(audio.UnreadableError):
        audio.read(tmp_path / "a.wav")


def test_long_series_are_not_padded_beyond_the_memory(little):
    series = [np.zeros((10**6, 1), np.float32)] + [np.zeros((10, 1), np.float32)] * 99
    dataset = data.series.from_arrays(series, np.arange(100) % 2)
    with pytest.raises(UserError, match=r"series padded to 1,000,000 steps takes at least .*; pass --window to cut them"):
        _ = dataset.train.padded(np.arange(80), 10**6)


def test_a_shape_of_a_run_that_no_memory_holds(little):
    with pytest.raises(UserError, match=r"an image of the model's size, 1000000x1000000, takes at least 10\.9 TiB"):
        decoding.from_file("a.png", (10**6, 10**6, 3), 255)


def test_generated_series_are_counted_before_they_are_made(little):
    with pytest.raises(UserError, match=r"9,000,000 series of 900,000 steps takes at least .* pass a smaller --examples or --length"):
        data.series.load("copy", length=900_000, examples=9_000_000)


@pytest.mark.parametrize(
    ("recipe", "given"),
    [
        (image_classification, {"depth": 10**9}),
        (image_classification, {"width": 10**9}),
        (image_classification, {"batch_size": 10**12}),
        (image_classification, {"members": 10**6}),
        (image_classification, {"epochs": 2**63}),
        (image_classification, {"seeds": 10**9}),
        (image_classification, {"learning_rate": 1e300}),
        (image_classification, {"warmup_epochs": float("inf")}),
        (image_classification, {"l2": 1e300}),
        (sequence_classification, {"kernel_sizes": (8, 10**9)}),
        (sequence_classification, {"mel_bands": 10**9}),
        (text_classification, {"vocabulary_size": 10**12}),
        (text_classification, {"max_length": 10**12}),
    ],
)
def test_a_flag_without_measure(recipe, given):
    flag = f"--{next(iter(given)).replace('_', '-')}"
    with pytest.raises(UserError, match=rf"^{flag} must be .* less than .*, got "):
        options.check(recipe.Args(**given))


@pytest.mark.parametrize("given", [{"width": 60_000, "depth": 9}, {"depth": 10_000}, {"width": 4096, "members": 900}])
def test_a_network_that_the_memory_cannot_hold_is_refused_before_it_is_built(little, given):
    with pytest.raises(UserError, match=r"--\w+ \d+.* takes at least .*; pass less of one"):
        options.check(image_classification.Args(**given))


def test_a_batch_that_the_network_cannot_remember(little, monkeypatch):
    monkeypatch.setattr(footprint.os.path, "exists", lambda path: False)
    model = keras.Sequential([keras.Input((None, 4)), keras.layers.LSTM(8, return_sequences=True), keras.layers.Dense(2)])
    part = type("Part", (), {"lengths": np.array([10, 10**6]), "__len__": lambda self: 64})()
    assert footprint.size_in_bytes(model, 64, 1000) == 4 * model.count_params() + 4 * 64 * 1000 * (4 + 8 + 4 * 8)
    with pytest.raises(UserError, match=r"64 examples of 1,000,000 steps each in this network takes .*; pass a smaller --window"):
        footprint.require(model, part, 64, "--window")


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("dropout=0..0.5:1e-12", "has 5e.11 values, at most 10,000 are accepted; pass a larger step"),
        ("learning_rate=log:1e-9..1:1.0000001", "at most 10,000 are accepted"),
        ("depth=2..1000000000", "depth must be at least 0 and less than 10001, got 1000000000"),
        ("width=64,1000000000", "width must be at least 1 and less than 65536, got 1000000000"),
    ],
)
def test_a_space_without_measure(written, words):
    with pytest.raises(UserError, match=words):
        vary.parse(written, image_classification)


@pytest.mark.parametrize(
    "chosen", [{"epochs": 10**30}, {"epochs": 0}, {"batch_size": 10**12}, {"learning_rate": 1e300}, {"dropout": 5.0}, {"dropout": -1}]
)
def test_what_an_unfinished_run_says_was_chosen_for_it(chosen, tmp_path):
    args = tabular_classification.Args(dataset="wine", model="mlp", output=str(tmp_path / "run"))
    with runs.Run(args.output, command_line.to_config(tabular_classification.RECIPE, args)) as run:
        files.write_json(run.path("chosen.json"), chosen)
        splits.record_split(run.path("split.csv"), data.tables.load("wine", validation_fraction=0), resumed=False)
        run.checkpoint.write_bytes(b"")
    flag = f"--{next(iter(chosen)).replace('_', '-')}"
    with pytest.raises(UserError, match=rf"^{flag} must be .* less than .*, got "):
        tabular_classification.main(args)


def numbers(args):
    """The options of a dataclass that take a number, each with one that no machine has."""
    for name, hint in typing.get_type_hints(args).items():
        kinds = (hint, *typing.get_args(hint), *(one for part in typing.get_args(hint) for one in typing.get_args(part)))
        if kind := next((one for one in (int, float) if one in kinds), None):
            yield name, (kind(10**30),) if tuple in map(typing.get_origin, kinds) else kind(10**30)


# Shares, which are refused in the words of what they change, before anything trains.
SHARES = {"colour", "random_erasing", "time_masking", "feature_masking"}


@pytest.mark.parametrize("recipe", recipes.RECIPES)
def test_every_number_has_an_end(recipe):
    recipe = importlib.import_module(f"hornbook.recipes.{recipe.replace('-', '_')}")
    found = dict(numbers(recipe.Args))
    assert {"depth", "width", "epochs", "batch_size", "learning_rate", "seed", "seeds", "members", "l2"} <= found.keys()
    for name in found.keys() - SHARES:
        with pytest.raises(UserError, match=rf"--{name.replace('_', '-')}\b"):
            recipe.check(recipe.Args(**{name: found[name]}))


@pytest.mark.parametrize(("command", "check"), [(tune, tune._check), (compare, compare.check), (cross_validate, cross_validate.check)])
def test_every_number_of_a_command_of_many_runs_has_an_end(command, check):
    names = dict(numbers(command.Args)).keys() - {"stop_slower_than"}  # A factor, of any size.
    assert {"workers"} < names
    for name in names:
        with pytest.raises(UserError, match=rf"--{name.replace('_', '-')} must be .* less than .*, got {10**12}"):
            check(command.Args(**{name: 10**12}), image_classification.Args())


def group(folder, **texts):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name.replace("__", ".")).write_text(text)


@pytest.mark.parametrize(
    ("said", "root", "names", "stat"),
    [
        ("0::/box/inner\n", "", ("memory.max", "memory.current"), "inactive_file 7\n"),
        ("4:memory:/box/inner\n", "memory", ("memory.limit_in_bytes", "memory.usage_in_bytes"), "total_inactive_file 7\n"),
        ("4:memory:/somewhere/else\n", "memory", ("memory.limit_in_bytes", "memory.usage_in_bytes"), "total_inactive_file 7\n"),
    ],
)
def test_a_container_has_the_memory_that_it_is_given(tmp_path, monkeypatch, said, root, names, stat):
    most, used = names
    own = tmp_path / root / "box" / "inner" if "box" in said else tmp_path / root
    group(own, **{most: "1000", used: "600", "memory.stat": f"anon 1\n{stat}"})
    monkeypatch.setattr(memory, "_CGROUPS", str(tmp_path))
    with monkeypatch.context() as patch:
        patch.setattr("builtins.open", lambda path, **ways: io.StringIO(said))
        groups = list(memory._groups())
    monkeypatch.setattr(memory, "_groups", lambda: groups)
    assert list(memory._group_limits()) == [407]
    assert memory.available() == 407


def test_what_is_free_is_asked_of_the_system():
    assert 2**20 < memory.available() < 2**50
    memory.require(2**20, "a little", "nothing")
    with pytest.raises(UserError, match=r"^much takes at least 1e\+30 bytes of memory, and .* are free; pass less$"):
        memory.require(10**30, "much", "pass less")


def test_a_limit_on_addresses_that_libraries_would_end_at(monkeypatch):
    memory.require_addresses(2**40, "TensorFlow")
    monkeypatch.setattr(memory.resource, "getrlimit", lambda which: (2**50, 2**50))
    memory.require_addresses(2**40, "TensorFlow")
    with pytest.raises(
        UserError, match=r"^TensorFlow takes at least 1,024\.0 TiB of addresses, and ulimit -v leaves 1,02[34]\.\d TiB; raise it$"
    ):
        memory.require_addresses(2**50, "TensorFlow")
    assert memory.available() < 2**50


def test_a_mean_of_large_pictures_takes_a_gibibyte_at_most():
    def part(count, each):
        return type("Part", (), {"size_in_bytes": count * each, "__len__": lambda self: count})()

    assert len(few(part(10_000, 3 * 32 * 32))) == 5000
    assert len(few(part(100, 3 * 4096 * 4096))) * 3 * 4096 * 4096 < 2**31
    assert len(few(part(3, 2**40))) == 1
    assert few(part(0, 1)).size == 0


def test_pictures_are_not_kept_in_memory_that_there_is_not(tmp_path, little):
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for place in range(8):
            decoding._pillow().new("L", (8, 8)).save(tmp_path / name / f"{place}.png")
    with pytest.raises(UserError, match=r"takes at least 256\.0 MiB of memory, .*; pass --in-memory never, or a smaller --image-size"):
        data.images.load(f"folder:{tmp_path}", image_size=4096, in_memory="always")
