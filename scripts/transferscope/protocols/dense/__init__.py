"""Dense prediction: a label for every pixel, surface normals and classes."""
