"""Memory: how much of it there is, and refusing in time what would take more.

What a file claims, or a flag asks for, is compared with the memory that is free before it is allocated: a process that the system kills
says nothing, and may take others with it.
"""

import contextlib
import math
import os
import pathlib
import resource

from hornbook import UserError

_NOT_COUNTED = 2**24  # Bytes. What is smaller fits, and to ask would cost more than it saves.
_CGROUPS = "/sys/fs/cgroup"
# Of a group of processes: its limit, what it uses, and the key of what it could give back of that, by the version of Linux' control groups.
_FILES = {
    2: ("memory.max", "memory.current", "inactive_file"),
    1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}


def available():
    """Bytes that this process may still take: what the machine has free, a container's limit and `ulimit -v` leave it."""
    import psutil

    return max(0, min(psutil.virtual_memory().available, _addresses(), *_group_limits()))


def _addresses():
    """Bytes that `ulimit -v` leaves this process."""
    import psutil

    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    return math.inf if most == resource.RLIM_INFINITY else most - psutil.Process().memory_info().vms


def require_addresses(size, what):
    """Refuse a limit on addresses, `ulimit -v`, below what a library takes of them: it would end the process in its own way.

    Args:
        size: bytes that it takes at least, used or not.
        what: what a message calls it.

    Raises:
        UserError: with what it takes and what is left.
    """
    left = _addresses()
    if size > left:
        raise UserError(f"{what} takes at least {_in_words(size)} of addresses, and ulimit -v leaves {_in_words(max(0, left))}; raise it")


def require(size, what, remedy):
    """Refuse what takes more memory than is free.

    Args:
        size: bytes that it takes at least.
        what: what a message calls it.
        remedy: what to do, in words.

    Raises:
        UserError: with what it takes and what is free.
    """
    if size <= _NOT_COUNTED:
        return
    free = available()
    if size > free:
        raise UserError(f"{what} takes at least {_in_words(size)} of memory, and {_in_words(free)} are free; {remedy}")


def _in_words(size):
    if size >= 2**60:
        return f"{size:.0e} bytes"
    unit = 40 if size >= 2**40 else 30 if size >= 2**30 else 20
    return f"{size / 2**unit:,.1f} {({20: 'MiB', 30: 'GiB', 40: 'TiB'})[unit]}"


def _group_limits():
    """What the control groups of this process leave it: of the group itself and of those around it."""
    for version, name in _groups():
        root = pathlib.Path(_CGROUPS, "memory") if version == 1 else pathlib.Path(_CGROUPS)
        # A container sees its own group as the root, whatever its name outside.
        for folder in (root / name, *(root / parent for parent in pathlib.PurePath(name).parents)):
            with contextlib.suppress(OSError, ValueError, StopIteration):
                yield _left(folder, *_FILES[version])


def _groups():
    with contextlib.suppress(OSError), open("/proc/self/cgroup", encoding="utf-8") as file:
        for line in file:
            number, controllers, name = line.rstrip("\n").split(":", 2)
            if number == "0" or "memory" in controllers.split(","):
                yield (2 if number == "0" else 1), os.path.normpath(name.lstrip("/") or ".")


def _left(folder, limit, used, reclaimable):
    most = int((folder / limit).read_text())  # A group without a limit says "max", and has none to be counted.
    numbers = (line.split() for line in (folder / "memory.stat").read_text().splitlines())
    return most - int((folder / used).read_text()) + next(int(value) for key, value in numbers if key == reclaimable)
