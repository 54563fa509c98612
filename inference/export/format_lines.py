"""The lines of a `use.py` that load a model and run it, a function a format. They are copied, so each needs what it imports alone.

Each function of `load_FORMAT` returns a function from a dict of arrays, by input, to a dict of arrays, by output.
"""

import json
import pathlib
import unicodedata

import numpy as np

HERE = pathlib.Path(".")  # Of the copy: its folder, and what stands in the labels.json beside it.
ABOUT = {}
START = """
import json
import pathlib
import sys
import unicodedata

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
ABOUT = json.loads((HERE / "labels.json").read_text(encoding="utf-8"))
"""


def load_keras():
    """The model of model.keras, by Keras on any of its backends."""
    import keras

    model = keras.saving.load_model(HERE / "model.keras", compile=False)

    def run(inputs):
        [array] = inputs.values()
        return model.predict_on_batch(array)

    return run


def load_saved_model():
    """The function `serving_default` of the folder saved_model, by TensorFlow."""
    import tensorflow as tf

    loaded = tf.saved_model.load(str(HERE / "saved_model"))
    serve = loaded.signatures["serving_default"]

    def run(inputs, loaded=loaded):  # Without `loaded`, its variables would be gone.
        found = serve(**{name: tf.constant(values) for name, values in inputs.items()})
        return {name: found[name].numpy() for name in ABOUT["outputs"]}

    return run


def load_onnx():
    """The model of model.onnx, by ONNX Runtime."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(HERE / "model.onnx"), providers=["CPUExecutionProvider"])

    def run(inputs):
        return dict(zip(ABOUT["outputs"], session.run(ABOUT["outputs"], inputs), strict=True))

    return run


def load_litert():
    """The model of model.tflite, by LiteRT."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(HERE / "model.tflite"))
    serve = interpreter.get_signature_runner("serving_default")

    def run(inputs, interpreter=interpreter):
        found = serve(**inputs)
        return {name: np.array(found[name]) for name in ABOUT["outputs"]}  # A copy: the next call writes over it.

    return run


def predict(inputs):
    """What the model says of a list of inputs, a dict of arrays with a row for each.

    Classes: `probabilities`, and `predicted`, the place of each class in labels.json's class_names; of several labels 0 or 1 for each.
    Numbers: `values`, a column for each of labels.json's target_names or quantiles. `sets`, where the run promised a coverage, see there.
    """
    examples, counts = [], []
    for one in inputs:
        parts = prepare(one)
        examples += parts
        counts.append(len(parts))
    found = []
    for start in range(0, len(examples), ABOUT["batch_size"]):
        found.append(run(stack(examples[start : start + ABOUT["batch_size"]])))
    answers = {name: np.concatenate([one[name] for one in found]) for name in found[0]}
    answers = answers if len(examples) == len(counts) else mean_of_windows(answers, counts)
    return {**answers, "sets": sets(answers)} if ABOUT.get("conformal") else answers


def sets(answers):
    """What is in the set that has the truth as often as labels.json's conformal promises: True for each class that is.

    Of several labels (inputs, labels, 2): whether it may be absent, and present. Of numbers (inputs, targets, 2): an interval's ends.
    """
    limits = np.array([np.inf if limit is None else limit for limit in ABOUT["conformal"]["quantiles"]], np.float64)
    found = next(iter(answers[name] for name in ("values", "probabilities") if name in answers)).astype(np.float64)
    if ABOUT["task"] == "multi-label":
        return ~(np.stack([found, 1 - found], axis=-1) > limits[:, None])
    if ABOUT["task"] != "regression":
        return ~(1 - found > limits[0])
    low, high = (found[:, :1], found[:, -1:]) if ABOUT["loss"] == "quantile" else (found, found)
    middle, low, high = low / 2 + high / 2, low - limits, high + limits
    return np.stack([np.where(low > high, middle, low), np.where(low > high, middle, high)], axis=-1)


def mean_of_windows(answers, counts):
    """The answers for series from those of their windows: the mean, and what is predicted by it."""
    ends = np.cumsum(counts)[:-1]
    means = {name: np.stack([part.mean(axis=0) for part in np.split(rows, ends)]) for name, rows in answers.items()}
    if "probabilities" in means:
        limits = ABOUT["thresholds"]
        if ABOUT["task"] == "multi-label":
            means["predicted"] = (means["probabilities"] > (limits or 0.5)).astype(np.int32)
        elif limits is not None:
            means["predicted"] = (means["probabilities"][:, 1] > limits[0]).astype(np.int32)
        else:
            means["predicted"] = means["probabilities"].argmax(axis=-1).astype(np.int32)
    return means


def main():
    """Print a line for each input named on the command line, fields with tabs between them."""
    if not sys.argv[1:]:
        sys.exit("usage: python use.py INPUT...")
    for given in sys.argv[1:]:
        try:
            named = read(given)
        except (OSError, ValueError) as error:
            sys.exit(f"{shown(given)} cannot be read: {getattr(error, 'strerror', None) or error}")
        answers = predict([one for _, one in named])
        for place, (name, _) in enumerate(named):
            print(*map(shown, (name, *said(answers, place))), sep="\t")


def said(answers, place):
    """The fields of a line: the class and its probability; of several labels each with its probability and yes or no; or numbers."""
    if "values" in answers:
        return [f"{value:.6g}" for value in answers["values"][place]]
    names, row, predicted = ABOUT["class_names"], answers["probabilities"][place], answers["predicted"][place]
    if ABOUT["task"] != "multi-label":
        return [names[predicted], f"{row[predicted]:.4f}"]
    return [field for k, name in enumerate(names) for field in (name, f"{row[k]:.4f}", "yes" if predicted[k] else "no")]


def shown(text):
    """A text as a terminal shows it, whatever is in it: in one line, and what moves, colours, hides or reorders is spelt out."""
    # Format characters that are seen, or join letters and pictures.
    harmless = "\u200c\u200d\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"
    found = []
    for one in text:
        units = one.encode("utf-16-be", "surrogatepass")
        spelt = "".join(rf"\u{units[k] << 8 | units[k + 1]:04x}" for k in range(0, len(units), 2))
        harmful = unicodedata.category(one) in ("Cc", "Cs", "Zl", "Zp", "Cf") and one not in harmless
        found.append({"\t": r"\t", "\n": r"\n", "\r": r"\r"}.get(one, spelt) if harmful else one)
    return "".join(found)


END = """
run = load()

if __name__ == "__main__":
    main()
"""
# Names that the copy has from elsewhere; here, they would be those of a medium.
prepare = stack = run = read = None
sys = json
