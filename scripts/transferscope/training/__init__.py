"""Training that survives its end: position-addressed streams, saved states, deadlines, node-local copies."""
