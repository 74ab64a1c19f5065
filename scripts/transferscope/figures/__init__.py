"""From the long table to what people look at: figures, printed tables and a page a dataset.

Each figure module takes tables and returns a matplotlib Figure, which ``style.save`` writes.
"""
