"""What is corrupted: examples of a run's data before the model's own preparation, and each medium's corruptions of them."""

import dataclasses

import numpy as np

from hornbook import UserError, records
from hornbook.data.corruptions import images, series, tables, texts
from hornbook.data.dataset import plain_inputs
from hornbook.data.images import inputs as of_images
from hornbook.data.tables.encoding import Encoding
from hornbook.data.texts import inputs as of_texts


@dataclasses.dataclass(frozen=True)
class Subject:
    """A part of a dataset to corrupt.

    Attributes:
        part: of the dataset, with `labels`; of texts as texts.
        left_out: how many examples of it were left out when it was read.
        strengths: dict of each kind of corruption to five numbers.
        counts: dict of each kind to what they count, in words.
        read: function of int places to the inputs there, an array or a list.
        change: function `(inputs, kind, strength, keys)` to corrupted inputs.
        keys: int array `(examples,)`, a number that is each example's own.
    """

    part: object
    left_out: int
    strengths: dict
    counts: dict
    read: object
    change: object
    keys: np.ndarray

    def examples(self, inputs, trained, medium):
        """Inputs as the run's model takes them."""
        return medium.examples([[one] for one in inputs] if trained.about["medium"] == "series" else list(inputs), trained)[0]


def subject(trained, name, part, read, *, seed=0):
    """The `Subject` of a part of a dataset.

    Args:
        trained: as of `finished_run.open_run`.
        name: of the dataset.
        part: as of `EvaluateArgs`.
        read: what the medium's `scored` gave of them: of texts it has tokens, and the texts are read again.
        seed: of what is drawn.

    Raises:
        UserError: the data do not fit the run.
    """
    if trained.about["medium"] == "texts":
        found, left_out = of_texts.texts_scored(name, part, trained)

        def change(inputs, kind, strength, keys):
            return texts.corrupted(inputs, kind, strength, keys=keys, seed=seed)

        return Subject(found, left_out, texts.STRENGTHS, texts.COUNTS, lambda places: plain_inputs(found, places), change, found.indices)
    found, left_out = read
    of_medium = {"images": _of_images, "series": _of_series, "tables": _of_tables}[trained.about["medium"]]
    return of_medium(trained, found, left_out, seed)


def _of_images(trained, part, left_out, seed):
    white = trained.about["pixel_maximum"]

    def read(places):
        found = np.asarray(plain_inputs(part, places), np.float32)
        of_images.refuse_other_scale(found, trained)
        if found.min() < 0:
            raise UserError(f"--corruptions needs pixels from 0, black, to {white:g}, white, got {found.min():g}")
        return found

    def change(inputs, kind, strength, keys):
        return images.corrupted(inputs, kind, strength, white=white, keys=keys, seed=seed)

    return Subject(part, left_out, images.STRENGTHS, images.COUNTS, read, change, part.indices)


def _of_series(trained, part, left_out, seed):
    about = trained.about["preprocessing"]
    deviations = np.sqrt(part.moments()[1])[: len(about["features"])]

    def change(inputs, kind, strength, keys):
        given = {"deviations": deviations, "method": about["missing"], "fill": about["fill"]}
        return series.corrupted(inputs, kind, strength, keys=keys, seed=seed, **given)

    return Subject(part, left_out, series.STRENGTHS, series.COUNTS, lambda places: plain_inputs(part, places), change, part.keys)


def _of_tables(trained, part, left_out, seed):
    encoding = records.read(trained.folder / "table.json", Encoding)
    # A column at a time: of millions of rows, a copy in float64 would be most of the memory.
    deviations = [np.std(part.inputs[:, place], dtype=np.float64) for place in range(len(encoding.numbers))]
    strengths = {kind: tables.STRENGTHS[kind] for kind in tables.kinds(encoding)}

    def change(inputs, kind, strength, keys):
        return tables.corrupted(inputs, kind, strength, encoding=encoding, deviations=deviations, keys=keys, seed=seed)

    return Subject(part, left_out, strengths, tables.COUNTS, lambda places: plain_inputs(part, places), change, part.indices)
