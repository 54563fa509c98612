"""Random numbers that are a pure function of (seed, epoch, example): no state, so a resumed run draws what an uninterrupted one does.

A counter is hashed by the finalizer of SplitMix64 (Steele, Lea and Flood 2014, figure 16). NumPy's generators would do as well on one
machine, but their streams may change between releases and they draw for a batch, not for an example.
"""

import zlib

import numpy as np

_GOLDEN_GAMMA = np.uint64(0x9E3779B97F4A7C15)


def _mix(values):
    """The SplitMix64 finalizer on a uint64 array: every output bit depends on every input bit."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def uniform(seed, epoch, indices, stream):
    """Uniform numbers in [0, 1), one an example.

    Args:
        seed: integer, the run's seed.
        epoch: integer from 0.
        indices: integer array `(examples,)`, each example's position in its source.
        stream: name of what the number is for ("flip", "crop row"); two names give independent numbers.

    Returns:
        float64 array `(examples,)`.
    """
    with np.errstate(over="ignore"):  # Wrapping around is what the hash is made of.
        key = np.zeros(1, np.uint64)
        for part in (int(seed), int(epoch), zlib.crc32(stream.encode())):
            key = _mix(key * _GOLDEN_GAMMA + np.uint64(part % 2**64) + _GOLDEN_GAMMA)
        hashed = _mix(_mix(np.asarray(indices).astype(np.uint64) * _GOLDEN_GAMMA + key) + key)
    return (hashed >> np.uint64(11)).astype(np.float64) * 2.0**-53


class Draw:
    """Uniform numbers for the examples of a batch in one epoch: a function of a name, see `uniform`.

    Args:
        seed: integer, the run's seed.
        epoch: integer from 0.
        indices: integer array `(examples,)`, each example's position in its source.
    """

    def __init__(self, seed, epoch, indices):
        self.seed, self.epoch, self.indices = seed, epoch, indices

    def __call__(self, stream):
        """Float64 array `(examples,)` in [0, 1), other numbers for every name."""
        return uniform(self.seed, self.epoch, self.indices, stream)

    def alternating(self, stream):
        """Boolean array `(examples,)`: of each example True in every other epoch, and by chance in the even or in the odd ones."""
        return (uniform(self.seed, 0, self.indices, stream) < 0.5) ^ (self.epoch % 2 == 1)


def permutation(seed, epoch, length):
    """The order of `length` examples in one epoch: int64 array `(length,)`, another for every seed and epoch."""
    return np.argsort(uniform(seed, epoch, np.arange(length), "order"), kind="stable")


def of_copies(keys, copies):
    """Numbers for the random numbers of examples that come more than once: of a first copy its own, of each further one another.

    Args:
        keys: int array `(examples,)`, a number that is each example's own.
        copies: int array `(examples,)`, how many times each has come before, or None for never.
    """
    if copies is None:
        return keys
    with np.errstate(over="ignore"):
        return np.asarray(keys).astype(np.uint64) + np.asarray(copies).astype(np.uint64) * np.uint64(0xD1342543DE82EF95)


def noise(numbers, count):
    """Random bytes that are a pure function of one number each.

    Args:
        numbers: float array `(examples,)` in [0, 1), such as `uniform` gives.
        count: how many bytes an example.

    Returns:
        uint8 array `(examples, count)`, each byte uniform.
    """
    with np.errstate(over="ignore"):
        keys = _mix((np.asarray(numbers) * 2.0**53).astype(np.uint64) * _GOLDEN_GAMMA + _GOLDEN_GAMMA)
        words = _mix(keys[:, None] + np.arange(1, -(-count // 8) + 1, dtype=np.uint64) * _GOLDEN_GAMMA)
    return words.astype("<u8").view(np.uint8)[:, :count]  # The same bytes whatever the machine's order.


def of_places(numbers, count):
    """Uniform numbers `(batch, count)`, those of a place the same however many there are: padding must not change what is drawn."""
    return noise(numbers, 4 * count).copy().view("<u4").astype(np.float64) * 2.0**-32


def generator(seed, key, stream):
    """NumPy's generator for one example, whose numbers need not be the same in all of NumPy's releases: no training depends on them.

    Args:
        seed: integer, 0 or more.
        key: integer that is the example's own.
        stream: name of what the numbers are for; two names give independent numbers.
    """
    return np.random.default_rng([int(seed), int(key) % 2**64, zlib.crc32(stream.encode())])
