"""Rendered scenes: parametric objects, a ray-casting renderer, and the dataset generated from them."""
