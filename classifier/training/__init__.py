"""Everything that makes a model; the only part of Referee that imports torch and transformers."""
