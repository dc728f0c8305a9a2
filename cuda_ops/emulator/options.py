"""How the emulator runs what is compiled, allocated and launched from now on."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

MODES = ("run", "check")
ORDERS = ("forward", "backward", "shuffled")


@dataclass(frozen=True)
class Options:
    """mode: run (fast) or check (races, bounds, ...); order: of threads and blocks; time_limit: seconds per launch;
    memory: bytes on the pretended device; workers: OS threads, 0 for one per core."""

    mode: str = "run"
    order: str = "forward"
    seed: int = 1
    time_limit: float = 120.0
    workers: int = 0
    memory: int = 16 << 30

    def __post_init__(self) -> None:
        for name, allowed in (("mode", MODES), ("order", ORDERS)):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(allowed)}; got {getattr(self, name)!r}")
        if not 0 < self.time_limit < 2**31 / 1000:
            raise ValueError(f"time_limit must be a positive number of seconds; got {self.time_limit!r}")


_current = Options()


def options() -> Options:
    """The options in force."""
    return _current


@contextmanager
def configure(**changes) -> Iterator[Options]:
    """Change options within a `with` block: `with configure(mode="check", order="shuffled", seed=3): ...`."""
    global _current
    before = _current
    _current = replace(before, **changes)
    try:
        yield _current
    finally:
        _current = before
