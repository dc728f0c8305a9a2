"""Launches of cast.cu."""

from dataclasses import replace
from typing import Any

from .launch import Launch, flat

TYPES = {
    "f32": "float",
    "f16": "__half",
    "bf16": "__nv_bfloat16",
    "i32": "int",
    "u32": "unsigned",
    "u8": "unsigned char",
    "i8": "signed char",
    "bool": "unsigned char",
}


def cast(x: Any, y: Any, other: str, count: int, inward: bool) -> Launch:
    """y = x: from `other` (one of TYPES) into the storage type, or (not inward) from the storage type into `other`."""
    launch = flat("cast", "cast_in" if inward else "cast_out", count, x, y, count)
    return replace(launch, defines=(("OTHER", TYPES[other]),))
