"""A run that is killed and started again ends with the very weights of one that was not."""

import importlib
import json
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest

from hornbook import data
from hornbook.recipes.image_classification import Args, main
from hornbook.training.diagnosis import StopWhenHopeless

OPTIONS = {
    "model": "resnet",
    "members": 2,
    "depth": 8,
    "width": 4,
    "dropout": 0.2,
    "stochastic_depth": 0.2,
    "augmentation": "crop-flip",
    "mixup": 0.2,
    "ema": 0.9,
    "early_stopping": 5,
    "loss": "focal",
    "class_weights": "balanced",
    "defer_class_weights": 0.5,
    "floor": False,
    "epochs": 3,
    "batch_size": 128,
}

# Each kills its own process, as a power cut would: nothing gets to clean up.
KILLERS = {
    "before the first checkpoint": """
class Killer(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if batch == 4:
            os.kill(os.getpid(), signal.SIGKILL)
""",
    "during an epoch": """
class Killer(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
    def on_train_batch_end(self, batch, logs=None):
        if self.epoch == 1 and batch == 4:
            os.kill(os.getpid(), signal.SIGKILL)
""",
    "during a checkpoint": """
class Killer(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        if epoch == 1:
            numpy.savez = self.half
    @staticmethod
    def half(path, **arrays):
        with open(path, "wb") as file:
            file.write(b"PK" + bytes(10_000))
            file.flush()
            os.kill(os.getpid(), signal.SIGKILL)
""",
}

SCRIPT = """
import os, signal, sys, json, keras, numpy
from hornbook import data
from hornbook.recipes.image_classification import Args, main
{killer}
main(Args(**json.loads(sys.argv[1])), callbacks=[Killer()])
"""


@pytest.fixture(autouse=True, scope="module")
def watched(diagnosis):
    """The processes that are killed are watched, so those that go on in this one are too."""
    with diagnosis():
        yield


def state(folder):
    """All that a run leaves, apart from the seconds it took."""
    with np.load(folder / "checkpoint/last.npz") as file:
        arrays = {name: file[name] for name in file.files if name != "about"}
        about = json.loads(str(file["about"]))
    del about["paths"]  # Keras counts the optimizers of a process.
    for row in about["callbacks"][0]["values"]["rows"]:
        del row["seconds"]
    rows = [line.rsplit(",", 1)[0] for line in (folder / "history.csv").read_text().splitlines()]
    result = json.loads((folder / "result.json").read_text())
    problems = [finding["problem"] for finding in result["findings"]]
    return arrays, rows, (result["metrics"], problems, json.loads((folder / "diagnosis.json").read_text()), about)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("uninterrupted") / "run"
    main(Args(**OPTIONS, output=str(folder)))
    return state(folder)


def test_a_run_that_is_killed_again_and_again_ends_with_the_same_weights(uninterrupted, tmp_path):
    options = {**OPTIONS, "output": str(tmp_path / "run")}
    for moment, killer in KILLERS.items():
        script = SCRIPT.format(killer=killer)
        killed = subprocess.run([sys.executable, "-c", script, json.dumps(options)], capture_output=True, text=True)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert (tmp_path / "run/checkpoint/last.npz").exists() == (moment != "before the first checkpoint")

    main(Args(**options))

    compare(state(tmp_path / "run"), uninterrupted)
    assert [entry.name for entry in (tmp_path / "run/checkpoint").iterdir()] == ["last.npz"]


def compare(got, expected):
    """Two runs' states are the same, bit for bit."""
    arrays, rows, metrics = got
    expected_arrays, expected_rows, expected_metrics = expected
    assert arrays.keys() == expected_arrays.keys()
    different = [name for name in arrays if arrays[name].tobytes() != expected_arrays[name].tobytes()]
    assert not different
    assert rows == expected_rows
    assert metrics == expected_metrics


class _PowerCutError(Exception):
    pass


class _CutAfter(keras.callbacks.Callback):
    """Ends the process, as it were, when so many epochs are done."""

    def __init__(self, epochs):
        super().__init__()
        self.epochs = epochs

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epochs:
            raise _PowerCutError


def test_a_hopeless_run_that_was_cut_off_is_ended_when_one_that_was_not_is(tmp_path):
    # Hopeless at its looks after epochs 1, 2 and 4, of which the second in a row has too few updates; one look alone ends nothing.
    options = {"model": "mlp", "width": 4, "learning_rate": 1e-7, "floor": False, "epochs": 8, "batch_size": 128, "augmentation": "none"}
    whole, cut = (Args(**options, output=str(tmp_path / name)) for name in ("whole", "cut"))
    main(whole, callbacks=[StopWhenHopeless()])
    with pytest.raises(_PowerCutError):
        main(cut, callbacks=[StopWhenHopeless(), _CutAfter(3)])
    main(cut, callbacks=[StopWhenHopeless()])
    compare(state(tmp_path / "cut"), state(tmp_path / "whole"))
    assert len((tmp_path / "whole/history.csv").read_text().splitlines()) == 1 + 4


TEXTS = """
generator = numpy.random.default_rng(0)
words = numpy.array(["good", "fine", "bad", "dull", *(f"word{k}" for k in range(20))])
texts = [" ".join(generator.choice(words, generator.integers(3, 12))) for _ in range(120)]
dataset = data.texts.from_texts(texts, [int("good" in text or "fine" in text) for text in texts])
"""
SERIES = """
generator = numpy.random.default_rng(0)
series = [generator.normal(k % 2, 1, (generator.integers(5, 12), 2)) for k in range(120)]
dataset = data.series.from_arrays(series, numpy.arange(120) % 2)
"""
SEQUENCES = {
    "text_classification": (
        TEXTS,
        {"model": "cnn1d", "width": 4, "embedding_size": 4, "minimum_count": 1, "word_swap": 0.1, "sampling": "oversample"},
    ),
    "sequence_classification": (
        SERIES,
        {"model": "gru", "width": 4, "jitter": 0.1, "time_warp": 0.1, "mixup": 0.2, "sampling": "balanced-batches"},
    ),
}
SCRIPT_OF_SEQUENCES = """
import os, signal, sys, json, keras, numpy
from hornbook.recipes import {recipe}
from hornbook import data
{data}
{killer}
{recipe}.main({recipe}.Args(**json.loads(sys.argv[1])), dataset=dataset, callbacks=[Killer()])
"""
COMMON = {"floor": False, "epochs": 3, "batch_size": 16, "dropout": 0.2, "ema": 0.9, "evaluate": "validation"}


@pytest.mark.parametrize("recipe", SEQUENCES)
def test_a_killed_run_on_sequences_ends_with_the_same_weights(recipe, tmp_path, capsys):
    made, options = SEQUENCES[recipe]
    options = {**COMMON, **options}
    script = SCRIPT_OF_SEQUENCES.format(recipe=recipe, data=made, killer=KILLERS["during an epoch"])
    words = [sys.executable, "-c", script, json.dumps({**options, "output": str(tmp_path / "killed")})]
    killed = subprocess.run(words, capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    module, names = importlib.import_module(f"hornbook.recipes.{recipe}"), {"numpy": np, "data": data}
    exec(made, names)
    for name in ("killed", "whole"):
        module.main(module.Args(**options, output=str(tmp_path / name)), dataset=names["dataset"])
    compare(state(tmp_path / "killed"), state(tmp_path / "whole"))
    assert "before training" not in capsys.readouterr().out  # What it knows of a training that has begun, it says in the end.


class Interrupt(keras.callbacks.Callback):
    """Stop a run after its first epoch and the checkpoint of it. Cheaper than a process killed, and the checkpoint is all that is left."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            raise KeyboardInterrupt


SMALL = {"floor": False, "depth": 4, "width": 4, "epochs": 3, "batch_size": 128}  # Ten batches an epoch.


@pytest.mark.parametrize(
    "options",
    [
        # A rate so low that every epoch after the first is a plateau; without what was the best, the second would not be.
        {"schedule": "plateau", "plateau_patience": 1, "learning_rate": 1e-9, "optimizer": "sgd", "normalization": "none", "dropout": 0.2},
        {"schedule": "plateau", "warmup_epochs": 1.5, "optimizer": "muon", "model": "mlp", "width": 16, "ema": 0.9, "max_norm": 1.0},
        {"accumulate_steps": 4, "schedule": "restarts", "optimizer": "nadam", "ema": 0.9, "clip_adaptive": 0.02, "layer_decay": 0.8},
        {"accumulate_steps": 3, "precision": "float16", "optimizer": "lion", "clip_value": 0.1, "schedule": "polynomial", "ema": 0.9},
        {"sharpness_radius": 0.05, "dropout": 0.2, "spatial_dropout": 0.2, "model": "cnn", "optimizer": "sgd"},
        # Neither 3 nor 2 epochs of ten batches end at a meeting of 4.
        {
            **{"model": "airbench", "depth": 1, "optimizer": "sgd", "lookahead": 4, "bias_learning_rate_factor": 64.0},
            **{"augmentation": "crop-flip", "flip": "alternating", "schedule": "polynomial"},
        },
    ],
    ids=lambda options: "-".join(map(str, options.values())),
)
def test_an_interrupted_run_ends_with_the_same_weights(options, tmp_path):
    options = {**SMALL, **options}
    main(Args(**options, output=str(tmp_path / "whole")))
    with pytest.raises(KeyboardInterrupt):
        main(Args(**options, output=str(tmp_path / "run")), callbacks=[Interrupt()])
    main(Args(**options, output=str(tmp_path / "run")))
    got = state(tmp_path / "run")
    compare(got, state(tmp_path / "whole"))
    if options.get("plateau_patience") == 1:
        assert [float(row.split(",")[-1]) for row in got[1][1:]] == pytest.approx([1e-9, 1e-9, 1e-10], rel=1e-3, abs=0)


def test_another_seed_gives_other_weights(uninterrupted, tmp_path):
    # That the same seed gives the same is seen above, where a run was killed in between.
    main(Args(**OPTIONS, output=str(tmp_path / "other"), seed=1))
    other = state(tmp_path / "other")[0]
    kernels = [name for name, array in other.items() if array.ndim == 4]
    assert kernels
    assert all((uninterrupted[0][name] != other[name]).any() for name in kernels)
