"""Compact networks with hand-written configs: layers and keys that the ports are too large, or too few, to cover."""

MODELS = ("convolutions", "enlarging", "attention", "branches", "detector", "norms", "sequence")
