"""Reconstruction: invert a backbone's features to images and measure their similarity to the originals."""
