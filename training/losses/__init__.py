"""Losses by name, and which target each is for: one that does not fit is refused with the one that does."""

from hornbook.training.losses.classification import CLASSIFICATION, choose_classification, classification, num_outputs
from hornbook.training.losses.contrastive import NTXent, partner_accuracy
from hornbook.training.losses.distilled import Distilled, OfLabels
from hornbook.training.losses.focal import BinaryFocal, CategoricalFocal, SparseCategoricalFocalCrossentropy
from hornbook.training.losses.masked import MaskedAccuracy, MaskedCrossentropy, MaskedError
from hornbook.training.losses.members import OfEnsemble, OverMembers
from hornbook.training.losses.regression import REGRESSION, QuantileLoss, choose_regression, regression
from hornbook.training.losses.shifted import LDAM, EachLabel, LogitAdjusted, margins

__all__ = [
    "CLASSIFICATION",
    "LDAM",
    "REGRESSION",
    "BinaryFocal",
    "CategoricalFocal",
    "Distilled",
    "EachLabel",
    "LogitAdjusted",
    "MaskedAccuracy",
    "MaskedCrossentropy",
    "MaskedError",
    "NTXent",
    "OfEnsemble",
    "OfLabels",
    "OverMembers",
    "QuantileLoss",
    "SparseCategoricalFocalCrossentropy",
    "choose_classification",
    "choose_regression",
    "classification",
    "margins",
    "num_outputs",
    "partner_accuracy",
    "regression",
]
