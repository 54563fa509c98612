import sys

import keras
import pytest

from hornbook import UserError, models
from hornbook.training.builders import build_model

MODULE = """
import keras

def good(input_shape, num_outputs, width=3, **options):
    inputs = keras.Input(input_shape)
    hidden = keras.layers.Dense(width)(keras.layers.Flatten()(inputs))
    return keras.Model(inputs, keras.layers.Dense(num_outputs)(hidden), name="mine")

def strict(input_shape, num_outputs):
    return good(input_shape, num_outputs)

def refuses(input_shape, num_outputs, **options):
    raise ValueError("width must be odd, got 4")

def no_model(input_shape, num_outputs, **options):
    return "a model"

def wrong_outputs(input_shape, num_outputs, **options):
    return good(input_shape, num_outputs + 1)
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A user's module in the current folder."""
    (tmp_path / "my_builders.py").write_text(MODULE)
    (tmp_path / "my_broken_builders.py").write_text("import no_such_library_at_all\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    for name in ("my_builders", "my_broken_builders"):
        sys.modules.pop(name, None)


def test_a_builder_of_the_zoo():
    model = build_model("cnn", (8, 8, 1), 10, {"depth": 4, "width": 4})
    assert model.output_shape == (None, 10)
    assert model.count_params() == models.cnn((8, 8, 1), 10, depth=4, width=4).count_params()


def test_a_builder_in_the_current_folder(mine):
    model = build_model("my_builders:good", (8, 8, 1), 10, {"width": 7})
    assert isinstance(model, keras.Model)
    assert model.name == "mine"
    assert model.count_params() == 64 * 7 + 7 + 70 + 10


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("cmn", {}, "there is no model 'cmn'; did you mean fcn or cnn"),
        ("cnn", {"depht": 4}, "--model cnn does not take --depht; it takes depth,"),
        ("mlp", {"max_width": 4}, "mlp does not take --max-width; it takes depth, "),
        ("cnn", {"depth": -1}, "-1"),
        ("no_such_module_at_all:builder", {}, "there is no module 'no_such_module_at_all' in "),
        ("my_broken_builders:good", {}, "there is no module 'no_such_library_at_all' in "),
        ("my_builders:nosuch", {}, "module 'my_builders' has no 'nosuch'"),
        (":good", {}, "is named as mymodule:builder"),
        ("my_builders:", {}, "is named as mymodule:builder"),
        ("my_builders:strict", {"width": 4}, "unexpected keyword argument 'width'"),
        ("my_builders:refuses", {}, "width must be odd, got 4"),
        ("my_builders:no_model", {}, "must return a keras.Model, got str"),
        ("my_builders:wrong_outputs", {}, "must have outputs (batch, 10), got (None, 11)"),
    ],
)
def test_what_cannot_be_built_is_one_line(mine, name, options, words):
    with pytest.raises(UserError) as raised:
        build_model(name, (8, 8, 1), 10, options)
    message = str(raised.value)
    assert message.startswith(f"--model {name}")
    assert message.count("--model") == 1
    assert words in message
    assert "\n" not in message


def test_a_builder_without_options_of_the_zoo(mine):
    assert build_model("my_builders:strict", (8, 8, 1), 10, {}).output_shape == (None, 10)


def test_the_recipe_gives_a_builder_of_the_user_s_what_was_asked_for(mine):
    from hornbook import data
    from hornbook.recipes import image_classification as recipe

    digits = data.images.load("digits")
    assert recipe.build(recipe.Args(model="my_builders:strict"), digits).output_shape == (None, 10)
    wide = recipe.build(recipe.Args(model="my_builders:good", width=5), digits)
    assert wide.get_layer("mine").layers[-2].units == 5
    with pytest.raises(UserError, match="unexpected keyword argument 'dropout'"):
        recipe.build(recipe.Args(model="my_builders:strict", dropout=0.1), digits)
