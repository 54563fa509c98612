"""What every builder must do, with each option once, several in one network; all pairs of options under `-m slow`.

Runs on every Keras backend.
"""

import functools
import itertools
import subprocess
import sys

import keras
import numpy as np
import pytest

from hornbook import models

CLASSES = 3

# One block a stage, four filters wide.
TOKENS = {"vocabulary_size": 11, "embedding_size": 6}
FAMILIES = {
    # Of kernels that pass on their inputs no two of one shape differ, so they are an option here.
    "airbench": functools.partial(models.airbench, (10, 10, 3), CLASSES, width=4, width_multipliers=(1, 1), initializer="lecun_uniform"),
    "mlp": functools.partial(models.mlp, (12,), CLASSES, depth=3, width=8),
    "tabm": functools.partial(models.tabm, (12,), CLASSES, submodels=4, depth=3, width=8),
    "cnn": functools.partial(models.cnn, (8, 8, 3), CLASSES, depth=3, width=4, stages=2),
    "resnet": functools.partial(models.resnet, (8, 8, 3), CLASSES, depth=(1, 1), width=4),
    "rnn": functools.partial(models.rnn, (4,), CLASSES, depth=2, width=4, **TOKENS),
    "cnn1d": functools.partial(models.cnn1d, (None,), CLASSES, kernel_sizes=(3, 4), width=4, **TOKENS),
    "fcn": functools.partial(models.fcn, (9, 3), CLASSES, width=4),
    "resnet1d": functools.partial(models.resnet1d, (None, 3), CLASSES, kernel_sizes=(3, 2), width=4, width_multipliers=(1, 2)),
    "inception1d": functools.partial(
        models.inception1d, (None, 3), CLASSES, depth=3, kernel_sizes=(3, 2), width=4, bottleneck_width=2, hand_made_filters=True
    ),
    "lite": functools.partial(models.lite, (9, 3), CLASSES, kernel_sizes=(4, 2), width=4),
    "text_transformer": functools.partial(models.text_transformer, (10,), CLASSES, vocabulary_size=11, depth=1, width=8),
    "series_transformer": functools.partial(models.series_transformer, (10, 3), CLASSES, depth=1, width=8),
    "vision_transformer": functools.partial(models.vision_transformer, (8, 8, 3), CLASSES, depth=1, width=8, patch_size=4),
}
TRANSFORMERS = ("text_transformer", "series_transformer", "vision_transformer")

COMMON = [
    *(("normalization", name) for name in ("layer", "group", "instance", "rms", "none")),
    *(("weight_normalization", name) for name in ("spectral", "standardized")),
    *(("activation", name) for name in ("tanh", "swish", "prelu")),
    *{"groups": 2, "initializer": "orthogonal", "initial_scale": 0.5, "dropout": 0.2, "stochastic_depth": 0.2}.items(),
    *{"l1": 1e-4, "l2": 1e-4, "max_norm": 1.0, "activity_l1": 1e-4, "activity_l2": 1e-4}.items(),
]
TABLES = [
    ("width", 16), ("category_sizes", (5, 1)), ("embedding_size", 3), ("number_embedding", "periodic"), ("frequencies", 3),
    ("frequency_scale", 1.0), ("number_features", 2), ("bin_edges", ((-1.0, 0.0, 1.0), (0.0, 2.0), (-0.5, 0.5))), ("numbers", 3),
    ("scale_inputs", True), ("normalization_placement", "after"),
]  # fmt: skip
OWN = {
    "airbench": [
        *(("initializer", name) for name in ("auto", "dirac")),
        *(("patch_whitening", size) for size in (0, 3)),
        *{"depth": 3, "width_multipliers": (2,), "logit_scale": 1.0}.items(),
    ],
    "mlp": [("depth", 1), *TABLES],
    "tabm": [("depth", 2), ("submodels", 1), *(("output_activation", name) for name in ("sigmoid", "linear")), *TABLES],
    "cnn": [("downsampling", "stride"), ("max_width", 4), ("stages", 1), ("normalization_placement", "after")],
    "resnet": [
        *(("block", name) for name in ("bottleneck", "preactivation", "preactivation_bottleneck", "fixup", "fixup_bottleneck")),
        *{"width_multiplier": 2, "stem": "large", "shortcut": "projection"}.items(),
        *{"zero_init_residual": True, "block_dropout": 0.2, "padding": "symmetric", "downsampling": "blur"}.items(),
        *{"use_bias": True, "stacking": "always", "rematerialization": True}.items(),
    ],
    "rnn": [
        *(("cell", name) for name in ("gru", "simple")),
        ("bidirectional", True),
        *(("pooling", name) for name in ("mean", "max", "attention")),
        ("residual", True),
        *(("recurrent_normalization", name) for name in ("layer", "batch")),
        *{"recurrent_dropout": 0.2, "padded": False, "embedding_dropout": 0.2}.items(),
        *(("embedding_training", name) for name in ("frozen", "both")),
    ],
    "cnn1d": [("kernel_sizes", (2,)), ("pooling", "mean"), ("pooling", "attention"), ("padded", False)],
    "fcn": [("kernel_sizes", (4, 1, 2)), ("width_multipliers", (2, 1, 1)), ("pooling", "max"), ("padded", True)],
    "resnet1d": [("zero_init_residual", True), ("block_dropout", 0.2), ("pooling", "attention"), ("padded", True)],
    "inception1d": [("hand_made_filters", False), ("bottleneck_width", None), ("pooling", "max"), ("padded", True)],
    "lite": [("hand_made_filters", False), ("depth", 1), ("pooling", "attention"), ("padded", True)],
    **{
        family: [
            *(("positions", name) for name in ("learned", "sinusoidal", "rotary", "none")),
            *(("pooling", name) for name in ("class", "max", "last", "attention")),
            *(("activation", name) for name in ("swiglu", "reglu")),
            *{"normalization": "batch", "normalization_position": "post", "attention_dropout": 0.2, "key_value_heads": 2}.items(),
            ("feed_forward_width", 6),
        ]
        for family in TRANSFORMERS
    },
}
OWN["vision_transformer"] = [*OWN["vision_transformer"], ("stem", "convolutions")]
WITH_MAPS = ("airbench", "cnn", "cnn1d", "fcn", "inception1d", "lite", "resnet", "resnet1d")
OWN |= {family: [*OWN[family], ("spatial_dropout", 0.2)] for family in WITH_MAPS}
REFUSED = {
    *((family, "normalization", name) for family in ("rnn", "cnn1d", "text_transformer") for name in ("group", "instance")),
    *((family, "weight_normalization", name) for family in ("rnn", *TRANSFORMERS) for name in ("spectral", "standardized")),
    *((family, "groups", 2) for family in ("rnn", "cnn1d", "text_transformer")),
    *((family, "normalization", "instance") for family in ("series_transformer", "vision_transformer")),
    ("rnn", "activation", "prelu"),
    *((family, "stochastic_depth", 0.2) for family in ("rnn", "cnn1d", "fcn", "lite")),
    *((family, "normalization", "instance") for family in ("mlp", "tabm")),
    *((family, "stochastic_depth", 0.2) for family in ("mlp", "tabm")),
    ("cnn", "stochastic_depth", 0.2),
    ("airbench", "stochastic_depth", 0.2),
    *((family, "initializer", "dirac") for family in ("rnn", *TRANSFORMERS)),
}


# What an option needs beside it.
NEEDS = {"groups": {"normalization": "group"}, "bin_edges": {"number_embedding": "piecewise", "numbers": 3}}
NEEDS |= {option: {"depth": (3, 1)} for option in ("stacking", "rematerialization")}
NEEDS |= {f"block={name}": {"normalization": "none"} for name in ("fixup", "fixup_bottleneck")}
# Whose outputs in training are those of each member, (batch, members, outputs).
ENSEMBLES = ("tabm",)


def made(family, options):
    return FAMILIES[family](**{**needed(options), **options})


def needed(options):
    keys = [key for option, value in options.items() for key in (option, f"{option}={value}")]
    return {name: value for key in keys for name, value in NEEDS.get(key, {}).items()}


def options_of(family):
    return [(option, value) for option, value in COMMON + OWN[family] if (family, option, value) not in REFUSED]


def sets_of(family, options):
    """Put (option, value) pairs into as few dictionaries as they go together in, each pair into one."""
    sets = []
    for option, value in options:
        added = {option: value, **needed({option: value})}
        for one in sets:
            together = {**one, **added}
            if together.items() >= one.items() and not excluded(family, together):
                one |= added
                break
        else:
            sets.append(added)
    return sets


def excluded(family, options):
    """Options that a builder refuses together, each for a reason that it gives."""
    normalization = options.get("normalization")
    if "groups" in options and normalization != "group":
        return True
    if options.get("zero_init_residual") and normalization == "rms":
        return True
    # A large stem leaves 2x2 of the 8x8 positions, and the second stage one.
    if normalization == "instance" and (options.get("stem") == "large" or "normalization_placement" in options):
        return True
    if options.get("padded") and normalization in ("group", "instance"):
        return True
    if options.get("cell") == "simple" and "recurrent_normalization" in options:
        return True
    if options.keys() & {"stacking", "rematerialization"} and (
        options.keys() & {"block_dropout", "activity_l1", "activity_l2"} or options.get("weight_normalization") == "spectral"
    ):
        return True
    against = options.keys() & {"use_bias", "weight_normalization"} or options.get("initializer") in ("dirac", "orthogonal")
    if options.get("block", "").startswith("fixup") and (normalization not in (None, "none") or against):
        return True
    without_scale = normalization == "none" or options.get("block", "basic").startswith("preactivation")
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
        if len(logits.shape) == 3:  # Each member's own, as `hornbook.training.losses.OverMembers` has it.
            logits = keras.ops.transpose(logits, (1, 0, 2))
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


def _members(model):
    """The axis that the outputs of an ensemble have in training."""
    return model.get_layer("mean_of_members").input_shape[1:2] if model.name in ENSEMBLES else ()


def check(model, tmp_path, tolerance=1e-5):
    """The contract."""
    assert isinstance(model, keras.Model)
    assert not model.compiled
    x = examples(model)
    assert all(layer.name for layer in model.layers)
    # First, since training moves statistics away from 0 and 1, which would hide that they are not saved.
    for variable, gradient in zip(model.trainable_variables, gradients(model, x), strict=True):
        assert gradient is not None, variable.path
        assert np.isfinite(keras.ops.convert_to_numpy(gradient)).all(), variable.path
    assert model(x, training=True).shape == (len(x), *_members(model), CLASSES)
    found = outputs(model, x)
    assert found.shape == (len(x), CLASSES) == (len(x), *model.output_shape[1:])
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    model.save(tmp_path / "model.keras")
    reloaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_allclose(outputs(reloaded, x), found, rtol=tolerance, atol=tolerance)


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(0)


@pytest.mark.parametrize("name", models.names())
def test_every_name(name, tiny, tmp_path):
    def set_but_sizes(other):
        return models.family(other), {**models.options(other), "depth": None, "width": None, "name": None}

    # Tiny networks of variants that differ in size alone are the same network.
    if name == next(other for other in models.names() if set_but_sizes(other) == set_but_sizes(name)):
        check(tiny(name), tmp_path)
    with keras.StatelessScope():
        assert tiny(name).name == name


SETS = [pytest.param(family, one, id=f"{family}-{i}") for family in FAMILIES for i, one in enumerate(sets_of(family, options_of(family)))]


@pytest.mark.parametrize(("family", "options"), SETS)
def test_every_option(family, options, tmp_path):
    check(made(family, options), tmp_path)


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
            check(made(family, pair), tmp_path)


@pytest.mark.parametrize(("family", "option", "value"), sorted(REFUSED, key=str))
def test_what_makes_no_sense_is_refused_with_the_reason(family, option, value):
    reason = r"is always 0|without a shortcut|padding would change|inside Keras' layers|takes a function|every output the same|cannot: use"
    with pytest.raises(ValueError, match=reason):
        made(family, {option: value})


@pytest.mark.parametrize("family", FAMILIES)
def test_every_kernel_learns(family):
    model = FAMILIES[family]()
    for variable, gradient in zip(model.trainable_variables, gradients(model, examples(model)), strict=True):
        # A bias of the keys adds the same to all scores of a query, and the softmax takes it out again.
        assert variable.path.endswith("key/bias") or np.abs(keras.ops.convert_to_numpy(gradient)).max() > 0, variable.path


def _tolerance(family, policy):
    """Of half precision: a reloaded network has Keras' own attention and GELU, which round the 8 bits of bfloat16 in another order."""
    return 5e-2 if family in ("airbench", *TRANSFORMERS) and policy == "mixed_bfloat16" else 1e-2


def sets_in_16_bits():
    """What a family has of its own, and normalized kernels and groups, which are sums over many values."""
    for family in FAMILIES:
        options = [pair for pair in options_of(family) if pair in OWN[family] or pair[0] in ("weight_normalization", "groups")]
        yield from (pytest.param(family, one, id=f"{family}-{i}") for i, one in enumerate(sets_of(family, options)))


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize(("family", "options"), list(sets_in_16_bits()))
def test_mixed_precision(family, options, policy, tmp_path):
    keras.config.set_dtype_policy(policy)
    try:
        model = made(family, options)
        assert policy.removeprefix("mixed_") in {layer.compute_dtype for layer in model.layers}
        check(model, tmp_path, tolerance=_tolerance(family, policy))
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


def test_the_initial_scale_is_on_kernels_alone():
    for family in FAMILIES:
        found = []
        for scale in (1.0, 0.25):
            keras.utils.set_random_seed(0)
            model = FAMILIES[family](initial_scale=scale)
            found.append({v.path: keras.ops.convert_to_numpy(v) for v in model.trainable_variables})
        for path, value in found[0].items():
            factor = 0.25 if path.endswith("kernel") else 1
            np.testing.assert_array_equal(found[1][path], factor * value, err_msg=f"{family} {path}")
        assert sum(path.endswith("kernel") for path in found[0]) >= 2


# Saved models with these need `import hornbook.models`: Keras has no such layers.
OURS = ("weight_normalization", "recurrent_normalization", "stacking", "rematerialization", "rotary", "fixup", "fixup_bottleneck")


def twins():
    """Return a model of each layer that is saved as Keras' own, with weights that are not those at the start."""
    kinds = (models.BatchNormalization, functools.partial(models.GroupNormalization, groups=2), models.LayerNormalization)
    x = inputs = keras.Input((None, 4))
    for kind in kinds:
        x = kind()(x)
    x = models.MultiHeadAttention(2, 2)(x, x)
    model = keras.Model(inputs, x[:, 0])
    rng = np.random.default_rng(2)
    model.set_weights([rng.uniform(0.5, 1.5, size=weight.shape) for weight in model.weights])
    return model


def test_saved_models_load_where_hornbook_is_not_installed(tmp_path):
    built = [twins(), models.swap_normalization(FAMILIES["cnn"](), "none")]
    for family in FAMILIES:
        # What all families have is the same code, and so is what transformers have.
        options = options_of(family) if family in ("resnet", "rnn", "text_transformer") else OWN[family]
        if family in ("series_transformer", "vision_transformer"):
            options = [pair for pair in options if pair not in OWN["text_transformer"]]
        plain = [(option, value) for option, value in options if option not in OURS and value not in OURS]
        built += [made(family, one) for one in sets_of(family, plain) or [{}]]
    built += [FAMILIES["series_transformer"](padded=True, normalization="batch", activation="swiglu")]
    for number, model in enumerate(built):
        x = examples(model)
        model.save(tmp_path / f"{number}.keras")
        np.savez(tmp_path / f"{number}.npz", examples=x, outputs=outputs(model, x))
    code = """
import pathlib, sys
sys.modules["hornbook"] = None
import keras, numpy as np
for path in pathlib.Path(sys.argv[1]).glob("*.npz"):
    model = keras.saving.load_model(path.with_suffix(".keras"), safe_mode=True)
    assert all(type(layer).__module__.startswith("keras.") for layer in model.layers), [layer.name for layer in model.layers]
    saved = np.load(path)
    outputs = keras.ops.convert_to_numpy(model(saved["examples"], training=False))
    np.testing.assert_allclose(outputs, saved["outputs"], rtol=1e-5, atol=1e-5, err_msg=str([layer.name for layer in model.layers]))
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
