"""The faults, one a row: what plants it, what else it needs, and in which data sets and models it is planted.

Kinds that turned out to do no harm to the score were made stronger or left out: `results/faults_cases.csv` has each fault's score beside
that of its twin. In the sets of groups C and D stands whatever is in group B, at other strengths (`STRENGTHS`): nothing of them was seen
before the rules were reported on them.
"""

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fault:
    """A fault to plant.

    Attributes:
        problem: its name, one of `cases.PROBLEMS`.
        kind: which of the ways to plant it.
        places: pairs of data set and model.
        changes: settings that plant it.
        base: settings of both runs, with and without it.
        mended: settings of the sound run alone, beside the base.
        also: other problems that are the same fault by another name.
        harmless, measure, purpose: see `cases.Case`.
    """

    problem: str
    kind: str
    places: tuple
    changes: dict
    base: dict = dataclasses.field(default_factory=dict)
    mended: dict = dataclasses.field(default_factory=dict)
    also: tuple = ()
    harmless: bool = False
    measure: str = "score"
    purpose: bool = False


def on(*places):
    """Pairs of data set and model, from texts such as "digits:mlp,cnn"."""
    pairs = (place.split(":") for place in places)
    return tuple((data, model) for data, models in pairs for model in models.split(","))


# What stands for a set of group B, and a model on it, in the later groups.
_INSTEAD_C = {
    "fashion_mnist:mlp": "mnist", "fashion_mnist": "cifar10", "cifar10": "mnist", "fashion_rows": "japanese_vowels", "ecg200": "gunpoint",
    "plane": "arrowhead", "italy_power_demand": "control_charts", "trec6": "sst2", "ionosphere": "ringnorm", "german": "adult",
    "pima": "mammography", "abalone": "red_wine",
}  # fmt: skip
_INSTEAD_D = {
    "fashion_mnist:mlp": "gratings", "fashion_mnist": "shapes", "fashion_rows": "shape_rows", "ecg200": "two_patterns", "plane": "waves",
    "italy_power_demand": "walks", "trec6": "languages", "ionosphere": "waveform", "german": "sphere", "pima": "crescents",
    "abalone": "friedman",
}  # fmt: skip


def instead(places):
    """The places of groups C and D for those of group B among some: pairs of data set and model."""
    found = [(table.get(f"{data}:{model}", table.get(data)), model) for table in (_INSTEAD_C, _INSTEAD_D) for data, model in places]
    return tuple(dict.fromkeys(place for place in found if place[0]))


_PLAIN = {"normalization": "none"}
_SGD = {"optimizer": "sgd", "learning_rate": 0.05}

# All data sets and some model of each.
_EVERYWHERE = on("digits:mlp,cnn,resnet", "digit_rows:gru,transformer", "cylinder_bell_funnel:fcn", "docstrings:cnn1d",
                 "breast_cancer:mlp", "diabetes:mlp", "fashion_mnist:mlp,cnn", "fashion_rows:lstm", "italy_power_demand:gru", "ecg200:fcn",
                 "trec6:cnn1d,transformer", "pima:mlp", "abalone:mlp")  # fmt: skip
_CLASSES = tuple(place for place in _EVERYWHERE if place[0] not in ("diabetes", "abalone"))
_NUMBERS = tuple(place for place in _EVERYWHERE if place[0] not in ("docstrings", "trec6"))
_MLPS = on("digits:mlp", "breast_cancer:mlp", "wine:mlp", "diabetes:mlp", "fashion_mnist:mlp", "ionosphere:mlp", "abalone:mlp")
# Networks with ReLU that train without normalization.
_RELU = on("digits:mlp,cnn", "cylinder_bell_funnel:cnn1d", "wine:mlp", "docstrings:cnn1d", "fashion_mnist:mlp,cnn",
"italy_power_demand:fcn",
           "trec6:cnn1d", "ionosphere:mlp")  # fmt: skip
_NORMALIZED = on("digits:mlp,cnn,resnet", "cylinder_bell_funnel:fcn", "breast_cancer:mlp", "fashion_mnist:mlp,cnn",
"italy_power_demand:fcn",
                 "ecg200:resnet1d", "pima:mlp")  # fmt: skip
_LABELLED = on("digits:mlp,cnn", "digit_rows:gru", "cylinder_bell_funnel:fcn", "docstrings:cnn1d", "wine:mlp", "fashion_mnist:cnn",
               "fashion_rows:gru", "plane:fcn", "trec6:cnn1d", "ionosphere:mlp")  # fmt: skip

FAULTS = (
    # Numbers that are none.
    Fault(problem="not-finite", kind="missing", changes={"missing": 0.01},
          places=on("digits:mlp,cnn", "cylinder_bell_funnel:fcn", "digit_rows:gru", "diabetes:mlp", "fashion_mnist:cnn", "ecg200:fcn",
                    "fashion_rows:lstm", "german:mlp", "abalone:mlp")),
    Fault(problem="not-finite", kind="logarithm", changes={"activation": "log"},
          places=on("digits:mlp,cnn", "breast_cancer:mlp", "docstrings:cnn1d", "fashion_mnist:mlp", "italy_power_demand:fcn",
                    "trec6:cnn1d")),
    # Gradients.
    Fault(problem="vanishing-gradients", kind="sigmoid14", base={"depth": 14}, changes={"activation": "sigmoid", **_PLAIN},
          also=("saturated-activations", "missing-normalization"), purpose=True, places=on("digits:mlp,cnn")),
    Fault(problem="vanishing-gradients", kind="sigmoid10", base={"depth": 10}, changes={"activation": "sigmoid", **_PLAIN},
          also=("saturated-activations", "missing-normalization"),
          places=on("breast_cancer:mlp", "wine:mlp", "diabetes:mlp", "fashion_mnist:mlp,cnn", "ionosphere:mlp", "abalone:mlp")),
    Fault(problem="vanishing-gradients", kind="recurrent", changes={"recurrent_scale": 0.02}, also=("initialization-too-small",),
          places=on("digit_rows:rnn", "fashion_rows:rnn", "italy_power_demand:rnn")),
    Fault(problem="vanishing-gradients", kind="tanh-small", base={"depth": 12, "activation": "tanh", **_PLAIN},
          changes={"initial_scale": 0.3}, also=("initialization-too-small",),
          places=on("digits:mlp", "wine:mlp", "fashion_mnist:mlp", "german:mlp")),
    Fault(problem="vanishing-gradients", kind="plain56", base={"depth": 56, "batch_size": 64, "epochs": 6}, changes={},
          mended={"model": "resnet"}, also=("exploding-gradients",), purpose=True, places=on("digits:cnn")),
    Fault(problem="exploding-gradients", kind="recurrent", changes={"recurrent_scale": 4.0, "activation": "relu"},
          also=("initialization-too-large", "not-finite"),
          places=on("digit_rows:rnn", "fashion_rows:rnn", "italy_power_demand:rnn")),
    Fault(problem="exploding-gradients", kind="deep", base={"depth": 10}, changes={"initial_scale": 4.0, **_PLAIN},
          also=("initialization-too-large", "missing-normalization"),
          places=on("digits:mlp,cnn", "diabetes:mlp", "wine:mlp", "fashion_mnist:mlp,cnn", "abalone:mlp", "german:mlp")),
    # Activations.
    Fault(problem="dead-relus", kind="bias", base=_PLAIN, changes={"initial_bias": -20.0}, places=_RELU),
    Fault(problem="dead-relus", kind="sgd", base={**_SGD, **_PLAIN}, changes={"learning_rate": 3.0}, also=("learning-rate-too-high",),
          places=on("digits:cnn", "wine:mlp", "fashion_mnist:cnn", "ionosphere:mlp")),
    Fault(problem="saturated-activations", kind="tanh-bias", base={"activation": "tanh", **_PLAIN}, changes={"initial_bias": 12.0},
          places=on("digits:mlp,cnn", "breast_cancer:mlp", "docstrings:cnn1d", "fashion_mnist:mlp,cnn", "pima:mlp", "trec6:cnn1d")),
    Fault(problem="saturated-activations", kind="tanh-scale", base={"activation": "tanh", **_PLAIN}, changes={"initial_scale": 60.0},
          also=("initialization-too-large",), places=on("digits:mlp,cnn", "fashion_mnist:mlp", "german:mlp")),
    Fault(problem="saturated-activations", kind="recurrent", changes={"initial_scale": 60.0}, also=("initialization-too-large",),
          places=on("digit_rows:rnn,gru", "fashion_rows:rnn", "italy_power_demand:gru")),
    # Learning rates.
    Fault(problem="learning-rate-too-high", kind="adam30", changes={"learning_rate": 30.0}, also=("exploding-gradients",), purpose=True,
          places=on("digits:cnn")),
    Fault(problem="learning-rate-too-high", kind="adam", changes={"learning_rate": 10.0}, also=("exploding-gradients",),
          places=tuple(place for place in _EVERYWHERE if place != ("digits", "cnn"))),
    Fault(problem="learning-rate-too-high", kind="sgd", base={**_SGD, **_PLAIN}, changes={"learning_rate": 100.0},
          also=("exploding-gradients", "not-finite"), places=on("digits:mlp", "breast_cancer:mlp", "fashion_mnist:mlp", "pima:mlp")),
    Fault(problem="learning-rate-too-low", kind="adam", changes={"learning_rate": 1e-6}, purpose=False,
          places=tuple(place for place in _EVERYWHERE if place != ("digits", "cnn"))),
    Fault(problem="learning-rate-too-low", kind="adam-purpose", changes={"learning_rate": 1e-6}, purpose=True, places=on("digits:cnn")),
    Fault(problem="learning-rate-too-low", kind="sgd", base=_SGD, changes={"learning_rate": 1e-5},
          places=on("digits:mlp", "wine:mlp", "fashion_mnist:cnn", "german:mlp")),
    Fault(problem="no-warmup", kind="post", base={"normalization_position": "post", "depth": 4, "width": 32, "learning_rate": 8e-3,
          "epochs": 5},
          changes={}, mended={"warmup_epochs": 2.0}, also=("learning-rate-too-high",),
          places=on("digits:transformer", "digit_rows:transformer", "fashion_rows:transformer")),
    Fault(problem="clipping-always", kind="sgd", base=_SGD, changes={"clip_norm": 1e-3}, places=_EVERYWHERE),
    Fault(problem="clipping-always", kind="adam", changes={"clip_norm": 1e-8}, purpose=True, places=on("digits:cnn")),
    # Initialization and normalization.
    Fault(problem="initialization-too-small", kind="hundredth", base={"depth": 6, **_PLAIN}, changes={"initial_scale": 0.01},
          also=("vanishing-gradients",),
          places=on("digits:mlp,cnn", "cylinder_bell_funnel:fcn", "wine:mlp", "diabetes:mlp", "fashion_mnist:mlp,cnn",
                    "italy_power_demand:fcn", "ionosphere:mlp", "abalone:mlp")),
    Fault(problem="initialization-too-large", kind="thirty", base=_PLAIN, changes={"initial_scale": 30.0}, also=("exploding-gradients",),
          places=_RELU),
    Fault(problem="missing-normalization", kind="small-start", base={"depth": 9, "initializer": "random_normal"}, changes=_PLAIN,
          also=("vanishing-gradients", "initialization-too-small"),
          places=on("digits:mlp,cnn", "diabetes:mlp", "fashion_mnist:mlp", "abalone:mlp")),
    Fault(problem="missing-normalization", kind="sgd", base={"depth": 8, **_SGD, "learning_rate": 0.3}, changes=_PLAIN,
          also=("learning-rate-too-high", "exploding-gradients"),
          places=on("digits:mlp,cnn", "fashion_mnist:mlp,cnn")),
    Fault(problem="batch-too-small", kind="one", changes={"batch_size": 1, "epochs": 2},
          places=on("digits:mlp", "breast_cancer:mlp", "wine:mlp", "diabetes:mlp", "fashion_mnist:mlp", "pima:mlp", "ionosphere:mlp",
                    "abalone:mlp")),
    Fault(problem="batch-too-small", kind="two", changes={"batch_size": 2, "epochs": 2},
          places=on("digits:mlp,cnn", "diabetes:mlp", "fashion_mnist:mlp,cnn", "abalone:mlp")),
    Fault(problem="running-statistics-lag", kind="momentum", changes={"normalization_momentum": 0.9999}, places=_NORMALIZED),
    # Too much and too little.
    Fault(problem="overfitting", kind="forty", changes={"examples": 40, "epochs": 40, "dropout": 0.0, "batch_size": 16},
          places=on("digits:mlp,cnn", "digit_rows:gru", "docstrings:cnn1d", "fashion_mnist:mlp,cnn", "fashion_rows:gru", "trec6:cnn1d")),
    Fault(problem="overfitting", kind="long", base={"width": 128, "batch_size": 32}, changes={"epochs": 60, "dropout": 0.0,
          "noise_features": 40},
          mended={"epochs": 4, "dropout": 0.3}, places=on("diabetes:mlp", "abalone:mlp", "german:mlp", "pima:mlp")),
    Fault(problem="underfitting", kind="width", changes={"width": 1},
          places=on("digits:mlp,cnn", "cylinder_bell_funnel:fcn", "digit_rows:rnn", "wine:mlp", "fashion_mnist:mlp,cnn", "plane:fcn")),
    Fault(problem="underfitting", kind="dropout", changes={"dropout": 0.95},
          places=on("digits:mlp", "wine:mlp", "diabetes:mlp", "fashion_mnist:mlp", "trec6:cnn1d", "ionosphere:mlp", "abalone:mlp")),
    Fault(problem="underfitting", kind="decay", changes={"weight_decay": 50.0},
          places=on("digits:mlp,cnn", "docstrings:cnn1d", "fashion_mnist:mlp,cnn", "abalone:mlp")),
    Fault(problem="too-few-updates", kind="one-epoch", changes={"epochs": 1, "batch_size": 400}, places=_EVERYWHERE),
    # Labels.
    Fault(problem="label-noise", kind="two-fifths", changes={"label_noise": 0.4}, purpose=True, places=on("digits:cnn")),
    Fault(problem="label-noise", kind="half", changes={"label_noise": 0.5, "epochs": 20},
          places=tuple(place for place in _LABELLED if place not in (("digits", "cnn"), ("ionosphere", "mlp")))),
    # Of two classes every label is as likely right as wrong.
    Fault(problem="label-noise", kind="half", changes={"label_noise": 0.5, "epochs": 20}, also=("shuffled-labels",),
          places=on("ionosphere:mlp")),
    Fault(problem="shuffled-labels", kind="all", changes={"shuffled": True}, purpose=False,
          places=tuple(place for place in _EVERYWHERE if place != ("digits", "cnn"))),
    Fault(problem="shuffled-labels", kind="purpose", changes={"shuffled": True}, purpose=True, places=on("digits:cnn")),
    Fault(problem="rare-class-ignored", kind="three", changes={"rare_classes": 1, "rare_examples": 3}, measure="lowest_recall",
          purpose=True, places=on("digits:cnn")),
    Fault(problem="rare-class-ignored", kind="few", changes={"rare_classes": 1, "rare_examples": 5}, measure="lowest_recall",
          places=on("digits:mlp", "digit_rows:gru", "docstrings:cnn1d", "breast_cancer:mlp", "fashion_mnist:mlp,cnn", "fashion_rows:lstm",
                    "trec6:cnn1d", "pima:mlp", "german:mlp")),
    # Inputs.
    Fault(problem="unscaled-inputs", kind="thousand", base=_PLAIN, changes={"standardize": False, "input_scale": 1000.0,
          "input_offset": 5000.0},
          places=on("digits:mlp,cnn", "digit_rows:gru,rnn", "cylinder_bell_funnel:cnn1d", "wine:mlp", "diabetes:mlp",
          "fashion_mnist:mlp,cnn",
                    "fashion_rows:lstm", "italy_power_demand:gru", "ionosphere:mlp", "abalone:mlp")),
    Fault(problem="unscaled-inputs", kind="raw", base=_PLAIN, changes={"standardize": False},
          places=on("wine:mlp", "breast_cancer:mlp", "diabetes:mlp", "german:mlp", "pima:mlp")),
    Fault(problem="constant-features", kind="all", changes={"constant_features": 1.0}, also=("constant-predictions",), purpose=False,
          places=tuple(place for place in _EVERYWHERE if place != ("digits", "cnn"))),
    Fault(problem="constant-features", kind="purpose", changes={"constant_features": 1.0}, also=("constant-predictions",), purpose=True,
          places=on("digits:cnn")),
    Fault(problem="constant-features", kind="half", changes={"constant_features": 0.5}, harmless=True,
          places=on("breast_cancer:mlp", "wine:mlp", "german:mlp", "ionosphere:mlp")),
    Fault(problem="duplicate-features", kind="copies", changes={"duplicate_features": 0.5}, harmless=True,
          places=on("digit_rows:gru", "breast_cancer:mlp", "wine:mlp", "diabetes:mlp", "fashion_rows:gru", "german:mlp", "pima:mlp",
                    "abalone:mlp")),
    # Outputs and losses.
    Fault(problem="softmax-twice", kind="from-logits", base={"optimizer": "sgd", "learning_rate": 0.01, "epochs": 6},
          changes={"softmax": 1, "from_logits": True}, places=_CLASSES),
    Fault(problem="softmax-twice", kind="two", base={"optimizer": "sgd", "learning_rate": 0.01, "epochs": 6}, mended={"softmax": 1,
          "from_logits": False},
          changes={"softmax": 2, "from_logits": False}, places=on("digits:mlp,cnn", "plane:fcn", "fashion_mnist:mlp")),
    Fault(problem="logits-as-probabilities", kind="no-softmax", changes={"from_logits": False}, places=_CLASSES),
    Fault(problem="no-gradient", kind="before-last", base={"depth": 6, "width": 16}, changes={"stopped": 0.8},
          places=on("digits:mlp,cnn", "breast_cancer:mlp", "wine:mlp", "diabetes:mlp", "fashion_mnist:mlp,cnn", "ionosphere:mlp",
          "abalone:mlp")),
    Fault(problem="frozen-layers", kind="body", base={"depth": 6, "width": 16}, changes={"frozen": 0.8},
          places=on("digits:mlp,cnn", "breast_cancer:mlp", "wine:mlp", "diabetes:mlp", "fashion_mnist:mlp,cnn", "ionosphere:mlp",
          "abalone:mlp")),
    Fault(problem="frozen-layers", kind="all", changes={"frozen": 1.0},
          places=on("digits:mlp,cnn", "digit_rows:gru", "docstrings:cnn1d", "fashion_mnist:cnn", "fashion_rows:lstm", "trec6:cnn1d")),
    Fault(problem="constant-predictions", kind="bias", changes={"output_bias": 3000.0}, places=_CLASSES),
    Fault(problem="constant-predictions", kind="single", changes={"single_output": True}, also=("no-gradient", "metric-cannot-move"),
          places=on("breast_cancer:mlp", "ionosphere:mlp", "german:mlp", "pima:mlp", "italy_power_demand:gru", "ecg200:fcn",
                    "rt_polarity:cnn1d")),
    # Validation.
    Fault(problem="validation-overlap", kind="purpose", changes={"validation_overlap": 1.0}, harmless=True, purpose=True,
          places=on("digits:cnn")),
    Fault(problem="validation-overlap", kind="half", changes={"validation_overlap": 0.5}, harmless=True,
          places=tuple(place for place in _EVERYWHERE if place != ("digits", "cnn"))),
    Fault(problem="validation-shift", kind="purpose", changes={"validation_scale": 0.3, "validation_offset": 1.0}, harmless=True,
          purpose=True,
          places=on("digits:cnn")),
    Fault(problem="validation-shift", kind="offset", changes={"validation_offset": 2.0}, harmless=True,
          places=tuple(place for place in _NUMBERS if place != ("digits", "cnn"))),
    Fault(problem="validation-shift", kind="scale", changes={"validation_scale": 10.0}, harmless=True,
          places=on("digits:mlp", "wine:mlp", "fashion_mnist:mlp", "german:mlp")),
    Fault(problem="validation-shift", kind="permuted", changes={"validation_permuted": True}, harmless=True,
          places=on("docstrings:cnn1d,gru", "breast_cancer:mlp", "trec6:cnn1d,transformer", "ionosphere:mlp")),
    Fault(problem="validation-shift", kind="labels", changes={"validation_swapped": True}, harmless=True,
          places=on("digits:cnn", "docstrings:cnn1d", "fashion_mnist:mlp", "plane:fcn")),
    Fault(problem="metric-cannot-move", kind="equality", changes={"metric": "equality"}, harmless=True,
          places=on("digits:mlp", "diabetes:mlp", "docstrings:cnn1d", "fashion_mnist:cnn", "abalone:mlp", "trec6:cnn1d")),
    Fault(problem="metric-cannot-move", kind="threshold", changes={"metric": "threshold"}, harmless=True,
          places=on("digit_rows:gru", "wine:mlp", "fashion_rows:lstm", "pima:mlp")),
    Fault(problem="metric-cannot-move", kind="top", changes={"metric": "top"}, harmless=True,
          places=on("digits:cnn", "cylinder_bell_funnel:fcn", "italy_power_demand:gru", "german:mlp")),
)  # fmt: skip

# (problem, kind): how strongly a fault is planted in a later group, where that is a matter of size.
_OF_C = {
    ("not-finite", "missing"): {"missing": 0.005},
    ("vanishing-gradients", "recurrent"): {"recurrent_scale": 0.05},
    ("vanishing-gradients", "tanh-small"): {"initial_scale": 0.35},
    ("exploding-gradients", "recurrent"): {"recurrent_scale": 3.0},
    ("exploding-gradients", "deep"): {"initial_scale": 5.0},
    ("dead-relus", "bias"): {"initial_bias": -12.0},
    ("dead-relus", "sgd"): {"learning_rate": 2.0},
    ("saturated-activations", "tanh-bias"): {"initial_bias": 8.0},
    ("saturated-activations", "tanh-scale"): {"initial_scale": 40.0},
    ("saturated-activations", "recurrent"): {"initial_scale": 40.0},
    ("learning-rate-too-high", "adam"): {"learning_rate": 3.0},
    ("learning-rate-too-high", "sgd"): {"learning_rate": 30.0},
    ("learning-rate-too-low", "adam"): {"learning_rate": 3e-6},
    ("learning-rate-too-low", "sgd"): {"learning_rate": 3e-5},
    ("no-warmup", "post"): {"learning_rate": 1e-2},
    ("clipping-always", "sgd"): {"clip_norm": 3e-4},
    ("initialization-too-small", "hundredth"): {"initial_scale": 0.03},
    ("initialization-too-large", "thirty"): {"initial_scale": 15.0},
    ("running-statistics-lag", "momentum"): {"normalization_momentum": 0.9997},
    ("overfitting", "forty"): {"examples": 60},
    ("overfitting", "long"): {"noise_features": 30},
    ("underfitting", "dropout"): {"dropout": 0.93},
    ("underfitting", "decay"): {"weight_decay": 20.0},
    ("too-few-updates", "one-epoch"): {"batch_size": 300},
    ("label-noise", "half"): {"label_noise": 0.45},
    ("rare-class-ignored", "few"): {"rare_examples": 4},
    ("unscaled-inputs", "thousand"): {"input_scale": 300.0, "input_offset": 2000.0},
    ("constant-features", "half"): {"constant_features": 0.3},
    ("duplicate-features", "copies"): {"duplicate_features": 0.4},
    ("no-gradient", "before-last"): {"stopped": 0.6},
    ("frozen-layers", "body"): {"frozen": 0.7},
    ("constant-predictions", "bias"): {"output_bias": 1000.0},
    ("validation-overlap", "half"): {"validation_overlap": 0.3},
    ("validation-shift", "offset"): {"validation_offset": 1.5},
    ("validation-shift", "scale"): {"validation_scale": 5.0},
}
_OF_D = {
    ("not-finite", "missing"): {"missing": 0.02},
    ("vanishing-gradients", "recurrent"): {"recurrent_scale": 0.03},
    ("vanishing-gradients", "tanh-small"): {"initial_scale": 0.4},
    ("exploding-gradients", "recurrent"): {"recurrent_scale": 5.0},
    ("exploding-gradients", "deep"): {"initial_scale": 4.5},
    ("dead-relus", "bias"): {"initial_bias": -15.0},
    ("dead-relus", "sgd"): {"learning_rate": 4.0},
    ("saturated-activations", "tanh-bias"): {"initial_bias": 10.0},
    ("saturated-activations", "tanh-scale"): {"initial_scale": 50.0},
    ("saturated-activations", "recurrent"): {"initial_scale": 80.0},
    ("learning-rate-too-high", "adam"): {"learning_rate": 1.0},
    ("learning-rate-too-high", "sgd"): {"learning_rate": 300.0},
    ("learning-rate-too-low", "adam"): {"learning_rate": 5e-7},
    ("learning-rate-too-low", "sgd"): {"learning_rate": 2e-5},
    ("no-warmup", "post"): {"learning_rate": 1.2e-2},
    ("clipping-always", "sgd"): {"clip_norm": 5e-4},
    ("initialization-too-small", "hundredth"): {"initial_scale": 0.02},
    ("initialization-too-large", "thirty"): {"initial_scale": 20.0},
    ("running-statistics-lag", "momentum"): {"normalization_momentum": 0.9998},
    ("overfitting", "forty"): {"examples": 50},
    ("overfitting", "long"): {"noise_features": 60},
    ("underfitting", "dropout"): {"dropout": 0.97},
    ("underfitting", "decay"): {"weight_decay": 80.0},
    ("too-few-updates", "one-epoch"): {"batch_size": 350},
    ("label-noise", "half"): {"label_noise": 0.4},
    ("rare-class-ignored", "few"): {"rare_examples": 3},
    ("unscaled-inputs", "thousand"): {"input_scale": 500.0, "input_offset": -3000.0},
    ("constant-features", "half"): {"constant_features": 0.4},
    ("duplicate-features", "copies"): {"duplicate_features": 0.3},
    ("no-gradient", "before-last"): {"stopped": 0.5},
    ("frozen-layers", "body"): {"frozen": 0.6},
    ("constant-predictions", "bias"): {"output_bias": 2000.0},
    ("validation-overlap", "half"): {"validation_overlap": 0.4},
    ("validation-shift", "offset"): {"validation_offset": 1.7},
    ("validation-shift", "scale"): {"validation_scale": 7.0},
}
STRENGTHS = {"C": _OF_C, "D": _OF_D}
