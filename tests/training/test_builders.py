import subprocess
import sys

import keras
import numpy as np
import pytest

from hornbook import UserError, models
from hornbook.training import losses, optimizer
from hornbook.training.builders import activation_for, build_model

MODULE = """
import keras

def good(input_shape, num_outputs, width=3, **options):
    inputs = keras.Input(input_shape)
    hidden = keras.layers.Dense(width)(keras.layers.Flatten()(inputs))
    return keras.Model(inputs, keras.layers.Dense(num_outputs)(hidden), name="mine")

def strict(input_shape, num_outputs):
    return good(input_shape, num_outputs)

def seeded(input_shape, num_outputs):
    keras.utils.set_random_seed(0)
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
        ("my_broken_builders:good", {}, "No module named 'no_such_library_at_all' ("),
        ("my_builders:nosuch", {}, "module 'my_builders' has no 'nosuch'"),
        (":good", {}, "is named as mymodule:function"),
        ("my_builders:", {}, "is named as mymodule:function"),
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


@pytest.mark.parametrize("name", ["cnn", "my_builders:good"])
def test_members_differ_and_their_mean_predicts(mine, name):
    keras.utils.set_random_seed(0)
    model = build_model(name, (8, 8, 1), 3, {"width": 4}, members=3)
    alone = build_model(name, (8, 8, 1), 3, {"width": 4})
    assert model.count_params() == 3 * alone.count_params()
    images = np.random.default_rng(0).normal(size=(5, 8, 8, 1)).astype("float32")
    each = np.stack([model.get_layer(f"member{k}")(images, training=False) for k in (1, 2, 3)], axis=1)
    assert not np.allclose(each[:, 0], each[:, 1], atol=1e-3)
    assert not np.allclose(each[:, 1], each[:, 2], atol=1e-3)
    mean = (np.exp(each) / np.exp(each).sum(-1, keepdims=True)).mean(axis=1)
    np.testing.assert_allclose(keras.ops.softmax(model(images)), mean, rtol=1e-5)
    assert model(images, training=True).shape == (5, 3, 3)


def test_a_seed_fixes_the_members():
    def weights():
        keras.utils.set_random_seed(3)
        return build_model("mlp", (4,), 2, {"width": 4}, members=2).get_weights()

    assert all(np.array_equal(one, other) for one, other in zip(weights(), weights(), strict=True))


@pytest.mark.parametrize(("name", "options"), [("sgd", {}), ("adamw", {"clip_each_norm": 0.1}), ("muon", {"ema": 0.9})])
def test_a_member_learns_as_if_it_were_alone(name, options):
    generator = np.random.default_rng(0)
    rows, labels = generator.normal(size=(24, 4)).astype("float32"), np.eye(2, dtype="float32")[[0, 1] * 12]
    shape = ((4,), 2, {"width": 4, "l2": 0.01})
    ensemble, alone = build_model("mlp", *shape, members=2), build_model("mlp", *shape)
    member = ensemble.get_layer("member2")
    alone.set_weights(member.get_weights())
    for model in (ensemble, alone):
        model.compile(optimizer(name, 0.01, weight_decay=1.0, **options), losses.classification("cross-entropy")[0])
        model.fit(rows, labels, batch_size=8, epochs=4, shuffle=False, verbose=0)
    for one, other in zip(member.get_weights(), alone.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)


def test_an_ensemble_loads_where_hornbook_is_not_installed(tmp_path):
    model = build_model("tabm", (4,), 2, {"width": 4, "submodels": 3}, members=2)
    model.save(tmp_path / "model.keras")
    rows = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    assert model(rows, training=True).shape == (5, 2, 3, 2)
    np.savez(tmp_path / "rows.npz", rows=rows, outputs=model(rows))
    code = (
        "import sys; sys.modules['hornbook'] = None\n"
        "import keras, numpy\n"
        "saved = numpy.load('rows.npz')\n"
        "outputs = keras.saving.load_model('model.keras', safe_mode=True)(saved['rows'])\n"
        "numpy.testing.assert_allclose(keras.ops.convert_to_numpy(outputs), saved['outputs'], rtol=1e-5)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_members_that_begin_alike_are_refused(mine):
    with pytest.raises(UserError, match=r"--model my_builders:seeded begins with the same weights each time, .* set no seed in it"):
        build_model("my_builders:seeded", (4,), 2, {}, members=2)


@pytest.mark.parametrize(
    ("task", "outputs", "expected"),
    [("classification", 2, "softmax"), ("classification", 1, "sigmoid"), ("multi-label", 3, "sigmoid"), ("regression", 1, "linear")],
)
def test_what_the_mean_is_taken_of(task, outputs, expected):
    assert activation_for(task, outputs) == expected


def test_a_model_that_ends_in_cosines(tmp_path):
    network = build_model("mlp", (6,), 3, {"width": 8}, cosine_scale=30.0)
    rows = np.random.default_rng(0).normal(size=(32, 6)).astype("float32")
    network.compile("adam", losses.LDAM(losses.margins([20, 10, 2])))
    network.fit(rows, np.eye(3)[np.arange(32) % 3], epochs=2, verbose=0)
    kernel = keras.ops.convert_to_numpy(network.get_layer("cosines").kernel)
    np.testing.assert_allclose(np.linalg.norm(kernel, axis=0), 1, rtol=1e-5)
    features = keras.Model(network.inputs, network.get_layer("unit_features").output).predict(rows, verbose=0)
    np.testing.assert_allclose(network.predict(rows, verbose=0), 30 * features @ kernel, atol=1e-3)
    assert abs(network.predict(rows, verbose=0)).max() <= 30.001
    network.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_array_equal(loaded.predict(rows, verbose=0), network.predict(rows, verbose=0))
    with pytest.raises(UserError, match=r"that of --model tabm is no keras\.layers\.Dense; pass another model"):
        build_model("tabm", (6,), 3, {"width": 8}, cosine_scale=30.0)
