"""What a stranger, a broken disk or a cut-off copy makes of a folder: files changed at random, as bytes and as what they hold."""

import json
import os

# Put in the place of a JSON value.
_VALUES = (
    None, True, 0, -1, 1, 10**9, 2**63, -(2**63), 1e308, 0.5, "", "x", "x" * 5000, "\u001b[31m", "../../elsewhere", "/etc/passwd",
    "evilmod:builder", [], [0], [[]], [None] * 100, {}, {"a": 0}, {"class_name": "Lambda"},
)  # fmt: skip
_WORDS = ("NaN", "Infinity", "-Infinity", "1e999", "[" * 5000, "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"), "{", "'a'")


def mutate(folder, random):
    """Change a file below a folder, and say what was done.

    Args:
        folder: `pathlib.Path`.
        random: `random.Random`.
    """
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    if not files:
        return "nothing is left"
    path = random.choice(files)
    ways = [_flip, _cut, _insert, _double, _zero, _empty, _remove, _swap(files)]
    if path.suffix == ".json":
        ways = [_value, _value, _value, _word, _without_key, *ways]
    way = random.choice(ways)
    content = path.read_bytes()
    if way is _remove:
        path.unlink()
        return f"{path.name} removed"
    changed, told = way(content, random)
    # A file that is linked or only to be read is not what is meant here.
    temporary = path.with_name(path.name + ".fuzz")
    temporary.write_bytes(changed)
    os.replace(temporary, path)
    return f"{path.name}: {told}"


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


def _remove(content, random):
    raise AssertionError("removed by `mutate`")


def _swap(files):
    def swap(content, random):
        other = random.choice(files)
        return other.read_bytes(), f"what {other.name} holds"

    return swap


def _places(value, path=()):
    """The paths of all values within JSON values."""
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from _places(child, (*path, key))


def _loaded(content):
    try:
        return json.loads(content)
    except ValueError:
        return None


def _value(content, random):
    value, new = _loaded(content), random.choice(_VALUES)
    path = random.choice(list(_places(value)))
    if not path:
        return json.dumps(new).encode(), f"{str(new)[:40]!r} in place of all"
    parent = value
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = new
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
