"""Code runs that the command line names, never what a file names."""

import json
import sys

import pytest

from hornbook import UserError, command_line
from hornbook.data.inputs import whole
from hornbook.inference import runs_table
from hornbook.inference.finished_run import load_model, open_run
from hornbook.recipes import image_classification
from hornbook.training import runs

Args = image_classification.Args


@pytest.fixture
def evil(tmp_path, monkeypatch):
    """The current folder has a module that a file may name, and the file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evilmod.py").write_text("import pathlib\npathlib.Path('ran').write_text('')\n")
    (tmp_path / "config.json").write_text(json.dumps({"recipe": "image_classification", "model": "evilmod:builder", "epochs": 3}))
    yield tmp_path
    assert "evilmod" not in sys.modules
    assert not (tmp_path / "ran").exists()


def parse(*words):
    return command_line.parse(Args, words, "hornbook image-classification", "")


@pytest.mark.parametrize(
    "words", [["--config", "config.json"], ["--config=config.json", "--epochs", "4"], ["--width", "8", "--config", "config.json"]]
)
def test_a_config_that_names_code_is_refused(words, evil):
    with pytest.raises(
        UserError, match=r"config.json names code that would run, model 'evilmod:builder'; .* --trust-code .* or --model yourself"
    ):
        parse(*words)


def test_somebody_vouches_for_the_code_or_names_it(evil):
    assert parse("--config", "config.json", "--trust-code").model == "evilmod:builder"
    assert parse("--trust-code", "--config", "config.json", "--epochs", "5").epochs == 5
    assert parse("--config", "config.json", "--model", "evilmod:builder").model == "evilmod:builder"
    assert parse("--config", "config.json", "--model=cnn").model == "cnn"


def test_without_a_config_there_is_nothing_to_trust():
    with pytest.raises(UserError, match="no option --trust-code"):
        parse("--trust-code")


def test_words_in_a_list_are_no_flags(tmp_path):
    (tmp_path / "config.json").write_text('{"seed": ["1", "--model=evilmod:builder", "--output=/"]}')
    with pytest.raises(UserError, match="--seed takes a whole number, got"):
        parse("--config", str(tmp_path / "config.json"))


def test_what_was_chosen_for_a_run_names_no_code(evil):
    values = {"model": "cnn", "epochs": 3}
    with runs.Run(evil / "run", {"a": 1}) as run:
        assert run.choose(values, Args) == values
        run.checkpoint.write_bytes(b"")
    for chosen, said in (
        ({"model": "evilmod:builder"}, "has model 'evilmod:builder'"),
        ({"output": "/"}, "has output '/', which was not left to the data"),
        ({"epochs": "3"}, '--epochs takes a whole number or auto, got "3"'),
    ):
        (evil / "run" / "chosen.json").write_text(json.dumps(chosen))
        with runs.Run(evil / "run", {"a": 1}) as run, pytest.raises(UserError) as raised:
            run.choose(values, Args)
        assert said in str(raised.value)


def test_a_remedy_names_no_code():
    with pytest.raises(UserError, match=r"names? code that would run, model 'evilmod:builder'"):
        command_line.with_options(Args(), {"model": "evilmod:builder"})
    assert command_line.with_options(Args(model="mine:builder"), {"epochs": 4}).model == "mine:builder"


@pytest.mark.parametrize("name", ["config.json", "chosen.json"])
def test_a_run_whose_file_names_code_is_used_without_it(name, evil, copy_of, inputs):
    folder = copy_of("images")
    values = json.loads((folder / name).read_text())
    (folder / name).write_text(json.dumps({**values, "model": "evilmod:builder", "space": "evilmod:space"}))
    trained, medium = open_run(folder)
    medium.examples([value for _, value in whole(medium.read(inputs["images"], trained))], trained)
    load_model(trained)
    assert len(runs_table.find(folder)[0]) == 1


# Layers of a model file.

_LAYERS = [
    ({"class_name": "Lambda", "module": "keras.layers", "registered_name": None}, "has a Lambda, which holds or loads code"),
    ({"class_name": "TorchModuleWrapper", "module": "keras.layers", "registered_name": None}, "has a TorchModuleWrapper, which holds"),
    ({"class_name": "TFSMLayer", "module": "keras.layers", "registered_name": None}, "has a TFSMLayer, which holds or loads code"),
    (
        {"class_name": "Evil", "module": "evilmod", "registered_name": "Custom>Evil"},
        "a layer 'Custom>Evil' of the module 'evilmod', which is neither",
    ),
    ({"class_name": "Evil", "module": "keras_hub.layers", "registered_name": None}, "of the module 'keras_hub.layers', which is neither"),
    ({"class_name": "Evil", "module": ["keras"], "registered_name": 5}, "which is neither"),
    ({"class_name": "function", "module": "os", "config": "system", "registered_name": "system"}, "of the module 'os'"),
    ({"class_name": "__lambda__", "config": {"value": "4wAA"}}, "has a __lambda__, which holds or loads code"),
]


@pytest.mark.parametrize(("layer", "said"), _LAYERS)
def test_a_model_with_code_in_it(layer, said, evil, copy_of, rewritten):
    folder = copy_of("images")

    def change(described):
        described["config"]["layers"][1] |= {"config": {"function": layer}}

    rewritten(folder / "model.keras", change)
    with pytest.raises(UserError) as raised:
        open_run(folder)
    assert said in str(raised.value)


def test_a_layer_that_calls_itself_hornbooks(evil, copy_of, rewritten):
    folder = copy_of("images")

    def change(described):
        described["config"]["layers"][1] |= {"class_name": "Evil", "module": "evilmod", "registered_name": "hornbook>Evil"}

    rewritten(folder / "model.keras", change)
    trained, _ = open_run(folder)
    with pytest.raises(
        UserError, match=r"model.keras cannot be loaded, it is broken or of another release of Keras: Could not locate class"
    ):
        load_model(trained)
