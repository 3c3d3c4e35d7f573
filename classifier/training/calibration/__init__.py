"""A finished model fitted to other rows: its probabilities and thresholds, not its weights."""
