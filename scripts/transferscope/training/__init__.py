"""Resumable training: position-addressed data streams, saved states, deadline signals, scratch copies."""
