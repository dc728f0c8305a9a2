"""First lines of a config, written for the user."""
