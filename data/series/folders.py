"""`folder:PATH`: series of a file each, in a folder a class: WAV files, or tables with a row a step."""

import os
import pathlib

from hornbook import UserError, memory
from hornbook.data import folders, sources
from hornbook.data.series import audio, csv
from hornbook.data.series.source import UNLABELLED, Series, Source

_SOUNDS = (".wav", ".wave")
_TABLES = (".csv", ".tsv")
_ACCEPTED = "accepted are .wav files, or .csv and .tsv files"


def check(path):
    """Refuse a path where there is no folder of class folders, see `data.folders.check`."""
    folders.check(path, _SOUNDS)


def read(path, options):
    """A `source.Source` of a folder of class folders.

    Args:
        path: of the folder.
        options: `source.Options`. Audio is converted to `sample_rate` (default: the rate that all files have in common); tables are read
            by `feature_columns` and `time_column`.

    Raises:
        UserError: something is wrong with a file, with its name.
    """
    if options.numbers:
        raise UserError(f"folder:{path} has classes; accepted for numbers to predict are ts:PATH, csv:PATH, npz:PATH and arrays")
    refused = [flag for flag in ("id_column", "group_column", "label_column") if getattr(options, flag)]
    if refused:
        raise UserError(f"--{refused[0].replace('_', '-')} is for csv:PATH; in folder:PATH a file is a series and its folder the class")
    if options.labelled:
        names, everything = folders.labelled_files(path, options.class_names or None, noun="files", suffixes=_SOUNDS)
    else:
        found, _ = folders.unlabelled_files(path, (*_SOUNDS, *_TABLES))
        names, everything = (UNLABELLED,), {part: [(file, 0) for file in listed] for part, listed in found.items()}
    kinds = {_kind(file) for part in everything.values() for file, _ in part}
    if len(kinds) > 1:
        raise UserError(f"folder:{path} has audio and tables; {_ACCEPTED}, not both")
    files = {part: [(file, names[label]) for file, label in listed] for part, listed in everything.items()}
    return (_audio if kinds == {"audio"} else _tables)(path, files, options)


def _kind(file):
    if file.lower().endswith(_SOUNDS):
        return "audio"
    if file.lower().endswith(_TABLES):
        return "table"
    raise UserError(f"{file} is neither audio nor a table; {_ACCEPTED}; remove other files")


def _tables(path, files, options):
    names, parts = None, {}
    wanted = tuple(options.feature_columns) or None
    for part, listed in files.items():
        parts[part] = []
        for file, label in listed:
            values, own, place = csv.one_file(file, options, wanted)
            names = names or own
            if own != names:
                raise UserError(
                    f"{file} has the columns {', '.join(own)}, other files {', '.join(names)}; name those of values by --feature-columns"
                )
            parts[part].append(Series(values, label, file, file, place, file=file))
    return Source(parts, names)


def _audio(path, files, options):
    sizes = sum(os.stat(file).st_size for listed in files.values() for file, _ in listed if os.path.isfile(file))
    memory.require(2 * sizes, f"folder:{path}", "train on fewer or shorter sounds")  # Of 16 bits, which become 32.
    waves, unreadable = {}, []
    for part, listed in files.items():
        waves[part] = []
        for file, label in listed:
            try:
                waves[part].append((file, label, *audio.read(file)))
            except audio.UnreadableError as error:
                unreadable.append((file, str(error)))
    if unreadable:
        lost = {label for _, label in files[next(iter(files))]} - {label for _, label, *_ in waves[next(iter(waves))]}
        emptied = bool(lost) or not all(waves.values())
        if emptied or not options.skip_unreadable:
            total = sum(map(len, files.values()))
            about = {"can_skip": not emptied, "noun": "files", "accepted": audio.ACCEPTED}
            sources.refuse_unreadable(f"folder:{path}", unreadable, total, **about)
    rate = options.sample_rate or _common_rate([entry for part in waves.values() for entry in part])
    parts = {part: series_of_waves(listed, rate, options) for part, listed in waves.items()}
    return Source(parts, band_names(options.mel_bands), tuple(unreadable), rate)


def _common_rate(waves):
    first = {}
    for file, _, _, rate in waves:
        first.setdefault(rate, file)
    if len(first) > 1:
        (one, file), (other, another) = sorted(first.items())[:2]
        raise UserError(
            f"{file} has {one:,} samples per second, {another} has {other:,}; pass --sample-rate {one} to bring all to one rate"
        )
    return next(iter(first))


def series_of_waves(waves, rate, options):
    """`Series` of log-mel features, from a list of (file or name, label, waveform, samples per second)."""
    values = audio.features([audio.resampled(wave, own, rate) for _, _, wave, own in waves], rate, options.mel_bands)
    return [
        Series(frames, label, name, name, _place(name), file=name if pathlib.Path(name).suffix else None)
        for (name, label, _, _), frames in zip(waves, values, strict=True)
    ]


def _place(name):
    return lambda step, feature: f"{name}, frame {step + 1}, band {feature + 1}"


def band_names(mel_bands):
    """Names of log-mel features."""
    return tuple(f"band {band + 1}" for band in range(mel_bands))
