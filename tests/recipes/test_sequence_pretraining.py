"""Networks that learn from series without labels, and the runs that begin with them."""

import json

import keras
import numpy as np
import pytest

from hornbook import UserError, models
from hornbook.__main__ import run as hornbook
from hornbook.data.series.pretraining import masking
from hornbook.recipes import sequence_classification
from hornbook.recipes.sequence_pretraining import Args, main
from hornbook.training.learned import transfer

SMALL = {"model": "fcn", "width": 4, "epochs": 2, "batch_size": 16}


def waves(path, count=60, steps=24):
    phases = np.random.default_rng(0).uniform(0, 6, (count, 1)) + 0.4 * np.arange(steps)
    series = np.stack([np.sin(phases), np.cos(phases)], axis=2) * 3 + 5
    np.savez(path, x_train=series.astype(np.float32))
    return f"npz:{path}"


def run(tmp_path, name="run", **options):
    folder = tmp_path / name
    asked = {**SMALL, "dataset": waves(tmp_path / "waves.npz"), "output": str(folder), **options}
    return folder, main(Args(**asked))


@pytest.fixture(scope="module")
def finished(tmp_path_factory, floors, diagnosis):
    with floors(), diagnosis():
        return run(tmp_path_factory.mktemp("finished"), learning_rate=0.01)


def network_of(model):
    return next(one for one in model.layers if one.name == "fcn")


def weights_of(folder):
    return {weight.path: np.array(weight) for weight in network_of(keras.saving.load_model(folder / "model.keras")).weights}


def test_a_run_leaves_what_every_run_leaves(finished, promised):
    folder, result = finished
    assert {entry.name for entry in folder.iterdir()} == promised
    floor = result["floor"]
    assert floor["all"].keys() == {"mean", "linear interpolation"}
    assert floor["all"]["mean"]["mean_squared_error"] == pytest.approx(1, abs=0.3)
    assert result["metrics"] == {"mean_squared_error": floor["network"]}
    labels = json.loads((folder / "labels.json").read_text())
    assert (labels["pretext"], labels["loss"], len(labels["target_names"])) == ("masked-steps", "masked-steps", 2)
    assert "Was pretrained by masked-steps" in (folder / "MODEL_CARD.md").read_text()
    assert '<section id="augmented">' in (folder / "report.html").read_text()
    model = keras.saving.load_model(folder / "model.keras")
    assert model.output_shape == (None, 24, 2)


def test_the_next_run_begins_with_the_weights_that_were_learned(finished, tmp_path):
    folder, _ = finished
    begun = {}

    class Begun(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            begun.update({weight.path: np.array(weight) for weight in network_of(self.model).weights})

    with np.load(waves(tmp_path / "a.npz").removeprefix("npz:")) as file:
        np.savez(tmp_path / "b.npz", x_train=file["x_train"], y_train=np.arange(60) % 3)
    small = {"epochs": 1, "batch_size": 16, "classical_share": 0.0, "evaluate": "none", "output": str(tmp_path / "next")}
    args = sequence_classification.Args(weights=str(folder), dataset=f"npz:{tmp_path / 'b.npz'}", **small)
    sequence_classification.main(args, callbacks=[Begun()])
    learned = weights_of(folder)
    head = {path for path in begun if path.startswith("logits")}
    assert len(head) == 2
    assert begun.keys() - head == {path for path in learned if not path.startswith("steps")}
    for path in begun.keys() - head:
        np.testing.assert_array_equal(begun[path], learned[path])


@pytest.mark.parametrize("command", ["predict {} x.npy", "evaluate {}", "export {} --format keras"])
def test_what_says_classes_refuses_it_in_a_line_that_says_what_it_is_for(finished, command, capsys):
    folder, _ = finished
    with pytest.raises(SystemExit) as ended:
        hornbook(command.format(folder).split())
    assert ended.value.code == 2
    said = capsys.readouterr().err.strip()
    assert said.count("\n") == 0
    assert said.endswith(f"hornbook sequence-classification --weights {folder}")


def test_a_run_that_was_cut_off_ends_with_the_same_weights(tmp_path):
    class Cut(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                raise RuntimeError("cut off")

    options = {"masked_fill": "noise", "dropout": 0.2}
    whole, _ = run(tmp_path, "whole", **options)
    with pytest.raises(RuntimeError, match="cut off"):
        main(Args(**{**SMALL, **options, "dataset": f"npz:{tmp_path / 'waves.npz'}", "output": str(tmp_path / "cut")}), callbacks=[Cut()])
    cut, _ = run(tmp_path, "cut", **options)
    first, second = weights_of(whole), weights_of(cut)
    assert [path for path in first if first[path].tobytes() != second[path].tobytes()] == []


def test_options_reach_what_is_hidden(tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(masking.Masking, "augment", lambda self, series, labels, draw: made.append(self) or self.pairs(series, draw))
    run(tmp_path, epochs=1, masked_share=0.4, span=5, masked_fill="noise", window=12)
    assert (made[0].share, made[0].span, made[0].fill) == (0.4, 5, "noise")


def test_a_check_trains_nothing(tmp_path):
    assert "findings" in run(tmp_path, check_only=True)[1]
    assert not (tmp_path / "run").exists()


FITTING = ("fcn", "resnet1d", "inception1d", "h_inception1d", "lite", "series_transformer")


@pytest.mark.parametrize("name", [*FITTING, "gru"])
def test_networks_that_keep_the_steps_say_some_numbers_of_each(name):
    options = {"pooling": "mean"} if name == "gru" else {}
    network = models.build(name, (16, 2), 3, **options)
    made = transfer.per_step(network, 2)
    assert made.output_shape == (None, 16, 2)
    assert made.name == network.name
    transfer.take_over(models.build(name, (16, 2), 5, **options), made, "the source")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "cnn1d"}, "the network cnn1d has no features of each step before one vector of all; accepted are fcn"),
        ({"model": "gru", "pooling": "last"}, "the network gru has no features of each step"),
        ({"pooling": "attention"}, "pass --pooling mean|has no features of each step"),
        ({"members": 2}, "--members 2: a pretraining begins other runs"),
        ({"coverage": 0.9}, r"--coverage 0\.9: a pretraining has no classes of yours"),
        ({"masked_share": 1.0}, "--masked-share must be more than 0 and less than 1"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, options, message):
    with pytest.raises(UserError, match=message):
        run(tmp_path, **options)
