"""What a run found out about each spec, and the file it is kept in."""
