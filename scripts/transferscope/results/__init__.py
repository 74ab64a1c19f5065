"""What runs found: metrics, the result and prediction files, the long table, and its correlations."""
