"""Training on attacked examples by recipes, at toy size: that the options reach the training, and what is refused."""

import csv
import json

import keras
import numpy as np
import pytest

from hornbook import UserError, data
from hornbook.inference.attack.command import AttackArgs
from hornbook.inference.attack.command import main as attack
from hornbook.recipes import adversarial, image_classification, sequence_classification, tabular_classification
from hornbook.recipes.steps import defaults
from hornbook.training.adversarial import training


@pytest.fixture
def seen(monkeypatch):
    """What `adversarial_training` is told."""
    told, original = [], training.adversarial_training

    def spy(model, method, box, **options):
        told.append((method, box, options))
        return original(model, method, box, **options)

    monkeypatch.setattr(training, "adversarial_training", spy)
    return told


def rows(folder):
    with open(folder / "history.csv", newline="") as file:
        return list(csv.DictReader(file))


class Interrupt(keras.callbacks.Callback):
    """Stop a run in the middle of its third epoch."""

    def __init__(self):
        super().__init__()
        self.epoch = 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.epoch == 2 and batch == 1:
            raise KeyboardInterrupt


@pytest.mark.parametrize("method", ["fgsm", "pgd", "trades"])
def test_a_run_that_is_cut_off_ends_with_the_same_weights(method, tmp_path):
    args = {"depth": 4, "width": 4, "epochs": 3, "batch_size": 32, "samples_per_class": 20, "dropout": 0.2, "floor": False}
    args |= {"adversarial": method, "epsilon": "0.1", "validation_fraction": 0.1, "data_check": False}
    args |= {} if method == "fgsm" else {"attack_steps": 2}

    def run(folder, callbacks=()):
        return image_classification.main(image_classification.Args(**args, output=str(tmp_path / folder)), callbacks)

    whole = run("whole")
    with pytest.raises(KeyboardInterrupt):
        run("cut", [Interrupt()])
    cut = run("cut")
    assert cut["metrics"] == whole["metrics"]
    models = [keras.saving.load_model(tmp_path / folder / "model.keras") for folder in ("whole", "cut")]
    assert all(np.array_equal(*pair) for pair in zip(*(model.get_weights() for model in models), strict=True))
    names = ("loss", "val_fgsm_accuracy", "val_pgd_accuracy")
    first, second = ([[row[name] for name in names] for row in rows(tmp_path / folder)] for folder in ("whole", "cut"))
    assert first == second


def test_images_are_attacked_on_the_scale_of_their_pixels(tmp_path, seen):
    args = image_classification.Args(
        depth=4, width=4, epochs=2, batch_size=64, learning_rate=0.02, adversarial="pgd", epsilon="8/255", attack_steps=2,
        validation_fraction=0.1, seed=3, output=str(tmp_path / "run"),
    )  # fmt: skip
    image_classification.main(args)
    [(method, box, options)] = seen
    assert (method, options["steps"], options["seed"]) == ("pgd", 2, 3)
    assert float(box.radius) == pytest.approx(16 * 8 / 255)
    assert (box.low, box.high) == (0, 16)
    for row in rows(tmp_path / "run"):
        assert 0 <= float(row["val_pgd_accuracy"]) <= float(row["val_fgsm_accuracy"]) <= 1
    found = attack(AttackArgs(str(tmp_path / "run"), ("fgsm",), ("0.1",), examples=50, output=str(tmp_path / "attack")))
    assert found["attacks"][0]["curve"][0]["accuracy"] <= found["accuracy"]


def test_series_are_attacked_in_deviations_and_marks_stay(tmp_path, seen):
    generator = np.random.default_rng(0)
    series = generator.normal(0, [1.0, 5.0], (60, 12, 2))
    series[:5, 3, 0] = np.nan
    own = data.series.from_arrays(series, np.arange(60) % 2, missing="mask")
    args = sequence_classification.Args(
        model="fcn", width=4, epochs=1, batch_size=16, adversarial="fgsm", epsilon="0.1", evaluate="none", output=str(tmp_path / "run")
    )
    sequence_classification.main(args, dataset=own)
    [(method, box, _)] = seen
    assert method == "fgsm"
    np.testing.assert_allclose(box.radius, 0.1 * np.array([1, 5, 0, 0]), rtol=0.2)
    config = json.loads((tmp_path / "run" / "chosen.json").read_text())
    assert config["classical_share"] == 0


def test_of_tables_the_numbers_are_attacked(tmp_path, seen):
    generator = np.random.default_rng(0)
    numbers = generator.normal(0, [1.0, 10.0], (80, 2))
    cells = np.array([[*row, ("red", "blue")[place % 2]] for place, row in enumerate(numbers.tolist())], object)
    own = data.tables.from_arrays(cells, (numbers[:, 0] > 0).astype(int))
    args = tabular_classification.Args(
        width=8,
        epochs=1,
        batch_size=32,
        adversarial="trades",
        epsilon="0.2",
        trades_beta=2.0,
        evaluate="none",
        output=str(tmp_path / "run"),
    )
    tabular_classification.main(args, dataset=own)
    [(method, box, options)] = seen
    assert (method, options["beta"]) == ("trades", 2.0)
    np.testing.assert_allclose(box.radius, 0.2 * np.array([1, 10, 0]), rtol=0.3)


def test_a_classical_model_that_learns_from_no_attacks_is_left_out_unless_it_is_asked_for():
    table = data.tables.load("breast_cancer", task="classification")
    chosen = defaults.choose(tabular_classification.Args(adversarial="pgd", epsilon="0.1"), table)
    assert chosen["classical_share"] == 0
    assert defaults.choose(tabular_classification.Args(), table)["classical_share"] > 0
    assert "classical_share" not in defaults.choose(
        tabular_classification.Args(adversarial="pgd", epsilon="0.1", classical_share=0.3), table
    )


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"adversarial": "pgd"}, "--adversarial pgd needs --epsilon"),
        ({"epsilon": "0.1"}, "--epsilon 0.1 is for --adversarial"),
        ({"attack_steps": 3}, "--attack-steps 3 is for --adversarial"),
        ({"adversarial": "fgsm", "epsilon": "0.1", "attack_steps": 3}, "fgsm is one step"),
        ({"adversarial": "pgd", "epsilon": "0.1", "trades_beta": 1.0}, "--trades-beta 1 is for --adversarial trades"),
        ({"adversarial": "pgd", "epsilon": "0.1", "teacher": "runs/a"}, "which --teacher was not asked about"),
        ({"adversarial": "pgd", "epsilon": "much"}, "--epsilon must be a positive number"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options, told):
    with pytest.raises(UserError, match=told):
        adversarial.check(image_classification.Args(**options))


def test_an_epsilon_of_the_pixels_scale_is_refused_before_the_training(tmp_path):
    args = image_classification.Args(depth=4, width=4, adversarial="pgd", epsilon="8", output=str(tmp_path / "run"))
    with pytest.raises(UserError, match=r"from 0, black, to 1, white.*from 0 to 16.*8/255"):
        image_classification.main(args)
    assert not (tmp_path / "run").exists()


def test_several_labels_an_example_are_refused():
    class Several:
        name, task = "tags", "multi-label"

    with pytest.raises(UserError, match="one class an example"):
        adversarial.prepare(tabular_classification.Args(adversarial="pgd", epsilon="0.1"), None, None, Several)
