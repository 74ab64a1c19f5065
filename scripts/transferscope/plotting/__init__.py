"""Figures: one module each, which takes tables and returns a matplotlib Figure that ``style.save`` writes."""
