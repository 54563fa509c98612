"""Training that begins with weights learned on other data: taking them over, keeping blocks as they are, and a head on features alone."""

import dataclasses

import keras

from hornbook import UserError
from hornbook.training.classical import mixing
from hornbook.training.smaller import channels
from hornbook.training.updates import layer_rates


@dataclasses.dataclass(frozen=True)
class Source:
    """A trained model, as what another network begins with.

    Attributes:
        name: for messages.
        model: its `keras.Model`; of images and series a layer standardizes before the network.
        about: what its inputs are, as its run's `labels.json` says: of images `pixel_maximum`, the number that stands for white.
        alike: as of `take_over`.
    """

    name: str
    model: object
    about: dict
    alike: bool = False

    def moments(self, scale=1.0):
        """Mean and variance by which it standardizes each channel or feature, of inputs in another unit: two arrays.

        Args:
            scale: what a number of its inputs is in the other unit.
        """
        layers = (layer for one in _networks(self.model) for layer in one.layers)
        standardize = next((layer for layer in layers if isinstance(layer, keras.layers.Normalization)), None)
        if standardize is None:
            raise UserError(f"{self.name} has no layer that standardizes its inputs, being of a --model keras:NAME; pass that --model")
        return scale * _numbers(standardize.mean), scale**2 * _numbers(standardize.variance)


def _numbers(tensor):
    return keras.ops.convert_to_numpy(tensor).reshape(-1)


def head(model):
    """The dense layer that computes a network's outputs, the last of those that its outputs come from.

    Args:
        model: functional `keras.Model`, which may end in a network that is one layer of it.

    Raises:
        UserError: there is none.

    Example:
    ```python
    from hornbook import models
    from hornbook.training.learned import transfer

    print(transfer.head(models.cnn((8, 8, 1), 10)).units)
    ```
    """
    for layer in reversed(model.layers):
        if isinstance(layer, keras.layers.Dense):
            return layer
        if isinstance(layer, keras.Model):
            return head(layer)
    raise UserError(f"the network {model.name} has no keras.layers.Dense that computes its outputs, which is what would be trained anew")


def take_over(network, source, name, alike=False):
    """Give a network the weights that another one has, but those of its head.

    Args:
        network: `keras.Model` of the zoo, by which blocks are called as in `source`.
        source: the trained `keras.Model`, in which a network of the same name and shapes stands.
        name: what a message calls the source.
        alike: whether both were built by the same options, so that the source has fewer channels only where some were taken out of it.

    Returns:
        The network, or where the source has fewer channels a copy with as many.

    Raises:
        UserError: `source` has no such network, or one of other shapes, with the first that differs.

    Example:
    ```python
    from hornbook import models
    from hornbook.training.learned import transfer

    trained, network = models.cnn((8, 8, 1), 10), models.cnn((16, 16, 1), 2)
    transfer.take_over(network, trained, "the digits' network")
    ```
    """
    called = (mixing.inside(network.name), network.name)  # A mixture with a classical model has the network's own name.
    found = next((one for wanted in called for one in _networks(source) if one.name == wanted), None)
    if found is None:
        raise UserError(f"{name} has no network called {network.name}; it has {', '.join(one.name for one in _networks(source))}")
    if alike:
        network = channels.sized_as(network, found)
    own, other = ([variable for variable in one.weights if not _of(head(one), variable)] for one in (network, found))
    for wanted, there in zip(own, other, strict=False):
        if _named(wanted) != _named(there) or wanted.shape != there.shape:
            raise UserError(
                f"{name} has {_named(there)} of shape {tuple(there.shape)}, and the network here {_named(wanted)} of shape "
                f"{tuple(wanted.shape)}; leave the network's options out to have those that it was trained with"
            )
    if len(own) != len(other):
        raise UserError(f"{name} has {len(other)} weights before its output layer, and the network here {len(own)}; they must be alike")
    for wanted, there in zip(own, other, strict=True):
        wanted.assign(there)
    return network


def take_vectors(model, ids, values, tokens):
    """Give tokens the vectors that they have from other texts, in every table of embeddings of a model.

    They are multiplied by one number, by which they vary as much as the table does when it is new: so a token without a vector is of their
    size (Kim 2014, section 3.2), whatever method and text they are from, and what stands behind the table has inputs as it expects.

    Args:
        model: functional `keras.Model`, which may have others as its layers.
        ids: int array `(found,)` of the tokens that have a vector.
        values: float array `(found, features)`.
        tokens: how many the tables have; tables of other things have other sizes.

    Raises:
        UserError: there is no such table.

    Example:
    ```python
    import numpy
    from hornbook import models
    from hornbook.training.learned import transfer

    model = models.cnn1d((None,), 2, vocabulary_size=100, embedding_size=50, embedding_training="both")
    transfer.take_vectors(model, numpy.arange(2, 90), numpy.random.normal(size=(88, 50)), 100)
    ```
    """
    sizes, found = (tokens, values.shape[1]), [layer for layer in _leaves(model) if isinstance(layer, keras.layers.Embedding)]
    tables = [layer for layer in found if (layer.input_dim, layer.output_dim) == sizes]
    if not tables:
        there = ", ".join(f"{layer.name} of {layer.input_dim:,} by {layer.output_dim}" for layer in found) or "none"
        wanted = f"{tokens:,} tokens by {sizes[1]} features"
        raise UserError(f"the network {model.name} has no keras.layers.Embedding of {wanted}, which vectors go to; it has {there}")
    for table in tables:
        rows = keras.ops.convert_to_numpy(table.embeddings).copy()
        rows[ids] = values * (rows.std() / values.std() if rows.std() else 1.0)
        table.embeddings.assign(rows)


def keep_lower(network, share):
    """Keep the lower blocks of a network as they are: only a share of the blocks, those nearest to the outputs, and the head are trained.

    Layers that are kept compute as they do when they predict: batch normalization by the statistics that it came with, dropout not at all.

    Args:
        network: functional `keras.Model`; blocks are told by the names of layers, see `updates.layer_rates`.
        share: of the blocks before the head, in [0, 1]; one that is begun is trained.

    Returns:
        How many blocks are trained, and how many there are, the head not counted.

    Example:
    ```python
    from hornbook import models
    from hornbook.training.learned import transfer

    network = models.resnet20((16, 16, 3), 10)
    print(transfer.keep_lower(network, 0.5), len(network.trainable_variables))
    ```
    """
    variables = network.trainable_variables
    distances = layer_rates.distances(variables)
    far = {id(variable): int(found.min()) for variable, found in zip(variables, distances, strict=True)}
    most = max(int(found.max()) for found in distances)
    trained = -int(-share * most // 1)
    for layer in _leaves(network):
        own = [far[id(variable)] for variable in layer.trainable_variables]
        if own and min(own) > trained:
            layer.trainable = False
    return trained, most


def features(model):
    """What a model computes before its head: `keras.Model` of the same inputs and layers, to float32 `(batch, features)`.

    Args:
        model: a chain of layers the last of which is a network, as `builders.image_model` makes it, or a network alone.

    Example:
    ```python
    from hornbook import models
    from hornbook.training.learned import transfer

    print(transfer.features(models.cnn((8, 8, 1), 10, width=4)).output_shape)
    ```
    """
    last = head(model)
    if last in model.layers:
        return keras.Model(model.inputs, _float32(last.input), name="features")
    *before, network = model.layers[1:]
    x = model.inputs[0]
    for layer in (*before, keras.Model(network.inputs, last.input, name=network.name)):
        x = layer(x)
    return keras.Model(model.inputs, _float32(x), name="features")


def per_step(network, size):
    """A network of series that says some numbers of each step, from what it computes before its steps become one vector.

    Args:
        network: of the zoo, in which a layer "pool" does that, and has the steps of the series before it.
        size: numbers of each step.

    Returns:
        `keras.Model` of the same name, inputs and layers up to there, to float32 `(batch, steps, size)`.

    Raises:
        UserError: the network has no such layer, other steps there, or weights behind it.

    Example:
    ```python
    from hornbook import models
    from hornbook.training.learned import transfer

    print(transfer.per_step(models.fcn((12, 3), 2, width=4), 3).output_shape)
    ```
    """
    layer = next((one for one in network.layers if one.name == "pool"), None)
    before = layer.input if layer is not None and not isinstance(layer.input, list) else None
    if before is None or before.shape[1:-1] != network.inputs[0].shape[1:-1]:
        raise UserError(
            f"the network {network.name} has no features of each step before one vector of all; accepted are fcn, resnet1d, inception1d, "
            "lite and series_transformer and, with --pooling mean, recurrent ones"
        )
    outputs = keras.layers.Dense(size, dtype="float32", name="steps")(before)
    made = keras.Model(network.inputs, outputs, name=network.name)
    if len(made.weights) != len(network.weights) - len(head(network).weights) + 2:
        raise UserError(f"the network {network.name} has weights behind the features of each step; pass --pooling mean")
    return made


def head_on(model, size, dropout=0.0):
    """A model of features `(batch, size)` that ends in the head of another one, the same layer: what trains it trains the other one.

    Args:
        model: see `head`.
        size: of its features.
        dropout: rate at which these are dropped.

    Example:
    ```python
    import keras
    from hornbook import models
    from hornbook.training.learned import transfer

    network = models.cnn((8, 8, 1), 10)
    images, labels = keras.random.normal((32, 8, 8, 1)), keras.ops.zeros((32,), "int32")
    features = transfer.features(network)(images)
    head = transfer.head_on(network, features.shape[-1])
    head.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    head.fit(features, labels, verbose=0)  # Which trains the network's output layer.
    ```
    """
    inputs = keras.Input((size,), name="features")
    x = keras.layers.Dropout(dropout, name="dropout")(inputs) if dropout else inputs
    return keras.Model(inputs, head(model)(x), name="head")


def at_places(model, places):
    """A model of tokens that gives the outputs of some places alone: of a large vocabulary those of all take too much memory.

    Args:
        model: functional `keras.Model`, int32 `(batch, tokens)` to `(batch, tokens, outputs)`, that ends in a `head`.
        places: how many.

    Returns:
        `keras.Model` of the same layers, int32 `(batch, tokens + places)`, behind the tokens which places, to `(batch, places, outputs)`.

    Example:
    ```python
    import keras
    from hornbook import models
    from hornbook.training.learned import transfer

    network = models.gru((None,), 9, vocabulary_size=9, width=4, each_step=True)
    outputs = transfer.at_places(network, 2)(keras.ops.array([[3, 4, 5, 6, 0, 2]]))  # Of the tokens 3 and 5.
    assert outputs.shape == (1, 2, 9)
    ```
    """
    ops, last = keras.ops, head(model)
    packed = keras.Input((None,), dtype="int32", name="packed")
    features = keras.Model(model.inputs, last.input, name=model.name)(packed[:, :-places])
    steps = ops.cumsum(ops.ones_like(packed[:, :-places]), axis=1) - 1
    chosen = ops.equal(ops.expand_dims(packed[:, -places:], 2), ops.expand_dims(steps, 1))
    return keras.Model(packed, last(ops.matmul(ops.cast(chosen, features.dtype), features)), name="at_places")


def _float32(x):
    return x if x.dtype == "float32" else keras.layers.Activation("linear", dtype="float32", name="in_float32")(x)


def _networks(model):
    """A model and those that are layers of it, the outer ones first."""
    yield model
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _networks(layer)


def _leaves(model):
    """The layers of a model and of those that are layers of it."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _leaves(layer)
        else:
            yield layer


def _of(layer, variable):
    return any(variable is one for one in layer.weights)


def _named(variable):
    """The last layer and the name in a variable's path: what is before depends on what the network was made a part of."""
    return "/".join(variable.path.split("/")[-2:])
