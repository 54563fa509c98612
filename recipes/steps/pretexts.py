"""What a network learns of images without labels, as `recipes.image_pretraining` has it: a class for each `--task`, of the same parts."""

import dataclasses

from hornbook import UserError, data
from hornbook.data.images.pretraining import rotation, views
from hornbook.evaluation.floors import contrastive
from hornbook.recipes.steps import running

_COLOUR = 0.4  # Half of the strength for photographs, as for CIFAR-10 (Chen et al. 2020, appendix B.9).
_BLURRED_FROM = 64  # Pixels a side: CIFAR-10 is not blurred there.
_BATCH = 256  # The smallest that Chen et al. tried: of more views it is harder to tell the partner.
_OF_CONTRASTIVE = ("smallest_crop", "mirrored", "blur", "noise", "temperature", "projection_size")


@dataclasses.dataclass(frozen=True)
class Fed:
    """What a training is fed.

    Attributes:
        augment: of `data.training_batches`, with the dataset's training part.
        seen: the training part as the trained model takes it, which is looked at and not trained on.
        validation: likewise, or None.
    """

    augment: object
    seen: object
    validation: object


def check(args):
    """Refuse options that are for another task, in the words of a flag.

    Raises:
        UserError: with what to pass.
    """
    if args.task == "contrastive":
        if args.augmentation not in ("auto", "none"):
            raise UserError(f"--augmentation {args.augmentation} is for --task rotation; --smallest-crop, --colour and --blur make views")
        if args.save_predictions:
            raise UserError("--save-predictions is for --task rotation: of --task contrastive nothing is predicted; leave it out")
        return
    for name in _OF_CONTRASTIVE:
        if getattr(args, name) != getattr(type(args), name):
            flag = f"--{name.replace('_', '-')} {getattr(args, name)}" if name != "mirrored" else "--no-mirrored"
            raise UserError(f"{flag} is for --task contrastive, got {args.task}; pass that too")


def settled(args):
    """The options with what the task leaves no choice of, and the batch size that it wants."""
    if args.task != "contrastive":
        return args
    batch_size = _BATCH if args.batch_size == "auto" else args.batch_size
    return dataclasses.replace(args, augmentation="none", batch_size=batch_size)


def of(args):
    """The `Rotation` or `Contrastive` of a recipe's options."""
    return {"rotation": Rotation, "contrastive": Contrastive}[args.task](args)


@dataclasses.dataclass(frozen=True)
class Rotation:
    """Which of four quarter turns an image was shown in."""

    args: object

    @property
    def num_outputs(self):
        """Of the network: a logit a turn."""
        return rotation.TURNS

    @property
    def about(self):
        """What `labels.json` says of the outputs."""
        return {"loss": "cross-entropy"}

    def dataset(self, plain):
        """The dataset of this task."""
        return rotation.dataset(plain)

    def projected(self, network):
        """The model that is saved."""
        return network

    def trained(self, model):
        """The model that is trained."""
        return model

    @property
    def loss(self):
        """For `compile`."""
        from hornbook.training import losses

        return losses.classification("cross-entropy")[0]

    @property
    def accuracy(self):
        """For `compile`."""
        from hornbook.training import losses

        return losses.classification("cross-entropy")[1]

    def _augment(self, dataset):
        colour = self.args.colour or 0.0
        return rotation.turning(data.images.augmenter(self.args.augmentation, colour_strength=colour, pixel_maximum=dataset.pixel_maximum))

    def fed(self, dataset):
        """What the training is fed, `Fed`."""
        return Fed(self._augment(dataset), dataset.train, dataset.validation)

    def evaluate(self, session, model, trained, about, dataset, evaluated):
        """What the model is worth, `running.Scored`."""
        return running.evaluate(session, trained, about, evaluated)

    def sheet(self, dataset):
        """Augmented examples for the report."""
        from hornbook.reports import examples

        return examples.augmented(dataset, self._augment(dataset), seed=self.args.seed)


@dataclasses.dataclass(frozen=True)
class Contrastive:
    """Which other view of a batch is of the same image; the model that is saved gives projections."""

    args: object

    @property
    def num_outputs(self):
        """Of the network, whose output layer is the first of two that project."""
        return 2 * self.args.projection_size

    @property
    def about(self):
        """What `labels.json` says of the outputs."""
        return {"loss": "nt-xent", "target_names": tuple(f"projection {number}" for number in range(1, self.args.projection_size + 1))}

    def dataset(self, plain):
        """The dataset of this task."""
        return views.dataset(plain)

    def projected(self, network):
        """The model that is saved: the network, and the second layer that projects (Chen et al. 2020, section 2.1)."""
        import keras

        x = keras.layers.Activation("relu", name="projected")(network.outputs[0])
        outputs = keras.layers.Dense(self.args.projection_size, dtype="float32", name="projection")(x)
        return keras.Model(network.inputs, outputs, name=network.name)

    def trained(self, model):
        """The model that is trained: pairs of images `(batch, 2, height, width, channels)` to pairs of projections."""
        import keras

        shape = model.input_shape[1:]
        pairs = keras.Input((2, *shape), name="pairs")
        projections = model(keras.ops.reshape(pairs, (-1, *shape)))
        return keras.Model(pairs, keras.ops.reshape(projections, (-1, 2, self.args.projection_size)), name="of_pairs")

    @property
    def loss(self):
        """For `compile`."""
        from hornbook.training import losses

        return losses.NTXent(self.args.temperature)

    @property
    def accuracy(self):
        """For `compile`."""
        from hornbook.training import losses

        return losses.partner_accuracy()

    def _views(self, dataset):
        colour = _COLOUR if self.args.colour is None else self.args.colour
        blur = (0.5 if min(dataset.input_shape[:2]) >= _BLURRED_FROM else 0.0) if self.args.blur is None else self.args.blur
        own = {name: getattr(self.args, name) for name in ("smallest_crop", "mirrored", "noise")}
        return views.Views(**own, colour=colour, blur=blur, pixel_maximum=dataset.pixel_maximum)

    def _paired(self, dataset, part):
        return part and views.PairedExamples(part, self._views(dataset), self.args.split_seed)

    def fed(self, dataset):
        """What the training is fed, `Fed`."""
        parts = (self._paired(dataset, part) for part in (dataset.train, dataset.validation))
        return Fed(self._views(dataset).augment, *parts)

    def evaluate(self, session, model, trained, about, dataset, evaluated):
        """What the model is worth, `running.Scored`: how often a view's partner is found among 256 pairs."""
        from hornbook.data import batches

        if evaluated is None:
            return running.Scored()
        outputs = batches.predictions(trained, self._paired(dataset, evaluated))
        found = contrastive.scores(outputs, self.args.temperature)
        if self.args.floor:
            session.floor.known(contrastive.floor(found))
        return running.Scored(found)

    def sheet(self, dataset):
        """Views for the report."""
        from hornbook.reports import examples

        made = self._views(dataset)
        return examples.augmented(dataset, lambda images, labels, draw: (made.one(images, draw), labels), seed=self.args.seed)
