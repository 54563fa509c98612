"""`hornbook export RUN --format FORMAT`: a folder that takes raw inputs and needs nothing of Hornbook's, compared with the run first."""

import contextlib
import dataclasses
import importlib.util
import pathlib
import shutil
from typing import Annotated, Literal

import tyro

from hornbook import UserError, command_line, endings, files, libraries, records, terminal
from hornbook.data import naming
from hornbook.data.tables.columns import with_missing
from hornbook.data.tables.encoding import Encoding
from hornbook.inference.export import beside, quantized, use_file, verify
from hornbook.inference.finished_run import load_model, open_run

FORMATS = ("keras", "saved_model", "onnx", "litert")
FILES = {"keras": "model.keras", "saved_model": "saved_model", "onnx": "model.onnx", "litert": "model.tflite"}
_NEEDED = {"onnx": ("tf2onnx", "onnx", "onnxruntime"), "litert": ("ai_edge_litert",)}
_FOR_INT8 = ("ai_edge_quantizer",)
_BATCH = 32  # Examples that use.py computes at a time.


@dataclasses.dataclass(frozen=True)
class ExportArgs:
    run: Annotated[str, tyro.conf.Positional]
    """Folder of a finished run."""
    format: Literal["keras", "saved_model", "onnx", "litert"]
    """keras: a model.keras that Keras loads on any backend. saved_model: a folder for TensorFlow and TensorFlow Serving, with tokenizer and
    table inside. onnx: a file for ONNX Runtime and others. litert: a file for phones and small machines."""
    output: str | None = None
    """Folder to write, which must not be there. Default: exports/FORMAT in the run's folder, or exports/FORMAT-PRECISION."""
    precision: Literal["float32", "float16", "int8", "int8-weights"] = "float32"
    """In which the weights are kept; all but float32 are for litert. float16 takes half the room; answers may then differ by 0.01. int8
    takes a quarter and computes in int8, int8-weights takes as little and computes in float32; accuracy may then fall."""
    accuracy_drop: float = 0.05
    """How much lower the accuracy, of numbers the R2, may be with --precision int8 or int8-weights than the run's; else nothing is
    written."""


def export(arguments):
    """The command `hornbook export`."""
    with endings.ending("hornbook export"):
        about = "Write a finished run as one folder that takes raw inputs and needs nothing of Hornbook's; compared with the run first."
        main(command_line.parse(ExportArgs, arguments, "hornbook export", about))


def main(args):
    """Export a run.

    Args:
        args: `ExportArgs`.

    Returns:
        `verify.Verified`.

    Raises:
        UserError: there is no finished run, the format cannot hold it, its answers would be others, or the output cannot be written.
    """
    refuse(args)
    trained, medium = open_run(args.run)
    called = args.format if args.precision == ExportArgs.precision else f"{args.format}-{args.precision}"
    output = pathlib.Path(args.output or pathlib.Path(args.run, "exports", called))
    _refuse_existing(output)
    model = load_model(trained)
    pairs, real = verify.inputs_of(trained, medium)
    wanted = verify.in_float32(model, pairs, trained, medium)
    if not real:
        terminal.say(f"note: the run's own data cannot be read, so the export is compared on {len(pairs)} inputs that are made up")
    with _written(output) as folder, _in_one_line(args.format):
        raw = [given for given, _ in pairs]
        about, made, int8 = _write(folder, args, model, trained, medium, raw)
        use = verify.use_lines(folder)
        if int8 is None:
            tolerance = verify.HALF_TOLERANCE if args.precision == "float16" else verify.TOLERANCE
            difference = verify.compare(use, raw, wanted, trained.about, tolerance)
        else:
            agreement = quantized.agreement(use, raw, wanted, model, made, trained, medium)
            quantized.refuse_fall(agreement, args.accuracy_drop)
            difference = agreement.difference
            about["quantization"] = quantized.told(args.precision, int8, agreement)
            beside.write_labels(folder, about)
        found = verify.Verified(len(pairs), real, difference, verify.milliseconds(use, raw))
        size = beside.size(folder / FILES[args.format])
        beside.write_readme(folder, args.format, FILES[args.format], about, found, size)
    for line in beside.in_words(output, FILES[args.format], about, found, size):
        terminal.say(line)
    return found


def refuse(args):
    """Refuse options, `ExportArgs`, that cannot be, before anything is read."""
    int8 = args.precision in quantized.PRECISIONS
    if args.precision != "float32" and args.format != "litert":
        raise UserError(f"--precision {args.precision} is for --format litert, got {args.format}; leave it out")
    if not 0 <= args.accuracy_drop <= 1:
        raise UserError(f"--accuracy-drop must be a share from 0 to 1, got {args.accuracy_drop:g}")
    if args.accuracy_drop != ExportArgs.accuracy_drop and not int8:
        raise UserError(f"--accuracy-drop is for --precision int8 and int8-weights, got {args.precision}; leave it out")
    lacking = [name for name in (*_NEEDED.get(args.format, ()), *(_FOR_INT8 if int8 else ())) if importlib.util.find_spec(name) is None]
    if lacking:
        raise UserError(f"--format {args.format} needs {', '.join(lacking)}, which is not installed: pip install 'hornbook[{args.format}]'")
    if args.format != "keras" and libraries.backend() != "tensorflow":
        raise UserError(
            f"--format {args.format} is made by TensorFlow, and Keras' backend is {libraries.backend()}; set KERAS_BACKEND=tensorflow"
        )


def _refuse_existing(output):
    files.refuse_file(output.parent)
    if output.exists() or output.is_symlink():
        raise UserError(f"{output} is there already; an export overwrites nothing: pass another --output or remove it")


@contextlib.contextmanager
def _in_one_line(format_name):
    """Say in one line whatever a converter or a runtime ends with: each has its own kinds of errors for what it does not know."""
    try:
        yield
    except (UserError, OSError, MemoryError):
        raise
    except Exception as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        what = f"{type(error).__name__}: {lines[0] if lines else ''}"[:300]
        raise UserError(
            f"{FILES[format_name]} cannot be made of this run's model, or not be used ({what}); pass another --format"
        ) from error


@contextlib.contextmanager
def _written(output):
    """A new folder to write to, which takes the output's place when the block ends well, and is gone when it does not."""
    made = [one for one in output.parents if not one.exists()]
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with files.folder_beside(output) as folder:
            yield folder
            _refuse_existing(output)
            folder.rename(output)
    except UserError:
        raise
    except OSError as error:
        raise UserError(f"cannot write {output}: {error.strerror or error}; free space or pass another --output") from error
    finally:
        if not output.exists():
            for one in made:
                with contextlib.suppress(OSError):  # Not made, or not empty.
                    one.rmdir()


def _write(folder, args, model, trained, medium, raw):
    """Write model, labels.json, use.py and what it reads; returns what labels.json holds, `models.Made`, and `quantized.Int8` or None."""
    from hornbook.inference.export import answering, models

    about = {**trained.about, "thresholds": trained.about.get("thresholds"), "format": args.format}
    made = models.made(model, trained, args.format, raw, for_int8=args.precision in quantized.PRECISIONS)
    # In the loop of a recurrent layer the calibration ends the process; there, ranges are those of each step.
    batches = quantized.calibration(made, trained, medium) if args.precision == "int8" and not answering.is_recurrent(made.model) else ()
    int8 = models.write(folder / FILES[args.format], made, args.format, args.precision, batches)
    about |= {"inputs": made.kind, "outputs": made.outputs, "batch_size": made.batch_size or _BATCH}
    if trained.about["medium"] == "tables":
        encoding = records.read(trained.folder / "table.json", Encoding)
        missing = naming.names(trained.config["missing_values"], f"{trained.folder / 'config.json'}: --missing-values")
        about |= {"missing_values": list(with_missing(missing)), "columns": getattr(made.front, "names", None)}
        encoding.save(folder / "table.json")
    if made.kind == "texts":
        for name in ("tokenizer.json", "ngrams.json"):
            if (trained.folder / name).is_file():
                shutil.copyfile(trained.folder / name, folder / name)
    beside.write_labels(folder, about)
    (folder / "use.py").write_text(use_file.text(args.format, made.kind), encoding="utf-8")
    return about, made, int8
