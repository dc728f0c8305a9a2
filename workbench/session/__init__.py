"""A model being ported: its original, its config, and the proof that they agree."""

from workbench.progress import Progress, silent
from workbench.session.session import Session

__all__ = ["Progress", "Session", "silent"]
