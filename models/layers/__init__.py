"""Layers that Keras lacks, and faster twins of its own. They save, reload in safe mode and run on every backend."""
