"""What a stranger, a broken disk or a cut-off copy makes of a folder: files changed at random, as bytes and as what they hold."""

import io
import json
import os
import re
import zipfile
import zlib

import numpy as np

# Put in the place of a JSON value.
_VALUES = (
    None, True, 0, -1, 1, 10**9, 2**63, -(2**63), 1e308, 0.5, "", "x", "x" * 5000, "\u001b[31m", "../../elsewhere", "/etc/passwd",
    "evilmod:builder", [], [0], [[]], [None] * 100, {}, {"a": 0}, {"class_name": "Lambda"},
)  # fmt: skip
_WORDS = ("NaN", "Infinity", "-Infinity", "1e999", "[" * 5000, "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"), "{", "'a'")


# Put in the place of a cell of a table.
_CELLS = (
    "", "nan", "inf", "-1", "1e999", "1e308", "99999999999999999999", "0x10", "1,5", "x" * 5000, "=1+1", "\u001b[31m", '"', "'", "\0",
    "\u202e", "\u00e9", "\U0001f600", " ", "\t", "\n", "\r", "true", "?", "../../elsewhere", "/etc/passwd",
)  # fmt: skip
_SELDOM_READ = (".html", ".lock", "history.csv", "split.csv", "trials.csv", "log.txt")
_ARCHIVES, _TABLES = (".keras", ".npz"), (".csv", ".tsv", ".ts", ".txt")


def mutate(folder, random, others, precious):
    """Change a file below a folder, and say what was done.

    Args:
        folder: `pathlib.Path`.
        random: `random.Random`.
        others: files of other runs and data, of which one may take a file's place.
        precious: a file elsewhere, to which a link may lead.
    """
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    if not files:
        return "nothing is left"
    # What few commands read is changed more seldom.
    [path] = random.choices(files, [1 if path.suffix in _SELDOM_READ or path.name in _SELDOM_READ else 5 for path in files])
    way = random.choice((_content, _content, _content, _content, _content, _other, _kind))
    name = str(path.relative_to(folder))
    if way is _kind:
        return f"{name} {_kind(path, random, precious)}"
    changed, told = _other(path, random, others) if way is _other else _content(path.suffix, path.read_bytes(), random, files)
    # A file that is linked or only to be read is not what is meant here.
    temporary = path.with_name(path.name + ".fuzz")
    temporary.write_bytes(changed)
    os.replace(temporary, path)
    return f"{name}: {told}"


def _kind(path, random, precious):
    """A link, a pipe, a folder or nothing in the place of a file."""
    path.unlink()
    kind = random.choice((*["removed"] * 3, "a link elsewhere", "a link to /dev/zero", "a link to nothing", "a pipe", "a folder"))
    if kind.startswith("a link"):
        path.symlink_to({"elsewhere": precious, "/dev/zero": "/dev/zero", "nothing": "nothing"}[kind.split()[-1]])
    elif kind == "a pipe":
        os.mkfifo(path)
    elif kind == "a folder":
        path.mkdir()
    return kind


def _other(path, random, others):
    """What another run's or another set's file of this name, or else of this suffix, holds."""
    alike = [other for other in others if other.name == path.name] or [other for other in others if other.suffix == path.suffix] or others
    other = random.choice(alike)
    return other.read_bytes(), f"what {'/'.join(other.parts[-4:])} holds"


def _content(suffix, content, random, files):
    ways = [_flip, _cut, _insert, _double, _zero, _empty, _swap(files)]
    if suffix == ".json":
        ways = [_value, _value, _value, _nudge, _nudge, _nudge, _word, _without_key, _key_twice, *ways]
    elif suffix in _ARCHIVES:
        ways = [_member, _member, _member, _member, *ways]
    elif suffix in _TABLES:
        ways = [_cell, _cell, _cell, _row, _row, *ways]
    return random.choice(ways)(content, random)


def _member(content, random):
    """A file within an archive changed, with a checksum that fits."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [(entry, archive.read(entry)) for entry in archive.infolist()]
        place = random.randrange(len(members))
        entry, inside = members[place]
        suffix = os.path.splitext(entry.filename)[1]
        if entry.filename == "about.npy":  # JSON, in an array.
            changed, told = _content(".json", str(np.load(io.BytesIO(inside))).encode(), random, [])
            array = io.BytesIO()
            np.save(array, np.array(changed.decode("utf-8", "replace")))
            changed = array.getvalue()
        else:
            changed, told = _content(suffix, inside, random, [])
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, zlib.error, NotImplementedError, RuntimeError):
        return content, "as it was"
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for number, (one, old) in enumerate(members):
            archive.writestr(one.filename, changed if number == place else old)
    return written.getvalue(), f"{entry.filename} in it: {told}"


def _cell(content, random):
    """A cell of a table replaced."""
    lines = content.split(b"\n")
    place = random.randrange(len(lines))
    cells = re.split(rb"([,;\t:])", lines[place])
    new = random.choice(_CELLS)
    cells[2 * random.randrange((len(cells) + 1) // 2)] = new.encode()
    lines[place] = b"".join(cells)
    return b"\n".join(lines), f"{new[:20]!r} in line {place + 1}"


def _row(content, random):
    """Lines of a table removed, doubled, or moved to its end."""
    lines = content.split(b"\n")
    first = random.randrange(len(lines))
    some = lines[first : first + random.choice((1, 1, 2, 20))]
    way = random.choice(("removed", "doubled", "moved"))
    rest = lines if way == "doubled" else lines[:first] + lines[first + len(some) :]
    return b"\n".join(rest if way == "removed" else rest + some), f"{len(some)} lines from {first + 1} {way}"


def _nudge(content, random):
    """A JSON value that could be: another number, a list with an entry less or more or in another order, another text or truth."""
    value = _loaded(content)
    places = [path for path in _places(value) if path]
    if not places:
        return content, "as it was"
    path = random.choice(places)
    parent = _parent(value, path)
    old = parent[path[-1]]
    if isinstance(old, bool):
        new = not old
    elif isinstance(old, int | float) and abs(old) < 1e300:
        new = random.choice((old + 1, old - 1, -old, old * 2, old / 2, round(old), old * 1.001))
    elif isinstance(old, str):
        new = random.choice((old + "x", old[:-1], old[::-1], old.upper()))
    elif isinstance(old, list) and old:
        shuffled = random.sample(old, len(old))
        new = random.choice((old[:-1], [*old, old[0]], shuffled, old[::-1]))
    else:
        return content, "as it was"
    parent[path[-1]] = new
    return json.dumps(value).encode(), f"{str(new)[:40]!r}, not {str(old)[:40]!r}, at {'.'.join(map(str, path))}"


def _flip(content, random):
    changed = bytearray(content)
    for _ in range(random.choice((1, 1, 1, 8, 64)) if changed else 0):
        changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed), "bits flipped"


def _cut(content, random):
    length = random.randrange(len(content) + 1)
    return content[:length], f"cut to {length} bytes"


def _insert(content, random):
    place = random.randrange(len(content) + 1)
    return content[:place] + random.randbytes(random.choice((1, 4, 100))) + content[place:], f"bytes inserted at {place}"


def _double(content, random):
    first = random.randrange(len(content) + 1)
    part = content[first : first + random.choice((1, 20, 1000))]
    return content[:first] + part + content[first:], f"bytes doubled at {first}"


def _zero(content, random):
    first = random.randrange(len(content) + 1)
    length = min(len(content) - first, random.choice((1, 16, 4096)))
    return content[:first] + bytes(length) + content[first + length :], f"zeros at {first}"


def _empty(content, random):
    return b"", "emptied"


def _swap(files):
    def swap(content, random):
        other = random.choice(files) if files else None
        return (other.read_bytes(), f"what {other.name} holds") if other else (content, "as it was")

    return swap


def _places(value, path=()):
    """The paths of all values within JSON values."""
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from _places(child, (*path, key))


def _parent(value, path):
    """The list or dict that holds what is at a path."""
    for key in path[:-1]:
        value = value[key]
    return value


def _loaded(content):
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _value(content, random):
    value, new = _loaded(content), random.choice(_VALUES)
    path = random.choice(list(_places(value)))
    if not path:
        return json.dumps(new).encode(), f"{str(new)[:40]!r} in place of all"
    _parent(value, path)[path[-1]] = new
    return json.dumps(value).encode(), f"{str(new)[:40]!r} at {'.'.join(map(str, path))}"


def _word(content, random):
    value, word = _loaded(content), random.choice(_WORDS)
    path = random.choice(list(_places(value)))
    mark = "a place that nothing else has"
    parent = holder = {"all": value}
    for key in ("all", *path)[:-1]:
        parent = parent[key]
    parent[("all", *path)[-1]] = mark
    return json.dumps(holder["all"]).replace(json.dumps(mark), word).encode(
        "latin-1", "replace"
    ), f"{word[:20]} at {'.'.join(map(str, path))}"


def _without_key(content, random):
    value = _loaded(content)
    if not isinstance(value, dict) or not value:
        return content, "as it was"
    key = random.choice(sorted(value))
    del value[key]
    return json.dumps(value).encode(), f"without {key}"


def _key_twice(content, random):
    value = _loaded(content)
    if not isinstance(value, dict) or not value:
        return content, "as it was"
    key = random.choice(sorted(value))
    return f"{json.dumps(value)[:-1]}, {json.dumps(key)}: {json.dumps(random.choice(_VALUES))}}}".encode(), f"{key} twice"
