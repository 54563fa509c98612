"""Images of a dataset as pictures for a report: the worst mistakes, and training images beside their augmented versions."""

import numpy as np

from hornbook.data import randomness
from hornbook.evaluation.classification import softmax, worst


def mistakes(examples, logits, class_names, pixel_maximum=255, count=24):
    """The most confident mistakes as pictures for a report: a list of {image, true, predicted, confidence}, the most confident first.

    `examples` is a part of a dataset: it has `labels` (examples,), and `subset(positions).in_memory().inputs`, pixels
    (examples, height, width, channels) from 0 to `pixel_maximum`; no more than `count` are read. `image` is a uint8 array
    (height, width, channels) with 1 or 3 channels; of another number of channels only the first is shown.
    """
    positions = worst(examples.labels, logits, count)
    if not len(positions):
        return []
    pixels = np.asarray(examples.subset(positions).in_memory().inputs, dtype=np.float64)
    pixels = pixels if pixels.shape[-1] in (1, 3) else pixels[..., :1]
    images = np.round(np.clip(pixels / pixel_maximum, 0, 1) * 255).astype(np.uint8)
    probabilities = softmax(np.asarray(logits)[positions])
    return [
        {
            "image": image,
            "true": class_names[examples.labels[position]],
            "predicted": class_names[row.argmax()],
            "confidence": float(row.max()),
        }
        for image, position, row in zip(images, positions, probabilities, strict=True)
    ]


def sheet(examples, augment, class_names, *, pixel_maximum=255, count=6, versions=5, seed=0):
    """Pictures of what training is fed, for a report: a few images, each with its augmented versions of the first epochs.

    Geometry and colours are those that training sees with this seed. Mixing is with the next image of the sheet: with which one training
    mixes depends on the batch.

    Args:
        examples: a part of a dataset, such as `dataset.Examples`; no more than `count` images are read.
        augment: function `(images, labels, draw) -> (images, labels)`.
        class_names: a name for every label.
        pixel_maximum: the number that stands for white.
        count: images, spread over the part.
        versions: epochs.
        seed: the run's.

    Returns:
        A list of dicts for `report.write_report`: `image`, `versions` (a list), uint8 arrays `(height, width, 1 or 3)`, and `label`.
    """
    positions = np.unique(np.linspace(0, len(examples) - 1, count).astype(np.intp))
    chosen = examples.subset(positions).in_memory()
    labels = np.eye(len(class_names), dtype=np.float32)[chosen.labels]

    def pictures(images):
        images = images if images.shape[-1] in (1, 3) else images[..., :1]
        return np.rint(np.clip(images.astype(np.float64) / pixel_maximum, 0, 1) * 255).astype(np.uint8)

    def epoch(number):
        return pictures(augment(chosen.inputs, labels, lambda stream: randomness.uniform(seed, number, chosen.indices, stream))[0])

    augmented = [epoch(number) for number in range(versions)]
    return [
        {"image": image, "versions": [images[place] for images in augmented], "label": class_names[chosen.labels[place]]}
        for place, image in enumerate(pictures(chosen.inputs))
    ]
