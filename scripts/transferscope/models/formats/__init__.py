"""Checkpoint formats: one module per format, each with ``read(path)``."""
