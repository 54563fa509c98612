"""What is particular about each medium when a run's answers are explained: the model's inputs, their places, and how they are drawn."""

import numpy as np

from hornbook import UserError, records, terminal
from hornbook.data import bucketed_batches
from hornbook.data.dataset import plain_inputs, sample
from hornbook.data.tables.encoding import Encoding
from hornbook.inference.explain import subjects
from hornbook.reports import examples, page
from hornbook.reports import heat as drawing

_SHOWN = 6  # Columns of a training row.
_BACKGROUND = 64  # Training rows that stand in for columns.


class Images:
    """Images, whose places are pixels.

    Args:
        trained, medium: as of `inference.finished_run.open_run`.
        inputs: as `medium.read` gives them, without their names.
        baseline: "zero" or "mean", see `subjects`; None: "zero".
    """

    def __init__(self, trained, medium, inputs, baseline=None):
        self.maximum = trained.about["pixel_maximum"]
        self.subject = subjects.of_images(np.stack(inputs), baseline or "zero")
        self.owners = np.arange(len(inputs))  # Which input each example is of.

    def drawn(self, place, heat, label):
        """HTML of an example under its heat."""
        return drawing.pair(self.picture(self.subject.x[place]), heat, label)

    def example(self, image):
        """HTML of an image `(height, width, channels)`, small."""
        return drawing.small(self.picture(image), "a training example")

    def picture(self, image):
        """uint8 `(height, width, 1 or 3)`."""
        image = image if image.shape[-1] in (1, 3) else image[..., :1]
        return np.rint(np.clip(image.astype(np.float64) / self.maximum, 0, 1) * 255).astype(np.uint8)

    def written(self, place, heat):
        """JSON values of an example's heat."""
        return {"attributions": _rounded(heat)}


class Series:
    """Series, or windows of them, whose places are steps. Arguments as of `Images`; the baseline is "mean" by default."""

    def __init__(self, trained, medium, inputs, baseline=None):
        part, sizes = medium.examples(inputs, trained)
        x = bucketed_batches.whole(part, trained.about["input_shape"][0])
        self.subject = subjects.of_series(x, baseline or "mean")
        self.owners = np.repeat(np.arange(len(sizes)), sizes)

    @classmethod
    def of_arrays(cls, x):
        """The same of float array `(batch, steps, features)`, as the model takes it."""
        made = cls.__new__(cls)
        made.subject, made.owners = subjects.of_series(x), np.arange(len(x))
        return made

    def drawn(self, place, heat, label):
        """HTML of an example, its hot steps shaded."""
        where = self.subject.counted[place]
        return drawing.series(self.subject.x[place][where], heat[where], label)

    def example(self, values):
        """HTML of a series `(steps, features)`, small."""
        return examples.series_picture(values, "a training example")

    def written(self, place, heat):
        """JSON values of an example's heat, a number a step."""
        return {"attributions": _rounded(heat[self.subject.counted[place]])}


class Texts:
    """Texts, whose places are tokens. Arguments as of `Images`; vectors of zeros are the baseline."""

    def __init__(self, trained, medium, inputs, baseline=None):
        from hornbook.data.texts import tokenizing

        self.texts, self.tokenizer = list(inputs), tokenizing.load(trained.folder / "tokenizer.json")
        part, _ = medium.examples(inputs, trained)
        self.subject = subjects.of_tokens(bucketed_batches.whole(part, trained.about["input_shape"][0]), self.tokenizer)
        self.owners = np.arange(len(inputs))

    def drawn(self, place, heat, label):
        """HTML of a text, its words coloured."""
        pieces, numbers, end, text = [], [], 0, self.texts[place]
        for (first, last), one in zip(self._spans(place), heat, strict=False):
            if last <= end:  # A byte of a character that has been there.
                numbers[-1] = numbers[-1] + float(one) if numbers and numbers[-1] is not None else float(one)
                continue
            first = max(first, end)
            if first > end:
                pieces.append(text[end:first])
                numbers.append(None)
            pieces.append(text[first:last])
            numbers.append(float(one))
            end = last
        cut = len(self._spans(place)) > int(self.subject.counted[place].sum())
        return drawing.words([*pieces, text[end:]], [*numbers, None]) + (
            '<p class="note">What is not coloured at the end was cut off: the network does not read it.</p>' if cut else ""
        )

    def example(self, ids):
        """HTML of a text's token ids."""
        return drawing.words([self.tokenizer.decode(ids)], [None])

    def written(self, place, heat):
        """JSON values of an example's heat: tokens, and a number each."""
        spans, size = self._spans(place), int(self.subject.counted[place].sum())
        tokens = [self.texts[place][first:last] for first, last in spans[:size]]
        return {"text": self.texts[place], "tokens": tokens, "attributions": _rounded(heat[: len(tokens)])}

    def _spans(self, place):
        return self.tokenizer.fast.encode(self.texts[place], add_special_tokens=False).offsets


class Tables:
    """Rows of a table, whose places are its columns.

    Arguments as of `Images`; and `background`, training rows that stand in for columns that are taken away. None: they are read.
    """

    def __init__(self, trained, medium, inputs, baseline=None, background=None):
        self.encoding = encoding = records.read(trained.folder / "table.json", Encoding)
        self.columns = list(encoding.columns)
        numbers, missing = len(encoding.numbers), {name: place for place, name in enumerate(encoding.indicators)}
        places = [[place, *([numbers + missing[name]] if name in missing else [])] for place, name in enumerate(encoding.numbers)]
        places += [[numbers + len(missing) + place] for place in range(len(encoding.categories))]
        self.places = places
        self.background = _training_rows(trained, medium, _BACKGROUND) if background is None else background
        self.subject = subjects.of_rows(np.stack(inputs).astype(np.float32), self.background, places)
        self.owners = np.arange(len(inputs))

    def drawn(self, place, heat, label):
        """HTML of a row: its columns, their values and what they add."""
        return drawing.bars(
            [(name, self.value(self.subject.x[place], name), float(one)) for name, one in zip(self.columns, heat, strict=True)]
        )

    def example(self, row):
        """HTML of a row: what it has in its first columns."""
        told = [f"{page.isolated(name)} {page.escape(self.value(row, name))}" for name in self.columns[:_SHOWN]]
        return f'<p class="note">{"; ".join(told)}{"; ..." if len(self.columns) > _SHOWN else ""}</p>'

    def value(self, row, name):
        """What an encoded row has in a column, as text."""
        own = row[self.places[self.columns.index(name)]]
        if name in self.encoding.numbers:
            return "missing" if len(own) > 1 and own[1] else f"{own[0]:.6g}"
        return (None, *self.encoding.categories[name])[int(own[0])] or "another category"

    def written(self, place, heat):
        """JSON values of an example's heat, a number a column."""
        return {
            "columns": self.columns,
            "values": [self.value(self.subject.x[place], name) for name in self.columns],
            "attributions": _rounded(heat),
        }


def _training_rows(trained, medium, count):
    """Some of the run's training rows; where these cannot be read, made-up ones around their medians."""
    try:
        part, _ = medium.scored(trained.config["dataset"], "train", trained, True)
    except UserError as error:
        terminal.say(f"note: made-up rows stand in for the run's own, which cannot be read: {error}")
        return np.stack([row for _, row in medium.generated(trained, count)])
    return plain_inputs(part, sample(len(part), count))


def _rounded(values):
    return (
        np.vectorize(lambda one: float(f"{one:.6g}"), otypes=[object])(np.asarray(values, np.float64)).tolist() if np.size(values) else []
    )


KINDS = {"images": Images, "series": Series, "texts": Texts, "tables": Tables}
