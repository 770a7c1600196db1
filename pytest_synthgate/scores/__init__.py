"""Features to scores: pure numbers, no files, no limits."""
