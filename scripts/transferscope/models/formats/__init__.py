"""How authors store weights: one module a format, each with ``read(path)``."""
