"""A model as a TensorFlow SavedModel, whose one function has all before the network inside: tokenizer, encoding, features of sound."""

from hornbook import libraries


def write(folder, model, front):
    """Write `folder`, with the function `serving_default` from named inputs to named outputs.

    Args:
        folder: path that is not there yet.
        model: as of `answering.answering`, ready for converters. Its variables are kept, its layers are not.
        front: what turns other inputs into the model's, with `specs` (a dict of name to `tf.TensorSpec`), `kept` (a list of tables that it
            looks up in) and a call from a dict of tensors to the model's input.
    """
    import tensorflow as tf

    module = tf.Module()
    module.variables_of_model = [variable.value for variable in model.variables]
    module.tables = list(front.kept)
    serve = function(model, front)
    with libraries.hold_back():
        tf.saved_model.save(module, str(folder), signatures={"serving_default": serve.get_concrete_function()})


def function(model, front):
    """A `tf.function` of a dict of named inputs to the model's dict of answers."""
    import tensorflow as tf

    @tf.function(input_signature=[front.specs])
    def serve(inputs):
        return model(front(inputs), training=False)

    return serve


class Plain:
    """The model's own input under one name.

    Args:
        model: functional `keras.Model` of one input.
        batch: examples a call, or None for any number.
        name: of the input.
    """

    kept = ()

    def __init__(self, model, batch=None, name="inputs"):
        import tensorflow as tf

        [received] = model.inputs
        self.name = name
        self.specs = {name: tf.TensorSpec((batch, *received.shape[1:]), received.dtype, name=name)}

    def __call__(self, inputs):
        return inputs[self.name]
