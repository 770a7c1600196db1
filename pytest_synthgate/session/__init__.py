"""One pytest session: its options, its state, its items, what it prints. Only this and the plugin import pytest."""
