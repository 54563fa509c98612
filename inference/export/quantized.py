"""An export in int8: what it is calibrated on, what of it stayed in float, and how far it is from its run where no number can be equal."""

import dataclasses
import json
import re
import subprocess
import sys

import numpy as np

from hornbook import UserError, files, terminal
from hornbook.data.dataset import plain_inputs, sample
from hornbook.evaluation import scores
from hornbook.inference.export import verify

PRECISIONS = ("int8", "int8-weights")
EXAMPLES = 256  # For calibration; ranges hardly widen with more.
_MOST = 5000  # Examples of a part that are scored.
_BATCH = 32
BETWEEN = "operations between layers"


@dataclasses.dataclass(frozen=True)
class Int8:
    """What was made int8.

    Attributes:
        calibrated_on: how many examples; 0 where ranges are found in each call, or none are needed.
        weights: how many numbers of weights are int8.
        float16, float32: names of layers whose weights are.
        computed: names of layers that compute in float32 what they give.
        size_in_float32: bytes of the file in float32.
    """

    calibrated_on: int
    weights: int
    float16: list
    float32: list
    computed: list
    size_in_float32: int


def calibration(made, trained, medium):
    """Some of the run's own training inputs as batches that its LiteRT file takes, a list of arrays.

    Args:
        made: `models.Made`.
        trained, medium: as of `open_run`.

    Raises:
        UserError: they cannot be read.
    """
    try:
        if made.kind == "sound":
            return [np.asarray(wave, np.float32)[None] for wave, _ in medium.sample(trained, _BATCH, "train")]
        part, _ = medium.scored(trained.config["dataset"], "train", trained, True)
    except (UserError, OSError) as error:
        told = "--precision int8 is calibrated on the run's own data, which cannot be read"
        raise UserError(f"{told}: {error}; pass --precision int8-weights") from error
    places = sample(len(part), EXAMPLES)
    return [batch.astype(made.model.inputs[0].dtype) for _, batch in _batches(part, places, trained, _BATCH)]


def _batches(part, places, trained, size):
    """Places of a part, and the inputs there: an array that the model takes, examples of like length together."""
    from hornbook.data import bucketed_batches

    sequences = hasattr(part, "lengths")
    places = places[np.argsort(part.lengths[places], kind="stable")] if sequences else places
    for start in range(0, len(places), size):
        some = places[start : start + size]
        yield some, bucketed_batches.padded(part, some, trained.about["input_shape"][0]) if sequences else plain_inputs(part, some)


def write(path, content, made, precision, batches):
    """Write a LiteRT file in int8.

    Args:
        path: of the file.
        content: bytes of the file in float32.
        made: `models.Made`, of which that was made.
        precision: one of `PRECISIONS`.
        batches: as of `calibration`.

    Returns:
        `Int8`.

    Raises:
        UserError: it cannot be made; also where that ends the process that makes it, which is none of this one.
    """
    with files.scratch_folder() as folder:
        (folder / "float32.tflite").write_bytes(content)
        (folder / "request.json").write_text(json.dumps({"precision": precision, "input": made.model.inputs[0].name}), encoding="utf-8")
        if batches:
            np.savez(folder / "calibration.npz", *batches)
        command = [sys.executable, "-P", "-m", "hornbook.inference.export.int8_file", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        told = folder / "found.json"
        found = json.loads(told.read_text(encoding="utf-8")) if told.exists() else {"failed": _end(done)}
        if "failed" in found:
            what = " ".join(found["failed"].split())[:300]
            other = "--precision float16" if precision == "int8-weights" else "--precision int8-weights, or float16"
            raise UserError(f"{precision} cannot be made of this run's model ({what}); pass {other}")
        path.write_bytes((folder / "int8.tflite").read_bytes())
    names = {kind: layers_named(made.model, found[kind]) for kind in ("float16", "float32", "computed", "int8")}
    kernels = set(names.pop("int8"))
    names["computed"] = [name for name in names["computed"] if name not in kernels]
    return Int8(sum(map(len, batches)), found["weights"], **names, size_in_float32=len(content))


def _end(done):
    """How a process ended that said nothing itself."""
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    last = lines[-1] if lines else "without a word"
    return f"LiteRT ended the process that makes it, signal {-done.returncode}" if done.returncode < 0 else last


def layers_named(model, operations):
    """The layers that operations of a LiteRT file are of, in their order, none twice; what is of no layer is called `BETWEEN`.

    Args:
        model: `keras.Model`, which the file was made of.
        operations: names of tensors, such as "answers_1/cnn_1/stage1_conv1_1/convolution;...".
    """
    import keras

    from hornbook.inference.export import answering

    known = {layer.name: isinstance(layer, keras.Model) for layer in answering.layers_of(model)}
    found = {}
    for name in operations:
        parts = [_layer(part, known) for part in name.split(";")[0].split("/")]
        parts = [part for part in parts if part and (not known[part] or part.startswith("member"))]
        found["/".join(parts) or BETWEEN] = None
    return list(found)


def _layer(part, known):
    """The name of the layer that is called so in a graph, where each call has a number; or None."""
    return next((name for name in (re.sub(r"_\d+$", "", part), part) if name in known), None)


@dataclasses.dataclass(frozen=True)
class Agreement:
    """How far an export is from its run.

    Attributes:
        same: share of the compared inputs with the same answer: the class, or all labels; or, as `r2` says, of numbers the R2 of the
            export's against the run's.
        difference: the largest, of a probability; of numbers, as a share of the largest number.
        part: the part of the run's own data that was scored, or None.
        examples: how many of it.
        score: "accuracy" or "r2", or None.
        of_run, of_export: what each scores, or None.
    """

    same: float
    difference: float
    r2: bool = False
    part: str | None = None
    examples: int = 0
    score: str | None = None
    of_run: float | None = None
    of_export: float | None = None

    @property
    def fall(self):
        """How much lower the export scores; without labels, how much of the answers is another."""
        return 1 - self.same if self.score is None else self.of_run - self.of_export


def agreement(use, raw, wanted, model, made, trained, medium):
    """Compare an export with its run: `Agreement`.

    Args:
        use: the module of its `use.py`.
        raw, wanted: as of `verify.compare`.
        model: the run's.
        made: `models.Made`.
        trained, medium: as of `open_run`.

    Raises:
        UserError: the export gives what is no number, or predicts another class than its own probabilities say.
    """
    about = trained.about
    answers = use.predict(raw)
    found = answers["values" if about["task"] == "regression" else "probabilities"].astype(np.float64)
    if found.shape != wanted.shape or not np.isfinite(found).all():
        told = f"the export gives answers of shape {found.shape} that are not finite numbers of shape {wanted.shape}"
        raise UserError(f"{told}; nothing is written")
    if "predicted" in answers:
        verify.refuse_other_decisions(answers["predicted"], found, about, verify.TOLERANCE)
    if about["task"] == "regression":
        same, scale = _r2(wanted, found), max(np.abs(wanted).max(), 1e-30)
    else:
        same, scale = float((_decided(found, about) == _decided(wanted, about)).all(axis=-1).mean()), 1.0
    difference = float(np.abs(found - wanted).max() / scale)
    return Agreement(same, difference, about["task"] == "regression", **on_labels(use, model, made, trained, medium))


def _decided(probabilities, about):
    """What is predicted of probabilities, an int array `(inputs, 1)` or `(inputs, labels)`."""
    limits = about.get("thresholds")
    if about["task"] == "multi-label":
        return (probabilities > np.asarray(limits or 0.5)).astype(int)
    return (probabilities[:, 1:2] > limits[0]).astype(int) if limits else probabilities.argmax(axis=1)[:, None]


def _r2(wanted, found):
    return float(1 - np.square(found - wanted).sum() / max(np.square(wanted - wanted.mean(axis=0)).sum(), 1e-30))


def on_labels(use, model, made, trained, medium):
    """Scores of run and export on the same examples, unseen in training; a dict of `Agreement`'s attributes, empty without such."""
    if made.kind == "sound" or trained.about["loss"] == "quantile":
        return {}
    for part in ("test", "validation"):
        try:
            examples, _ = medium.scored(trained.config["dataset"], part, trained, True)
            break
        except (UserError, OSError):  # Without such a part, or without the data.
            continue
    else:
        return {}
    about, name = trained.about, "r2" if trained.about["task"] == "regression" else "accuracy"
    kind, order, own, exported = made.model.inputs[0].dtype, [], [], []
    for places, inputs in _batches(examples, sample(len(examples), _MOST), trained, use.ABOUT["batch_size"]):
        order.append(places)
        own.append(scores.answers(about["loss"], model.predict_on_batch(inputs)))
        exported.append(use.run({"inputs": inputs.astype(kind)})["values" if name == "r2" else "probabilities"])
    labels = examples.labels[np.concatenate(order)]
    both = [_score(about, labels, np.concatenate(one).astype(np.float64)) for one in (own, exported)]
    return {"part": part, "examples": len(labels), "score": name, "of_run": both[0], "of_export": both[1]}


def _score(about, labels, answers):
    """Accuracy of probabilities, of several labels the share with all right; R2 of numbers."""
    if about["task"] == "regression":
        return _r2(np.asarray(labels, np.float64).reshape(answers.shape), answers)
    decided = _decided(answers, about)
    return float((decided == np.asarray(labels).reshape(decided.shape)).all(axis=-1).mean())


def score(use, part, trained):
    """The accuracy, or of numbers the R2, of an export on a part of the run's own data, by the module of its `use.py`."""
    about, order, exported = trained.about, [], []
    kind = np.int32 if about["medium"] == "texts" else np.float32
    answers = "values" if about["task"] == "regression" else "probabilities"
    for places, inputs in _batches(part, sample(len(part), _MOST), trained, use.ABOUT["batch_size"]):
        order.append(places)
        exported.append(use.run({"inputs": inputs.astype(kind)})[answers])
    return _score(about, part.labels[np.concatenate(order)], np.concatenate(exported).astype(np.float64))


def refuse_fall(found, accepted):
    """Refuse an export that is so much worse than its run.

    Args:
        found: `Agreement`.
        accepted: the largest fall.

    Raises:
        UserError: it is larger.
    """
    if found.fall > accepted:
        what = f"{found.score} falls from {found.of_run:.4f} to {found.of_export:.4f} on {found.examples} {found.part} examples"
        what = f"{1 - found.same:.1%} of its answers are others" if found.score is None else what
        accept = "is accepted; nothing is written. Pass --accuracy-drop, or float16"
        raise UserError(f"the export is worse than the run: {what}, and {accepted:g} {accept}")


def told(precision, int8, found):
    """What labels.json holds of it under `quantization`."""
    return {"precision": precision, **dataclasses.asdict(int8), "agreement": dataclasses.asdict(found)}


def in_words(about, most=None):
    """Lines on what `told` gave; of names the first few, or all."""
    found = about["agreement"]
    lines = [f"{about['weights']:,} numbers of weights are int8"]
    if about["calibrated_on"]:
        lines[0] += f"; what is computed of them, too, by the ranges on {about['calibrated_on']} training inputs"
    elif about["precision"] == "int8":
        lines[0] += "; what they are multiplied by, too, by its range in each step"
    for kind, what in (("float16", "weights in float16"), ("float32", "weights left in float32")):
        if about[kind]:
            lines.append(f"{what}: {_list(about[kind], most)}")
    if about["precision"] == "int8" and about["computed"]:
        lines.append(f"computed in float32: {_list(about['computed'], most)}")
    lines.append(f"R2 against the run: {found['same']:.4f}" if found["r2"] else f"the same answer for {found['same']:.1%} of these inputs")
    if found["score"]:
        name = {"r2": "R2"}.get(found["score"], found["score"])
        lines.append(f"{name} on {found['examples']} {found['part']} examples: {found['of_export']:.4f}, the run's {found['of_run']:.4f}")
    return lines


def _list(names, most):
    shown = [terminal.shown(name) for name in names[:most]]
    return ", ".join(shown) + (f" and {len(names) - most} more, in README.md" if most and len(names) > most else "")
