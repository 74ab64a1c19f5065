"""Backbones: from any authors' checkpoint to one canonical file, and from that to a network.

``checkpoints`` converts (``formats`` reads, ``matching`` renames), ``backbones`` creates, saves and loads.
"""
