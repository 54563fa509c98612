"""What a run of the benchmark can be told: the knobs of data, network and training, with sound defaults for every medium and model."""

import dataclasses

from benchmarks.faults import datasets


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """All knobs of a run. Made by `sound`, which has the defaults that suit data and model.

    Attributes:
        data: name of a data set.
        model: "mlp", "cnn", "resnet" or "transformer" of images; "cnn1d", "fcn", "resnet1d", "gru", "lstm", "rnn" or "transformer" of
            series and texts; "mlp" of tables.
        depth: layers with kernels (mlp, cnn, resnet), recurrent layers, or blocks of a transformer; others have a fixed depth.
        width: units or filters of a layer, of the first stage where it grows.
        normalization, activation, initializer, initial_scale, dropout: of `hornbook.models`. activation "log" is the logarithm, which is
            not a number for negative values.
        normalization_momentum: of batch normalization; None is the builder's.
        normalize_first: whether a batch normalization stands before the first layer.
        initial_bias: what hidden biases start at.
        output_bias: what the bias of the first output starts at.
        recurrent_scale: factor on the initial recurrent kernels.
        normalization_position: of a transformer, "pre" or "post".
        softmax: how many softmaxes end the network: 0, 1 or 2.
        from_logits: whether the loss takes logits: sound without a softmax.
        single_output: one output with a softmax, for two classes: its value is 1 whatever the input is.
        frozen: share of the layers with kernels that are not trained, from the first.
        stopped: share of the layers with kernels behind which no gradient passes, from the first; 0 for none.
        optimizer, learning_rate, schedule, warmup_epochs, momentum, weight_decay, clip_norm: of `hornbook.training`. momentum is SGD's.
        batch_size, epochs: the length of the training.
        early_stopping: epochs without a better validation loss after which it ends, with the best weights; 0: it runs to the end.
        label_smoothing: in [0, 1).
        class_weights: "none" or "balanced".
        metric: "usual"; or one that cannot move: "equality" (of label and output, of numbers as floats), "threshold" (accuracy of outputs
            above 1e9) or "top" (the label is among as many as there are classes).
        standardize: whether the inputs are standardized by the training's mean and deviation.
        input_scale, input_offset: what the inputs are multiplied by, then what is added, before they are standardized.
        target_scale: what the standardized targets of a regression are multiplied by; their score does not change.
        constant_features: share of the features (pixels, steps, columns) that are constant.
        duplicate_features: how many more features there are, as a share of all: copies of the first ones.
        noise_features: columns of noise that are put beside the features of a table.
        missing: share of the training examples with a NaN in their inputs.
        examples: how many are used for training, equally many of each class as far as there are; None: all.
        label_noise: share of the labels of training and validation that are wrong.
        shuffled: whether the labels of training and validation are shuffled.
        rare_classes: how many classes, from the last, are rare in training and validation.
        rare_examples: of each rare class in training.
        validation_overlap: share of the validation examples that are training examples.
        validation_scale, validation_offset: what the validation's inputs are multiplied by and what, in deviations, is added.
        validation_permuted: whether the validation's features are in another order; of texts, whether its tokens have other ids.
        validation_swapped: whether the validation's labels are numbered otherwise.
        seed: of everything random.
    """

    data: str
    model: str
    depth: int | None = None
    width: int | None = None
    normalization: str = "batch"
    normalization_momentum: float | None = None
    normalize_first: bool = False
    activation: str = "relu"
    initializer: str = "auto"
    initial_scale: float = 1.0
    initial_bias: float = 0.0
    output_bias: float = 0.0
    recurrent_scale: float = 1.0
    normalization_position: str = "pre"
    dropout: float = 0.0
    softmax: int = 0
    from_logits: bool = True
    single_output: bool = False
    frozen: float = 0.0
    stopped: float = 0.0
    optimizer: str = "adam"
    learning_rate: float = 3e-3
    schedule: str = "constant"
    warmup_epochs: float = 0.0
    momentum: float = 0.9
    weight_decay: float = 0.0
    clip_norm: float = 0.0
    batch_size: int = 32
    epochs: int = 10
    early_stopping: int = 0
    label_smoothing: float = 0.0
    class_weights: str = "none"
    metric: str = "usual"
    standardize: bool = True
    input_scale: float = 1.0
    input_offset: float = 0.0
    target_scale: float = 1.0
    constant_features: float = 0.0
    duplicate_features: float = 0.0
    noise_features: int = 0
    missing: float = 0.0
    examples: int | None = None
    label_noise: float = 0.0
    shuffled: bool = False
    rare_classes: int = 0
    rare_examples: int = 3
    validation_overlap: float = 0.0
    validation_scale: float = 1.0
    validation_offset: float = 0.0
    validation_permuted: bool = False
    validation_swapped: bool = False
    seed: int = 0

    def but(self, **changes):
        """These settings with others in places."""
        return dataclasses.replace(self, **changes)


# (medium, model): settings; tried once, so that a run takes seconds and learns well.
_ATTENTION = {"depth": 1, "width": 24, "normalization": "layer", "activation": "gelu"}
_RECURRENT = {"depth": 1, "width": 32, "normalization": "layer", "activation": "tanh"}
_SOUND = {
    ("images", "mlp"): {"depth": 3, "width": 64, "learning_rate": 2e-3, "epochs": 8},
    ("images", "cnn"): {"depth": 4, "width": 8, "epochs": 7},
    ("images", "resnet"): {"depth": 8, "width": 8, "epochs": 6},
    ("images", "transformer"): {**_ATTENTION, "epochs": 8},
    ("series", "mlp"): {"depth": 3, "width": 64, "learning_rate": 2e-3, "epochs": 12},
    ("series", "cnn1d"): {"width": 24, "epochs": 10, "normalization": "none", "dropout": 0.2},
    ("series", "fcn"): {"width": 16, "epochs": 8},
    ("series", "resnet1d"): {"width": 8, "epochs": 8},
    ("series", "gru"): {**_RECURRENT, "epochs": 8, "learning_rate": 1e-2},
    ("series", "lstm"): {**_RECURRENT, "epochs": 8, "learning_rate": 1e-2},
    ("series", "rnn"): {**_RECURRENT, "epochs": 10},
    ("series", "transformer"): {**_ATTENTION, "epochs": 10},
    ("texts", "cnn1d"): {"width": 32, "epochs": 5, "normalization": "none", "dropout": 0.5},
    ("texts", "gru"): {**_RECURRENT, "epochs": 4, "dropout": 0.3},
    ("texts", "lstm"): {**_RECURRENT, "epochs": 4, "dropout": 0.3},
    ("texts", "transformer"): {**_ATTENTION, "epochs": 4, "dropout": 0.2},
    ("tables", "mlp"): {"depth": 3, "width": 32, "epochs": 10, "learning_rate": 2e-3, "dropout": 0.1},
}

# Sets, and models on them, that need another training: of small ones, as many updates in fewer passes, which cost more than updates.
_SHORT = {
    "wine": {"epochs": 12, "batch_size": 8, "learning_rate": 5e-3},
    "diabetes": {"epochs": 12, "batch_size": 16},
    "breast_cancer": {"epochs": 8, "batch_size": 16},
    "ionosphere": {"epochs": 12, "batch_size": 16},
    "ecg200": {"epochs": 15, "batch_size": 8},
    "plane": {"epochs": 25, "batch_size": 8, "learning_rate": 5e-3},
    "gunpoint": {"epochs": 15, "batch_size": 8},
    "arrowhead": {"epochs": 25, "batch_size": 8, "learning_rate": 5e-3},
    "japanese_vowels": {"epochs": 15, "batch_size": 16},
    "control_charts": {"epochs": 12, "batch_size": 16},
    ("fashion_mnist", "cnn"): {"epochs": 10, "learning_rate": 5e-3},
    ("cifar10", "cnn"): {"epochs": 10, "learning_rate": 5e-3},
}


def models_of(medium):
    """The models that a medium has."""
    return tuple(model for own, model in _SOUND if own == medium)


def sound(data, model, **changes):
    """The `Settings` of a sound run of this model on this set, with changes.

    Raises:
        ValueError: there is no such model for the medium of the set.
    """
    medium = datasets.medium_of(data)
    if (medium, model) not in _SOUND:
        raise ValueError(f"there is no model {model!r} for {medium}; there are {', '.join(models_of(medium))}")
    return Settings(data=data, model=model, **{**_SOUND[medium, model], **_SHORT.get(data, {}), **_SHORT.get((data, model), {}), **changes})
