"""Rendered scenes: parametric objects, a ray-cast renderer, and the data set drawn from them."""
