"""The protocols: how a backbone is evaluated on a dataset.

On frozen features (``probes``), by training (``finetuning``, ``openmmlab``, ``dense``), and what the features
keep (``reconstruction``, ``saliency``, ``invariance``, ``similarity``); ``calibration`` reads predictions.
"""
