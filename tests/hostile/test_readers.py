"""Files of data with bytes changed, cut out and put in: a reader gives a result or one line, never another exception, never much memory."""

import io
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as some
from scipy.io import wavfile

from hornbook import UserError, data
from hornbook.data import csv_rows, inputs, npz
from hornbook.data.images import decoding
from hornbook.data.selection import written
from hornbook.data.series import audio, ts
from hornbook.data.series.source import Options
from hornbook.tuning import pruning

MOST = 2**27  # Bytes that a reader of some hundred bytes may take; Pillow takes up to 2**26 for the words in a picture.
LOOKED_AT = settings(
    derandomize=True, deadline=None, max_examples=60, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
# Bytes that mean something to one format or another come more often than others.
TELLING = [b"", b"\0", b"\xff" * 4, b"\xff\xff\xff\x7f", b"\n", b'"', b",", b"\t", b":", b"(", b"'", b"@data\n", b"1e999", b"nan", b"PK"]
NEW = some.one_of(some.sampled_from(TELLING), some.binary(max_size=6))
CHANGES = some.lists(some.tuples(some.floats(0, 1), some.integers(0, 9), NEW), max_size=4)


def changed(content, changes):
    """The bytes with some of them replaced: at a place between 0 (the beginning) and 1, so many, by others."""
    for place, size, new in changes:
        start = round(place * len(content))
        content = content[:start] + new + content[start + size :]
    return content


def arrays(packed):
    written = io.BytesIO()
    save = np.savez_compressed if packed else np.savez
    save(written, x=np.arange(24, dtype=np.float32).reshape(4, 6), y=np.array(["a", "b", "a", "b"]))
    return written.getvalue()


def pictures():
    written = io.BytesIO()
    np.savez(written, x_train=np.arange(8 * 16, dtype=np.uint8).reshape(8, 4, 4), y_train=np.arange(8) % 2)
    return written.getvalue()


def array():
    written = io.BytesIO()
    np.save(written, np.arange(24, dtype=np.float32).reshape(4, 6))
    return written.getvalue()


def sound(dtype):
    written = io.BytesIO()
    wavfile.write(written, 8000, np.arange(80).astype(dtype))
    return written.getvalue()


def picture(file_format):
    written = io.BytesIO()
    decoding._pillow().fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(written, file_format)
    return written.getvalue()


def stored(content):
    """An archive that is whole, its checksums too, with these bytes in the place of its arrays."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr("x.npy", content)
        archive.writestr("y.npy", content)
    return written.getvalue()


TABLE = 'name,weight,label\nAnna,1.5,yes\n"Berta, B.",2.5,no\nCäcilie,-3e4,yes\nDora,,no\n'.encode()
SERIES = b"# words\n@problemName x\n@classLabel true a b\n@data\n1,2,3:4,5,6:a\n1,?,3:4,5,6:b\n7,8:9,1:a\n"
LABELLED = b"text,number,label\n" + b"a good film,1.5,good\na bad film,2.5,bad\nseen twice,3,good\nseen once,4.5,bad\n" * 6
LONG = b"id,time,x,y,label\n" + b"".join(b"%d,%d,%d,2.5,%d\n" % (k // 3, k % 3, k, k // 3 % 2) for k in range(48))
HISTORY = b"epoch,loss,val_loss,seconds\n1,0.5,0.75,1.5\n2,0.25,nan,2.5\n"
SPLIT = b'part,label,source\ntrain,\'=cmd(),a.png\ntest,"a\nb",b.png\n'
PAIRS = {"train": (("x", "y"),)}
READERS = {
    "csv": ("a.csv", TABLE, lambda path: csv_rows.read(path, encoding="auto", header="auto")),
    "csv by row": ("a.csv", TABLE, lambda path: list(csv_rows.rows(csv_rows.layout(path, encoding="auto", header="auto")))),
    "tsv in utf-16": ("a.tsv", TABLE.decode().replace(",", "\t").encode("utf-16"), lambda path: csv_rows.read(path, encoding="auto")),
    "ts": ("a.ts", SERIES, lambda path: ts.read(path, Options())),
    "ts to predict": ("a.ts", SERIES, lambda path: ts.to_predict(path)),
    "tsv of series": ("a.tsv", b"1\t1.5\t2.5\n2\t3.5\tNaN\n1\t1\t1\n", lambda path: ts.read(path, Options())),
    "wav of 16 bits": ("a.wav", sound(np.int16), lambda path: audio.read(path)),
    "wav of 8 bits": ("a.wav", sound(np.uint8), lambda path: audio.read(path)),
    "wav of floats": ("a.wav", sound(np.float32), lambda path: audio.read(path)),
    "npz": ("a.npz", arrays(False), lambda path: npz.read_parts(path, PAIRS, "x and y")),
    "npz, packed": ("a.npz", arrays(True), lambda path: npz.read_parts(path, PAIRS, "x and y")),
    "npy": ("a.npy", array(), lambda path: inputs.array(path)[:]),
    "images of npz": ("a.npz", pictures(), lambda path: data.images.load(f"npz:{path}", validation_fraction=0, test_fraction=0)),
    "series of npz": ("a.npz", pictures(), lambda path: data.series.load(f"npz:{path}", validation_fraction=0, test_fraction=0)),
    "series of csv": ("a.csv", LONG, lambda path: data.series.load(f"csv:{path}", time_column="time", missing="interpolate")),
    "series of ts": (
        "a.ts",
        SERIES,
        lambda path: data.series.load(f"ts:{path}", missing="interpolate", validation_fraction=0, test_fraction=0),
    ),
    "tables": ("a.csv", LABELLED, lambda path: data.tables.load(f"csv:{path}")),
    "tables from disk": ("a.csv", LABELLED, lambda path: data.tables.load(f"csv:{path}", in_memory="never")),
    "numbers of tables": ("a.csv", LABELLED, lambda path: data.tables.load(f"csv:{path}", label_column="number", task="regression")),
    "texts": ("a.csv", LABELLED, lambda path: data.texts.load(f"csv:{path}")),
    "texts from disk": ("a.csv", LABELLED, lambda path: data.texts.load(f"csv:{path}", in_memory="never")),
    "what a search reads of a run": ("history.csv", HISTORY, lambda path: pruning.course([path], 1.0)),
    "what a run reads of its split": ("split.csv", SPLIT, lambda path: list(written.rows(path, path, "restore it"))),
    "png": ("a.png", picture("PNG"), lambda path: decoding.from_file(path, (4, 4, 1), 255)),
    "jpeg": ("a.jpg", picture("JPEG"), lambda path: decoding.from_file(path, (4, 4, 1), 255)),
}


@pytest.mark.parametrize("name", READERS)
def test_the_unchanged_file_is_read(tmp_path, name):
    file, content, read = READERS[name]
    (tmp_path / file).write_bytes(content)
    assert read(str(tmp_path / file)) is not None


@pytest.mark.parametrize("name", READERS)
@LOOKED_AT
@given(changes=CHANGES)
@example(changes=[(0.1484375, 2, b"PK")])  # The header of a sound of 8 bits that claims a gigabyte, and one of floats.
@example(changes=[(0.046875, 2, b"PK")])
def test_a_changed_file_is_read_or_refused_in_one_line(tmp_path, name, changes):
    file, content, read = READERS[name]
    path = tmp_path / file
    path.write_bytes(changed(content, changes))
    read_or_refused(path, read)


@LOOKED_AT
@given(changes=CHANGES)
def test_a_changed_array_in_an_archive_that_is_whole(tmp_path, changes):
    path = tmp_path / "a.npz"
    path.write_bytes(stored(changed(array(), changes)))
    read_or_refused(path, READERS["npz"][2])


@pytest.mark.parametrize("name", READERS)
@LOOKED_AT
@given(content=some.binary(max_size=300))
def test_any_bytes_are_read_or_refused_in_one_line(tmp_path, name, content):
    file, _, read = READERS[name]
    path = tmp_path / file
    path.write_bytes(content)
    read_or_refused(path, read)


def read_or_refused(path, read):
    said = ""
    tracemalloc.start()
    try:
        read(str(path))
    except (UserError, audio.UnreadableError) as error:
        said = str(error)
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert len(said) < 1000
    assert peak < MOST
