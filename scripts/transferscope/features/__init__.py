"""Features of frozen backbones: image preprocessing, extraction, and the feature file."""
