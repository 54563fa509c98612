"""The recipe for series at toy size: what it leaves, resuming, padding, audio, and what is refused with nothing left behind."""

import csv
import dataclasses
import json
import shutil

import keras
import numpy as np
import pytest
from scipy.io import wavfile

from hornbook import UserError, data
from hornbook.data import batches
from hornbook.inference.evaluate import evaluate
from hornbook.inference.predict.command import predict
from hornbook.recipes import sequence_classification
from hornbook.recipes.sequence_classification import Args, main

SMALL = {"model": "series_transformer", "depth": 1, "width": 8, "heads": 2, "epochs": 2, "batch_size": 16}


def run(folder, **options):
    return main(Args(**{**SMALL, "output": str(folder), **options}))


def walks(count=60, features=2, least=8, most=20, seed=0):
    """Two classes of series of unequal length, which drift up or down."""
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    lengths = generator.integers(least, most, count)
    return [np.cumsum(generator.normal(0.3 * (2 * k - 1), 1, (n, features)), axis=0) for k, n in zip(labels, lengths, strict=True)], labels


@pytest.fixture(scope="module")
def long_table(tmp_path_factory):
    """A table in long form with two missing values."""
    path = tmp_path_factory.mktemp("table") / "walks.csv"
    series, labels = walks()
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("unit", "t", "x", "y", "label"))
        for unit, (values, label) in enumerate(zip(series, labels, strict=True)):
            for t, (x, y) in enumerate(values):
                writer.writerow((f"walk {unit}", t, "" if (unit, t) in ((3, 2), (4, 0)) else f"{x:.3f}", f"{y:.3f}", ("down", "up")[label]))
    return path


TABLE = {"time_column": "t", "missing": "mask", "jitter": 0.05, "scaling": 0.1, "time_warp": 0.1, "time_masking": 0.2, "mixup": 0.2}


@pytest.fixture(scope="module")
def finished(tmp_path_factory, long_table, floors, diagnosis):
    folder = tmp_path_factory.mktemp("finished") / "run"
    with floors(), diagnosis():
        return folder, run(folder, **TABLE, dataset=f"csv:{long_table}", feature_masking=0.5, class_weights="balanced")


def test_a_run_leaves_what_the_documents_promise(finished, promised):
    folder, result = finished
    assert {entry.name for entry in folder.iterdir()} == promised
    assert result["floor"]["all"].keys() == {"most frequent class", "nearest neighbour", "ridge on convolutions"}
    assert result["floor"]["notes"] == []
    assert json.loads((folder / "result.json").read_text())["metrics"] == result["metrics"]
    assert all(np.isfinite(value) for value in result["metrics"].values())
    about = json.loads((folder / "labels.json").read_text())
    assert about["class_names"] == ["down", "up"]
    assert about["preprocessing"]["features"] == ["x", "y"]
    assert "<svg" in (folder / "report.html").read_text()


def test_the_score_is_that_of_the_saved_model_without_augmentation(finished, long_table):
    folder, result = finished
    dataset = data.series.load(f"csv:{long_table}", time_column="t", missing="mask")
    model = keras.saving.load_model(folder / "model.keras")
    logits = model.predict(dataset.test.inputs, verbose=0)
    assert result["metrics"]["accuracy"] == pytest.approx((logits.argmax(-1) == dataset.test.labels).mean())
    padded = np.concatenate([dataset.test.inputs, np.full((len(logits), 5, 4), np.nan, np.float32)], axis=1)
    np.testing.assert_allclose(model.predict(padded, verbose=0), logits, atol=1e-4)


def test_evaluate_and_predict_agree_with_training(finished, long_table, tmp_path, capsys):
    folder, result = finished
    evaluate([str(folder), "--json"])
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["accuracy"] == pytest.approx(result["metrics"]["accuracy"])
    rows = [row for row in csv.reader(long_table.read_text().splitlines()) if row[0] == "walk 3"]
    (tmp_path / "one.csv").write_text("t,y,x\n" + "\n".join(",".join((t, y, x)) for _, t, x, y, _ in reversed(rows)))
    np.save(tmp_path / "one.npy", np.array([[float(x or "nan"), float(y)] for _, _, x, y, _ in rows]))
    dimensions = ":".join(",".join(row[place] or "?" for row in rows) for place in (2, 3))
    for name, header, label in (("labelled.ts", "@classLabel true a b\n", ":?"), ("plain.ts", "@classLabel false\n", "")):
        (tmp_path / name).write_text(f"{header}@data\n{dimensions}{label}\n{dimensions}{label}\n")
    predict([str(folder), *(str(tmp_path / name) for name in ("one.csv", "one.npy", "labelled.ts", "plain.ts"))])
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()[-6:]]
    assert [line[0] for line in lines[-2:]] == [f"{tmp_path / 'plain.ts'} line {number}" for number in (3, 4)]
    first, *others = (line[1:] for line in lines)
    assert others == [first] * 5
    assert first[0] in ("down", "up")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("t,x\n0,1\n", "has no column 'y'"),
        ("t,x,y\n0,1,oops\n", "line 2, column 'y' is 'oops', no number"),
        ("t,x,y\n0,1,inf\n", "line 2, column 'y' is infinite"),
        ("t,x,y\n", "no row below its first line"),
        ("x,y\n1,2\n", "has no column 't'"),
    ],
)
def test_predict_refuses_what_is_no_such_series(finished, tmp_path, capsys, content, said):
    (tmp_path / "one.csv").write_text(content)
    with pytest.raises(SystemExit) as stop:
        predict([str(finished[0]), str(tmp_path / "one.csv")])
    assert stop.value.code == 2
    assert said in capsys.readouterr().err


class Stop(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            raise KeyboardInterrupt


def test_a_run_that_was_cut_off_ends_with_the_same_weights(tmp_path):
    series, labels = walks()
    dataset = data.series.from_arrays(series, labels, series[:10], labels[:10])
    options = {**SMALL, "epochs": 3, "jitter": 0.1, "time_warp": 0.1, "mixup": 0.2, "dropout": 0.1}
    main(Args(**options, output=str(tmp_path / "whole")), dataset=dataset)
    cut = Args(**options, output=str(tmp_path / "cut"))
    with pytest.raises(KeyboardInterrupt):
        main(cut, callbacks=[Stop()], dataset=dataset)
    assert not (tmp_path / "cut" / "result.json").exists()
    main(cut, dataset=dataset)
    whole, resumed = (keras.saving.load_model(tmp_path / name / "model.keras").get_weights() for name in ("whole", "cut"))
    for expected, weights in zip(whole, resumed, strict=True):
        np.testing.assert_array_equal(expected, weights)


def test_audio_from_files_to_prediction(tmp_path, capsys):
    for k in range(10):
        for name, frequency in (("low", 300), ("high", 2000)):
            (tmp_path / "wav" / name).mkdir(parents=True, exist_ok=True)
            wave = np.sin(2 * np.pi * frequency * np.arange(1600 + 80 * k) / 8000)
            wavfile.write(tmp_path / "wav" / name / f"{k}.wav", 8000, (wave * 2**14).astype(np.int16))
    (tmp_path / "wav" / "low" / "broken.wav").write_bytes(b"RIFF")
    folder = tmp_path / "run"
    options = {"feature_masking": 0.2, "time_masking": 0.2, "mel_bands": 16, "batch_size": 5000, "missing": "refuse"}
    run(folder, **options, dataset=f"folder:{tmp_path / 'wav'}", skip_unreadable=True)
    assert "note: --batch-size 5,000 is more than" in capsys.readouterr().out
    assert "broken.wav" in (folder / "skipped.csv").read_text()
    assert (folder / "features.keras").exists()
    sound, other = tmp_path / "wav" / "low" / "0.wav", tmp_path / "other.wav"
    wavfile.write(other, 16000, np.zeros((800, 2), np.int16))
    predict([str(folder), str(sound), str(other)])
    lines = capsys.readouterr().out.splitlines()[-2:]
    assert [line.split("\t")[0] for line in lines] == [str(sound), str(other)]
    assert all(np.isfinite(float(line.split("\t")[2])) for line in lines)
    (tmp_path / "new" / "test" / "high").mkdir(parents=True)
    shutil.copy(sound, tmp_path / "new" / "test" / "high")
    evaluate([str(folder), "--dataset", f"folder:{tmp_path / 'new'}"])
    assert "examples\t1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"dataset": "sequential_digit"}, "did you mean"),
        ({"dataset": "ts:nowhere.ts"}, "is not there"),
        ({"epochs": 0}, "--epochs must be at least 1"),
        ({"window": 65}, "fewer than --window 65"),
        ({"window": 4, "missing": "interpolate", "stride": 0}, "--stride must be at least 1"),
        ({"jitter": -1.0}, "--jitter must be at least 0 and less than 1e+18, got -1.0"),
        ({"model": "gruu"}, "--model gruu"),
        ({"bidirectional": True}, "does not take --bidirectional"),
        ({"evaluate": "validation", "validation_fraction": 0.0}, "has no validation part"),
    ],
)
def test_what_cannot_be_used_is_refused_with_nothing_left_behind(tmp_path, options, said):
    with pytest.raises(UserError) as caught:
        run(tmp_path / "run", **options)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_builder_of_the_users_is_told_of_padding(tmp_path, monkeypatch):
    (tmp_path / "mybuilders.py").write_text(
        "import keras\n"
        "def tiny(input_shape, num_outputs, *, padded=False):\n"
        "    inputs = keras.Input(input_shape)\n"
        "    assert padded == (input_shape[0] is None)\n"
        "    known = keras.ops.where(keras.ops.isnan(inputs), 0.0, inputs)\n"
        "    pooled = keras.layers.GlobalAveragePooling1D()(known)\n"
        "    return keras.Model(inputs, keras.layers.Dense(num_outputs)(pooled))\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    series, labels = walks(40)
    dataset = data.series.from_arrays(series, labels, series[:8], labels[:8])
    result = main(Args(model="mybuilders:tiny", epochs=1, batch_size=16, output=str(tmp_path / "a")), dataset=dataset)
    assert np.isfinite(result["metrics"]["loss"])
    result = main(Args(model="mybuilders:tiny", epochs=1, dataset="sequential_digits", window=32, output=str(tmp_path / "b")))
    assert np.isfinite(result["metrics"]["loss"])


def test_options_have_the_names_of_image_classification():
    from hornbook.recipes import image_classification

    images, series = (
        {field.name: field for field in dataclasses.fields(one.Args)} for one in (image_classification, sequence_classification)
    )
    of_images_alone = {"image_size", "path_column", "augmentation", "randaugment_operations", "randaugment_magnitude", "colour",
                       "random_erasing", "cutmix", "in_memory"}  # fmt: skip
    assert (
        {"seeds", "ema", "mixup", "skip_unreadable", "accumulate_steps"} <= images.keys() - of_images_alone <= series.keys() | images.keys()
    )
    for name in ("optimizer", "schedule", "class_weights", "precision", "evaluate"):
        assert images[name].type == series[name].type


def test_predict_refuses_a_table_of_several_series(finished, long_table, capsys):
    with pytest.raises(SystemExit):
        predict([str(finished[0]), str(long_table)])
    assert "series (column 'unit'), where one is wanted; put each into a file of its own" in capsys.readouterr().err


def test_the_model_sees_no_augmentation_in_evaluation(finished, long_table):
    dataset = data.series.load(f"csv:{long_table}", time_column="t", missing="mask")
    feed = batches.evaluation_batches(dataset.test, batch_size=64, num_classes=2)
    inputs = next(iter(feed))[0]
    shortest_first = np.argsort(dataset.test.lengths, kind="stable")
    np.testing.assert_array_equal(np.asarray(inputs), dataset.test.padded(shortest_first, inputs.shape[1]))
    assert sequence_classification.build.__doc__
