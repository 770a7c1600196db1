"""Where images come from and how a file becomes pixels."""
