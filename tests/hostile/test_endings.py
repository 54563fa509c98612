"""How a command ends: signals at moments that are known, and a standard output or standard error that fails."""

import os
import signal
import subprocess
import sys

import keras
import pytest

from hornbook import command_line, endings, streams
from hornbook.recipes import image_classification
from hornbook.tuning import command, driver

# A command that says when it is at a moment, and then waits there to be ended.
WAITING = """
import os, signal, sys, time
from hornbook import endings

# Whoever runs the tests may ignore some, as `nohup` does.
for name in ("SIGTERM", "SIGHUP"):
    signal.signal(getattr(signal, name), signal.SIG_DFL)
if not sys.argv[2:]:
    signal.signal(signal.SIGINT, signal.default_int_handler)

def wait():
    print("ready")
    while True:
        time.sleep(0.01)

class Swallows:
    def __del__(self):
        wait()

def swallowed_by_a_destructor():
    Swallows()
    wait()

def swallowed_by_a_library():
    while True:
        try:
            wait()
        except BaseException:
            pass

def turned_into_another_error():
    try:
        wait()
    except BaseException:
        raise ImportError("numpy failed to import")

def imports():
    from hornbook import libraries

    with libraries.hold_back():  # Standard error goes elsewhere meanwhile.
        wait()

def imports_what_swallows():
    from hornbook import libraries

    with libraries.hold_back():
        swallowed_by_a_library()

def imports_what_turns():
    import os
    from hornbook import libraries

    with libraries.hold_back():
        os.write(2, b"what C++ says of this machine")
        turned_into_another_error()

class LastOfAll:
    # What Python clears away when its own handling of signals is gone.
    def __del__(self, kill=os.kill, own=os.getpid(), number=signal.SIGTERM):
        kill(own, number)

def signalled_while_python_goes():
    sys.last_of_all = LastOfAll()
    wait()

def leaves_something():
    with endings.goes_on(lambda: "; to go on: hornbook job"):
        wait()

endings.process("hornbook job", globals()[sys.argv[1]])
"""


def ended(moment, *signals):
    """The exit code of a command at a moment to which signals are sent, each when it says that it is ready, and what it says of it."""
    words = [sys.executable, "-c", WAITING, moment]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for number in signals:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
    said = process.communicate(timeout=60)
    return process.returncode, said[1]


@pytest.mark.parametrize(
    ("number", "code", "word"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated"), (signal.SIGHUP, 129, "ended, as its terminal is gone")],
)
def test_a_signal_is_one_line_and_its_code(number, code, word):
    assert ended("wait", number) == (code, f"hornbook job: {word}\n")


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        ("leaves_something", "hornbook job: interrupted; to go on: hornbook job\n"),
        ("turned_into_another_error", "hornbook job: interrupted\n"),
        ("imports", "hornbook job: interrupted\n"),
        ("imports_what_turns", "hornbook job: interrupted\n"),
        ("swallowed_by_a_destructor", "hornbook job: interrupted\n"),
    ],
)
def test_an_interruption_is_never_lost(moment, said):
    assert ended(moment, signal.SIGINT) == (130, said)


@pytest.mark.parametrize("moment", ["swallowed_by_a_library", "imports_what_swallows"])
def test_a_second_signal_ends_at_once(moment):
    said = "hornbook job: interrupted twice, ended at once\n"
    assert ended(moment, signal.SIGINT, signal.SIGINT) == (130, said)


def test_while_libraries_are_imported_sigterm_is_one_line():
    assert ended("imports", signal.SIGTERM) == (143, "hornbook job: terminated\n")


def test_a_second_one_while_python_itself_goes_changes_nothing():
    assert ended("signalled_while_python_goes", signal.SIGTERM) == (143, "hornbook job: terminated\n")


def test_two_at_once_are_one_that_timeout_sends():
    process = subprocess.Popen([sys.executable, "-c", WAITING, "wait"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=60)[1] == "hornbook job: terminated\n"
    assert process.returncode == 143


def test_what_is_to_ignore_ctrl_c_does():
    # As a shell's job in the background, or one of `nohup`.
    waiting = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)" + WAITING
    process = subprocess.Popen(
        [sys.executable, "-c", waiting, "wait", "ignoring"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    assert process.communicate()[1] == "hornbook job: terminated\n"
    assert process.returncode == 143


# Standard output and standard error.

NOTHING_LEFT = "No space left on device"
OUTPUTS = {
    "--version >/dev/full": (2, f"hornbook: cannot write to standard output: {NOTHING_LEFT}\n"),
    "--help >/dev/full": (2, f"hornbook: cannot write to standard output: {NOTHING_LEFT}\n"),
    "runs . >/dev/full": (2, f"hornbook runs: cannot write to standard output: {NOTHING_LEFT}\n"),
    "runs . --csv >/dev/full": (2, f"hornbook runs: cannot write to standard output: {NOTHING_LEFT}\n"),
    "--version >&-": (2, "hornbook: cannot write to standard output: Bad file descriptor\n"),
    "runs . >&-": (2, "hornbook runs: cannot write to standard output: Bad file descriptor\n"),
    "runs --help >&-": (2, "hornbook runs: cannot write to standard output: Bad file descriptor\n"),
    "--version 2>&- <&-": (0, ""),
    "nosuch 2>&-": (2, ""),
    "nosuch 2>/dev/full": (2, ""),
    "nosuch >&-": (2, None),
    "runs nosuch 2>/dev/full >/dev/full": (2, ""),
}


@pytest.mark.parametrize("words", [words for words in OUTPUTS if os.path.exists("/dev/full") or "full" not in words])
def test_an_output_that_fails_is_no_traceback(words, tmp_path):
    code, said = OUTPUTS[words]
    done = subprocess.run(f"{sys.executable} -m hornbook {words}", shell=True, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    assert done.returncode == code
    assert done.stderr == said if said is not None else done.stderr.count("\n") == 1


def test_a_reader_that_has_left_is_no_error(tmp_path):
    reads, writes = os.pipe()
    os.close(reads)
    with open(writes, "wb") as nobody:
        done = subprocess.run([sys.executable, "-m", "hornbook", "--help"], stdout=nobody, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.parametrize(
    ("limit", "said"),
    [("NOFILE", "Too many open files"), ("NPROC", "there can be no further thread: a limit on processes (ulimit -u) or memory is reached")],
)
def test_a_limit_that_is_reached_at_once_is_one_line(limit, said):
    # Of open files as many as a process begins with, of processes none; root's are not counted.
    number = {"NOFILE": 3, "NPROC": 0}[limit]
    lines = (
        "import errno, os, resource, threading, warnings", "from hornbook import endings", "os.getuid() or os.setuid(65534)",
        f"resource.setrlimit(resource.RLIMIT_{limit}, ({number}, {number}))", "endings.process('hornbook job', print)",
    )  # fmt: skip
    waiting = "\n".join(lines)
    done = subprocess.run([sys.executable, "-c", waiting], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (2, f"hornbook job: {said}\n")


def test_a_closed_stream_is_not_taken_by_the_next_file():
    code = "from hornbook import streams; streams.take_over(); import sys; sys.stderr.write(str(open('/dev/null').fileno() > 2))"
    done = subprocess.run(f'{sys.executable} -c "{code}" <&- >&-', shell=True, stderr=subprocess.PIPE, text=True)
    assert done.stderr == "True"


def ending(error):
    with pytest.raises(SystemExit) as raised, endings.ending("hornbook job"):
        raise error
    return raised.value.code


def test_what_the_world_does_is_one_line(capsys):
    assert ending(OSError(36, "File name too long", "a\x1b" * 2000)) == 2
    assert ending(PermissionError(13, "Permission denied", "/elsewhere/x")) == 2
    assert ending(MemoryError()) == 2
    assert ending(RuntimeError("can't start new thread")) == 2
    assert ending(streams.OutputLost(OSError(28, "No space left on device"))) == 2
    assert ending(FileNotFoundError(2, "No usable temporary directory found in ['/tmp']")) == 2
    first, *others = capsys.readouterr().err.splitlines()
    assert first.startswith(r"hornbook job: a\u001ba")
    assert first.endswith(": File name too long")
    assert len(first) < 2000
    assert others == [
        "hornbook job: /elsewhere/x: Permission denied",
        "hornbook job: there is not enough memory",
        "hornbook job: there can be no further thread: a limit on processes (ulimit -u) or memory is reached",
        f"hornbook job: cannot write to standard output: {NOTHING_LEFT}",
        "hornbook job: No usable temporary directory found in ['/tmp']",
    ]


def test_an_interrupted_run_says_how_it_goes_on(tmp_path, capsys):
    class Interrupted(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == self.at:
                raise KeyboardInterrupt

    def interrupted(at):
        callback = Interrupted()
        callback.at = at
        args = image_classification.Args(model="mlp", width=4, epochs=3, batch_size=64, output=str(tmp_path / "a run"))
        with pytest.raises(SystemExit) as raised, endings.ending("hornbook image-classification"):
            image_classification.main(args, [callback])
        assert raised.value.code == 130
        return capsys.readouterr().err.splitlines()[-1]

    assert interrupted(0) == "hornbook image-classification: interrupted before a first checkpoint; nothing is kept of it"
    assert not (tmp_path / "a run").exists()
    said = interrupted(2)
    command = f"hornbook image-classification --model mlp --width 4 --batch-size 64 --epochs 3 --output '{tmp_path}/a run'"
    start = "hornbook image-classification: interrupted; to go on: "
    assert said.startswith(start)
    assert sorted(said.removeprefix(start).split()) == sorted(command.split())
    assert (tmp_path / "a run" / "checkpoint" / "last.npz").exists()


@pytest.mark.parametrize("begun", [True, False])
def test_an_interrupted_search_says_how_it_goes_on(begun, tmp_path, monkeypatch, capsys):
    folder = tmp_path / "a search"

    def interrupted(*args):
        folder.mkdir()
        if begun:
            (folder / "search.json").write_text("{}")
        raise KeyboardInterrupt

    monkeypatch.setattr(driver, "search", interrupted)
    words = ["regression", "--vary", "width=4,8", "--output", str(folder)]
    monkeypatch.setattr(sys, "argv", ["hornbook", "tune", *words])
    with pytest.raises(SystemExit) as raised:
        command.tune(words)
    goes_on = f"to go on: hornbook tune regression --vary width=4,8 --output '{folder}'" if begun else "nothing is kept of it"
    assert (raised.value.code, capsys.readouterr().err) == (130, f"hornbook tune: interrupted; {goes_on}\n")


def test_the_command_that_goes_on_is_one_that_a_shell_reads():
    args = image_classification.Args(model="mlp", output="ignored")
    command = command_line.command("image_classification", args, "-a 'folder'")
    assert command == """hornbook image-classification --model mlp '--output=-a '"'"'folder'"'"''"""
