"""Backbone networks: convert authors' checkpoints to one canonical file format, and load it.

``checkpoints`` converts (``formats`` reads, ``matching`` renames); ``backbones`` creates, saves and loads;
``canonical`` is the file.
"""
