"""From pictures to features: preparing a picture, one pass through a frozen backbone, the feature file."""
