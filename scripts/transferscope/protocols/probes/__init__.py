"""Probes on frozen features: one module per probe, from arrays to scores."""
