"""The healthy runs: the sound settings of every medium and model with two seeds, and unusual settings that are sound too."""

import dataclasses

from benchmarks.faults.faults import on


@dataclasses.dataclass(frozen=True, kw_only=True)
class Run:
    """Healthy runs of one kind.

    Attributes:
        kind: a name.
        places: pairs of data set and model.
        settings: other than the sound ones.
        unusual: see `cases.Case`.
    """

    kind: str
    places: tuple
    settings: dict = dataclasses.field(default_factory=dict)
    unusual: bool = True


_USUAL = on(
    "digits:mlp,cnn,resnet,transformer", "digit_rows:mlp,cnn1d,fcn,resnet1d,gru,lstm,rnn,transformer",
    "cylinder_bell_funnel:mlp,cnn1d,fcn,resnet1d", "synthetic_control:mlp,cnn1d,fcn,resnet1d", "docstrings:cnn1d,gru,lstm,transformer",
    "breast_cancer:mlp", "wine:mlp", "diabetes:mlp",
    "fashion_mnist:mlp,cnn,resnet,transformer", "fashion_rows:mlp,cnn1d,fcn,resnet1d,gru,lstm,rnn,transformer",
    "ecg200:mlp,fcn,resnet1d", "plane:mlp,fcn,resnet1d", "italy_power_demand:mlp,fcn,resnet1d,gru,lstm",
    "trec6:cnn1d,gru,lstm,transformer", "rt_polarity:cnn1d", "ionosphere:mlp", "german:mlp", "pima:mlp", "abalone:mlp",
)  # fmt: skip
_IMAGES = on("digits:mlp,cnn", "fashion_mnist:mlp,cnn")
_SERIES = on("cylinder_bell_funnel:fcn", "digit_rows:gru", "italy_power_demand:fcn", "fashion_rows:gru")
_TABLES = on("breast_cancer:mlp", "diabetes:mlp", "ionosphere:mlp", "abalone:mlp")
_CONVOLUTIONS = on("digits:cnn", "cylinder_bell_funnel:fcn", "fashion_mnist:cnn", "plane:fcn")
_CLASSES = on("digits:cnn", "docstrings:cnn1d", "breast_cancer:mlp", "fashion_mnist:mlp", "trec6:cnn1d", "pima:mlp")

RUNS = (
    Run(kind="usual", places=_USUAL, unusual=False),
    Run(kind="usual-seed1", places=_USUAL, settings={"seed": 1}, unusual=False),
    # Networks.
    Run(kind="no-normalization", settings={"normalization": "none"}, places=_IMAGES + _TABLES),
    Run(kind="tanh", settings={"activation": "tanh"}, places=_IMAGES + _TABLES[::3] + _CONVOLUTIONS[1::2]),
    Run(kind="tanh-plain", settings={"activation": "tanh", "normalization": "none", "depth": 2}, places=on("wine:mlp", "german:mlp")),
    Run(kind="sigmoid", settings={"activation": "sigmoid", "learning_rate": 1e-2}, places=on("digits:mlp", "fashion_mnist:mlp")),
    Run(kind="swish", settings={"activation": "swish"}, places=_CONVOLUTIONS),
    Run(kind="selu", settings={"activation": "selu", "normalization": "none"}, places=on("digits:mlp", "fashion_mnist:mlp")),
    Run(kind="group", settings={"normalization": "group", "width": 16}, places=_CONVOLUTIONS[::2]),
    Run(kind="layer", settings={"normalization": "layer"}, places=_IMAGES[::3] + _TABLES[:1] + _TABLES[2:3]),
    Run(kind="narrow", settings={"width": 12, "epochs": 20}, places=on("digits:mlp", "wine:mlp", "fashion_mnist:mlp", "german:mlp")),
    Run(kind="wide", settings={"width": 256, "learning_rate": 1e-3}, places=on("digits:mlp", "fashion_mnist:mlp", "pima:mlp")),
    Run(kind="deep", settings={"depth": 8}, places=on("digits:mlp,cnn", "fashion_mnist:mlp,cnn")),
    Run(kind="half-dropped", settings={"dropout": 0.5, "width": 128, "epochs": 15}, places=on("digits:mlp", "fashion_mnist:mlp")),
    Run(kind="dropout", settings={"dropout": 0.4}, places=_SERIES[1:3] + _CONVOLUTIONS[::2] + _TABLES[::2]),
    Run(kind="orthogonal", settings={"initializer": "orthogonal"}, places=_CONVOLUTIONS[::2] + _TABLES[1::2]),
    Run(kind="probabilities", settings={"softmax": 1, "from_logits": False}, places=_CLASSES),
    # Optimization.
    Run(kind="plain-sgd", settings={"optimizer": "sgd", "momentum": 0.0, "learning_rate": 0.2}, places=_IMAGES + _CONVOLUTIONS[1::2]),
    Run(kind="plain-sgd", settings={"optimizer": "sgd", "momentum": 0.0, "learning_rate": 0.1}, places=on("breast_cancer:mlp", "pima:mlp")),
    Run(kind="momentum", settings={"optimizer": "sgd", "learning_rate": 0.03}, places=_IMAGES + _TABLES[::2]),
    Run(kind="rmsprop", settings={"optimizer": "rmsprop", "learning_rate": 1e-3}, places=_IMAGES[::3] + _SERIES[1::2]),
    Run(kind="decay", settings={"optimizer": "adamw", "weight_decay": 0.1}, places=_CONVOLUTIONS + _CLASSES[1::3]),
    Run(kind="cosine", settings={"schedule": "cosine", "warmup_epochs": 1.0}, places=_IMAGES + _SERIES),
    Run(kind="one-cycle", settings={"schedule": "one-cycle", "learning_rate": 1e-2}, places=_CONVOLUTIONS[::2]),
    Run(kind="long-warmup", settings={"warmup_epochs": 4.0}, places=_IMAGES + _SERIES[::2]),
    Run(kind="clipped", settings={"clip_norm": 1.0}, places=_SERIES + _CLASSES[1::3] + on("sequential_digits:fcn")),
    Run(kind="tiny-batch", settings={"batch_size": 6, "learning_rate": 1e-3, "epochs": 4}, places=_IMAGES),
    Run(kind="big-batch", settings={"batch_size": 300, "learning_rate": 1e-2, "epochs": 40}, places=_IMAGES),
    Run(kind="long", settings={"epochs": 40, "dropout": 0.3}, places=on("digits:mlp", "fashion_mnist:mlp", "breast_cancer:mlp",
        "pima:mlp")),
    Run(kind="stopped-early", settings={"epochs": 40, "early_stopping": 5}, places=on("digits:mlp", "diabetes:mlp", "abalone:mlp")),
    Run(kind="smoothed", settings={"label_smoothing": 0.2}, places=_CLASSES),
    # Data.
    Run(kind="pixels", settings={"standardize": False, "input_scale": 255.0, "normalize_first": True}, places=_IMAGES),
    Run(kind="unit", settings={"standardize": False}, places=_IMAGES),
    Run(kind="first-normalized", settings={"standardize": False, "normalize_first": True, "epochs": 20}, places=_TABLES + on("wine:mlp",
        "pima:mlp")),
    Run(kind="weighted", settings={"rare_classes": 1, "rare_examples": 24, "class_weights": "balanced"}, places=_IMAGES[::2]),
    Run(kind="weighted", settings={"rare_classes": 1, "rare_examples": 60, "class_weights": "balanced"},
        places=_CLASSES[1:3] + _CLASSES[4:]),
    Run(kind="imbalanced", settings={"rare_classes": 1, "rare_examples": 60}, places=on("digits:cnn", "fashion_mnist:cnn",
        "breast_cancer:mlp")),
    Run(kind="few", settings={"examples": 400, "dropout": 0.3, "epochs": 20}, places=on("digits:cnn", "fashion_mnist:cnn", "abalone:mlp")),
    Run(kind="one-wrong", settings={"label_noise": 0.02}, places=on("digits:mlp", "cylinder_bell_funnel:fcn", "fashion_mnist:mlp",
        "pima:mlp")),
)  # fmt: skip
