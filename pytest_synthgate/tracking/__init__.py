"""What outlives a run: the baseline that was accepted, and the history of runs."""
