"""Data sets made of formulas, each as arrays `(x, y)`, some of them known from the literature."""

import numpy as np


def ringnorm():
    """Two normal distributions in 20 dimensions, one within the other (Breiman 1998, section 4)."""
    generator = np.random.default_rng(0)
    y = np.arange(1500) % 2
    normal = generator.normal(size=(1500, 20))
    return np.where(y[:, None] == 0, 2 * normal, normal + 2 / np.sqrt(20)), y


def waveform():
    """Mixtures of two of three triangles at 21 places, and 9 columns of noise (Breiman et al. 1984, section 2.6.2)."""
    generator = np.random.default_rng(0)
    places = np.arange(21)
    triangles = [np.maximum(6 - np.abs(places - middle), 0) for middle in (6, 14, 10)]
    y = np.arange(1800) % 3
    share = generator.uniform(size=(1800, 1))
    first, second = (np.stack([triangles[(label + step) % 3] for label in y]) for step in (0, 1))
    x = share * first + (1 - share) * second + generator.normal(size=(1800, 21))
    return np.concatenate([x, generator.normal(size=(1800, 9))], axis=1), y


def sphere():
    """Whether ten normal numbers lie far from 0 (Hastie et al. 2009, equation 10.2), each on a scale of its own."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(1800, 10))
    return x * np.logspace(-1, 2, 10) + 3, (np.square(x).sum(axis=1) > 9.34).astype(int)


def crescents():
    """Two crescents, one in the other's arms, in the plane of 2 of 8 columns; the others are these two mixed with noise."""
    generator = np.random.default_rng(0)
    y = np.arange(1800) % 2
    angle = generator.uniform(0, np.pi, 1800)
    plane = np.stack([np.cos(angle) + y, np.where(y == 0, np.sin(angle), 0.5 - np.sin(angle))], axis=1)
    plane += 0.15 * generator.normal(size=plane.shape)
    mixed = plane @ generator.normal(size=(2, 6)) + generator.normal(size=(1800, 6))
    return np.concatenate([plane, mixed], axis=1), y


def friedman():
    """Ten even numbers, of which five tell the target: 10 sin(pi ab) + 20 (c - 1/2)^2 + 10 d + 5 e + noise (Friedman 1991, section 4.3)."""
    generator = np.random.default_rng(0)
    x = generator.uniform(size=(1800, 10))
    a, b, c, d, e = x[:, :5].T
    y = 10 * np.sin(np.pi * a * b) + 20 * np.square(c - 0.5) + 10 * d + 5 * e + generator.normal(size=1800)
    return x, y.reshape(-1, 1).astype(np.float32)


def shapes():
    """Images of 16x16x1 of a filled square, a frame, a disc, a ring or a cross, of random size, place and brightness, and noise."""
    generator = np.random.default_rng(0)
    y = np.arange(1900) % 5
    rows, columns = np.mgrid[:16, :16]
    images = np.empty((len(y), 16, 16, 1))
    for image, label in zip(images, y, strict=True):
        middle, radius = generator.uniform(5, 10, size=2), generator.uniform(3, 5)
        down, right = np.abs(rows - middle[0]), np.abs(columns - middle[1])
        square, disc = np.maximum(down, right), np.hypot(down, right)
        drawn = {
            0: square <= radius,
            1: (square <= radius) & (square > radius - 1.5),
            2: disc <= radius,
            3: (disc <= radius) & (disc > radius - 1.5),
            4: (np.minimum(down, right) <= 0.8) & (square <= radius),
        }[int(label)]
        image[..., 0] = 0.2 + generator.uniform(0.3, 0.6) * drawn + 0.1 * generator.normal(size=(16, 16))
    return np.clip(images, 0, 1), y


def gratings():
    """Images of 12x12x1 of stripes in one of six directions, of random width and phase, and noise."""
    generator = np.random.default_rng(0)
    y = np.arange(1900) % 6
    rows, columns = np.mgrid[:12, :12]
    angles = (y * np.pi / 6 + generator.normal(0, 0.08, len(y)))[:, None, None]
    along = np.cos(angles) * rows + np.sin(angles) * columns
    phase, width = (generator.uniform(low, high, (len(y), 1, 1)) for low, high in ((0, 6.3), (3.5, 6)))
    images = 0.5 + 0.3 * np.sin(2 * np.pi * along / width + phase) + 0.15 * generator.normal(size=along.shape)
    return np.clip(images, 0, 1)[..., None], y


def _series(make, num_classes, count):
    """Series of a formula `(generator, label) -> (steps,)`, as many of each class."""
    generator = np.random.default_rng(0)
    y = np.arange(count) % num_classes
    return np.stack([make(generator, int(label)) for label in y])[..., None], y


def cylinder_bell_funnel():
    """Cylinder, bell and funnel (Saito 1994, section 4.2), every second of the 128 steps."""

    def make(generator, label):
        time = np.arange(1, 129)
        start = generator.uniform(16, 32)
        end = start + generator.uniform(32, 96)
        shape = {0: 1.0, 1: (time - start) / (end - start), 2: (end - time) / (end - start)}[label]
        return ((6 + generator.normal()) * ((time >= start) & (time <= end)) * shape + generator.normal(size=128))[::2]

    return _series(make, 3, 1500)


def synthetic_control():
    """Control charts of six kinds: normal, cyclic, rising, falling, shifted up and down (Alcock and Manolopoulos 1999, section 4)."""

    def make(generator, label):
        time = np.arange(1, 61)
        values = 30 + 2 * generator.uniform(-3, 3, 60)
        if label == 1:
            values += generator.uniform(10, 15) * np.sin(2 * np.pi * time / generator.uniform(10, 15))
        elif label in (2, 3):
            values += (1 if label == 2 else -1) * generator.uniform(0.2, 0.5) * time
        elif label:
            values += (1 if label == 4 else -1) * generator.uniform(7.5, 20) * (time >= generator.uniform(20, 40))
        return values

    return _series(make, 6, 1500)


def two_patterns():
    """Two steps, each up or down, at random places in noise: four classes (Geurts 2002, section 5.3.1), every second of 128 steps."""

    def make(generator, label):
        values = generator.normal(size=128)
        first, second = generator.integers(4, 44), generator.integers(66, 106)
        for place, up in ((first, label in (0, 1)), (second, label in (0, 2))):
            length = generator.integers(12, 19)
            values[place : place + length] = (5 if up else -5) * np.where(np.arange(length) < length // 2, -1, 1)
        return values[::2]

    return _series(make, 4, 1500)


def waves():
    """Sine, square, triangle, saw tooth and a rising pitch, of random frequency and phase, with noise: 64 steps."""

    def make(generator, label):
        turns = generator.uniform(2, 5) * np.linspace(0, 1, 64) + generator.uniform()
        if label == 4:
            turns = generator.uniform() + generator.uniform(4, 7) * np.linspace(0, 1, 64) ** 2
        saw = 2 * (turns % 1) - 1
        values = {1: np.sign(saw), 2: 2 * np.abs(saw) - 1, 3: saw}.get(label, np.sin(2 * np.pi * turns))
        return values + 0.3 * generator.normal(size=64)

    return _series(make, 5, 1500)


def walks():
    """Noise, noise that remembers its last value by half, a random walk, and one that is pulled back: 48 steps of deviation 1."""

    def make(generator, label):
        values, memory = generator.normal(size=48), (0.0, 0.6, 1.0, 0.9)[label]
        for step in range(1, 48):
            values[step] += memory * values[step - 1]
        return (values - values.mean()) / values.std()

    return _series(make, 4, 1500)
