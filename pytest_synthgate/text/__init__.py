"""How names and texts from outside are shown, and how an error about them is worded."""
