"""What OpenVINO tells of a network that it has compiled: its operators in their order, what is fused, bytes of each."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from workbench.engines.openvino import OpenVINOEngine


class Operator(NamedTuple):
    """One operator as it runs.

    kind      OpenVINO's name of it; kernel: what computes it, such as brgconv_avx512_f32
    parts     the names of the operators that were fused into it; a config's line is TAG:OUTPUT
    nbytes    of its outputs; reads: the numbers of the operators whose outputs it reads
    """

    kind: str
    kernel: str
    parts: tuple[str, ...]
    nbytes: int
    reads: tuple[int, ...]


def operators(engine: OpenVINOEngine, batch: int = 1) -> list[Operator]:
    """The operators in the order in which they run, without constants and what is made of constants alone.

    An open axis counts as `batch`. Where the tensors lie in memory, OpenVINO does not tell.
    """
    found: list[Operator] = []
    numbers: dict[str, int] = {}
    ordered = engine.compiled.get_runtime_model().get_ordered_ops()
    for op in sorted(ordered, key=lambda op: int(_told(op, "execOrder") or 0)):
        sources = [x.get_source_output().get_node().get_friendly_name() for x in op.inputs()]
        reads = tuple(dict.fromkeys(numbers[name] for name in sources if name in numbers))
        kind = _told(op, "layerType")
        if kind == "Const" or (sources and not reads):
            continue
        numbers[op.get_friendly_name()] = len(found)
        parts = tuple(name for name in _told(op, "originalLayersNames").split(",") if name)
        nbytes = 0 if kind == "Output" else sum(_nbytes(t, batch) for t in op.outputs())
        found.append(Operator(kind, _told(op, "primitiveType"), parts, nbytes, reads))
    return found


def _told(op: Any, key: str) -> str:
    info = op.get_rt_info()
    return str(getattr(info[key], "value", info[key])) if key in info else ""


def _nbytes(t: Any, batch: int) -> int:
    sizes = [batch if d.is_dynamic else d.get_length() for d in t.get_partial_shape()]
    return math.prod(sizes) * t.get_element_type().size
