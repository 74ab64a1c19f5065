"""Finetuning: the whole network trained on a dataset, its settings chosen on val."""
