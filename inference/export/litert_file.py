"""A model as a LiteRT file (`.tflite`), for phones and small machines: of LiteRT's own operations alone.

Int8 is made of the file in float32, by `quantized`: of an LSTM, TensorFlow's own converter ends the process (2.21).
"""

import re

from hornbook import UserError, files, libraries
from hornbook.inference.export import saved_model_folder


def content(model, front, half=False):
    """The bytes of the file.

    Args:
        model: as of `answering.answering`, ready for converters.
        front: as of `saved_model_folder.write`; of one example a call for a recurrent network, of which the converter makes a loop over
            lists that needs sizes it knows.
        half: whether weights are kept in float16, which takes half the room; computed in float32.

    Returns:
        bytes.

    Raises:
        UserError: the model has an operation that LiteRT lacks.
    """
    import tensorflow as tf

    with files.scratch_folder() as folder:
        # By way of a SavedModel: from a concrete function, an LSTM came out wrong without a word.
        saved_model_folder.write(folder / "model", model, front)
        found, failed = None, None
        with libraries.hold_back():  # The converter prints its whole program where it fails.
            converter = tf.lite.TFLiteConverter.from_saved_model(str(folder / "model"))
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
            if half:
                converter.optimizations = [tf.lite.Optimize.DEFAULT]
                converter.target_spec.supported_types = [tf.float16]
            try:
                found = converter.convert()
            except Exception as error:  # The converter's own class is not public.
                failed = error
    if failed is not None:
        lacking = sorted(set(re.findall(r"'tf\.(\w+)' op", str(failed))))
        what = f"operations that LiteRT lacks, {', '.join(lacking)}" if lacking else f"what LiteRT cannot: {_line(failed)}"
        raise UserError(f"the model has {what}; pass --format saved_model or onnx") from failed
    return found


def _line(error):
    lines = [line for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:200]
