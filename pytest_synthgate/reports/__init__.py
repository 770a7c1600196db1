"""The results as JSON, and everything rendered from it."""
