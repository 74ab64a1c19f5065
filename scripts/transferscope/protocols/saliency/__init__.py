"""Saliency: the parts of an image that a backbone's features depend on."""
