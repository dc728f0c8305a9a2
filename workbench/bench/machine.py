"""What figures were measured on, in general words: no host, no paths."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform

OTHERS = "CPU that other programs took"


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def machine(threads: int) -> dict[str, str]:
    """Date, processor and versions."""
    from workbench.engines import engine_class

    processor, _, abilities = engine_class("openvino").machine().partition(": ")
    version = importlib.metadata.version
    return {
        "date": datetime.date.today().isoformat(),
        "processor": f"{processor}, {platform.machine()}",
        "abilities": abilities,
        "cores": str(cores()),
        "threads": str(threads),
        "torch": version("torch"),
        "openvino": version("openvino"),
        "python": platform.python_version(),
    }
