"""How a key's value is written in a config: the inverse of `Key.parse`."""

from __future__ import annotations

import re
from typing import Any

from workbench.layers.base import Pads, Pair


def text_of(value: Any) -> str:
    """The shortest text from which the key's type makes the same value again."""
    if isinstance(value, Pads) and value[0] == value[1] and value[2] == value[3]:
        value = Pair(f"{value[0]},{value[2]}")
    if isinstance(value, Pair) and value[0] == value[1]:
        return str(value[0])
    if isinstance(value, tuple):
        return ",".join(map(text_of, value))
    return re.sub(r"\.0$", "", repr(value)) if isinstance(value, float) else str(value)
