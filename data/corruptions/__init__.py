"""Inputs made worse as the world does it, by chance and not on purpose, at five strengths: images, series, tables and texts.

Each file has `STRENGTHS`, a dict of each kind of corruption to five amounts, `COUNTS`, what these count, and `corrupted`. What is drawn for
an example depends on the seed and on the example alone, not on its batch, and is the same at each strength: a stronger corruption is the
same one, enlarged.
"""
