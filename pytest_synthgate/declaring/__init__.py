"""Spec files to specs: reading TOML, checking it, wording what is wrong."""
