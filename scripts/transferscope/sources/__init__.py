"""Fetch files from URLs, PyPI packages and local paths; verify checksums; unpack archives safely."""
