"""Hooks, options and fixtures: the last station of the flow."""
