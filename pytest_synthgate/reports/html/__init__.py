"""The report that people open: what a results file says, beside the pictures it speaks of."""
