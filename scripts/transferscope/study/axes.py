"""What a number may vary in beside model, dataset, protocol and seed: columns of the long table."""

RUN_AXES = {"labels": "{} labels", "layer": "layer {}", "freeze": "frozen to stage {}"}
"""Of a whole run, each with its printed form. Empty: all labels; the pooled feature; nothing frozen."""

AXES = RUN_AXES | {"ways": "{} ways", "shots": "{} shots"}
"""These, and what varies within one run. Empty where a protocol knows nothing of it."""
