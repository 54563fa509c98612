"""Networks that learn from a finished run, in every classifying recipe."""

import json

import keras
import numpy as np
import pytest

from hornbook import UserError, data
from hornbook.recipes import image_classification, sequence_classification, tabular_classification, text_classification
from hornbook.recipes.networks import teachers

QUICK = {"floor": False, "diagnosis": False, "epochs": 1, "batch_size": 32}
SMALL = {
    "images": (image_classification, {"model": "mlp", "width": 8, "samples_per_class": 20}),
    "tables": (tabular_classification, {"dataset": "wine", "model": "mlp", "width": 8, "depth": 1, "classical_share": 0.0}),
    "texts": (text_classification, {"model": "cnn1d", "width": 4, "embedding_size": 4, "classical_share": 0.0}),
    "series": (sequence_classification, {"model": "gru", "width": 4, "classical_share": 0.0}),
}


def dataset(medium, classes=("bad", "good")):
    """Of one's own, of the media that have none built in that is small."""
    labels = np.arange(40) % 2
    if medium == "texts":
        texts = [f"a {classes[label]} film of year {place}" for place, label in enumerate(labels)]
        return data.texts.from_texts(texts, labels, texts, labels)
    series = np.random.default_rng(0).normal(size=(40, 8, 2)) + labels[:, None, None]
    return data.series.from_arrays(series.astype(np.float32), labels, series.astype(np.float32), labels)


def train(medium, folder, **options):
    module, small = SMALL[medium]
    own = dataset(medium) if medium in ("texts", "series") else None
    module.main(module.Args(**{**QUICK, **small, "output": str(folder), **options}), dataset=own)
    return folder


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    made = {}

    def of(medium):
        if medium not in made:
            made[medium] = train(medium, tmp_path_factory.mktemp(medium) / "teacher", epochs=2)
        return made[medium]

    return of


def logits(medium, folder):
    """A run's own of its training examples."""
    from hornbook.inference import finished_run, saved_model

    trained, module = finished_run.open_run(folder)
    own = dataset(medium) if medium in ("texts", "series") else SMALL[medium][0].load(SMALL[medium][0].Args(**SMALL[medium][1]), None)
    return saved_model.outputs(finished_run.load_model(trained), module.taken(own, trained), trained)


@pytest.mark.parametrize("medium", SMALL)
def test_a_student_moves_towards_its_teacher(medium, tmp_path, teacher):
    folder, rate = teacher(medium), {"epochs": 30, "learning_rate": 0.01, "distillation_weight": 1.0}
    wanted = logits(medium, folder)
    near = train(medium, tmp_path / "taught", teacher=str(folder), seed=1, **rate, temperature=1.0)
    del rate["distillation_weight"]
    far = train(medium, tmp_path / "alone", seed=1, **rate)

    def away(run):
        p, q = (keras.ops.convert_to_numpy(keras.ops.softmax(one)) for one in (wanted, logits(medium, run)))
        return float((p * np.log(p / q)).sum(axis=1).mean())

    assert away(near) < 0.5 * away(far)
    assert json.loads((near / "config.json").read_text())["teacher"] == str(folder)


def test_a_network_begins_alike_with_and_without_a_teacher(tmp_path, teacher):
    options = {"learning_rate": 1e-12, "dropout": 0.0}
    runs = [
        train("images", tmp_path / str(place), **options, **more) for place, more in enumerate(({}, {"teacher": str(teacher("images"))}))
    ]
    one, other = (keras.saving.load_model(run / "model.keras").get_weights() for run in runs)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_a_run_with_a_teacher_goes_on_as_if_it_had_not_stopped(tmp_path, teacher, monkeypatch):
    class Stop(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    options = {"teacher": str(teacher("images")), "epochs": 3, "augmentation": "crop", "mixup": 0.2, "dropout": 0.2}
    whole = train("images", tmp_path / "whole", **options)
    args = image_classification.Args(**{**QUICK, **SMALL["images"][1], **options, "output": str(tmp_path / "cut")})
    with pytest.raises(KeyboardInterrupt):
        image_classification.main(args, callbacks=[Stop()])
    image_classification.main(args)
    one, other = (keras.saving.load_model(run / "model.keras").get_weights() for run in (whole, tmp_path / "cut"))
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_is_no_teacher_is_refused(tmp_path, teacher):
    images, tables = teacher("images"), teacher("tables")
    for medium, options, words in (
        ("images", {"teacher": str(tmp_path / "nobody")}, "there is no such folder; accepted is that of a finished run on images"),
        ("images", {"teacher": str(tmp_path)}, f"--teacher: {tmp_path}"),
        ("images", {"teacher": str(tables)}, "is a run on tables; accepted are runs on images"),
        ("images", {"temperature": 2.0}, "--temperature 2 is for --teacher RUN, got none; pass that too"),
        ("images", {"distillation_weight": 0.5}, "--distillation-weight 0.5 is for --teacher RUN, got none; pass that too"),
        ("tables", {"teacher": str(tables), "dataset": "breast_cancer"}, "pass a run on the same classes"),
        ("images", {"teacher": str(images), "temperature": 0.0}, "--temperature must be"),
    ):
        with pytest.raises(UserError, match=words):
            train(medium, tmp_path / "refused", **options)
    assert not (tmp_path / "refused").exists()


def test_inputs_that_the_teacher_does_not_take_are_refused(teacher):
    args = image_classification.Args(teacher=str(teacher("images")))
    other = data.images.from_arrays(np.zeros((60, 9, 9, 1), np.uint8), np.arange(60) % 10, class_names=[str(one) for one in range(10)])
    with pytest.raises(UserError, match="its images are 9x9x1, and the run's model takes 8x8x1; --image-size brings them to one size"):
        teachers.of(args, other)
