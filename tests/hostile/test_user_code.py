"""A user's own module with an error: its own message, its file and its line, wherever the error arises."""

import sys

import pytest

from hornbook import UserError, user_code
from hornbook.recipes import image_classification

MODULES = {
    "def build(shape, outputs):\n    return 1 / 0\n": "ZeroDivisionError: division by zero ({}, line 2)",
    "def build(shape, outputs)\n    return 1\n": "SyntaxError: expected ':' ({}, line 1)",
    "import keras\n\nraise RuntimeError('two\\nlines')\n": "RuntimeError: two ({}, line 3)",
    "import nosuch_module\n": "ModuleNotFoundError: No module named 'nosuch_module' ({}, line 1)",
    "import sys\nsys.exit('bye')\n": "SystemExit: bye ({}, line 2)",
    "def help():\n    raise KeyError('depth')\n\ndef build(shape, outputs):\n    help()\n": "KeyError: 'depth' ({}, line 2)",
    "import keras\ndef build(shape, outputs):\n    return keras.layers.Dense(-1)\n": "ValueError: Received an invalid value for `units`",
    "other = 1\n": "has no 'build'",
    "build = 1\n": "has no function 'build'",
}


@pytest.mark.parametrize("number", range(len(MODULES)))
def test_an_error_in_the_user_s_module_is_told_with_its_line(number, tmp_path, monkeypatch):
    (source, said), name = list(MODULES.items())[number], f"own_module_{number}"
    (tmp_path / f"{name}.py").write_text(source)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UserError) as raised:
        user_code.load(f"{name}:build", "--model")((8, 8, 1), 10)
    assert str(raised.value).startswith(f"--model {name}:build: ")
    assert said.format(tmp_path / f"{name}.py") in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("given", ["nosuch_module:build", "a b:c", "..x:y", "json:", ":build", "json.nosuch:x"])
def test_a_module_that_is_none_is_refused(given, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    with pytest.raises(UserError, match="--space "):
        user_code.load(given, "--space")


def test_an_error_while_the_user_s_model_trains_is_told_with_its_line(tmp_path, monkeypatch):
    lines = [
        "import keras", "", "class Layer(keras.layers.Layer):", "    def call(self, x, training=False):",
        "        if training: raise RuntimeError('not while training')", "        return x", "",
        "def build(shape, outputs):", "    inputs = keras.Input(shape)",
        "    return keras.Model(inputs, keras.layers.Dense(outputs)(keras.layers.Flatten()(Layer()(inputs))))",
    ]  # fmt: skip
    (tmp_path / "own_layers.py").write_text("\n".join(lines))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    args = image_classification.Args(model="own_layers:build", epochs=1, batch_size=512, output=str(tmp_path / "run"))
    with pytest.raises(UserError, match=r"--model own_layers:build: RuntimeError: not while training \(.*own_layers.py, line 5\)"):
        image_classification.main(args)
