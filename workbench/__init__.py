"""Port a PyTorch model onto a small, fast inference engine, one checked config line at a time."""

__version__ = "0.1.0"
