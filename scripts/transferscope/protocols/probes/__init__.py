"""The protocols on frozen features: one module a probe, each from arrays to scores."""
