"""`--teacher RUN`: a finished run whose probabilities a network learns from, for the data that it is trained on."""

import functools
import random

import numpy as np

from hornbook import UserError, files
from hornbook.data.naming import some


def check(args, medium):
    """Refuse a teacher that cannot be one, before data are read.

    Args:
        args: a classifying recipe's options.
        medium: what the recipe's data are: "images", "texts", "series" or "tables".

    Raises:
        UserError: with the flag, and what is accepted.
    """
    if args.teacher is None:
        return
    if not files.given(args.teacher).is_dir():
        raise UserError(f"--teacher {args.teacher}: there is no such folder; accepted is that of a finished run on {medium}")
    if args.sampling == "smote":
        raise UserError("--sampling smote makes rows that the teacher was not asked about; pass another --sampling with --teacher")
    trained, _ = _opened(args)
    about = trained.about
    if about["medium"] != medium:
        raise UserError(f"--teacher {args.teacher} is a run on {about['medium']}; accepted are runs on {medium}")
    if about["task"] not in ("classification", "multi-label"):
        raise UserError(f"--teacher {args.teacher} is a {about['task']} of {some(about['target_names'])}; accepted are runs on classes")


def of(args, dataset):
    """The `training.learned.distillation.Teacher` that the options name, for the training part of a dataset; None where they name none.

    Args:
        args: a classifying recipe's options, checked.
        dataset: `data.dataset.Dataset`, on which the network is trained.

    Raises:
        UserError: the teacher knows other classes, or takes other inputs.
    """
    if args.teacher is None:
        return None
    from hornbook.inference import finished_run, saved_model
    from hornbook.training import losses
    from hornbook.training.learned import distillation

    trained, medium = _opened(args)
    about, name = trained.about, f"--teacher {args.teacher}"
    if about["task"] != dataset.task:
        raise UserError(f"{name} is a {about['task']}, and {dataset.name} is a {dataset.task}; pass a run on the same classes")
    known, wanted = about["class_names"], [str(one) for one in dataset.class_names]
    if sorted(known) != sorted(wanted):
        raise UserError(f"{name} knows the classes {some(known)}, and {dataset.name} has {some(wanted)}; pass a run on the same classes")
    try:
        examples = medium.taken(dataset, trained)
    except UserError as error:
        raise UserError(f"{name} does not fit {dataset.name}: {error}") from error
    state = random.getstate()
    model = finished_run.load_model(trained)
    random.setstate(state)  # Keras' initializers draw from it: a network begins alike with and without a teacher.
    read_as = losses.choose_classification(args.loss, dataset.task, dataset.num_classes)
    outputs = losses.num_outputs(read_as, dataset.num_classes)
    return distillation.Teacher(
        model,
        functools.partial(saved_model.outputs, model, examples, trained),
        temperature=args.temperature,
        activation="softmax" if read_as == "cross-entropy" else "sigmoid",
        as_student=distillation.translation(model.output_shape[-1], outputs, np.array([known.index(one) for one in wanted])),
        # What the student is fed, changed at random: not tokens or codes of its own, nor features.
        sees_batches=dataset.medium in ("images", "series") and getattr(args, "unfreeze", None) != "head",
    )


def _opened(args):
    from hornbook.inference import finished_run

    try:
        return finished_run.open_run(args.teacher)
    except UserError as error:
        raise UserError(f"--teacher: {error}") from error
