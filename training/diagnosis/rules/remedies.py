"""What mends each problem, the likeliest first: words for the command line, a line of Keras, and the changes for who starts again."""

from hornbook.training.diagnosis.finding import Remedy

_RECURRENT = ("rnn", "lstm", "gru")


def learning_rate(record, factor):
    """Another learning rate, `factor` times the highest of the training."""
    return _rate(record, max(record.rates, default=1e-3) * factor)


def usual_learning_rate(record):
    """The rate that suits most networks with this optimizer: that of Kingma and Ba (2015) for the adaptive ones, 0.05 for SGD."""
    return _rate(record, 1e-3 if record.optimizer.get("scales_gradients", True) else 5e-2)


def _rate(record, rate):
    rate = float(f"{rate:.1g}")
    name = record.optimizer.get("name", "Adam")
    return Remedy("--learning-rate {learning_rate}", f"model.compile(keras.optimizers.{name}({rate:g}), ...)", {"learning_rate": rate})


def from_logits(record):
    """A loss that takes logits, of the kind that the task has."""
    loss = "SparseCategoricalCrossentropy" if record.task.kind == "classes" else "BinaryCrossentropy"
    line = f"model.compile(optimizer, keras.losses.{loss}(from_logits=True))"
    return Remedy("from_logits=True in the loss", line, {"from_logits": True})


def after_a_loss(record, already):
    """What mends a loss that is no number: of one that was none before any step not the size of the steps."""
    return (RELU, INITIALIZER) if already else (learning_rate(record, 0.1), _CLIP)


def _longer(epochs):
    return max(20, 5 * epochs) if isinstance(epochs, int) else "auto"


_SMALLER_RATE = Remedy(
    "--learning-rate {learning_rate}",
    "model.optimizer.learning_rate = 0.1 * rate",
    {"learning_rate": lambda rate: float(f"{0.1 * rate:.1g}") if isinstance(rate, float) else 1e-3},
)
_LARGER_BATCH = Remedy("--batch-size 32", "model.fit(..., batch_size=32)", {"batch_size": 32}, lambda size: size == "auto" or size < 32)
_NORMALIZE = Remedy(
    "--normalization batch",
    "keras.layers.BatchNormalization() before each activation",
    {"normalization": "batch"},
    lambda value: value == "none",
)
_LAYER_NORMALIZE = Remedy(
    "--normalization layer",
    "keras.layers.LayerNormalization() before each activation",
    {"normalization": "layer"},
    lambda value: value in ("none", "batch"),
)
RESIDUAL = Remedy(
    "--model resnet20",
    "y = keras.layers.Add()([x, y])  # around every two layers, with normalization",
    {"model": "resnet20", "depth": None},
    lambda model: "resnet" not in str(model),
    ("cnn", "plain", "vgg"),
    ("downsampling",),
)
_SHALLOWER = Remedy(
    "a smaller --depth, such as {depth}",
    "fewer layers",
    {"depth": lambda depth: 4},
    lambda depth: isinstance(depth, int) and depth > 6,
    # Residual networks of images have depths of their own.
    ("mlp", "tabm", "cnn", "plain", "vgg", "airbench", "rnn", "lstm", "gru", "inception", "lite", "transformer", "vit"),
)
RELU = Remedy("--activation relu", 'keras.layers.Dense(units, "relu")', {"activation": "relu"}, lambda value: value != "relu")
_LEAKY = Remedy(
    "--activation leaky_relu", 'keras.layers.Dense(units, "leaky_relu")', {"activation": "leaky_relu"}, lambda value: value != "leaky_relu"
)
INITIALIZER = Remedy(
    "--initializer auto --initial-scale 1",
    'keras.layers.Dense(units, kernel_initializer="he_normal", bias_initializer="zeros")',
    {"initializer": "auto", "initial_scale": 1.0, "recurrent_scale": 1.0, "initial_bias": 0.0, "output_bias": 0.0},
)
_CLIP = Remedy("--clip-norm 1", "keras.optimizers.Adam(global_clipnorm=1.0)", {"clip_norm": 1.0}, lambda value: not value or value > 1)
_NO_CLIP = Remedy("--clip-norm 0", "keras.optimizers.Adam()  # without clipping", {"clip_norm": 0.0, "clip_value": 0.0}, bool)
_WARMUP = Remedy(
    "--warmup-epochs {warmup_epochs}",
    "keras.optimizers.schedules.CosineDecay(0.0, steps, warmup_target=rate, warmup_steps=500)",
    {"warmup_epochs": 3},
    lambda value: not value,
)
_LONGER = Remedy("--epochs {epochs}", "model.fit(..., epochs=5 * epochs)", {"epochs": _longer})
_SMALLER_BATCH = Remedy(
    "--batch-size {batch_size}", "model.fit(..., batch_size=32)", {"batch_size": 32}, lambda size: size != "auto" and size > 64
)
_WIDER = Remedy(
    "a larger --width, such as {width}",
    "keras.layers.Dense(256, ...)",
    {"width": lambda width: 64 if not isinstance(width, int) else max(16, 4 * width), "dropout": 0.1, "weight_decay": 0.0, "depth": None},
    lambda width: width is None or width < 256,
)
_LESS_DROPOUT = Remedy(
    "--dropout {dropout}",
    "keras.layers.Dropout(0.1)",
    {"dropout": 0.1, "weight_decay": 0.0},
    lambda rate: isinstance(rate, float) and rate > 0.4,
)
_LESS_PRUNED = tuple(
    Remedy(
        f"--{option.replace('_', '-')} {{{option}}}", "", {option: lambda share: round(max(0.0, 3 * share - 2), 2)}, lambda share: share > 0
    )
    for option in ("prune", "prune_channels")
)
_LESS_DECAY = Remedy(
    "--weight-decay 0",
    "keras.optimizers.AdamW(weight_decay=0.0)",
    {"weight_decay": 0.0},
    lambda value: isinstance(value, float) and value > 0.1,
)
_MOMENTUM = Remedy("more --epochs", "keras.layers.BatchNormalization(momentum=0.9)", {"normalization_momentum": 0.9})
_STANDARDIZE = Remedy(
    "to standardize the inputs",
    "x = (x - x.mean(axis=0)) / (x.std(axis=0) + 1e-7)  # or keras.layers.Normalization, adapted to the training inputs",
    {"standardize": True},
)
_ONE_SOFTMAX = Remedy(
    "to leave the softmax out of the model",
    "keras.layers.Dense(num_classes)  # no activation, with from_logits=True in the loss",
    {"softmax": 0, "from_logits": True},
)
_CONNECT = Remedy(
    "to connect the layer to the output", "remove stop_gradient, or the operation without a gradient, after the layer", {"stopped": 0.0}
)
_UNFREEZE = Remedy("to train the layers", "layer.trainable = True  # then compile again", {"frozen": 0.0})
_OVERFITTED = (
    Remedy("--augmentation crop-flip", "", {"augmentation": "crop-flip"}, lambda value: value in ("none", "crop", "flip")),
    Remedy("--mixup 0.2", "keras.layers.MixUp(0.2)", {"mixup": 0.2}, lambda value: not value),
    Remedy("--jitter 0.05", "keras.layers.GaussianNoise(0.05)", {"jitter": 0.05}, lambda value: not value),
    Remedy("--time-warp 0.2", "", {"time_warp": 0.2}, lambda value: not value),
    Remedy("--word-dropout {word_dropout}", "", {"word_dropout": lambda rate: min(0.5, (rate or 0.0) + 0.1)}, lambda value: value < 0.5),
    Remedy("--pooling mean", "keras.layers.GlobalAveragePooling1D()", {"pooling": "mean"}, lambda value: value != "mean", ("cnn1d",)),
    Remedy("--minimum-count {minimum_count}", "", {"minimum_count": lambda count: 2 * (count or 1)}),
    Remedy(
        "--dropout {dropout}",
        "keras.layers.Dropout(0.3)",
        {"dropout": lambda rate: 0.3 if not isinstance(rate, float) or rate < 0.3 else 0.5},
        lambda value: value is None or value < 0.5,
    ),
    Remedy(
        "--weight-decay {weight_decay}",
        "keras.optimizers.AdamW(weight_decay=0.1)",
        {"weight_decay": lambda decay: max(0.1, 3 * decay) if isinstance(decay, float) else 0.1},
    ),
    Remedy(
        "a smaller --width", "keras.layers.Dense(32, ...)", {"width": lambda width: max(8, width // 2) if isinstance(width, int) else 16}
    ),
    Remedy(
        "--early-stopping 5",
        "keras.callbacks.EarlyStopping(patience=5, restore_best_weights=True)",
        {"early_stopping": 5},
        lambda value: not value,
    ),
)
_TOO_SURE = (
    Remedy(
        "--temperature-scaling",
        "keras.Sequential([model, keras.layers.Rescaling(1 / hornbook.evaluation.temperature.fit(y, logits).temperature)])",
        {"temperature_scaling": True},
        lambda value: not value,
    ),
    Remedy(
        "--label-smoothing 0.1",
        "keras.losses.CategoricalCrossentropy(label_smoothing=0.1)",
        {"label_smoothing": 0.1},
        lambda value: not value,
    ),
    *[remedy for remedy in _OVERFITTED if {"mixup", "word_dropout", "early_stopping"} & remedy.changes.keys()],
)
_RARE = (
    # First, as it costs no training in one's own code; of these three a run can have one.
    Remedy(
        "--logit-adjustment after",
        "logits = model.predict(x) - numpy.log(numpy.bincount(y_train) / len(y_train))  # and predict by these",
        {
            "logit_adjustment": "after",
            "class_weights": "none",
            "class_weights_beta": 0.999,
            "defer_class_weights": 0.0,
            "sampling": "none",
        },
        lambda value: value == "none",
    ),
    Remedy(
        "--class-weights balanced",
        "model.fit(..., class_weight=hornbook.training.class_weights(y, num_classes))",
        {
            "class_weights": "balanced",
            "class_weights_beta": 0.999,
            "logit_adjustment": "none",
            "logit_adjustment_strength": 1.0,
            "sampling": "none",
        },
        lambda value: value != "balanced",
    ),
    Remedy("more examples of it"),
)
_ANY_RECURRENT = (*_RECURRENT, "transformer")


def _model(name, needs, among):
    """Another model, for a recipe with an option that only its medium has."""
    return Remedy(f"--model {name}", "", {"model": name}, lambda model: model != name, among, (needs,))


_OTHER_MODEL = (_model("cnn1d", "tokenizer", _ANY_RECURRENT), _model("fcn", "jitter", (*_ANY_RECURRENT, "cnn1d")))
_UNDER_THE_FLOOR = (
    _model("h_inception1d", "jitter", (*_ANY_RECURRENT, "cnn1d", "fcn", "resnet1d")),
    _model("resnet20", "downsampling", ("cnn", "mlp")),
    _model("cnn1d", "tokenizer", _ANY_RECURRENT),
    Remedy("--number-embedding piecewise", "", {"number_embedding": "piecewise"}, lambda value: value in (None, "none")),
    Remedy("--members 5", "", {"members": 5}, lambda value: value == 1),
    _LONGER,
)
_WAYS_OUT = (_SMALLER_RATE, _NORMALIZE, _CLIP, RESIDUAL)

REMEDIES = {
    "softmax-twice": (_ONE_SOFTMAX,),
    "constant-features": (Remedy("to leave such columns out", "x = x[:, x.std(axis=0) > 0]", {"constant_features": 0.0}),),
    "duplicate-features": (Remedy("to leave one of each pair out", "x = numpy.delete(x, columns, axis=1)", {"duplicate_features": 0.0}),),
    "no-gradient": (_CONNECT,),
    "frozen-layers": (_UNFREEZE,),
    "unscaled-inputs": (_STANDARDIZE, _NORMALIZE),
    "shuffled-labels": (Remedy("to compare some inputs with their labels: are both in the same order?", "compare rows of x with their y"),),
    "label-noise": (
        Remedy("hornbook labels RUN, which lists the most suspect ones", "cleanlab.filter.find_label_issues(y, probabilities)"),
        Remedy(
            "--early-stopping 5",
            "keras.callbacks.EarlyStopping(patience=5, restore_best_weights=True)",
            {"early_stopping": 5},
            lambda value: not value,
        ),
        Remedy(
            "--label-smoothing 0.1",
            "keras.losses.CategoricalCrossentropy(label_smoothing=0.1)",
            {"label_smoothing": 0.1},
            lambda value: not value,
        ),
    ),
    "validation-overlap": (
        Remedy("to split anew, each example in one part only", "sklearn.model_selection.train_test_split(x, y, stratify=y)"),
    ),
    "validation-shift": (
        Remedy("to split anew, at random, or to prepare both parts alike", "sklearn.model_selection.train_test_split(x, y, stratify=y)"),
    ),
    "initialization-too-small": (INITIALIZER, _NORMALIZE),
    "initialization-too-large": (INITIALIZER, _NORMALIZE),
    "exploding-gradients": (_CLIP, _NORMALIZE, _SMALLER_RATE),
    "vanishing-gradients": (RELU, _NORMALIZE, RESIDUAL, _SHALLOWER),
    "vanishing-in-time": (
        Remedy("--model gru", "keras.layers.GRU(units)", {"model": "gru"}, lambda value: True, ("rnn", "lstm")),
        *_OTHER_MODEL,
    ),
    "missing-normalization": (_NORMALIZE, RESIDUAL, _SHALLOWER),
    "saturated-activations": (RELU, _NORMALIZE),
    "dead-relus": (_SMALLER_RATE, _LEAKY, _NORMALIZE),
    "no-warmup": (_WARMUP, _CLIP, _SMALLER_RATE),
    "clipping-always": (_NO_CLIP,),
    "too-few-updates": (_LONGER, _SMALLER_BATCH),
    "running-statistics-lag": (_MOMENTUM, _LONGER, _LAYER_NORMALIZE),
    "batch-too-small": (_LARGER_BATCH, _LAYER_NORMALIZE),
    "metric-cannot-move": (
        Remedy("the metric that fits the targets", 'metrics=["accuracy"]  # Keras chooses by the targets\' shape', {"metric": "usual"}),
    ),
    "not-learned": (*_WAYS_OUT, *_OTHER_MODEL),
    "constant-predictions": _WAYS_OUT,
    "underfitting": (*_LESS_PRUNED, _LESS_DROPOUT, _LESS_DECAY, _WIDER, _LONGER),
    "overfitting": _OVERFITTED,
    "too-sure": _TOO_SURE,
    "quantiles-off": _OVERFITTED[-4:],
    "rare-class-ignored": _RARE,
    "unfinished": (_LONGER,),
    "catastrophic-overfitting": (
        Remedy("--adversarial pgd", "adversarial_training(model, 'pgd', box)", {"adversarial": "pgd"}, lambda value: value == "fgsm"),
        Remedy("--attack-step-size 1", "", {"attack_step_size": 1.0}, lambda value: value is None or value > 1),
    ),
    "below-floor": _UNDER_THE_FLOOR,
}


def of_problem(problem, record, options):
    """The remedies of a problem, the likeliest first; in somebody's own code (options None) what is not there is not to be taken away."""
    found = REMEDIES.get(problem, ())
    if options is not None:
        return found
    there = {id(_LESS_DROPOUT): record.network.dropout > 0.4, id(_LESS_DECAY): record.optimizer.get("weight_decay", 0.0) > 0.1}
    return [remedy for remedy in found if there.get(id(remedy), True)]
