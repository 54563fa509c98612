"""The examples in docstrings run, each in a folder of its own, as a reader would run them."""

import importlib
import inspect
import pkgutil
import re
import textwrap

import keras
import pytest

from hornbook import data, evaluation, reports, training
from hornbook.inference import explain

# Files with what people put into their own Keras code, each function and class of which must show how.
PARTS = (
    "data.batches", "data.corruptions.images", "data.corruptions.series", "data.corruptions.tables", "data.corruptions.texts",
    "data.images.arrays", "data.images.augmentation", "data.images.copies", "data.images.dataset",
    "data.images.policies", "data.images.pretraining.rotation",
    "data.images.pretraining.unlabelled", "data.images.pretraining.views",
    "data.mixing", "data.selection.weights", "data.series.arrays", "data.series.audio",
    "data.series.augmentation", "data.series.convolutions", "data.series.dataset", "data.series.pretraining.masking",
    "data.suspicion.looking", "data.tables.arrays",
    "data.tables.augmentation", "data.tables.dataset",
    "data.tables.layers", "data.tables.synthetic", "data.texts.arrays", "data.texts.augmentation", "data.texts.dataset",
    "data.texts.log_count_ratios", "data.texts.pretraining.masking", "data.texts.tokenizing", "data.texts.tokens",
    "data.texts.pretraining.unlabelled", "data.texts.vectors",
    "evaluation.conformal", "evaluation.floors.contrastive", "evaluation.floors.masked_steps", "evaluation.floors.masked_tokens",
    "evaluation.floors.neighbours",
    "evaluation.floors.tasks", "evaluation.intervals", "evaluation.label_issues",
    "evaluation.paired", "evaluation.predictions", "evaluation.selection",
    "evaluation.selective", "evaluation.subgroups", "evaluation.temperature", "evaluation.thresholds",
    "inference.explain.columns", "inference.explain.explaining", "inference.explain.faithfulness", "inference.explain.neighbours",
    "inference.explain.randomisation",
    "reports.model_card", "reports.report", "training.adversarial.attacks", "training.adversarial.box",
    "training.adversarial.gradient_attacks", "training.adversarial.objectives", "training.adversarial.square",
    "training.adversarial.training", "training.adversarial.watching",
    "training.adversarial.within", "training.adversarial.words", "training.averages.plan",
    "training.averages.snapshots", "training.averages.statistics", "training.averages.stochastic", "training.callbacks",
    "training.checkpoint",
    "training.classical.boosting", "training.classical.classifiers", "training.classical.convolution_ridge",
    "training.classical.linear", "training.classical.mixing", "training.classical.naive_bayes", "training.classical.tables",
    "training.learned.distillation",
    "training.diagnosis.check", "training.diagnosis.diagnostics", "training.diagnosis.hopeless", "training.diagnosis.inside",
    "training.learned.features", "training.gradients",
    "training.imbalance", "training.losses.classification", "training.losses.contrastive",
    "training.losses.distilled", "training.losses.focal", "training.losses.masked",
    "training.losses.members",
    "training.losses.regression", "training.losses.shifted", "training.optimization", "training.pace", "training.schedules",
    "training.target_scaling", "training.learned.transfer", "training.smaller.channels", "training.smaller.coupling",
    "training.updates.group_robust",
    "training.smaller.rounding",
    "training.updates.pruning",
    "training.updates.rate_finder", "training.updates.sharpness", "training.updates.steps",
)  # fmt: skip
# What stands in those files and serves the recipes, or is made by another function.
SERVING = {
    "data.batches": ("note_smaller_batch",),
    "data.images.arrays": ("array_examples", "load", "refuse_unlike", "white"),
    "data.images.dataset": ("ImageDataset", "ImageLabels", "built_in", "check_name", "completed"),
    "data.images.pretraining.rotation": ("RotationDataset", "TurnedExamples", "streamed", "turning"),
    "data.images.pretraining.unlabelled": ("check_name", "without_labels"),
    "data.images.pretraining.views": ("ContrastiveDataset", "PairedExamples", "Views"),
    "data.mixing": ("beta", "blend"),
    "data.selection.weights": ("checked", "of_training", "parsed", "relative"),
    "data.series.arrays": ("from_python", "read"),
    "data.series.audio": ("UnreadableError", "save_feature_model"),
    "data.series.dataset": ("Preprocessing", "SeriesDataset", "SeriesExamples", "SeriesLabels", "check_name", "is_series", "prepared"),
    "data.tables.dataset": ("TableDataset", "TableLabels", "as_trained", "check_name", "read", "split"),
    "data.texts.dataset": ("TextDataset", "TextExamples", "TextLabels", "TextStore", "blocks", "check_name"),
    "data.series.pretraining.masking": ("MaskedDataset", "Masking"),
    "data.suspicion.looking": ("Suspicion", "absent_classes", "groups_in_two_parts", "named"),
    "data.tables.synthetic": ("require",),
    "data.texts.tokens": ("Tokens", "findings", "in_words"),
    "data.texts.tokenizing": ("padded_length",),
    "data.texts.pretraining.masking": ("MaskedTokens", "masking"),
    "data.texts.pretraining.unlabelled": ("UnlabelledTexts", "check_name", "without_labels"),
    "data.texts.vectors": ("Vectors",),
    "evaluation.floors.masked_tokens": ("compared",),
    "evaluation.floors.contrastive": ("floor",),
    "evaluation.floors.masked_steps": ("errors", "floor", "interpolated"),
    "evaluation.floors.neighbours": ("nearest",),
    "evaluation.floors.tasks": ("LeftOutError", "Task", "constant_logit", "log_probabilities"),
    "evaluation.label_issues": ("require",),
    "evaluation.predictions": ("Predictions", "read"),
    "evaluation.temperature": ("Fitted",),
    "evaluation.thresholds": ("Aim", "Choice"),
    "inference.explain.columns": ("grid", "of_run"),
    "inference.explain.explaining": ("Explainer", "Explanation", "scores_of"),
    "inference.explain.faithfulness": ("Faithfulness",),
    "inference.explain.neighbours": ("hidden", "of_run"),
    "inference.explain.randomisation": ("shuffled",),
    "reports.model_card": ("data_of", "escaped", "public"),
    "training.adversarial.box": ("refuse_scale",),
    "training.adversarial.training": ("Method",),
    "training.checkpoint": ("size_in_bytes",),
    "training.learned.features": ("folder",),
    "training.classical.naive_bayes": ("known_only",),
    "training.diagnosis.diagnostics": ("Record",),
    "training.losses.contrastive": ("logits", "partner_accuracy"),
    "training.optimization": ("unwrapped",),
    "training.pace": ("in_words",),
    "training.learned.transfer": ("Source",),
    "training.smaller.coupling": ("Call", "Slot"),
    "training.updates.pruning": ("KeptZeros", "check_share", "prunable", "wake"),
    "training.updates.rate_finder": ("RateTest",),
    "training.smaller.rounding": ("kernels", "layers_left", "layers_rounded", "may_round"),
    "training.updates.steps": ("compile_again", "instead_of"),
}


def files(package):
    """A package's files, and those of its subpackages."""
    for file in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package.__name__}.{file.name}")
        yield from files(module) if file.ispkg else [module]


def documented():
    """Every public function and class of every file, by its name."""
    found = {}
    for package in (data, training, evaluation, explain, reports):
        for module in files(package):
            for name, thing in vars(module).items():
                if not name.startswith("_") and callable(thing) and getattr(thing, "__module__", None) == module.__name__:
                    found[f"{module.__name__}.{name}".removeprefix("hornbook.")] = thing
    return found


def examples(thing):
    return [textwrap.dedent(code) for code in re.findall(r"```python\n(.*?)```", inspect.getdoc(thing) or "", re.DOTALL)]


DOCUMENTED = documented()
WITH_EXAMPLES = sorted(name for name, thing in DOCUMENTED.items() if examples(thing))


@pytest.fixture
def eagerly():
    """Functions are not compiled, which takes most of an example's time."""
    if keras.backend.backend() != "tensorflow":
        yield
        return
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run_functions_eagerly`")
@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_an_example_runs(name, tmp_path, monkeypatch, eagerly):
    monkeypatch.chdir(tmp_path)
    keras.utils.set_random_seed(0)
    for code in examples(DOCUMENTED[name]):
        exec(compile(code, f"example of {name}", "exec"), {})
    assert list(tmp_path.iterdir()) == []  # Whoever tries it finds no file of ours in the current folder.


def test_what_people_use_in_their_own_code_has_an_example():
    parts = {name: thing for name, thing in DOCUMENTED.items() if name.rpartition(".")[0] in PARTS}
    serving = {f"{file}.{name}" for file, names in SERVING.items() for name in names}
    assert {name for name, thing in parts.items() if not examples(thing)} == serving
    assert {name.rpartition(".")[0] for name in WITH_EXAMPLES} - {"data.images.folders"} == set(PARTS)


@pytest.mark.parametrize(
    "package", [data, data.images, data.series, data.tables, data.texts, reports, training], ids=lambda one: one.__name__
)
def test_every_name_of_a_package_has_an_example(package):
    for name in package.__all__:
        thing = getattr(package, name)
        if not inspect.ismodule(thing) and name != "check_name" and not name.endswith("Dataset"):
            assert examples(thing), f"{package.__name__}.{name} has no ```python example"


@pytest.mark.parametrize("name", sorted(DOCUMENTED))
def test_everything_public_is_documented(name):
    text = inspect.getdoc(DOCUMENTED[name]) or ""
    first = re.match(r".+?[.:?!](\s|$)", text.replace("\n", " "))
    assert first, f"{name} has no docstring that begins with a sentence"


def test_names_are_found_and_listed():
    assert dir(training) == training.__all__ == sorted(training.__all__)
    assert dir(data.images) == data.images.__all__ == sorted(data.images.__all__)
    assert training.optimizer.__module__ == "hornbook.training.optimization"
    with pytest.raises(AttributeError, match=r"has no attribute 'optimiser'; it has .*AverageWeights, .*optimizer"):
        _ = training.optimiser
    with pytest.raises(AttributeError, match=r"'hornbook.data' has no attribute 'pictures'; it has .*images"):
        _ = data.pictures
