"""`folder:PATH`: the files of a folder of class folders, or of train/, validation/ and test/ folders of class folders."""

import os
import unicodedata

from hornbook import UserError, files
from hornbook.data import naming

_PARTS = {"train": "train", "validation": "validation", "val": "validation", "test": "test"}
_LAYOUT = "accepted is PATH/CLASS/FILE, or PATH/train/CLASS/FILE with test/ and validation/ or val/ beside train/"
# Windows and macOS leave these in folders. Names that begin with a dot are ignored too.
_LEFT_BY_SYSTEMS = ("thumbs.db", "desktop.ini", "__macosx")


def check(path, suffixes=()):
    """Refuse a path where there is no folder of class folders.

    Args:
        path: of the folder.
        suffixes: in lower case; files that end with one must not lie beside class folders, where they have no class.

    Raises:
        UserError: with what is accepted.
    """
    _parts(path, suffixes)


def labelled_files(path, class_names=None, noun="images", suffixes=()):
    """The files in the class folders of a folder, by part.

    Args:
        path: of the folder.
        class_names: the classes in their order, such as a trained model's; the folder may lack some. Default: the training folders.
        noun: the name of such files in messages.
        suffixes: see `check`.

    Returns:
        The class names, a tuple, and a dict from a part ("all", or "train" and others; others alone with `class_names`) to a list of
        (path, label), label an index.

    Raises:
        UserError: the folder has another layout, or a class has no files or is unknown in training.
    """
    folders = _parts(path, suffixes)
    # A trained model can score a test part that stands alone.
    if class_names is None and not {"train", "all"} & folders.keys():
        raise UserError(f"--dataset folder:{path} has {next(iter(folders.values())).name}/ but no train/; {_LAYOUT}")
    listed = {part: _class_files(folder) for part, folder in folders.items()}
    first = next(iter(listed))
    if class_names is None:
        _refuse_empty_classes(folders[first], listed[first], noun)
        class_names = naming.in_order(listed[first])
    class_names = tuple(class_names)
    if len(class_names) < 2:
        raise UserError(f"{folders[first]} has one class folder, {class_names[0]}; at least two are needed; {_LAYOUT}")
    everything = {}
    for part, classes in listed.items():
        unknown = naming.in_order(label for label, files in classes.items() if files and label not in class_names)
        if unknown:
            raise UserError(
                f"{folders[part] / unknown[0]}: the class {unknown[0]!r} is unknown in training; accepted are {naming.some(class_names)}; "
                f"add training {noun} of it, or remove the folder"
            )
        everything[part] = [(file, label) for label, known in enumerate(class_names) for file in classes.get(known, ())]
        if not everything[part]:
            raise UserError(f"{folders[part]} has no {noun} in its class folders; add some, or remove the folder")
    return class_names, everything


def check_any(path):
    """Refuse a path where there is no folder.

    Raises:
        UserError: with what is there.
    """
    if files.what_is(path) != "is a folder":
        raise UserError(f"--dataset {f'folder:{path}'!r} {files.what_is(path)}; accepted is a folder with files below it")


def unlabelled_files(path, suffixes):
    """The files below a folder, at any depth, whatever its folders are called.

    Args:
        path: of the folder. Where all folders in it are parts, train/ among them, they are the parts.
        suffixes: in lower case, one of which a file's name ends with; others are left out.

    Returns:
        A dict from a part ("all", or "train" and others) to a list of paths, and a list of the paths that were left out.

    Raises:
        UserError: there is no folder, or no such file in a part.
    """
    check_any(path)
    root = files.given(path)
    inside, loose = _entries(root)
    kinds = [_PARTS.get(name.lower()) for name in inside]
    roots = {"all": root}
    if "train" in kinds and None not in kinds and len(set(kinds)) == len(kinds) and not loose:
        roots = dict(zip(kinds, (root / name for name in inside), strict=True))
    found, others = {}, []
    for part in sorted(roots, key=("all", "train", "validation", "test").index):
        every = list(_below(roots[part], set()))
        found[part] = [one for one in every if one.lower().endswith(tuple(suffixes))]
        others += [one for one in every if not one.lower().endswith(tuple(suffixes))]
        if not found[part]:
            raise UserError(f"{roots[part]} has no files that end with {naming.some(suffixes)}; add some, or pass another folder")
    return found, others


def _below(folder, seen):
    """The paths of the files below a folder, sorted; a link back to where one came from is not followed."""
    real = os.path.realpath(folder)
    if real in seen:
        return
    seen.add(real)
    inside, others = _entries(folder)
    for name in others:
        yield os.path.join(folder, name)
    for name in inside:
        yield from _below(os.path.join(folder, name), seen)


def _parts(path, suffixes):
    """The folders of class folders by part: one called "all", or those of "train", "validation" and "test" that are there."""
    if files.what_is(path) != "is a folder":
        raise UserError(f"--dataset {f'folder:{path}'!r} {files.what_is(path)}; {_LAYOUT}")
    root = files.given(path)
    folders, others = _entries(root)
    if not folders:
        raise UserError(f"--dataset folder:{path} has no class folders{f', only files such as {others[0]}' if others else ''}; {_LAYOUT}")
    parts = [folder for folder in folders if folder.lower() in _PARTS]
    # A class may be called "test" too: among other classes, and holding images where a part holds folders.
    if len(parts) < len(folders) and not any(_entries(root / part)[0] for part in parts):
        _refuse_without_class(root, others, suffixes)
        return {"all": root}
    strange = [folder for folder in folders if folder not in parts]
    if strange:
        raise UserError(f"--dataset folder:{path} has {strange[0]}/ beside {parts[0]}/, which is neither a part nor a class; {_LAYOUT}")
    found = {}
    for part in parts:
        kind = _PARTS[part.lower()]
        if kind in found:
            raise UserError(f"--dataset folder:{path} has {found[kind].name}/ and {part}/, which mean the same; remove one")
        found[kind] = root / part
    found = {part: found[part] for part in ("train", "validation", "test") if part in found}
    for folder in found.values():
        classes, loose = _entries(folder)
        if not classes:
            raise UserError(f"{folder} has no class folders{f', only files such as {loose[0]}' if loose else ''}; {_LAYOUT}")
        _refuse_without_class(folder, loose, suffixes)
    _refuse_without_class(root, others, suffixes)
    return found


def _refuse_without_class(folder, names, suffixes):
    """Refuse examples beside class folders, and links there that lead nowhere, as nobody would notice that a class is missing."""
    for name in names:
        if name.lower().endswith(tuple(suffixes)):
            raise UserError(f"{folder / name} lies beside the class folders, so it has no class; move it into one, or remove it")
        if not os.path.exists(folder / name):
            raise UserError(f"{folder / name} is a link to nothing, in place of a class folder perhaps; repair or remove it")


def _refuse_empty_classes(folder, classes, noun):
    empty = naming.in_order(label for label, files in classes.items() if not files)
    if empty:
        raise UserError(f"{folder / empty[0]} has no {noun}; add some, or remove the folder, and with it the class {empty[0]!r}")


def _class_files(folder):
    """The paths in every class folder, sorted, by the class's name. Folders within are listed too, to be refused as files by name."""
    classes = {}
    for entry in _entries(folder)[0]:
        try:
            entry.encode()
        except UnicodeEncodeError:
            raise UserError(f"{os.path.join(folder, entry)!r}: the name of a class must be UTF-8; rename the folder") from None
        # macOS writes an accent as a letter of its own, others do not: the same class in two folders must have one name.
        label = unicodedata.normalize("NFC", entry)
        if label in classes:
            raise UserError(f"{folder} has two folders called {label!r}, which differ in how accents are written; make them one")
        inside, others = _entries(folder / entry)
        if inside and not others:
            raise UserError(f"{folder / entry} has only folders in it, such as {inside[0]}, and no files; {_LAYOUT}")
        classes[label] = sorted(os.path.join(folder, entry, file) for file in (*inside, *others))
    naming.refuse_one_class_spelt_twice(classes, lambda label: str(folder / label))
    return classes


def _entries(folder):
    """Names of folders and of other files, sorted, but for hidden ones and those that operating systems leave."""
    folders, others = [], []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not entry.name.startswith(".") and entry.name.lower() not in _LEFT_BY_SYSTEMS:
                    (folders if _is_folder(entry) else others).append(entry.name)
    except OSError as error:
        raise UserError(f"{folder} cannot be read: {error.strerror}; make it readable, or remove it") from error
    return sorted(folders), sorted(others)


def _is_folder(entry):
    try:
        return entry.is_dir()
    except OSError:  # A link to itself.
        return False
