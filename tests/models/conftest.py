"""Networks that are as small as a family allows, for tests that build many."""

import pytest

from hornbook import models

SIZES = {
    "airbench": {"width": 4},
    "mlp": {"width": 8},
    "tabm": {"width": 8, "submodels": 3},
    "cnn": {"depth": (1, 1), "width": 4},
    "resnet": {"depth": (1, 1), "width": 4},
    **{family: {"width": 4} for family in ("rnn", "cnn1d", "fcn")},
    "resnet1d": {"width": 4, "width_multipliers": (1, 2)},
    "inception1d": {"depth": 3, "width": 4, "kernel_sizes": (3, 2), "bottleneck_width": 4},
    "lite": {"depth": 1, "width": 4, "kernel_sizes": (3, 2)},
    # Of a width that the heads of every variant divide into pairs of features.
    "text_transformer": {"depth": 1, "width": 24, "vocabulary_size": 11},
    "series_transformer": {"depth": 1, "width": 24},
    "vision_transformer": {"depth": 1, "width": 24},
}
# Large enough that no map shrinks to one position. Sequences are series of three features but for text_transformer.
SHAPES = {
    **dict.fromkeys(("mlp", "tabm"), (12,)),
    **dict.fromkeys(("cnn", "resnet"), (16, 16, 3)),
    **dict.fromkeys(("airbench", "vision_transformer"), (32, 32, 3)),
    "text_transformer": (10,),
}


def build(name, padded=False, **options):
    family = models.family(name)
    shape = SHAPES.get(family, (10, 3))
    if padded:
        shape, options = (None, *shape[1:]), {"padded": True, **options}
    elif family == "text_transformer":
        options = {"padded": False, **options}
    return models.build(name, shape, 3, **{**SIZES[family], **options})


@pytest.fixture(scope="session")
def tiny():
    """Builder by name of a tiny network of three outputs, `tiny(name, padded=False, **options)`; with padding its time is unknown."""
    return build
