"""Floors: what classical models give on the very split that a network is scored on. NumPy, SciPy and scikit-learn, no Keras."""

from hornbook.evaluation.floors.beside import Floor
from hornbook.evaluation.floors.comparison import compare, in_words, main_metric
from hornbook.evaluation.floors.images import refuse_large_images
from hornbook.evaluation.floors.problem import Problem, how_many
from hornbook.evaluation.floors.tasks import Task, constants

__all__ = ["Floor", "Problem", "Task", "compare", "constants", "how_many", "in_words", "main_metric", "refuse_large_images"]
