"""What a network looked at in its most confident mistakes, for the run's report."""

import time

import numpy as np

from hornbook import terminal
from hornbook.data.dataset import plain_inputs, sample
from hornbook.data.inputs import Trained

SHOWN = 8  # Mistakes.
_SECONDS, _SHARE = 5.0, 0.05  # After which no other is begun: so long, or this share of the run's time if that is more.
_METHOD, _OF_TABLES = "integrated_gradients", "shapley"
_BACKGROUND = 64  # Training rows that stand in for columns.


def in_mistakes(model, dataset, part, mistakes, about, folder, seconds):
    """The first mistakes with what spoke for the class that was said, and what against it.

    Args:
        model: the run's, which takes what the dataset's parts hold.
        dataset: `data.dataset.Dataset` of any medium.
        part: the name of the part that was scored.
        mistakes: list of dicts as of `reports.examples.mistakes`.
        about: what `labels.json` holds.
        folder: of the run, with the tokenizer or the table's encoding.
        seconds: that the run took.

    Returns:
        The same dicts; the first with `heat`: HTML of the example under its heat.
    """
    if not mistakes:
        return []
    try:
        drawn = list(_drawn(model, dataset, part, mistakes[:SHOWN], about, folder, max(_SECONDS, _SHARE * seconds)))
    # The run is done, and nothing of a picture is worth losing it for: a network of somebody's own, say, that no gradient goes through.
    except Exception as error:
        what = str(error).splitlines()[0] if str(error) else type(error).__name__
        terminal.say(f"note: the report does not show what the network looked at in its mistakes: {what[:200]}")
        return mistakes
    return [{**one, "heat": drawn[place]} if place < len(drawn) else one for place, one in enumerate(mistakes)]


def _drawn(model, dataset, part, mistakes, about, folder, seconds):
    """HTML of one mistake after the other, as many as there is time for."""
    from hornbook.inference.explain import checks

    positions = np.array([one["position"] for one in mistakes])
    trained = Trained(folder, {**about, "input_shape": list(model.input_shape[1:])}, {})
    began = time.monotonic()
    shown = _SHOWN[dataset.medium](dataset, dataset.part(part), part, positions, trained)
    run = checks.Run(model, trained, shown, _OF_TABLES if dataset.medium == "tables" else _METHOD, None, lazy=True)
    for place, one in enumerate(mistakes):
        if place and time.monotonic() - began > seconds:
            return
        said = about["class_names"].index(one["predicted"])
        label = f"an example of {one['true']}, taken for {one['predicted']}"
        yield shown.drawn(place, run.heat_of(place, said), label)


def _images(dataset, examples, part, positions, trained):
    from hornbook.inference.explain import media

    return media.Images(trained, None, list(examples.subset(positions).in_memory().inputs))


def _series(dataset, examples, part, positions, trained):
    from hornbook.inference.explain import media

    length = int(examples.lengths[positions].max())
    return media.Series.of_arrays(examples.padded(positions, trained.about["input_shape"][0] or length))


def _texts(dataset, examples, part, positions, trained):
    from hornbook.data.texts import inputs
    from hornbook.inference.explain import media

    return media.Texts(trained, inputs, [dataset.in_words(part, position) for position in positions])


def _rows(dataset, examples, part, positions, trained):
    from hornbook.inference.explain import media

    background = plain_inputs(dataset.train, sample(len(dataset.train), _BACKGROUND))
    return media.Tables(trained, None, list(plain_inputs(examples, positions)), background=background)


_SHOWN = {"images": _images, "series": _series, "texts": _texts, "tables": _rows}
