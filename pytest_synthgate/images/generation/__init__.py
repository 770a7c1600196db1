"""Prompts -> images, made once: planned without torch, sampled one seed an image, kept by content."""
