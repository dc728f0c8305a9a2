"""The five calls of SoyNet's Python module, for programs written against it: change the import, and they run.

    from workbench.soynet import initSoyNet, feedData, inference, getOutput, freeSoyNet

Differences from the C library: whatever is wrong (a freed handle, an array of another size) raises WorkbenchError
instead of crashing, and one call more is allowed: initSoyNet(..., engine="openvino") chooses the engine.
"""

from __future__ import annotations

import itertools
import threading
import warnings
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from workbench.config.variables import Params
from workbench.engines.base import Arrays, Engine
from workbench.engines.build import build_network, load_network
from workbench.errors import WorkbenchError
from workbench.graph import DTYPES, TensorSpec

# Keys that belong to the C library's own housekeeping.
IGNORED = ("license_file", "license_db", "plugin_dir", "plugin_type", "log_file", "log_dir", "log_db", "log_con")
# What [nms_merge] rows are in memory; the names are those of the clients' own dtype.
YOLO_RESULT = np.dtype([(n, "<i4") for n in ("batch_idx", "x1", "y1", "x2", "y2", "id")] + [("conf", "<f4")])


@dataclass
class _Handle:
    engine: Engine
    rows: frozenset[str]  # outputs that are [nms_merge] rows
    feeds: Arrays
    outputs: Arrays = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)


_handles: dict[int, _Handle] = {}
_numbers = itertools.count(1)


def initSoyNet(cfg: str, extend_param: Params = "", *, engine: str = "openvino", threads: int | None = None) -> int:
    """Build the config's engine (or open its engine_file where that is still right); a handle for the other calls.

    `extend_param` holds the $NAMEs, "BATCH_SIZE=1 RE_SIZE=480,640". Raises WorkbenchError for anything that is wrong
    with the config, its parameters or its weights.
    """
    network = load_network(cfg, extend_param)
    graph = network.parsed.graph
    ignored = [key for key in IGNORED if key in graph.model]
    if ignored:
        warnings.warn(f"{cfg}: {', '.join(ignored)} are read and have no effect here", stacklevel=2)
    precision = graph.model.get("prec_mode") or "f32"
    built = build_network(network, engine=engine, threads=threads, precision=_known(precision))
    made = graph.producer()
    rows = frozenset(name for name in built.outputs if made[name].tag == "nms_merge")
    number = next(_numbers)
    _handles[number] = _Handle(built, rows, {name: _zeros(spec) for name, spec in built.inputs.items()})
    return number


def feedData(handle: int, index: int, data: np.ndarray) -> None:
    """Copy an array into the index-th input. Its dtype and number of values count, its shape does not."""
    h = _get(handle)
    name = _name(h.engine.inputs, index, "input")
    with h.lock:
        _same(data, h.feeds[name], f"input {index} ('{name}')")
        h.feeds[name] = np.array(data, order="C").reshape(h.feeds[name].shape)


def inference(handle: int) -> None:
    """Run the engine on what was fed; inputs that were never fed are zeros (clients warm up before they feed)."""
    h = _get(handle)
    with h.lock:
        h.outputs = h.engine.run(h.feeds, check=False)


def getOutput(handle: int, index: int, output: np.ndarray) -> None:
    """Copy the index-th output into the caller's array: of the same dtype and number of values, in any shape.

    Rows of [nms_merge] go into a structured array of 28-byte records (batch, x1, y1, x2, y2, class as int32, confidence
    as float32), coordinates cut to whole pixels as C does it; or into a plain float32 array as they are.
    """
    h = _get(handle)
    name = _name(h.engine.outputs, index, "output")
    with h.lock:
        if name not in h.outputs:
            raise WorkbenchError(f"output {index} ('{name}') is not there yet", note="call inference(handle) first")
        value = h.outputs[name]
    if not isinstance(output, np.ndarray) or not output.flags.c_contiguous or not output.flags.writeable:
        raise WorkbenchError(
            f"output {index} ('{name}'): expected a contiguous writable numpy array", note="np.zeros(...)"
        )
    if name in h.rows and output.dtype.names:
        value = _records(value, output.dtype)
    _same(output, value, f"output {index} ('{name}')")
    output.reshape(-1)[:] = value.reshape(-1)


def freeSoyNet(handle: int) -> None:
    """Free the engine; the handle is gone. Freeing twice raises WorkbenchError."""
    h = _get(handle)
    with h.lock:
        del _handles[handle]
        h.engine.close()


class YoloSize(NamedTuple):
    """A letterbox: the resized picture without pads, and the pads, in pixels."""

    unpad_height: int
    unpad_width: int
    pad_top: int
    pad_bottom: int
    pad_left: int
    pad_right: int


def calc_resize_yolo(new_height: int, new_width: int, height: int, width: int, stride: int) -> tuple[int, YoloSize]:
    """(whether the picture must be resized, its letterbox) for a picture of height x width.

    YOLOv5 6.2's letterbox(auto=True): the picture keeps its aspect within new_height x new_width, and is padded to the
    next multiple of `stride` only; an odd pad goes to the bottom and right.
    """
    if min(new_height, new_width, height, width, stride) < 1:
        raise WorkbenchError("calc_resize_yolo: expected sizes and a stride of at least 1")
    scale = min(new_height / height, new_width / width)
    h, w = round(height * scale), round(width * scale)
    tall, wide = ((new_height - h) % stride, (new_width - w) % stride)
    top, left = tall // 2, wide // 2
    return int((h, w) != (height, width)), YoloSize(h, w, top, tall - top, left, wide - left)


def _get(handle: int) -> _Handle:
    found = _handles.get(handle) if isinstance(handle, int) else None
    if found is None:
        raise WorkbenchError(f"{handle!r} is no open handle", note="it was freed, or never came from initSoyNet")
    return found


def _name(specs: dict[str, TensorSpec], index: int, side: str) -> str:
    if not isinstance(index, int) or not 0 <= index < len(specs):
        raise WorkbenchError(f"no {side} {index}; expected 0 to {len(specs) - 1}", note=f"{side}s: {', '.join(specs)}")
    return list(specs)[index]


def _same(array: Any, like: np.ndarray, what: str) -> None:
    """Raise unless the caller's array holds as many values of the same dtype."""
    got = f"{array.dtype}[{','.join(map(str, array.shape))}]" if isinstance(array, np.ndarray) else type(array).__name__
    expected = f"{like.size} values of {like.dtype}, such as {list(like.shape)}"
    if not isinstance(array, np.ndarray) or array.dtype != like.dtype or array.size != like.size:
        raise WorkbenchError(f"{what}: expected {expected}; got {got}")


def _zeros(spec: TensorSpec) -> np.ndarray:
    if -1 in spec.shape:
        raise WorkbenchError(f"expected a fixed shape; got {spec}", note="give BATCH_SIZE a number in extend_param")
    return np.zeros(spec.shape, DTYPES[spec.dtype])


def _records(rows: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    """f32 [R, 7] rows as the caller's records, field by field; a C cast cuts towards zero."""
    names = dtype.names or ()
    kinds = [dtype[name] for name in names]
    if dtype.itemsize != YOLO_RESULT.itemsize or any(kind not in (np.int32, np.float32) for kind in kinds):
        raise WorkbenchError(
            f"expected records of 28 bytes, seven fields of 4; got {dtype}", note=f"such as {YOLO_RESULT}"
        )
    records = np.zeros(len(rows), dtype)
    for i, name in enumerate(names):
        records[name] = rows[:, i].astype(kinds[i])
    return records


def _known(precision: str) -> str:
    """tf32 is a way for NVIDIA's tensor cores to multiply float32; elsewhere it is float32."""
    return "f32" if precision == "tf32" else precision
