"""Every promise of speed and memory beside what it is promised against: `python -m benchmarks`."""
