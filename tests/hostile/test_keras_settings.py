"""Keras' own settings, in ~/.keras/keras.json and the environment: honoured and recorded, or taken back and said."""

import json
import os
import pwd

import keras
import pytest

from hornbook import UserError, libraries
from hornbook.recipes import tabular_classification


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """A function that writes a keras.json, which Keras would read in a process that begins."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_BACKEND", raising=False)

    def write(values):
        path = tmp_path / "keras.json"
        path.write_text(values if isinstance(values, str) else json.dumps(values))
        return path

    return write


def test_the_backend_is_the_one_that_keras_takes(settings, monkeypatch):
    assert libraries.backend() == "tensorflow"
    settings({"backend": "jax"})
    monkeypatch.setitem(libraries.sys.modules, "jax", None)
    assert libraries.backend() == "jax"
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    assert libraries.backend() == "tensorflow"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"backend": "theano"}, "the backend in {} must be tensorflow, jax or torch, got 'theano'"),
        ({"backend": ["jax"]}, "the backend in {} must be tensorflow, jax or torch, got ['jax']"),
        ({"floatx": "float8"}, "{}, Keras' settings, has floatx 'float8'; accepted are float16, float32, float64"),
        ({"floatx": None}, "{}, Keras' settings, has floatx None; accepted are float16, float32, float64"),
        ({"image_data_format": []}, "{}, Keras' settings, has image_data_format []; accepted are channels_last, channels_first"),
        ({"epsilon": "small"}, "{}, Keras' settings, has epsilon 'small'; accepted is a number such as 1e-7"),
        ([], "{}, Keras' settings, must hold an object; mend or remove it"),
        ("[" * 100_000, "{}, Keras' settings, is nested too deeply; mend or remove it"),
        ("null", "{}, Keras' settings, must hold an object; mend or remove it"),
    ],
)
@pytest.mark.parametrize("named", [None, "tensorflow"])
def test_what_keras_would_end_at_is_refused_in_one_line(named, values, said, settings, monkeypatch):
    path = settings(values)
    if named:
        monkeypatch.setenv("KERAS_BACKEND", named)  # In spite of which Keras reads its settings.
        if "backend" in values:
            assert libraries.backend() == named
            return
    with pytest.raises(UserError) as raised:
        libraries.backend()
    assert str(raised.value) == said.format(path)


@pytest.mark.usefixtures("no_wait")
def test_settings_in_a_pipe_are_not_waited_for(tmp_path, settings):
    os.mkfifo(tmp_path / "keras.json")
    with pytest.raises(UserError, match=r"keras.json, Keras' settings, cannot be read: is a pipe, not a file; make it readable or remove"):
        libraries.backend()


@pytest.mark.parametrize("home", [None, "/nonexistent", "nowhere"])
def test_without_a_home_no_settings_of_strangers_are_read_or_written(home, tmp_path, monkeypatch):
    (tmp_path / "keras.json").write_text('{"backend": "theano"}')
    (tmp_path / "~" / ".keras").mkdir(parents=True)
    (tmp_path / "~" / ".keras" / "keras.json").write_text('{"backend": "theano"}')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_HOME", "")  # Keras would take this for the current folder.
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.delenv("HOME", raising=False)
    if home is None:
        monkeypatch.setattr(pwd, "getpwuid", lambda number: {}["no such user"])
    else:
        monkeypatch.setenv("HOME", home)
    with libraries.quiet_libraries():
        pass
    assert os.environ["KERAS_HOME"] == "/dev/null/.keras"
    with pytest.raises(OSError, match="Not a directory"):
        os.makedirs(os.environ["KERAS_HOME"])


def test_a_backend_that_is_not_installed_names_the_file(settings, monkeypatch):
    path = settings({"backend": "torch"})
    monkeypatch.delitem(libraries.sys.modules, "torch", raising=False)
    monkeypatch.setattr(libraries.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="is torch, which is not installed: pip install torch, or change it, or set KER") as raised:
        libraries.backend()
    assert str(path) in str(raised.value)


@pytest.mark.parametrize("text", ["", "{", "\x00"])
def test_what_is_no_json_is_passed_over_as_keras_does(text, settings):
    settings(text)
    assert libraries.backend() == "tensorflow"


def test_what_would_change_results_is_taken_back_and_said(tmp_path, capsys):
    asked = {"floatx": "float16", "epsilon": 1e-3, "image_data_format": "channels_first", "max_epochs": 1, "max_steps_per_epoch": 1}
    before = {name: getattr(keras.config, name)() for name in asked}
    policy = keras.config.dtype_policy()
    try:
        for name, value in asked.items():
            getattr(keras.config, f"set_{name}")(value)
        args = tabular_classification.Args(dataset="wine", model="mlp", width=4, epochs=2, output=str(tmp_path / "run"))
        result = tabular_classification.main(args)
        assert {name: getattr(keras.config, name)() for name in asked} == before
    finally:
        for name, value in before.items():
            getattr(keras.config, f"set_{name}")(value)
        keras.config.set_dtype_policy(policy)
    said = capsys.readouterr().err
    for name, value in asked.items():
        assert f"note: Keras' settings ask for {name} {value}, which Hornbook does not take" in said
    assert (result["epochs"], result["precision"]) == (2, "float32")
    model = keras.saving.load_model(tmp_path / "run" / "model.keras")
    assert {layer.compute_dtype for layer in model.layers} == {"float32"}


@pytest.mark.parametrize("name", ["KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH"])
@pytest.mark.parametrize("value", ["", "x", "1.5", "1e3", "9" * 5000, "\u0663", "0x1"])
def test_a_limit_in_the_environment_that_is_no_number(name, value, settings, monkeypatch):
    monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=rf"^{name} must be a whole number, got '.*'; unset it$"), libraries.quiet_libraries():
        pass


@pytest.mark.parametrize("name", ["TF_XLA_FLAGS", "XLA_FLAGS"])
def test_what_is_said_of_a_flag_that_ends_the_process_is_not_hidden(name, monkeypatch, capfd):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    monkeypatch.setattr(libraries.os.path, "exists", lambda path: False)

    def said():
        with libraries.hold_back():
            libraries.os.write(2, b"Unknown flag")
        return capfd.readouterr().err

    for other in ("TF_XLA_FLAGS", "XLA_FLAGS"):
        monkeypatch.delenv(other, raising=False)
    assert not said()
    monkeypatch.setenv(name, "--nonsense")
    assert said() == "Unknown flag"
