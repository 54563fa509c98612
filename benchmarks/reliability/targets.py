"""What `fuzz.py` breaks: finished and unfinished runs and searches, a file of data of each kind, and the commands that meet them."""

import shutil

import numpy as np
from PIL import Image
from scipy.io import wavfile

_QUICK = ("--epochs", "2", "--no-floor", "--no-diagnosis")
_RECIPES = {
    "images": ("image-classification", "--model", "mlp", "--width", "8"),
    "texts": ("text-classification", "--model", "cnn1d", "--width", "8"),
    "series": ("sequence-classification", "--model", "gru", "--width", "8"),
    "tables": ("tabular-classification", "--model", "mlp", "--width", "8"),
    "numbers": ("regression", "--model", "mlp", "--width", "8"),
}
# Sources of data: the medium whose recipe reads them, and the source.
_SOURCES = {
    "table": ("tables", "csv:given/rows.csv"),
    "prices": ("numbers", "csv:given/prices.tsv"),
    "text": ("texts", "csv:given/texts.csv"),
    "text-files": ("texts", "folder:given"),
    "photos": ("images", "folder:given"),
    "photo-table": ("images", "csv:given/photos.csv"),
    "photo-arrays": ("images", "npz:given/photos.npz"),
    "steps": ("series", "csv:given/steps.csv", "--id-column", "person", "--time-column", "t"),
    "ts": ("series", "ts:given/Walk_TRAIN.ts"),
    "ucr": ("series", "ts:given"),
    "arrays": ("series", "npz:given/series.npz"),
    "step-files": ("series", "folder:given"),
    "sounds": ("series", "folder:given"),
}
# Runs: of each medium on built-in data, and of what only files have: categories of a table, features of a sound, pairs of tokens.
_RUNS = {
    **{medium: _RECIPES[medium] for medium in _RECIPES},
    "table": (*_RECIPES["tables"], "--dataset", "csv:given/rows.csv"),
    "sounds": (*_RECIPES["series"], "--dataset", "folder:given"),
    "text": (*_RECIPES["texts"], "--dataset", "csv:given/texts.csv", "--ngrams", "2", "--kernel-sizes", "1", "--pooling", "mean"),
}
_SEARCH = (
    "tune", *_RECIPES["tables"][:3], "--dataset", "wine", "--epochs", "1", "--tuner", "random", "--final-seeds", "0", "--no-floor",
    "--vary", "learning_rate=log:1e-4..1e-1", "width=4,8",
)  # fmt: skip


class Target:
    """What is broken, and the command that meets it.

    Args:
        name: of the table.
        folder: pristine; copied for each case.
        words: of the command, which is run in the copy.
        broken: the folder in it whose files are changed.
        answers: whether its output, or the scores of the run that it ends, is compared with that of the sound command.
        writes: whether the command writes into the folder `run`.
    """

    def __init__(self, name, folder, words, broken="run", *, answers=False, writes=False):
        self.name, self.folder, self.words, self.broken, self.answers, self.writes = name, folder, words, broken, answers, writes
        # A check that finds an error ends with 1.
        self.codes = (0, 1, 2) if words[0] == "check" else (0, 2)
        self.sound = self.files = None


def made(folder, train):
    """All targets, below a folder; what is there already is used again.

    Args:
        folder: `pathlib.Path`.
        train: function `(words, folder, stop_before)` that runs a command in a folder, or a recipe until an epoch begins.
    """
    for kind in (*_SOURCES, "inputs"):
        if not (folder / kind / "given").exists():
            _give(kind, folder / kind / "given")
    targets = [*_data(folder), *_runs(folder, train), *_several(folder, train)]
    for target in targets:
        # A module that a file may name, and that tells when it is run.
        (target.folder / "evilmod.py").write_text("open('it-has-run', 'w').close()\n")
    return targets


def _data(folder):
    for kind, (medium, source, *further) in _SOURCES.items():
        words = (*_RECIPES[medium], *_QUICK, "--dataset", source, *further)
        yield Target(f"data {kind}", folder / kind, (*words, "--output", "run"), "given", writes=True)
        if kind in ("table", "photos", "text"):
            yield Target(f"check {kind}", folder / kind, ("check", *words), "given")


def _runs(folder, train):
    inputs = {
        "images": ["digit.png", "digits.npy"], "texts": ["texts.txt", "texts.csv"], "series": ["series.npy", "series.csv"],
        "tables": ["cancer.csv"], "numbers": ["diabetes.csv"], "table": ["rows.csv"], "sounds": ["a/0.wav"], "text": ["texts.csv"],
    }  # fmt: skip
    for kind, words in _RUNS.items():
        finished, unfinished = folder / f"{kind}-finished", folder / f"{kind}-unfinished"
        # A small set has a checkpoint after ten epochs.
        epochs = 12 if kind in _SOURCES else 2
        go_on = (*words, *_QUICK, "--epochs", str(epochs), "--output", "run")
        for place, stop_before in ((finished, None), (unfinished, epochs - 1)):
            if not place.exists():
                shutil.copytree(folder / (kind if kind in _SOURCES else "inputs"), place)
                train(go_on, place, stop_before)
        given = [f"given/{name}" for name in inputs[kind]]
        yield Target(f"predict {kind}", finished, ("predict", "run", *given), answers=True)
        yield Target(f"predict-input {kind}", finished, ("predict", "run", *given), "given")
        yield Target(f"evaluate {kind}", finished, ("evaluate", "run"), answers=True)
        yield Target(f"go-on {kind}", unfinished, go_on, answers=True, writes=True)
        if kind in ("images", "tables", "numbers"):
            config = folder / f"{kind}-config"
            (config / "given").mkdir(parents=True, exist_ok=True)
            shutil.copy(finished / "run" / "config.json", config / "given")
            yield Target(f"config {kind}", config, ("check", words[0], "--config", "given/config.json"), "given")


def _several(folder, train):
    """Runs of several seeds, searches, and a folder of many runs."""
    seeds, search, many = folder / "seeds", folder / "search", folder / "many"
    several = (*_RECIPES["tables"], *_QUICK, "--seeds", "2", "--output", "run")
    for place, words in ((seeds, several), (search, (*_SEARCH, "--trials", "2", "--output", "run"))):
        if not place.exists():
            place.mkdir()
            train(words, place, None)
    if not many.exists():
        for kind in ("images", "tables"):
            shutil.copytree(folder / f"{kind}-finished" / "run", many / "run" / kind)
        for kind in (seeds, search):
            shutil.copytree(kind / "run", many / "run" / kind.name)
        # As of a process that was killed in its last moment.
        (seeds / "run" / "seeds.json").unlink()
        shutil.copytree(search, folder / "search-end")
        (folder / "search-end" / "run" / "result.json").unlink()
        (folder / "search-other" / "given").mkdir(parents=True)
        shutil.copytree(search / "run", folder / "search-other" / "given" / "search")
    yield Target("go-on seeds", seeds, several, answers=True, writes=True)
    yield Target("list runs", many, ("runs", "run"))
    yield Target("search on", search, (*_SEARCH, "--trials", "3", "--output", "run"), writes=True)
    yield Target("search end", folder / "search-end", (*_SEARCH, "--trials", "2", "--output", "run"), writes=True)
    warm = (*_SEARCH, "--trials", "1", "--tuner", "bayesian", "--warm-start", "given/search", "--output", "run")
    yield Target("search warm", folder / "search-other", warm, "given", writes=True)


def _give(kind, folder):
    """Write a small set of data of a kind."""
    folder.mkdir(parents=True)
    generator = np.random.default_rng(0)
    pairs, walks = generator.normal(size=(60, 2)), generator.normal(size=(40, 12))
    if kind == "table":
        rows = (f"{a:.3f},{b:.3f},{'xyz'[i % 3]},{'ab'[int(a > b)]}" for i, (a, b) in _count(pairs))
        _lines(folder / "rows.csv", "first,second,kind,label", rows)
    elif kind == "prices":
        _lines(folder / "prices.tsv", "size\tage\tvalue", (f"{a:.3f}\t{b:.3f}\t{a - b:.2f}" for a, b in pairs))
    elif kind == "text":
        words = ["word", "thing"] * 30
        _lines(folder / "texts.csv", "text,label", (f'"a {one}, and {"more of it" * (i % 3)}",{i % 2}' for i, one in enumerate(words)))
    elif kind == "text-files":
        _classes(folder, "txt", lambda path, i: path.write_text(f"some text of {path.parent.name}, {'again ' * i}\n"))
    elif kind == "photos":
        _classes(folder, "png", lambda path, i: _photo(generator, path.with_suffix(".jpg" if i % 2 else ".png")))
    elif kind == "photo-table":
        for i in range(24):
            _photo(generator, folder / f"{i}.png")
        _lines(folder / "photos.csv", "image,label", (f"{i}.png,{'ab'[i % 2]}" for i in range(24)))
    elif kind == "photo-arrays":
        images, labels = generator.integers(0, 255, (48, 8, 8, 3), np.uint8), np.arange(48) % 3
        np.savez(folder / "photos.npz", x_train=images, y_train=labels, x_test=images[:12], y_test=labels[:12])
    elif kind == "steps":
        rows = (f"{i},{t},{walks[i, t]:.3f},{walks[-i, t]:.3f},{'ab'[i % 2]}" for i in range(40) for t in range(12))
        _lines(folder / "steps.csv", "person,t,x,y,label", rows)
    elif kind == "ts":
        head = "@problemName Walk\n@univariate true\n@classLabel true a b\n@data"
        _lines(folder / "Walk_TRAIN.ts", head, (f"{_numbers(row)}:{'ab'[i % 2]}" for i, row in _count(walks)))
    elif kind == "ucr":
        for part in ("TRAIN", "TEST"):
            _lines(folder / f"Walk_{part}.tsv", None, (f"{i % 2 + 1}\t{_numbers(row, chr(9))}" for i, row in _count(walks)))
    elif kind == "arrays":
        np.savez(folder / "series.npz", x_train=walks[:, :, None].astype("float32"), y_train=np.arange(40) % 2)
    elif kind == "step-files":
        _classes(folder, "csv", lambda path, i: _lines(path, "x,y", (f"{a:.3f},{b:.3f}" for a, b in pairs[i : i + 20])))
    elif kind == "sounds":
        _classes(folder, "wav", lambda path, i: wavfile.write(path, 8000, (generator.normal(size=2000) * 8000).astype("int16")))
    else:
        _inputs(folder, generator)


def _inputs(folder, generator):
    """Files to predict, for runs on built-in data."""
    from sklearn import datasets

    Image.fromarray(generator.integers(0, 255, (8, 8), np.uint8)).save(folder / "digit.png")
    np.save(folder / "digits.npy", generator.integers(0, 255, (2, 8, 8, 1), np.uint8))
    (folder / "texts.txt").write_text("Return the sum.\nOpen a file.\n")
    _lines(folder / "texts.csv", "text", ["Return the sum.", '"Open, then close."'])
    np.save(folder / "series.npy", generator.normal(size=(3, 64, 1)).astype("float32"))
    _lines(folder / "series.csv", "pixel", map(str, generator.integers(0, 16, 64)))
    for name, load in (("cancer", datasets.load_breast_cancer), ("diabetes", datasets.load_diabetes)):
        data = load()
        _lines(folder / f"{name}.csv", ",".join(data.feature_names), (",".join(map(str, row)) for row in data.data[:5]))


def _count(rows):
    return list(enumerate(rows))


def _numbers(row, separator=","):
    return separator.join(f"{value:.3f}" for value in row)


def _lines(path, head, rows):
    path.write_text("\n".join([*([] if head is None else [head]), *rows]) + "\n")


def _classes(folder, suffix, write):
    for name in ("a", "b"):
        (folder / name).mkdir()
        for i in range(12):
            write(folder / name / f"{i}.{suffix}", i)


def _photo(generator, path):
    Image.fromarray(generator.integers(0, 255, (8, 8, 3), np.uint8)).save(path)
