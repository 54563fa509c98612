import csv
import dataclasses
import json
import os
import subprocess
import sys
import typing

import keras
import numpy as np
import pytest

from hornbook import UserError, command_line, data, models
from hornbook.data.images import augmentation
from hornbook.models.layers import weight_normalization
from hornbook.models.parts import normalization
from hornbook.recipes import image_classification
from hornbook.recipes.image_classification import Args, main
from hornbook.training import imbalance, optimization, reproducibility, schedules

SMALL = {"depth": 4, "width": 4, "epochs": 2, "batch_size": 128}


def run(tmp_path, dataset=None, **options):
    folder = tmp_path / "run"
    result = main(Args(**{**SMALL, "output": str(folder), **options}), dataset=dataset)
    return folder, result


@pytest.fixture(scope="module")
def finished(tmp_path_factory, floors, diagnosis):
    with floors(), diagnosis():
        return run(tmp_path_factory.mktemp("finished"))


def test_a_run_leaves_what_the_documents_promise(finished, promised):
    folder, result = finished
    left = {entry.name for entry in folder.iterdir()}
    assert left == promised
    written = json.loads((folder / "result.json").read_text())
    assert written["metrics"] == result["metrics"]
    assert 0.97 < written["floor"]["all"]["nearest neighbour"]["accuracy"] < 1
    assert any("worse than nearest neighbour: accuracy" in finding["evidence"] for finding in written["findings"])
    assert {"metrics", "seconds", "seed", "versions", "findings", "threads"} <= written.keys()
    assert len((folder / "history.csv").read_text().splitlines()) == 1 + SMALL["epochs"]
    assert json.loads((folder / "labels.json").read_text())["class_names"] == [str(digit) for digit in range(10)]


def test_the_score_is_that_of_the_saved_model_on_the_test_part(finished):
    folder, result = finished
    test = data.images.load("digits").test
    logits = keras.saving.load_model(folder / "model.keras").predict(test.inputs, verbose=0)
    assert result["metrics"]["accuracy"] == pytest.approx((logits.argmax(-1) == test.labels).mean())


def test_the_config_makes_the_run_again(finished, tmp_path):
    folder, result = finished
    args = command_line.parse(Args, ["--config", str(folder / "config.json"), "--output", str(tmp_path / "again")], "hornbook", "")
    again = main(args)
    assert again["metrics"] == result["metrics"]


def test_the_saved_model_outlives_hornbook(finished, tmp_path):
    folders = {"default": finished[0]}
    others = {"group": {"normalization": "group"}, "resnet": {"model": "resnet", "depth": 8, "stochastic_depth": 0.5}}
    for name, options in others.items():
        (tmp_path / name).mkdir()
        folders[name], _ = run(tmp_path / name, **{**options, "epochs": 1})
    inputs = data.images.load("digits").test.inputs[:32]
    expected = {}
    for name, folder in folders.items():
        expected[name] = keras.saving.load_model(folder / "model.keras").predict_on_batch(inputs)
    np.save(tmp_path / "inputs.npy", inputs)
    script = (
        "import sys; sys.modules['hornbook'] = None\n"
        "import json, keras, numpy\n"
        "outputs = {}\n"
        "for name, path in json.loads(sys.argv[1]).items():\n"
        "    model = keras.saving.load_model(path)\n"
        "    assert getattr(model, 'optimizer', None) is None, 'it was saved compiled'\n"
        "    outputs[name] = model.predict_on_batch(numpy.load(sys.argv[2]))\n"
        "numpy.savez(sys.argv[3], **outputs)\n"
    )
    paths = json.dumps({name: str(folder / "model.keras") for name, folder in folders.items()})
    words = [sys.executable, "-c", script, paths, str(tmp_path / "inputs.npy"), str(tmp_path / "outputs.npz")]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "outputs.npz") as outputs:
        for name, own in expected.items():
            np.testing.assert_allclose(outputs[name], own, atol=1e-5)


def test_a_model_that_needs_hornbook_says_so(tmp_path, capsys):
    folder, _ = run(tmp_path, weight_normalization="standardized", epochs=1)
    assert json.loads((folder / "labels.json").read_text())["requires"]
    assert "import hornbook.models" in capsys.readouterr().out


def test_a_finished_run_is_never_overwritten(finished):
    folder, _ = finished
    before = {entry: entry.stat().st_mtime_ns for entry in folder.iterdir() if entry.is_file() and entry.name != ".lock"}
    with pytest.raises(UserError, match="finished run"):
        main(Args(**SMALL, output=str(folder)))
    assert {entry: entry.stat().st_mtime_ns for entry in before} == before


@pytest.mark.parametrize(
    "options",
    [
        {"model": "resnet", "depth": 8, "precision": "bfloat16", "augmentation": "crop-flip", "mixup": 0.4, "ema": 0.9},
        {"model": "resnet", "depth": 14, "width": 4, "downsampling": "blur", "stacking": "always", "rematerialization": True},
        {"model": "vision_transformer", "depth": 1, "width": 8, "activation": "swiglu", "stochastic_depth": 0.1, "dropout": 0.1},
        {"model": "vision_transformer", "depth": 1, "width": 8, "patch_size": 4, "heads": 2, "positions": "rotary"},
        {"model": "vision_transformer", "depth": 1, "width": 8, "stem": "convolutions"},
        {"model": "mlp", "width": 16, "optimizer": "sgd", "schedule": "one-cycle", "dropout": 0.1, "l2": 1e-4},
        {"optimizer": "rmsprop", "schedule": "step", "warmup_epochs": 0.5, "clip_norm": 1.0, "class_weights": "effective"},
        {"optimizer": "adam", "schedule": "constant", "weight_normalization": "spectral", "normalization": "none", "label_smoothing": 0.1},
        {"model": "resnet", "depth": 8, "shortcut": "projection", "weight_normalization": "standardized"},
        {"activation": "silu", "initializer": "glorot_uniform", "l1": 1e-5, "evaluate": "validation", "early_stopping": 1},
        {"augmentation": "randaugment", "randaugment_magnitude": 4.0, "cutmix": 1.0, "random_erasing": 0.5, "colour": 0.3, "mixup": 0.2},
        {"evaluate": "none", "validation_fraction": 0.0, "augmentation": "flip", "batch_size": 5000},
    ],
    ids=lambda options: "-".join(map(str, options.values())),
)
def test_options_run(options, tmp_path, capsys):
    folder, result = run(tmp_path, **options)
    assert ("note: --batch-size 5,000 is more than" in capsys.readouterr().out) == (options.get("batch_size") == 5000)
    assert (folder / "report.html").stat().st_size > 5_000
    assert all(np.isfinite(value) for value in result["metrics"].values())
    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.parametrize(
    ("field", "accepted"),
    [
        ("normalization", normalization.NORMALIZATIONS),
        ("weight_normalization", weight_normalization.WEIGHT_NORMALIZATIONS),
        ("shortcut", models.choices("resnet", "shortcut")),
        ("optimizer", optimization.OPTIMIZERS),
        ("schedule", schedules.SCHEDULES),
        ("augmentation", augmentation.NAMES),
        ("class_weights", imbalance.NAMES),
        ("precision", reproducibility.PRECISIONS),
    ],
)
def test_the_flags_offer_what_the_parts_accept(field, accepted):
    hint = typing.get_type_hints(Args)[field]
    # Beside the names there may be None, for the model's own.
    names = next((part for part in typing.get_args(hint) if typing.get_origin(part) is typing.Literal), hint)
    assert set(typing.get_args(names)) == set(accepted)


def test_every_flag_of_the_recipe_has_help(capsys):
    with pytest.raises(SystemExit):
        command_line.run(main, Args, ["--help"], recipe="image_classification")
    text = capsys.readouterr().out
    assert all(f"--{field.name.replace('_', '-')}" in text for field in dataclasses.fields(Args))


def test_arrays_of_colour_images(colour_images, tmp_path):
    dataset = data.images.from_arrays(*colour_images, *colour_images, class_names=("blue", "<red>"))
    folder, result = run(tmp_path, dataset, epochs=12, batch_size=16, augmentation="flip", class_weights="balanced")
    assert result["metrics"]["accuracy"] > 0.9
    assert "&lt;red&gt;" in (folder / "report.html").read_text()
    assert json.loads((folder / "config.json").read_text())["dataset"] == dataset.name


@pytest.mark.parametrize("augmented", [{"augmentation": "trivial"}, {"augmentation": "augmix", "cutmix": 1.0, "random_erasing": 1.0}])
def test_augmentation_is_off_at_inference(augmented, tmp_path):
    # Of so small a learning rate no weight moves, and without batch normalization nothing else: both runs evaluate the same weights.
    still = {"learning_rate": 1e-30, "normalization": "none", "epochs": 1}
    folders, results = zip(
        *(run(tmp_path / name, **still, **options) for name, options in (("with", augmented), ("without", {"augmentation": "none"}))),
        strict=True,
    )
    assert results[0]["metrics"] == results[1]["metrics"]
    first, second = (keras.saving.load_model(folder / "model.keras") for folder in folders)
    assert all(np.allclose(a, b, rtol=0, atol=1e-25) for a, b in zip(first.get_weights(), second.get_weights(), strict=True))
    assert [type(layer) for layer in first.layers] == [type(layer) for layer in second.layers]
    histories = [list(csv.DictReader((folder / "history.csv").read_text().splitlines())) for folder in folders]
    assert histories[0][0]["val_loss"] == histories[1][0]["val_loss"]
    assert histories[0][0]["loss"] != histories[1][0]["loss"]  # Training did see other images.
    assert "Augmented input" in (folders[0] / "report.html").read_text()
    assert "Augmented input" not in (folders[1] / "report.html").read_text()


def test_several_seeds_give_mean_and_spread(tmp_path, capsys):
    folder, summary = run(tmp_path, seeds=2, epochs=1)
    accuracies = [json.loads((folder / f"seed-{seed}/result.json").read_text())["metrics"]["accuracy"] for seed in (0, 1)]
    assert summary["metrics"]["accuracy"]["mean"] == pytest.approx(np.mean(accuracies))
    assert summary["metrics"]["accuracy"]["standard_deviation"] == pytest.approx(np.std(accuracies, ddof=1))
    assert "n 2" in capsys.readouterr().out


def test_a_builder_of_the_users(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(
        "import keras\n"
        "def small(input_shape, num_outputs, **options):\n"
        "    return keras.Sequential([keras.Input(input_shape), keras.layers.Flatten(), keras.layers.Dense(num_outputs)])\n"
    )
    monkeypatch.chdir(tmp_path)
    _, result = run(tmp_path, model="mine:small", epochs=1)
    assert result["parameters"] == 64 * 10 + 10


def test_a_loss_that_is_lost_stops_the_run_and_says_what_to_do(tmp_path):
    with pytest.raises(UserError, match="--learning-rate"):
        run(tmp_path, optimizer="sgd", learning_rate=1e12, normalization="none", schedule="constant", warmup_epochs=0.0)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "resnet", "depth": 21}, "6n"),
        ({"model": "resnett"}, "did you mean"),
        ({"model": "nowhere:builder"}, "no module"),
        ({"epochs": 0}, "epochs"),
        ({"batch_size": 0}, "--batch-size"),
        ({"model": "mlp", "depth": 2, "downsampling": "blur"}, "--model mlp does not take --downsampling"),
        ({"downsampling": "blur"}, "--model cnn: downsampling must be one of stride, max, got 'blur'"),
        ({"seeds": 0}, "seeds"),
        ({"learning_rate": -1.0}, "--learning-rate"),
        ({"seed": -1}, "--seed must be at least 0 and less than 4294967296, got -1"),
        ({"learning_rate": float("nan")}, "--learning-rate must be more than 0 and less than 1e+18, got nan"),
        ({"warmup_epochs": 2.0}, "--warmup-epochs"),
        ({"mixup": -0.1}, "--mixup"),
        ({"cutmix": -0.1}, "--cutmix"),
        ({"colour": 1.5}, "--colour"),
        ({"random_erasing": 2.0}, "--random-erasing"),
        ({"augmentation": "randaugment", "randaugment_magnitude": 12.0}, "--randaugment-magnitude"),
        ({"flip": "alternating"}, "--flip is for --augmentation crop-flip, got auto; pass that too"),
        ({"crop_padding": 2, "augmentation": "flip"}, "--crop-padding is for --augmentation crop-flip, got flip; pass that too"),
        ({"patch_whitening": 2}, "--model cnn does not take --patch-whitening"),
        ({"lookahead": -1}, "--lookahead must be at least 0"),
        ({"bias_learning_rate_factor": 0.0}, "--bias-learning-rate-factor must be more than 0"),
        ({"dropout": 1.0}, "--dropout"),
        ({"ema": 1.0}, "--ema"),
        ({"label_smoothing": 1.5}, "--label-smoothing"),
        ({"clip_norm": 1.0, "clip_value": 0.1}, "--clip-norm 1 and --clip-value 0.1"),
        ({"clip_norm": 1.0, "clip_adaptive": 0.1}, "--clip-norm 1 and --clip-adaptive 0.1"),
        ({"layer_decay": 1.0}, "--layer-decay must be at least 0 and less than 1"),
        ({"accumulate_steps": 0}, "--accumulate-steps"),
        ({"accumulate_steps": 21}, "--accumulate-steps 21 is more than the 20 batches"),
        ({"plateau_patience": 0}, "--plateau-patience"),
        ({"schedule": "plateau", "validation_fraction": 0.0}, "no validation part"),
        ({"early_stopping": -1}, "--early-stopping"),
        ({"early_stopping": 2, "validation_fraction": 0.0}, "no validation part"),
        ({"evaluate": "validation", "validation_fraction": 0.0}, "no validation part"),
        ({"validation_fraction": 0.9999}, "--validation-fraction"),
        ({"activation": "glu"}, "activation"),
        ({"shortcut": "projection"}, "--model cnn does not take --shortcut"),
        ({"patch_size": 4}, "--model cnn does not take --patch-size"),
        ({"model": "vision_transformer", "depth": 1, "width": 8, "patch_size": 3}, "patch_size must divide 8 and 8, got 3"),
        ({"model": "vision_transformer", "depth": 1, "width": 8, "heads": 3}, "width must be a multiple of heads, got width=8 and heads=3"),
        ({"initializer": "he"}, "initializer"),
        ({"model": "mlp", "normalization": "instance"}, "instance"),
        ({"model": "vision_transformer", "weight_normalization": "spectral"}, "weight_normalization must be None"),
    ],
    ids=str,
)
def test_wrong_options_are_one_line_before_training(options, message, tmp_path):
    with pytest.raises(UserError) as caught:
        run(tmp_path, **options)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_the_precision_that_was_used_is_recorded(finished, tmp_path):
    assert finished[1]["precision"] == "float32"
    _, result = run(tmp_path, precision="auto", epochs=1)
    assert result["precision"] == ("bfloat16" if reproducibility.has_bfloat16() else "float32")


def test_logs_for_tensorboard(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    folder, _ = run(tmp_path, tensorboard=True)
    for part in ("train", "validation"):
        events = EventAccumulator(str(folder / "tensorboard" / part)).Reload()
        assert [event.step for event in events.Tensors("epoch_loss")] == [0, 1]
        assert ("epoch_learning_rate" in events.Tags()["tensors"]) == (part == "train")


def test_tensorboard_that_is_not_installed_is_said_before_training(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    monkeypatch.setattr(command_line.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="--tensorboard needs the package tensorboard, which is not installed: pip install tensorboard"):
        run(tmp_path, tensorboard=True)
    assert not (tmp_path / "run").exists()


def test_a_run_that_fails_with_tensorboard_leaves_nothing(tmp_path):
    pytest.importorskip("tensorboard")
    with pytest.raises(UserError, match="--learning-rate"):
        run(tmp_path, tensorboard=True, optimizer="sgd", learning_rate=1e12, normalization="none", schedule="constant", warmup_epochs=0.0)
    assert not (tmp_path / "run").exists()


def test_an_unwritable_folder_is_said_before_training(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"leads through .*file, which is a file"):
        main(Args(output=str(tmp_path / "file/run")))


def test_a_full_disk_leaves_the_last_checkpoint_whole(tmp_path, diagnosis):
    # The limit on a file's size stands for the disk: in the second epoch, no file may grow past 50 kB.
    script = """
import json, resource, sys, keras
from hornbook.recipes import image_classification
from hornbook import endings
class Full(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, resource.RLIM_INFINITY))
with endings.ending("hornbook image-classification"):
    image_classification.main(image_classification.Args(**json.loads(sys.argv[1])), callbacks=[Full()])
"""
    options = {**SMALL, "width": 16, "epochs": 3, "output": str(tmp_path / "run")}
    full = subprocess.run([sys.executable, "-c", script, json.dumps(options)], capture_output=True, text=True)
    assert full.returncode == 2, full.stderr
    assert "cannot write" in full.stderr.splitlines()[-1]
    assert "last.npz" in full.stderr.splitlines()[-1]
    assert os.listdir(tmp_path / "run/checkpoint") == ["last.npz"]
    with diagnosis():  # As the process was that met the full disk.
        result = main(Args(**options))
    assert result["epochs"] == 3
    rows = (tmp_path / "run/history.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["epoch", "1", "2", "3"]


def test_a_script_says_when_it_runs_with_another_copy(tmp_path, capsys):
    script = tmp_path / "recipes/image_classification.py"
    command_line.warn_if_another_copy(script)
    assert not capsys.readouterr().err  # A copy of the recipe alone is meant to run with what is installed.
    (tmp_path / "hornbook").mkdir()
    (tmp_path / "hornbook/command_line.py").write_text("")
    command_line.warn_if_another_copy(script)
    assert "installed in" in capsys.readouterr().err
    command_line.warn_if_another_copy(image_classification.__file__)
    assert not capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"test_fraction": 0},
            "has no test part, which --evaluate test needs; .* --test-fraction 0.1, or pass --evaluate validation or none",
        ),
        ({"test_fraction": 0, "validation_fraction": 0}, "has no test part, .*, or pass --evaluate none"),
        (
            {"validation_fraction": 0, "early_stopping": 2},
            "has no validation part, which --early-stopping 2 needs; .* --validation-fraction 0.1",
        ),
        ({"validation_fraction": 0, "schedule": "plateau"}, "has no validation part, which --schedule plateau needs"),
    ],
)
def test_a_part_that_is_not_there_is_said_with_the_flag_that_needs_it(tmp_path, options, words):
    with pytest.raises(UserError, match=f"digits {words}"):
        main(Args(output=str(tmp_path / "run"), **options))
    assert not (tmp_path / "run").exists()


def test_no_memory_is_said_in_one_line(tmp_path):
    import tensorflow as tf

    class Hungry(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor with shape[64,4096,4096,32] and type float")

    with pytest.raises(UserError, match=r"not enough memory for an array of shape\[64,4096,4096,32\]; pass a smaller --batch-size"):
        main(Args(model="mlp", width=4, epochs=1, output=str(tmp_path / "run")), callbacks=[Hungry()])
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_the_default_run_on_digits_is_in_its_accuracy_band(tmp_path):
    summary = main(Args(output=str(tmp_path / "run"), seeds=5))
    assert 0.98 <= summary["metrics"]["accuracy"]["mean"] <= 0.999
