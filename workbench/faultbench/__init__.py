"""Faults planted in right configs and weights, and a score of what the diagnosis makes of them."""

CLEAN = 3  # seeds of every right model
