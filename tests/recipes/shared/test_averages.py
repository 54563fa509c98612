"""Averages over one training in recipes: stochastic weight averaging and snapshots, resumed, saved and refused."""

import keras
import numpy as np
import pytest
from scipy import special

from hornbook import UserError, data
from hornbook.evaluation import predictions
from hornbook.recipes import image_classification, options, regression, tabular_classification, text_classification

COMMON = {"floor": False, "epochs": 4, "evaluate": "validation", "dropout": 0.2, "batch_size": 64, "save_predictions": True}
SMALL = {**COMMON, "model": "cnn", "depth": 4, "width": 4, "samples_per_class": 30}
SWA = {"swa": 0.25, "normalization": "batch", "mixup": 0.2}
SNAPSHOTS = {"snapshots": 3, "schedule": "restarts", "cycles": 4, "warmup_epochs": 0.5}


class Interrupt(keras.callbacks.Callback):
    """Stop a run after two epochs and the checkpoint of them."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            raise KeyboardInterrupt


class Outputs(keras.callbacks.Callback):
    """The state of the model at the end of each epoch."""

    def __init__(self):
        super().__init__()
        self.weights = []

    def on_epoch_end(self, epoch, logs=None):
        self.weights.append(self.model.get_weights())


def saved(folder):
    return keras.saving.load_model(folder / "model.keras").get_weights()


def same(first, second):
    return all(np.array_equal(*pair) for pair in zip(first, second, strict=True))


@pytest.mark.parametrize("own", [SWA, {"swa": 0.2, "schedule": "restarts", "cycles": 3, "members": 2}, SNAPSHOTS], ids=str)
def test_an_interrupted_run_ends_with_the_same_model(own, tmp_path):
    args = {**SMALL, **own}
    whole = image_classification.main(image_classification.Args(**args, output=str(tmp_path / "whole")))
    with pytest.raises(KeyboardInterrupt):
        image_classification.main(image_classification.Args(**args, output=str(tmp_path / "cut")), callbacks=[Interrupt()])
    cut = image_classification.main(image_classification.Args(**args, output=str(tmp_path / "cut")))
    assert same(saved(tmp_path / "whole"), saved(tmp_path / "cut"))
    assert cut["metrics"] == whole["metrics"]
    told = {"snapshots": [2, 3, 4]} if "snapshots" in own else {"swa": 2 if "cycles" in own else 3}
    assert {name: whole[name] for name in told} == told


def test_a_run_that_is_cut_off_behind_its_training_ends_with_the_same_model(tmp_path, monkeypatch):
    args = {**SMALL, **SWA}
    image_classification.main(image_classification.Args(**args, output=str(tmp_path / "whole")))
    cut = image_classification.Args(**args, output=str(tmp_path / "cut"))
    with monkeypatch.context() as patched:
        patched.setattr(image_classification.running, "evaluate", lambda *args, **options: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            image_classification.main(cut)
    image_classification.main(cut)
    assert same(saved(tmp_path / "whole"), saved(tmp_path / "cut"))


def test_what_a_run_saves_is_the_mean_of_what_its_snapshots_say(tmp_path):
    seen, args = Outputs(), image_classification.Args(**SMALL, **SNAPSHOTS, output=str(tmp_path / "run"))
    image_classification.main(args, callbacks=[seen])
    model = keras.saving.load_model(tmp_path / "run/model.keras")
    found = predictions.read(tmp_path / "run" / predictions.NAME)
    split = data.images.load("digits", validation_fraction=0.1, kept=args.kept, split_seed=0).validation
    assert split.indices.tolist() == found.indices.tolist()
    one = next(layer for layer in model.layers if layer.name == "snapshot1")
    expected = 0
    for weights in seen.weights[1:]:
        one.set_weights(weights)
        expected = expected + special.softmax(one.predict(split.inputs, verbose=0), axis=1) / 3
    np.testing.assert_allclose(special.softmax(found.outputs, axis=1), expected, rtol=1e-3, atol=1e-5)


TEXTS = [f"{'good' if k % 2 else 'bad'} word{k % 7} word{k % 5}" for k in range(120)]


@pytest.mark.parametrize("own", [{"swa": 0.25}, SNAPSHOTS], ids=str)
def test_other_recipes_average_too(own, tmp_path):
    texts = text_classification.Args(
        **COMMON, **own, model="cnn1d", width=4, embedding_size=4, spatial_dropout=0.1, output=str(tmp_path / "texts")
    )
    result = text_classification.main(texts, dataset=data.texts.from_texts(TEXTS, [k % 2 for k in range(120)]))
    assert result.keys() & {"swa", "snapshots"}
    table = {**COMMON, **own, "model": "mlp", "width": 8, "depth": 2, "normalization": "batch", "classical_share": 0.5}
    tabular_classification.main(tabular_classification.Args(**table, output=str(tmp_path / "table")))
    numbers = {**table, "classical_share": 0.0, "loss": "quantile"}
    regression.main(regression.Args(**numbers, output=str(tmp_path / "numbers")))
    for name in ("texts", "table", "numbers"):
        assert keras.saving.load_model(tmp_path / name / "model.keras")


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ({"swa": 0.9}, "--swa 0.9 leaves 0 of 4 epochs to average; pass a smaller share, or more of them"),
        ({"swa": 0.75}, "--swa 0.75 leaves 1 of 4 epochs to average"),
        ({"swa": 0.5, "schedule": "restarts", "cycles": 2}, "--swa 0.5 leaves 1 of the ends of 2 cycles to average"),
        ({"swa": 0.1, "warmup_epochs": 2.0}, "a warm-up of .* is not over"),
        ({"snapshots": 5, "schedule": "restarts", "cycles": 5}, "--cycles 5 are more than --epochs 4; pass fewer"),
    ],
    ids=str,
)
def test_too_little_to_average(own, words, tmp_path):
    with pytest.raises(UserError, match=words):
        image_classification.main(image_classification.Args(**{**SMALL, **own}, output=str(tmp_path / "run")))


def test_what_goes_together():
    for own in ({"swa": 0.75}, {"swa": 0.5, "schedule": "restarts", "cycles": 5}, SNAPSHOTS, {"cycles": 2, "schedule": "restarts"}):
        options.check(image_classification.Args(**own))
