"""The built-in dataset `docstrings`: which installed library does a sentence of documentation come from?

Real English that needs no network: the docstrings of Python's own library and of those that Hornbook depends on, read from their source
files without importing any. Names of libraries, code and markup are taken out, since they would give a library away. A sentence counts
once, and test sentences come from other docstrings than training sentences. Other versions of the libraries have other sentences, so a run
records the versions.
"""

import collections
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import pathlib
import re
import sysconfig
import zlib

import numpy as np

from hornbook import UserError, files

# Class, package, distribution. All are among what Hornbook needs, save the first, which comes with Python.
LIBRARIES = (
    ("keras", "keras", "keras"),
    ("numpy", "numpy", "numpy"),
    ("python", None, None),
    ("scikit-learn", "sklearn", "scikit-learn"),
    ("scipy", "scipy", "scipy"),
    ("tensorflow", "tensorflow", "tensorflow"),
)
_PER_CLASS = {"train": 1600, "validation": 200, "test": 400}
# Of a hundred docstrings, by their text: which part their sentences may stand in.
_SHARES = (("test", 20), ("validation", 10), ("train", 70))
_NOT_READ = ("test", "tests", "_test", "testing", "_vendor", "vendored", "site-packages", "idlelib", "lib2to3", "ensurepip", "externals",
             "array_api_extra", "array_api_compat", "turtledemo", "f2py")  # fmt: skip
_READ = ("_core", "_lib", "_linalg")  # Folders with an underscore are mostly generated, these are not.
_MOST_BYTES = 16_000_000  # Of one library's source: TensorFlow has 40 MB, of which no more is needed.
# Names of these libraries and what they are imported as; a sentence with one is left out.
_GIVE_AWAYS = re.compile(r"(?i)\b(keras|tensorflow\w*|tf|numpy|np|scipy|scikits?|sklearn|c?python\w*|tflite)\b")
# A string that begins a line is a docstring, in practice. Ten times as fast as a parse of the whole file.
_DOCSTRING = re.compile(r'^[ \t]*[rRuU]?"""(.*?)"""', re.MULTILINE | re.DOTALL)


def load():
    """Sentences with their classes by part, and what they were taken from.

    Returns:
        `{"train": (texts, labels), "validation": ..., "test": ...}`, texts a list of strings, labels an int64 array; the classes' names;
        and `{library: version}`.

    Raises:
        UserError: a library is not installed with its source.
    """
    versions = _versions()
    # The folders are part of the key, since one of two environments may hold a patched version; and this file, which chooses sentences.
    folders = [str(_folder(package)) for _, package, _ in LIBRARIES]
    key = json.dumps([zlib.crc32(pathlib.Path(__file__).read_bytes()), versions, folders])
    cached = _cache(key)
    sentences = cached and _read_cache(cached, key)
    if sentences is None:
        sentences = _balanced(_collect())
        if cached:
            _write_cache(cached, key, sentences)
    names = tuple(name for name, _, _ in LIBRARIES)
    parts = {}
    for part, rows in sentences.items():
        parts[part] = ([text for text, _ in rows], np.array([names.index(name) for _, name in rows], np.int64))
    return parts, names, versions


def _versions():
    return {name: importlib.metadata.version(package) if package else sysconfig.get_python_version() for name, _, package in LIBRARIES}


def _folder(package):
    """Where a package's source lies; looking it up imports nothing."""
    if package is None:
        return pathlib.Path(sysconfig.get_paths()["stdlib"])
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise UserError(f"--dataset docstrings needs the source files of {package}, which is not installed; pip install {package}")
    return pathlib.Path(found.submodule_search_locations[0])


def _collect():
    """Sentences by part and library, each with how it is compared: `{part: {library: {key: sentence}}}`."""
    found = {part: collections.defaultdict(dict) for part in _PER_CLASS}
    owners = collections.defaultdict(set)
    for name, package, _ in LIBRARIES:
        folder = _folder(package)
        for docstring in _docstrings(folder):
            part = _part(docstring)
            for sentence in _plain(docstring):
                key = re.sub(r"[^a-z]", "", sentence.lower())
                owners[key].add(name)
                # A sentence of several docstrings stands in the part that it was first met in.
                if not any(key in found[other][name] for other in found if other != part):
                    found[part][name].setdefault(key, sentence)
    for libraries in found.values():
        for name, sentences in libraries.items():
            libraries[name] = {key: sentence for key, sentence in sentences.items() if len(owners[key]) == 1}
    return found


def _docstrings(folder):
    """The docstrings of a library's source files, in an arbitrary order that is the same everywhere, up to a limit."""
    paths = []
    for root, folders, names in os.walk(folder):
        inside = os.path.relpath(root, folder)
        # TensorFlow brings an old copy of Keras.
        copied = inside == "python" and "keras" in folders
        folders[:] = [one for one in folders if (one not in _NOT_READ and one[0] not in "._") or one in _READ]
        folders[:] = [one for one in folders if not (copied and one == "keras")]
        paths += [os.path.join(inside, name) for name in names if name.endswith(".py") and not name.startswith(("test_", "gen_"))]
    paths.sort(key=lambda path: (zlib.crc32(path.encode()), path))
    left = _MOST_BYTES
    for path in paths:
        try:
            content = (folder / path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        left -= len(content)
        if left < 0:
            return
        yield from _DOCSTRING.findall(content)


def _part(docstring):
    place = zlib.crc32(docstring.encode()) // 7 % 100
    for part, share in _SHARES:
        place -= share
        if place < 0:
            return part
    raise AssertionError(_SHARES)


def _plain(docstring):
    """Sentences of a docstring that are nothing but words, without the marks that each library's authors set their own way."""
    for paragraph in re.split(r"\n\s*\n", docstring):
        lines = paragraph.split("\n")
        # Code, tables, lists of parameters and headings are no sentences.
        if any(line.startswith((">>>", "...", "```", "..", "|", "=", "-", "*", "@", ":")) for line in map(str.strip, lines)):
            continue
        text = " ".join(paragraph.split())
        text = re.sub(r":\w+(:\w+)?:`~?([^`<]*)[^`]*`", r"\2", text)
        text = re.sub(r"[`*]+", "", text)
        for sentence in re.split(r"(?<=[.])\s+(?=[A-Z])", text):
            if _is_plain(sentence):
                yield sentence


def _is_plain(sentence):
    words = sentence.split()
    if not 8 <= len(words) <= 50 or not re.fullmatch(r"[A-Z][A-Za-z0-9 ,;:'\"()/-]*\.", sentence):
        return False
    # Names of variables are no words.
    return not _GIVE_AWAYS.search(sentence) and not re.search(r"[a-z][A-Z]|[A-Za-z]\d|\d[A-Za-z]|\(\)", sentence)


def _balanced(found):
    """Equally many sentences of each library, in an arbitrary order: `{part: [(sentence, library), ...]}`."""
    parts = {}
    for part, libraries in found.items():
        count = min(_PER_CLASS[part], *(len(libraries[name]) for name, _, _ in LIBRARIES))
        rows = []
        for name, _, _ in LIBRARIES:
            chosen = sorted(libraries[name], key=lambda key: (zlib.crc32(key.encode()), key))[:count]
            rows += [(zlib.crc32(key.encode(), 1), libraries[name][key], name) for key in chosen]
        parts[part] = [(sentence, name) for _, sentence, name in sorted(rows)]
    return parts


def _cache(key):
    """The file that the sentences are kept in; None for a user without a home folder, who would find it in any current folder."""
    folder = files.given(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    return folder / "hornbook" / f"docstrings-{hashlib.sha256(key.encode()).hexdigest()[:16]}.json" if folder.is_absolute() else None


def _read_cache(path, key):
    """The cached sentences, or None if there are none or the file was changed."""
    try:
        with files.opened(path) as file:
            cached = json.load(file)
        if cached["key"] == key and cached["checksum"] == _checksum(cached["sentences"]):
            return cached["sentences"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        pass
    return None


def _write_cache(path, key, sentences):
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write_text(path, json.dumps({"key": key, "checksum": _checksum(sentences), "sentences": sentences}))
    except (OSError, UserError):  # A cache that cannot be written costs the seconds that it would have saved.
        pass


def _checksum(sentences):
    return zlib.crc32(json.dumps(sentences, sort_keys=True).encode())
