"""Planted faults and healthy runs, by which the diagnosis of trainings is measured."""
