"""Numbers, names and words of any length, on the command line and in data: a line about them, in no time."""

import os

import pytest

from hornbook import UserError, __main__, command_line, endings, files
from hornbook.data import csv_rows, naming, splits
from hornbook.inference import ensemble
from hornbook.inference.predict import command as predict
from hornbook.recipes import image_classification

MANY = 10**5


pytestmark = pytest.mark.usefixtures("no_wait")


def parse(kind, *words):
    return command_line.parse(kind, list(words), "hornbook job", "")


def said(kind, *words):
    with pytest.raises(UserError) as raised:
        parse(kind, *words)
    return str(raised.value)


# What is too long, leads nowhere, or would do something in a terminal.
STRANGE = {"a long name": "x" * 5000, "a deep path": "a/" * 3000, "no user": "~nobody-has-this-name/x", "a sequence": "\x1b[31m\na\u202e"}
COMMANDS = [
    "WORD", "image-classification WORD", "image-classification --WORD", "image-classification --depth WORD",
    "image-classification --optimizer WORD", "image-classification --model WORD", "image-classification --model WORD:builder",
    "image-classification --dataset WORD", "image-classification --dataset folder:WORD", "image-classification --config WORD",
    "image-classification --output WORD --dataset nosuch", "text-classification --dataset csv:WORD", "regression --dataset npz:WORD",
    "sequence-classification --dataset ts:WORD", "tabular-classification --dataset wine --id-column WORD",
    "tabular-classification --dataset csv:FILE --encoding WORD", "tabular-classification --test-dataset csv:WORD --dataset csv:FILE",
    "check WORD", "runs WORD", "runs . --sort WORD", "predict WORD WORD", "evaluate WORD", "export WORD --format keras",
    "export run --format WORD", "export run --format keras --output WORD", "tune WORD", "tune regression --vary WORD",
    "tune regression --vary depth=WORD", "tune regression --space WORD", "tune regression --space WORD:space",
    "tune regression --objective WORD", "tune regression --warm-start WORD",
]  # fmt: skip


@pytest.mark.parametrize("strange", STRANGE)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_strange_word_anywhere_is_one_line_that_a_terminal_can_show(command, strange, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    (tmp_path / "run").mkdir()
    files.write_json(tmp_path / "run" / "config.json", {})
    files.write_json(tmp_path / "run" / "result.json", {"metrics": {"a": 1}, "seconds": 1})
    words = [word.replace("WORD", STRANGE[strange]).replace("FILE", "a.csv") for word in command.split()]
    with pytest.raises(SystemExit) as raised, endings.ending("hornbook"):
        __main__.run(words)
    said = capsys.readouterr()
    assert raised.value.code == 2
    assert said.err.endswith("\n")
    assert said.err[:-1].isprintable()
    assert said.out.replace("\n", "").isprintable()
    assert 20 < len(said.err) < 2100
    assert sorted(os.listdir(tmp_path)) == ["a.csv", "run"]


@pytest.mark.parametrize(
    ("words", "near"),
    [
        (["--config", "config.json"], "'lerning_rate'; accepted are learning_rate,"),
        (["--optimizer", "adm"], "accepted are adam, "),
        (["--model", "restnet"], "resnet"),
    ],
)
def test_of_all_that_is_accepted_the_nearest_are_named(words, near, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    files.write_json(tmp_path / "config.json", {"recipe": "image_classification", "lerning_rate": 1})
    with pytest.raises(SystemExit), endings.ending("hornbook"):
        __main__.run(["image-classification", *words])
    said = capsys.readouterr().err
    assert near in said
    assert len(said) < 300


@pytest.mark.parametrize("word", ["-" * MANY, "-" + "x" * MANY, "--" + "x" * MANY, "--no-" + "x" * MANY + "=3"])
def test_an_option_whose_name_has_no_end(word):
    # Compared letter by letter with each option that there is, it would take hours.
    assert said(image_classification.Args, word) == f"there is no option {word.removesuffix('=3')}; see hornbook job --help"


def test_a_text_to_predict_may_begin_with_a_dash():
    text = "- a long text that begins with a dash, as an item of a list does " * 20
    assert parse(predict.PredictArgs, "run", text).inputs == (text,)


@pytest.mark.parametrize(
    ("kind", "flag"), [(image_classification.Args, "--seed"), (image_classification.Args, "--seeds"), (ensemble.EnsembleArgs, "--select")]
)
def test_a_number_of_too_many_digits(kind, flag):
    words = ["run"] if kind is ensemble.EnsembleArgs else []
    assert said(kind, *words, f"{flag}={'9' * 5000}") == f"{flag} takes a whole number, got 5000 digits; see hornbook job --help"


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("--depth=", "--depth takes a whole number, got ''"),
        ("--depth=1e3", "--depth takes a whole number, got '1e3'"),
        ("--minutes=", "--minutes takes a number, got ''"),
        ("--warmup-epochs=long", "--warmup-epochs takes a number, got 'long'"),
        ("--dropout=0x1", "--dropout takes a number or auto, got '0x1'"),
        ("--epochs=\u0663.0", "--epochs takes a whole number or auto, got '\u0663.0'"),
    ],
)
def test_a_number_that_is_none_is_told_in_the_words_of_the_flag(word, told):
    assert said(image_classification.Args, word) == f"{told}; see hornbook job --help"


@pytest.mark.parametrize(
    "fold", [f"1/{'9' * 5000}", f"{'9' * 5000}/5", "\u0661/\u0665", "1/5\n", "0/5", "6/5", "1/1", "-1/5", "1/5/5", "1e0/5"]
)
def test_a_fold_that_is_none(fold):
    with pytest.raises(UserError, match=r"^--fold must be a number of how many, such as 2/5, got "):
        splits.validation_share("auto", fold)


# As a CSV file's labels may be; Python makes no number of more than 4,300 digits, and no whole number of an infinite one.
DIGITS = ["9" * 400, "9" * 5000, "-" + "1" * 5000, "1" + "0" * 400 + ".0"]


@pytest.mark.parametrize("name", DIGITS, ids=len)
def test_classes_of_hundreds_of_digits(name):
    assert naming.in_order(["2", name, "10"]) == sorted(["2", name, "10"])
    assert naming.spelt_twice(["2", name, "10"]) is None


def test_codes_that_differ_in_their_last_digit_alone_are_two():
    first, second = "9007199254740992", "9007199254740993"  # As float64 they are one number.
    assert naming.spelt_twice([first, second]) is None
    assert naming.spelt_twice([first, f"{first}.0"]) == ([first, f"{first}.0"], "are one number")


def test_a_table_of_many_columns_takes_as_long_as_its_bytes(tmp_path):
    columns = [f"column{place}" for place in range(2 * MANY)]
    (tmp_path / "a.csv").write_text(",".join(columns) + "\n" + ",".join(["1"] * len(columns)) + "\n")
    table = csv_rows.read(tmp_path / "a.csv")
    assert [table.column(name) for name in columns[::1000]] == [["1"]] * 200
    naming.require("a.csv", table.columns, columns, "--feature-columns")
    (tmp_path / "a.csv").write_text(",".join([*columns, columns[7]]) + "\n")
    with pytest.raises(UserError, match="has two columns called 'column7'; rename one"):
        csv_rows.read(tmp_path / "a.csv")


def test_without_sources_there_are_options_and_no_helps(monkeypatch):
    def refuse(of):
        raise OSError("could not get source code")

    monkeypatch.setattr(command_line.inspect, "getsource", refuse)
    assert parse(image_classification.Args, "--seed", "3").seed == 3
