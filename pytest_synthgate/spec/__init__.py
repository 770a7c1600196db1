"""First station of the flow: what a user declares, read, checked and resolved, and what is wrong with it in words."""
