"""Why a network does not train or does not generalise, and what mends it: a callback that watches a training, and rules that read it."""

from hornbook.training.diagnosis.check import check
from hornbook.training.diagnosis.diagnostics import Diagnostics, Record
from hornbook.training.diagnosis.finding import Finding, Remedy
from hornbook.training.diagnosis.hopeless import StopWhenHopeless
from hornbook.training.diagnosis.inside import inside
from hornbook.training.diagnosis.rules import diagnose

__all__ = ["Diagnostics", "Finding", "Record", "Remedy", "StopWhenHopeless", "check", "diagnose", "inside"]
