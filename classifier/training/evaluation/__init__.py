"""What a model is worth: metrics, slices, disguises, innocent lines, groups of people."""
