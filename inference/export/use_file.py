"""`use.py`, the few lines beside an exported model that take what somebody has and give answers, put together from `format_lines` and
`medium_lines`. Nothing in it comes from a run: what differs from run to run is read from the JSON files beside it.
"""

import inspect

from hornbook.inference.export import format_lines, medium_lines

# What each format's model is run by, as it is installed.
RUNTIMES = {"keras": "keras tensorflow", "saved_model": "tensorflow", "onnx": "onnxruntime", "litert": "ai-edge-litert"}
# What each kind of input takes beside NumPy, and for what.
FURTHER = {"images": ("pillow", "image files"), "texts": ("tokenizers", "tokens")}
_TABLE = 'TABLE = json.loads((HERE / "table.json").read_text(encoding="utf-8"))'
# The functions of each kind of input by their beginnings, and what is made once before they are used.
_KINDS = {
    "images": ("images", "images", ""),
    "texts": ("texts", "texts", "TOKENIZER, NGRAMS = tokens()"),
    "strings": ("texts", "strings", ""),
    "series": ("series", "series", ""),
    "sound": ("sound", "sound", ""),
    "tables": ("tables", "tables", _TABLE),
    "columns": ("tables", "columns", _TABLE),
}
_COMMON = (format_lines.predict, format_lines.sets, format_lines.mean_of_windows, format_lines.main, format_lines.said, format_lines.shown)
# What `predict` takes a list of, in words.
TAKES = {
    "images": "arrays (height, width, channels) of pixels",
    "texts": "strings",
    "strings": "strings",
    "series": "arrays (steps, features) of numbers",
    "sound": "arrays (samples,) from -1 to 1",
    "tables": "dicts of column to number or text, None where a value is missing",
    "columns": "dicts of column to number or text, None where a value is missing",
}


def text(format_name, kind):
    """The text of `use.py`.

    Args:
        format_name: "keras", "saved_model", "onnx" or "litert".
        kind: what the model takes, a key of `TAKES`.
    """
    read, prepare, once = _KINDS[kind]
    parts = [_copied(getattr(format_lines, f"load_{format_name}"), "load")]
    if kind == "texts":
        parts.append(_copied(medium_lines.tokens))
    if read == "tables":
        parts.append(_copied(medium_lines.cell))
    parts.append(_copied(getattr(medium_lines, f"read_{read}"), "read"))
    parts += [_copied(getattr(medium_lines, f"{name}_{prepare}"), name) for name in ("prepare", "stack")]
    parts += [_copied(one) for one in _COMMON]
    if once:
        parts.append(once)
    return "\n\n".join([_head(format_name, kind) + format_lines.START, *parts]) + "\n\n" + format_lines.END


def packages(format_name, kind):
    """The packages that `use.py` needs, as pip calls them: a list."""
    return ["numpy", *RUNTIMES[format_name].split(), *([FURTHER[kind][0]] if kind in FURTHER else [])]


def _head(format_name, kind):
    further = f", and {FURTHER[kind][0]} for {FURTHER[kind][1]}" if kind in FURTHER else ""
    return (
        f'"""Use the model in this folder: python use.py INPUT..., or from Python `use.predict([...])`.\n\n'
        f"Needs NumPy and {RUNTIMES[format_name].replace(' ', ' with ')} alone{further}; nothing of Hornbook, which wrote it.\n"
        f'`predict` takes a list of {TAKES[kind]}.\n"""\n'
    )


def _copied(function, name=None):
    """The source of a function, under another name if one is given."""
    source = inspect.getsource(function).rstrip()
    return source if name is None else source.replace(f"def {function.__name__}(", f"def {name}(", 1)
