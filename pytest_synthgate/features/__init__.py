"""Images to unit-norm vectors: encoders, the embedding pipeline, the store."""
