"""Files: those that people name, text in any encoding, and files that are written whole or not at all.

Whoever made a file or a folder may have wished us ill. What is read is opened by `opened`, which waits for nothing; what is written goes
through `atomic` or `appending`, which follow no link; a folder that is written into is looked through by `refuse_links` before.
"""

import codecs
import contextlib
import errno
import fcntl
import json
import math
import os
import pathlib
import re
import secrets
import shutil
import stat
import tempfile

from hornbook import UserError, memory

BYTE_ORDER_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"
_MARKS = {codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}

_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_BLOCK = 2**20  # Bytes.


def given(path):
    """The `pathlib.Path` that somebody wrote: `~` is their home folder, and stays as it is where there is no such user."""
    return pathlib.Path(os.path.expanduser(path))


def what_is(path):
    """What there is at a path that somebody wrote, in the words of a message about it."""
    if not path:
        return "has no path behind its colon"
    path = given(path)
    if os.path.isdir(path):  # Unlike `pathlib`, it takes a path of any length.
        return "is a folder"
    if os.path.isfile(path):
        return "is a file"
    return "is neither a file nor a folder" if os.path.exists(path) else "is not there"


def refuse_file(path, flag="--output", accepted="a folder, which need not be there"):
    """Refuse a path where there is a file, or with one on the way to it: no folder can be made there.

    Args:
        path: that somebody wrote.
        flag: by which it was given.
        accepted: for the message.

    Raises:
        UserError: with the file.
    """
    path = pathlib.Path(path)
    for one in (path, *path.parents):
        if os.path.exists(one) and not os.path.isdir(one):
            what = "is a file" if one == path else f"leads through {one}, which is a file"
            raise UserError(f"{flag} {path} {what}; accepted is {accepted}")


class EncodingError(UserError):
    """The bytes of a file are not in the encoding that it was taken to have."""


def opened(path, buffering=-1):
    """A file, open for reading bytes. What is no file is refused before it is opened: a pipe would wait for a writer, forever.

    Raises:
        OSError: as of `open`; of what is no file, its `strerror` says what it is.
    """
    _refuse_kind(os.stat(path), path)
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        _refuse_kind(os.fstat(descriptor), path)  # Another may have taken its place.
        return open(descriptor, "rb", buffering=buffering)
    except BaseException:
        os.close(descriptor)
        raise


def _refuse_kind(status, path):
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, f"is {_kind(status.st_mode)}, not a file", str(path))


def _kind(mode):
    kinds = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFLNK: "a link"}
    return kinds.get(stat.S_IFMT(mode), "a device")


def refuse_links(folder):
    """Refuse a folder with links, pipes, sockets or devices anywhere in it, through which others than its own files could be written.

    Args:
        folder: of a run or of a search that goes on. It may be a link itself, since its user named it.

    Raises:
        UserError: with the first one.
    """
    folders = [os.fspath(folder)]
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    elif not entry.is_file(follow_symlinks=False):
                        kind = _kind(entry.stat(follow_symlinks=False).st_mode)
                        raise UserError(f"{entry.path} is {kind}, which no run has made; remove it, or pass another --output")
        except FileNotFoundError:  # Of another process at work in the folder.
            continue
        except OSError as error:
            raise UserError(f"{error.filename} cannot be read: {error.strerror}; pass another --output") from error


def content(path, accepted, count=None):
    """The bytes of a file: all, or the first `count` and, where there are more, one more.

    Raises:
        UserError: it cannot be read, with what is `accepted`; or it is larger than the memory.
    """
    try:
        with opened(path) as file:
            if count is None:
                # Once as bytes and once as text.
                memory.require(2 * os.fstat(file.fileno()).st_size, path, "split the file")
            return file.read(-1 if count is None else count + 1)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}; accepted is {accepted}") from error


def decoded(path, content, encoding, *, whole=True):
    """The text of a file, and the name of its encoding.

    Args:
        path: of the file, for messages.
        content: its bytes.
        encoding: "auto" (UTF-8, what a byte order mark says, or else Windows-1252), a name that Python knows, or None for UTF-8.
        whole: whether the bytes are all of the file's, or may end within a letter.

    Raises:
        EncodingError: the bytes are not in that encoding, with the line.
        UserError: there is no such encoding.
    """
    tried = "utf-8-sig" if encoding is None else encoding
    if encoding == "auto":
        tried = next((name for mark, name in _MARKS.items() if content.startswith(mark)), "utf-8-sig")
    else:
        check_encoding(tried)
    try:
        return _text(content, tried, whole), tried
    except UnicodeDecodeError as error:
        # Bytes that no text has are of a picture, an archive or a spreadsheet, which Windows-1252 would turn into rubbish.
        if encoding == "auto" and tried == "utf-8-sig" and not _CONTROL.search(content):
            with contextlib.suppress(UnicodeDecodeError):
                return content.decode("cp1252"), "cp1252"
        line = content[: error.start].count(b"\n") + 1
        raise EncodingError(other_encoding(path, line, tried, content[error.start], encoding)) from error


def check_encoding(name):
    """Refuse the name of an encoding that there is not, or that is not of text.

    Raises:
        UserError: with the names that are accepted.
    """
    try:
        b" ".decode(name, "ignore")
    except (LookupError, ValueError) as error:  # A ValueError of a name with a NUL.
        raise UserError(f"--encoding {name} is unknown; accepted are auto and Python's names, such as utf-8, latin-1, cp1252") from error


def encoding_of(path, asked, accepted):
    """The name of the encoding of a file of any size, as `decoded` finds it of its bytes, which are read once and not kept.

    Args:
        path: of the file.
        asked: as `encoding` of `decoded`.
        accepted: what a message says is accepted.

    Raises:
        UserError: it cannot be read, or its beginning is in another encoding.
    """
    head = content(path, accepted, _BLOCK)
    _, found = decoded(path, head, asked, whole=len(head) <= _BLOCK)
    if asked != "auto" or found != "utf-8-sig" or len(head) <= _BLOCK:
        return found
    decoder = codecs.getincrementaldecoder("utf-8")()
    with opened(path, buffering=0) as file:
        block = b" "
        while block:
            block = file.read(_BLOCK)
            try:
                decoder.decode(block, final=not block)
            except UnicodeDecodeError:  # Where it is no Windows-1252 either, whoever reads its lines says which.
                return found if _CONTROL.search(block) else "cp1252"
    return found


def _text(content, encoding, whole):
    if whole:
        return content.decode(encoding)
    return codecs.getincrementaldecoder(encoding)().decode(content)


def other_encoding(path, line, encoding, byte, asked):
    """What is wrong with a `byte` on a `line`, and what to do; `asked` is the encoding that the user named."""
    name = "UTF-8" if encoding in ("utf-8", "utf-8-sig") else encoding
    return f"{path} line {line} is not {name} (byte 0x{byte:02x}); {encoding_remedy(asked)}"


def encoding_remedy(asked):
    """What to do about a file in another encoding than the one `asked` for; None where no flag names one."""
    return "save the file as UTF-8" if asked is None else "pass the --encoding that it has, or save it as UTF-8"


_TEMPORARY = re.compile(r"\..*\.[0-9a-f]{16}\.writing(\.\w+)?")


@contextlib.contextmanager
def atomic(path):
    """A temporary path to write to, which takes `path`'s place when the block ends well and vanishes when it does not.

    The name keeps the suffix, by which Keras knows the format. A reader, and a run that is killed, sees the old file or the new one.
    Nobody can guess the name and put a link there; a link at `path` itself is replaced, and what it leads to stays as it is.

    Raises:
        UserError: the disk is full, the folder cannot be written, or the path is a folder's or a device's.
    """
    path = pathlib.Path(path)
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(8)}.writing{path.suffix}")
    try:
        if path.exists():
            _refuse_kind(os.stat(path), path)  # Root could put a file in the place of /dev/null.
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666))
        yield temporary
        written = os.open(temporary, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.fsync(written)  # Else a power cut could leave the new name on old or empty blocks.
        finally:
            os.close(written)
        os.replace(temporary, path)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}; free space or pass another --output") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def is_temporary(name):
    """Whether a name is one of `atomic`'s, as a process that is killed while it writes leaves it."""
    return _TEMPORARY.fullmatch(name) is not None


def remove_temporary(folder):
    """Remove what `atomic` left of processes that were killed, in a folder that no other process writes to, and in those within."""
    for inside, _, names in os.walk(folder):
        for name in filter(is_temporary, names):
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(inside, name))


def appending(path):
    """A file, open for writing bytes at its end; made if it is not there.

    Raises:
        OSError: as of `open`, or it is a link.
    """
    return open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666), "ab")


_SCRATCH = "hornbook-scratch-"


def scratch_folder():
    """A new folder among the system's temporary files, a `pathlib.Path`, for the time of the block.

    A process that is killed leaves it; the next one that asks for such a folder removes it. Its lock tells whether its process lives.
    """
    return _locked_folder(tempfile.gettempdir(), re.compile(f"{_SCRATCH}.*"), lambda: tempfile.mkdtemp(prefix=_SCRATCH))


def folder_beside(path):
    """A new folder beside a path, hidden, a `pathlib.Path`, for the time of the block, which may give it the path's name.

    A process that is killed leaves it; the next one that asks for such a folder beside the same path removes it.

    Raises:
        OSError: there can be no folder.
    """

    def make():
        folder = path.with_name(f".{path.name}.{secrets.token_hex(8)}.writing")
        folder.mkdir()
        return folder

    return _locked_folder(path.parent, re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{16}}\.writing"), make)


@contextlib.contextmanager
def _locked_folder(parent, name, make):
    _remove_left(parent, name)
    folder, held = _new_locked(make)
    try:
        yield pathlib.Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def _new_locked(make):
    """A new folder, and the descriptor that locks it."""
    while True:
        folder = make()
        with contextlib.suppress(FileNotFoundError):  # Another process took it for one that is left, before it was locked.
            held = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
            with contextlib.suppress(OSError):  # Where there are no locks, what is left stays.
                fcntl.flock(held, fcntl.LOCK_SH)
            if os.path.isdir(folder):
                return folder, held
            os.close(held)


def _remove_left(parent, name):
    """Remove the folders in a folder whose names match, of this user's processes that are gone."""
    names = ()
    with contextlib.suppress(OSError):  # One may write to it and not list it.
        names = os.listdir(parent)
    for path in (os.path.join(parent, one) for one in names if name.fullmatch(one)):
        with contextlib.suppress(OSError):
            if os.lstat(path).st_uid == os.getuid():
                held = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
                try:
                    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(path, ignore_errors=True)
                finally:
                    os.close(held)


def unnamed(folder=None):
    """The descriptor of a new file without a name, of which nothing is left however the process ends.

    Args:
        folder: which it lies in; None: the system's folder for temporary files.
    """
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        return os.dup(file.fileno())


def write_text(path, text):
    """Write UTF-8 text atomically."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path, value):
    """Write JSON atomically; numbers that are not finite, for which JSON has no word, become null."""
    write_text(path, json.dumps(finite(value), indent=2, ensure_ascii=False) + "\n")


def finite(value):
    """JSON values with null for numbers that are not finite."""
    if isinstance(value, dict):
        return {key: finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [finite(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
