"""What can be known to be wrong without the data is refused before they are read, and most of it before Keras is imported."""

import dataclasses
import importlib
import subprocess
import sys

import numpy as np
import pytest

from hornbook import UserError, models
from hornbook.recipes import RECIPES
from hornbook.recipes.networks import names
from hornbook.recipes.steps import defaults

MODULES = {name: importlib.import_module(f"hornbook.recipes.{name.replace('-', '_')}") for name in RECIPES}
TEXTS, SERIES, IMAGES, TABLES = "text-classification", "sequence-classification", "image-classification", "tabular-classification"


class DataWereRead(Exception):
    pass


@pytest.fixture(autouse=True)
def no_data(monkeypatch):
    def load(*args, **kwargs):
        raise DataWereRead

    for module in MODULES.values():
        monkeypatch.setattr(module, "load", load)


@pytest.fixture
def files(tmp_path):
    """Paths by name: of files that are not there, or not of the form that they must have."""
    (tmp_path / "letters.csv").write_text("a,b\n1,2\n")
    (tmp_path / "pixels.csv").write_bytes(np.arange(256, dtype=np.uint8).tobytes())
    (tmp_path / "vectors.txt").write_text("good 0.1 0.2 0.3\nbad -0.1 -0.2 -0.3\n")
    (tmp_path / "other.txt").write_text("words")
    return {name: str(tmp_path / name) for name in ("letters.csv", "pixels.csv", "vectors.txt", "other.txt", "nowhere.csv")}


def run(recipe, files, tmp_path, **options):
    options = {name: files.get(value, value) if isinstance(value, str) else value for name, value in options.items()}
    module = MODULES[recipe]
    module.main(module.Args(output=str(tmp_path / "run"), **options))


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_defaults_reach_the_data(recipe, files, tmp_path):
    with pytest.raises(DataWereRead):
        run(recipe, files, tmp_path)


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_model_that_there_is_not(recipe, files, tmp_path):
    with pytest.raises(UserError, match=r"--model zzz: there is no model 'zzz' for .*; there are "):
        run(recipe, files, tmp_path, model="zzz")
    wrong = "tabm" if "image" in recipe or "text" in recipe or "sequence" in recipe else "resnet20"
    with pytest.raises(UserError, match=f"--model {wrong} is for .*, not for .*; accepted are"):
        run(recipe, files, tmp_path, model=wrong)


@pytest.mark.parametrize(
    ("recipe", "wrong", "message"),
    [
        (IMAGES, {"model": "resnet19"}, "did you mean resnet18 or resnet or resnet152"),
        (TABLES, {"model": "keras:VGG16"}, "--model keras:VGG16 is for images, and the data are tables; accepted are mlp, tabm"),
        (TABLES, {"model": ":net"}, "what is your own is named as mymodule:function"),
        (TABLES, {"model": "nowhere:net"}, "there is no module 'nowhere'"),
        (IMAGES, {"model": "keras:VGG99"}, "keras.applications has no network 'VGG99'; did you mean"),
        (IMAGES, {"model": "keras:VGG16", "weights": "other.txt"}, "weights of VGG16 must be 'imagenet', None, or a file"),
        (IMAGES, {"model": "resnet20", "heads": 4}, "--model resnet20 does not take --heads"),
        (IMAGES, {"model": "resnet", "depth": 21}, "depth must be 6n"),
        (IMAGES, {"model": "cnn", "depth": 2}, "depth must be at least 4"),
        (IMAGES, {"model": "vision_transformer", "width": 8, "heads": 3}, "width must be a multiple of heads"),
        (IMAGES, {"model": "mlp", "normalization": "instance"}, "instance normalization|normalization 'instance'"),
        (IMAGES, {"activation": "glu"}, "activation 'glu' does not work inside a network: it halves"),
        (IMAGES, {"initializer": "he"}, "initializer must be one of"),
        (SERIES, {"model": "lstm", "residual": True, "depth": 1}, "residual needs a depth of at least 2"),
        (SERIES, {"model": "lstm", "weight_normalization": "spectral"}, "weight_normalization must be None for an rnn"),
        (IMAGES, {"label_corrections": "nowhere.csv"}, "--label-corrections .* cannot be read: No such file"),
        (IMAGES, {"label_corrections": "letters.csv"}, "letters.csv has the columns a, b; accepted is a column `correct_label`"),
        (IMAGES, {"label_corrections": "pixels.csv"}, "--label-corrections .* is no CSV in UTF-8"),
        (TEXTS, {"split_file": "nowhere.csv"}, "--split-file .* cannot be read: No such file"),
        (TEXTS, {"split_file": "letters.csv"}, "letters.csv has the columns a, b; accepted is a column `part`"),
        (TEXTS, {"embeddings": "vectors.txt", "embedding_size": 4}, "--embedding-size 4: .* has vectors of 3 numbers; pass 3"),
        (TEXTS, {"embeddings": "other.txt"}, "other.txt"),
        (TEXTS, {"tokenizer": "bpe", "vocabulary_size": 100}, "--vocabulary-size must be at least 258 for --tokenizer bpe, got 100"),
        (TEXTS, {"encoding": "utf-88"}, "--encoding utf-88 is unknown; accepted are auto and Python's names"),
        (TABLES, {"test_dataset": "csv:/nowhere.csv"}, "/nowhere.csv"),
        ("regression", {"test_dataset": "nosuch"}, "nosuch"),
        ("regression", {"loss": "quantile", "quantiles": (0.1, 1.5)}, "--quantiles must be more than 0 and less than 1, got 1.5"),
        ("regression", {"loss": "quantile", "quantiles": (0.5, 0.1)}, "--quantiles must be rising numbers"),
        ("regression", {"early_stopping_metric": "val_accuracy"}, "must be one of val_loss, loss, val_r2, r2, got 'val_accuracy'"),
        ("sequence-pretraining", {"early_stopping_metric": "val_accuracy"}, "must be one of val_loss, loss, got 'val_accuracy'"),
        (IMAGES, {"early_stopping_metric": "val_acc"}, "val_accuracy, accuracy, got 'val_acc'"),
        (IMAGES, {"image_size": "big"}, "--image-size must be a number such as 64, or HEIGHTxWIDTH"),
        (IMAGES, {"colour": 1.5}, "--colour must be at least 0 and at most 1, got 1.5"),
        (IMAGES, {"random_erasing": 2.0}, "--random-erasing must be at least 0 and at most 1"),
        (IMAGES, {"augmentation": "randaugment", "randaugment_magnitude": 12.0}, "must be at least 0 and at most 10, got 12"),
        (SERIES, {"time_masking": 1.5}, "--time-masking must be at least 0 and at most 1"),
        (SERIES, {"feature_masking": -0.1}, "--feature-masking must be at least 0 and at most 1"),
        (IMAGES, {"clip_norm": 1.0, "clip_value": 0.1}, "--clip-norm 1 and --clip-value 0.1 each cut gradients; pass one of them"),
        (SERIES, {"clip_adaptive": 0.1}, "--clip-norm 1 and --clip-adaptive 0.1 .* and 0 for the others"),
        (IMAGES, {"epochs": 2, "warmup_epochs": 2.0}, "--warmup-epochs must be less than --epochs 2, got 2"),
        (IMAGES, {"schedule": "one-cycle", "warmup_epochs": 1.0}, "--schedule one-cycle has a warm-up of its own"),
        (IMAGES, {"path_column": "file"}, "--path-column is for csv:PATH; digits has no columns"),
        (IMAGES, {"weight_column": "trust"}, "--weight-column is for csv:PATH, and for npz:PATH"),
        (TEXTS, {"text_columns": "text"}, "--text-columns is for csv:PATH and tfds:NAME; docstrings has no columns"),
        (TEXTS, {"time_column": "created"}, "--time-column is for csv:PATH, got docstrings"),
        (SERIES, {"stride": 3}, "--stride 3 needs --window, the steps of a window"),
        (SERIES, {"label_column": "class"}, "--label-column is for csv:PATH and folder:PATH"),
        ("sequence-pretraining", {"stride": 3}, "--stride 3 needs --window"),
        ("regression", {"dataset": "adding", "stride": 3}, "--stride 3 needs --window"),
        (SERIES, {"dataset": "adding"}, "adding has numbers to predict, not classes; try hornbook regression --dataset adding"),
        (TABLES, {"dataset": "diabetes"}, "diabetes is a dataset of regression: hornbook regression --dataset diabetes"),
        (IMAGES, {"schedule": "restarts", "cycles": 3, "epochs": 2}, "--cycles 3 are more than --epochs 2"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_what_is_wrong_is_said_before_the_data_are_read(recipe, wrong, message, files, tmp_path):
    with pytest.raises(UserError, match=message):
        run(recipe, files, tmp_path, **wrong)


@pytest.mark.parametrize(
    ("recipe", "right"),
    [
        (IMAGES, {"model": "keras:VGG16", "weights": "none"}),
        (IMAGES, {"model": "wide_resnet28_10", "depth": 16, "activation": "swish", "initializer": "he_normal"}),
        (SERIES, {"model": "mlp"}),
        (SERIES, {"model": "series_transformer", "positions": "learned", "activation": "swiglu"}),
        (SERIES, {"model": "lstm", "early_stopping_metric": "accuracy", "clip_norm": 0.0, "clip_value": 1.0}),
        (TEXTS, {"embeddings": "vectors.txt", "embedding_size": 3}),
        (TEXTS, {"embeddings": "vectors.txt", "model": "text_transformer", "heads": 3}),
        ("regression", {"dataset": "adding", "model": "gru"}),
        ("regression", {"loss": "quantile", "quantiles": (0.1, 0.9)}),
        ("text-pretraining", {"model": "lstm", "encoding": "latin-1"}),
    ],
    ids=str,
)
def test_what_is_right_reaches_the_data(recipe, right, files, tmp_path):
    with pytest.raises(DataWereRead):
        run(recipe, files, tmp_path, **right)


def test_numbers_to_predict_have_models_of_their_own_medium(files, tmp_path):
    with pytest.raises(UserError, match="--model gru is for texts and series, not for tables"):
        run("regression", files, tmp_path, model="gru")


def test_the_names_are_those_of_the_zoo():
    assert {name for own in names.OF_MEDIUM.values() for name in own} == set(models.names())
    assert set(names.OF_MEDIUM["texts"]) == {name for name in models.names() if "vocabulary_size" in models.options(name)}
    for name in names.OF_MEDIUM["texts"]:
        assert ("embedding_size" not in models.options(name)) == (name in names.OF_WIDTH)
    for name in models.names():
        models.check(name)
    for medium, own in names.OF_MEDIUM.items():
        assert set(defaults.models_of(medium)) <= set(own)
        families = {models.family(name) for name in own}
        assert {name for name in models.names() if models.family(name) in families} == set(own)


def test_a_wrong_name_is_refused_without_importing_keras():
    code = "from hornbook.recipes import image_classification as recipe; recipe.main(recipe.Args(model='resnet19'))"
    code = f"import sys\ntry:\n    {code}\nexcept ValueError as error:\n    print(error)\nprint('keras' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "there is no model 'resnet19' for images" in done.stdout
    assert done.stdout.endswith("False\n")


def test_the_check_of_a_recipe_is_that_of_its_options(files):
    for module in MODULES.values():
        with pytest.raises(UserError, match="--split-file"):
            module.check(dataclasses.replace(module.Args(), split_file=files["nowhere.csv"]))
