"""What every builder must do, with each option once; all pairs of options under `-m slow`. Runs on every Keras backend."""

import functools
import itertools
import subprocess
import sys

import keras
import numpy as np
import pytest

from hornbook import models

CLASSES = 3

# One block a stage, four filters wide; of transformers two blocks.
TOKENS = {"vocabulary_size": 11, "embedding_size": 6}
FAMILIES = {
    "mlp": functools.partial(models.mlp, (12,), CLASSES, depth=3, width=8),
    "cnn": functools.partial(models.cnn, (8, 8, 3), CLASSES, depth=3, width=4, stages=2),
    "resnet": functools.partial(models.resnet, (8, 8, 3), CLASSES, depth=(1, 1), width=4),
    "rnn": functools.partial(models.rnn, (7,), CLASSES, depth=2, width=4, **TOKENS),
    "cnn1d": functools.partial(models.cnn1d, (None,), CLASSES, width=4, **TOKENS),
    "fcn": functools.partial(models.fcn, (9, 3), CLASSES, width=4),
    "resnet1d": functools.partial(models.resnet1d, (None, 3), CLASSES, width=4, width_multipliers=(1, 2)),
    "text_transformer": functools.partial(models.text_transformer, (10,), CLASSES, vocabulary_size=11, width=8),
    "series_transformer": functools.partial(models.series_transformer, (10, 3), CLASSES, width=8),
    "vision_transformer": functools.partial(models.vision_transformer, (8, 8, 3), CLASSES, depth=2, width=8, patch_size=4),
}
TRANSFORMERS = ("text_transformer", "series_transformer", "vision_transformer")
SMALL = {
    "mlp": {"width": 8},
    "cnn": {"depth": (1, 1), "width": 4},
    "resnet": {"depth": (1, 1), "width": 4},
    **{family: {"width": 4} for family in ("rnn", "cnn1d", "fcn", "resnet1d")},
    "text_transformer": {"width": 8, "vocabulary_size": 11},
    "series_transformer": {"width": 8},
    "vision_transformer": {"depth": 1, "width": 12},
}
SHAPES = {"mlp": (12,), "text_transformer": (10,), **dict.fromkeys(("cnn", "resnet", "vision_transformer"), (16, 16, 3))}

COMMON = [
    *(("normalization", name) for name in ("layer", "group", "instance", "rms", "none")),
    *(("weight_normalization", name) for name in ("spectral", "standardized")),
    *(("activation", name) for name in ("tanh", "swish", "prelu")),
    ("initializer", "orthogonal"),
    ("dropout", 0.2),
    ("stochastic_depth", 0.2),
    ("l1", 1e-4),
    ("l2", 1e-4),
]
OWN = {
    "mlp": [("depth", 1), ("width", 16), ("category_sizes", (5, 1)), ("embedding_size", 3)],
    "cnn": [("downsampling", "stride"), ("max_width", 4), ("stages", 1)],
    "resnet": [
        *(("block", name) for name in ("bottleneck", "preactivation", "preactivation_bottleneck")),
        ("width_multiplier", 2),
        ("stem", "large"),
        ("shortcut", "projection"),
        ("zero_init_residual", True),
        ("block_dropout", 0.2),
        ("padding", "symmetric"),
        ("downsampling", "blur"),
        ("use_bias", True),
    ],
    "rnn": [
        *(("cell", name) for name in ("gru", "simple")),
        ("bidirectional", True),
        *(("pooling", name) for name in ("mean", "max", "attention")),
        ("residual", True),
        *(("recurrent_normalization", name) for name in ("layer", "batch")),
        ("recurrent_dropout", 0.2),
        ("padded", False),
    ],
    "cnn1d": [("kernel_sizes", (2,)), ("pooling", "mean"), ("pooling", "attention"), ("padded", False)],
    "fcn": [("kernel_sizes", (4, 1, 2)), ("width_multipliers", (2, 1, 1)), ("pooling", "max"), ("padded", True)],
    "resnet1d": [("zero_init_residual", True), ("block_dropout", 0.2), ("pooling", "attention"), ("padded", True)],
    **{
        family: [
            *(("positions", name) for name in ("learned", "sinusoidal", "rotary", "none")),
            *(("pooling", name) for name in ("class", "max", "last", "attention")),
            *(("activation", name) for name in ("swiglu", "reglu")),
            ("normalization", "batch"),
            ("normalization_position", "post"),
            ("attention_dropout", 0.2),
            ("key_value_heads", 2),
            ("feed_forward_width", 6),
        ]
        for family in TRANSFORMERS
    },
}
OWN["vision_transformer"] = [*OWN["vision_transformer"], ("stem", "convolutions")]
REFUSED = {
    *((family, "normalization", name) for family in ("rnn", "cnn1d", "text_transformer") for name in ("group", "instance")),
    *((family, "weight_normalization", name) for family in ("rnn", *TRANSFORMERS) for name in ("spectral", "standardized")),
    ("rnn", "activation", "prelu"),
    *((family, "stochastic_depth", 0.2) for family in ("rnn", "cnn1d", "fcn")),
    ("mlp", "normalization", "instance"),
    ("mlp", "stochastic_depth", 0.2),
    ("cnn", "stochastic_depth", 0.2),
}


def options_of(family):
    return [(option, value) for option, value in COMMON + OWN[family] if (family, option, value) not in REFUSED]


def excluded(family, options):
    """Pairs that a builder refuses, each for a reason that it gives."""
    if options.get("zero_init_residual") and options.get("normalization") == "rms":
        return True
    # A large stem leaves 2x2 of the 8x8 positions, and the second stage one.
    if options.get("normalization") == "instance" and options.get("stem") == "large":
        return True
    if options.get("padded") and options.get("normalization") in ("group", "instance"):
        return True
    if options.get("cell") == "simple" and "recurrent_normalization" in options:
        return True
    if options.get("cell") == "gru" and options.get("recurrent_normalization") == "batch":
        return True
    without_scale = options.get("normalization") == "none" or options.get("block", "basic").startswith("preactivation")
    return bool(options.get("zero_init_residual") and options.get("weight_normalization") and without_scale)


def examples(model):
    """Return eight examples for the model: tokens, of which the last are padding, or numbers."""
    shape = (8, *(7 if size is None else size for size in model.input_shape[1:]))
    rng = np.random.default_rng(0)
    if model.inputs[0].dtype != "int32":
        return rng.normal(size=shape).astype("float32")
    return np.where(np.arange(shape[1]) < rng.integers(0, shape[1] + 1, (8, 1)), rng.integers(1, 11, shape), 0).astype("int32")


def outputs(model, x):
    return keras.ops.convert_to_numpy(model(x, training=False))


def gradients(model, x):
    """Return the gradients of a regression loss, in training, one for each trainable variable."""
    targets = np.random.default_rng(1).normal(size=(len(x), CLASSES)).astype("float32")

    def loss(logits):
        return keras.ops.mean(keras.ops.square(keras.ops.subtract(logits, targets)))

    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            value = loss(model(x, training=True))
        # The gradient of an embedding is a list of rows.
        return [tf.convert_to_tensor(g) for g in tape.gradient(value, [variable.value for variable in model.trainable_variables])]
    if backend == "jax":
        import jax

        def of(trainable):
            fixed = [variable.value for variable in model.non_trainable_variables]
            return loss(model.stateless_call(trainable, fixed, x, training=True)[0])

        return jax.grad(of)([variable.value for variable in model.trainable_variables])
    loss(model(x, training=True)).backward()
    return [variable.value.grad for variable in model.trainable_variables]


def check(model, tmp_path, tolerance=1e-5):
    """The contract."""
    assert isinstance(model, keras.Model)
    assert not model.compiled
    x = examples(model)
    before = outputs(model, x)
    assert before.shape == (len(x), CLASSES)
    assert before.dtype == np.float32
    assert np.isfinite(before).all()
    assert all(layer.name for layer in model.layers)
    for variable, gradient in zip(model.trainable_variables, gradients(model, x), strict=True):
        assert gradient is not None, variable.path
        assert np.isfinite(keras.ops.convert_to_numpy(gradient)).all(), variable.path
    after = outputs(model, x)
    model.save(tmp_path / "model.keras")
    reloaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_allclose(outputs(reloaded, x), after, rtol=tolerance, atol=tolerance)


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(0)


@pytest.mark.parametrize("name", models.names())
def test_every_name(name, tmp_path):
    family = next(family for family in SMALL if models.options(name) == models.options(family))
    model = models.build(name, SHAPES.get(family, (7, 3)), CLASSES, **SMALL[family])
    assert model.name == name
    check(model, tmp_path)


@pytest.mark.parametrize(
    ("family", "option", "value"),
    [(family, option, value) for family in FAMILIES for option, value in options_of(family)],
)
def test_every_option(family, option, value, tmp_path):
    check(FAMILIES[family](**{option: value}), tmp_path)


def pairs_of(family):
    """All pairs of options of mlp, cnn and resnet; elsewhere those that are met nowhere else: all 1,568 would take some 40 minutes.

    Two common options are the same code in every family. The transformers share an encoder, so their own options are in pairs in
    text_transformer, and in the others only with the normalizations that it refuses, and with the stem of images.
    """
    pairs = list(itertools.combinations(options_of(family), 2))
    if family in ("mlp", "cnn", "resnet"):
        return pairs
    pairs = [pair for pair in pairs if set(pair) & set(OWN[family])]
    if family in ("series_transformer", "vision_transformer"):
        alone = {("normalization", "group"), ("normalization", "instance"), ("stem", "convolutions")}
        return [pair for pair in pairs if alone & set(pair)]
    return pairs


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_every_pair_of_options(family, tmp_path):
    for first, second in pairs_of(family):
        pair = dict([first, second])
        if len(pair) == 2 and not excluded(family, pair):
            check(FAMILIES[family](**pair), tmp_path)


@pytest.mark.parametrize(("family", "option", "value"), sorted(REFUSED, key=str))
def test_what_makes_no_sense_is_refused_with_the_reason(family, option, value):
    with pytest.raises(ValueError, match=r"is always 0|without a shortcut|padding would change|inside Keras' layers|takes a function"):
        FAMILIES[family](**{option: value})


@pytest.mark.parametrize("family", FAMILIES)
def test_every_kernel_learns(family):
    model = FAMILIES[family]()
    for variable, gradient in zip(model.trainable_variables, gradients(model, examples(model)), strict=True):
        # A bias of the keys adds the same to all scores of a query, and the softmax takes it out again.
        assert variable.path.endswith("key/bias") or np.abs(keras.ops.convert_to_numpy(gradient)).max() > 0, variable.path


def _tolerance(family, policy):
    """Of half precision: a reloaded transformer has Keras' own attention and GELU, which round the 8 bits of bfloat16 in another order."""
    return 5e-2 if family in TRANSFORMERS and policy == "mixed_bfloat16" else 1e-2


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    "options",
    [{}, {"weight_normalization": "spectral"}, {"weight_normalization": "standardized", "normalization": "group"}],
    ids=["batch", "spectral", "standardized-group"],
)
def test_mixed_precision(family, policy, options, tmp_path):
    if any((family, option, value) in REFUSED for option, value in options.items()):
        pytest.skip("the family refuses it")
    keras.config.set_dtype_policy(policy)
    try:
        model = FAMILIES[family](**options)
        assert model.layers[1].compute_dtype == policy.removeprefix("mixed_")
        check(model, tmp_path, tolerance=_tolerance(family, policy))
    finally:
        keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize(("family", "option", "value"), [(family, *own) for family in FAMILIES for own in OWN[family]])
def test_mixed_precision_of_a_family_s_own_options(family, option, value, policy, tmp_path):
    keras.config.set_dtype_policy(policy)
    try:
        check(FAMILIES[family](**{option: value}), tmp_path, tolerance=_tolerance(family, policy))
    finally:
        keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize("family", FAMILIES)
def test_a_seed_fixes_the_weights_and_layers_differ(family):
    def kernels():
        return [np.asarray(keras.ops.convert_to_numpy(v)).ravel() for v in FAMILIES[family]().trainable_variables if v.name == "kernel"]

    keras.utils.set_random_seed(1)
    first = kernels()
    keras.utils.set_random_seed(1)
    second = kernels()
    other = kernels()
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(first, other, strict=True))
    assert not any(np.array_equal(a[:32], b[:32]) for a, b in itertools.combinations(first, 2))


def test_saved_models_load_where_hornbook_is_not_installed(tmp_path):
    plain = {option for option, _ in options_of("resnet")} - {"weight_normalization"}
    of_sequences = ("normalization", "cell", "bidirectional", "pooling", "residual", "recurrent_dropout", "padded")
    made = [FAMILIES[family](name=family) for family in FAMILIES]
    for family, options in (("resnet", plain), ("rnn", of_sequences), ("cnn1d", of_sequences), ("fcn", of_sequences)):
        chosen = [(option, value) for option, value in options_of(family) if option in options and value != "batch"]
        made += [FAMILIES[family](**{option: value}, name=f"{family}_{option}_{value}") for option, value in chosen]
    made += [FAMILIES["mlp"](category_sizes=(5, 1), name="categories")]
    made += [FAMILIES["text_transformer"](positions=name, pooling="class", key_value_heads=2, name=name) for name in ("learned", "none")]
    made += [FAMILIES["series_transformer"](padded=True, normalization="batch", activation="swiglu", name="padded")]
    for model in made:
        model.save(tmp_path / f"{model.name}.keras")
        np.savez(tmp_path / f"{model.name}.npz", examples=examples(model), logits=outputs(model, examples(model)))
    code = """
import pathlib, sys
sys.modules["hornbook"] = None
import keras, numpy as np
for path in pathlib.Path(sys.argv[1]).glob("*.npz"):
    model = keras.saving.load_model(path.with_suffix(".keras"), safe_mode=True)
    assert all(type(layer).__module__.startswith("keras.") for layer in model.layers), path
    saved = np.load(path)
    logits = keras.ops.convert_to_numpy(model(saved["examples"], training=False))
    np.testing.assert_allclose(logits, saved["logits"], rtol=1e-5, atol=1e-5, err_msg=str(path))
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
