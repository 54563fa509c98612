"""The models of the zoo by the medium whose data they take: a wrong `--model` is refused before Keras is imported and any data are read."""

import difflib

from hornbook import UserError, files, user_code
from hornbook.recipes.networks import families

LIBRARIES = ("keras:", "hub:")
"""What stands before a network of a library, which takes images."""
_SEQUENCES = (
    "bidirectional_gru", "bidirectional_lstm", "cnn1d", "fcn", "gru", "h_inception1d", "inception1d", "layer_norm_gru", "layer_norm_lstm",
    "lite", "lstm", "resnet1d", "rnn", "simple_rnn",
)  # fmt: skip
OF_MEDIUM = {
    "images": (
        "airbench", "airbench94", "airbench95", "cnn", "fixup_resnet110", "fixup_resnet20", "mlp", "plain20", "plain56",
        "preactivation_resnet1001", "preactivation_resnet110", "preactivation_resnet164", "resnet", "resnet101", "resnet110", "resnet152",
        "resnet18", "resnet20", "resnet32", "resnet34", "resnet44", "resnet50", "resnet56", "vgg11", "vgg16", "vision_transformer",
        "vit_b16", "vit_s16", "vit_ti16", "wide_resnet16_4", "wide_resnet28_10", "wide_resnet40_4",
    ),
    "texts": (*_SEQUENCES, "text_transformer"),
    "series": (*_SEQUENCES, "mlp", "series_transformer"),
    "tables": ("mlp", "tabm"),
}  # fmt: skip
"""All of `models.names()`."""
OF_WIDTH = ("text_transformer",)
"""Those of texts whose vectors of tokens are as long as the model is wide."""


def check(model, *media):
    """Refuse a `--model` that there is not, or that takes other data. What is in a module of the user's is looked at by `check_built`.

    Args:
        model: as given.
        media: those that the recipe's data may be of; none for any.

    Raises:
        UserError: with the nearest names among those of the media.
    """
    media = media or tuple(OF_MEDIUM)
    known = sorted({name for medium in media for name in OF_MEDIUM[medium]})
    if model == "auto" or model in known:
        return
    if user_code.is_named(model):
        user_code.check_spelling(model, "--model")
        return
    if model.startswith(LIBRARIES):
        if "images" not in media:
            raise UserError(f"--model {model} is for images, and the data are {' or '.join(media)}; accepted are {', '.join(known)}")
        return
    others = [medium for medium, names in OF_MEDIUM.items() if model in names]
    if others:
        raise UserError(f"--model {model} is for {' and '.join(others)}, not for {' or '.join(media)}; accepted are {', '.join(known)}")
    near = difflib.get_close_matches(model, known, n=3)
    advice = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known)}"
    of = f" for {' or '.join(media)}" if len(media) < len(OF_MEDIUM) else ""
    raise UserError(f"--model {model}: there is no model {model!r}{of}; {advice}")


def check_built(args, candidates):
    """Refuse what the builder would refuse whatever the data are: options that it lacks, values that it does not take, a name in a library.

    It imports Keras, and a module of the user's, as the training that follows does; so it comes before the data and after the rest.

    Args:
        args: a recipe's options.
        candidates: the models that `--model auto` may become: what all of them refuse is refused, of none nothing.

    Raises:
        UserError: in the words of a flag.
    """
    from hornbook.training import builders

    refused = []
    for name in candidates if args.model == "auto" else (args.model,):
        try:
            builders.check(name, {**builders.asked_for(name, *families.of_network(args)), **_weights(args, name)})
            return
        except UserError as error:
            refused.append(error)
    if refused:
        raise refused[-1]


def _weights(args, name):
    """The file of weights that a network of a library is given, as its option."""
    given = getattr(args, "weights", None)
    file = name.startswith(LIBRARIES) and given is not None and files.given(given).is_file()
    return {"weights": given} if file else {}
