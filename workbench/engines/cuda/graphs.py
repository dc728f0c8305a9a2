"""A run's launches as one CUDA graph: captured once, then started by a single call. By NVIDIA's cuda-bindings, since
PyCUDA has no graphs; without that package every kernel is launched by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workbench.errors import WorkbenchError


def load_bindings() -> Any:
    """cuda.bindings.driver, or None where it is missing."""
    try:
        from cuda.bindings import driver
    except ImportError:
        return None
    return driver


class CudaGraph:
    """What `queue` puts on a stream, ready to be started again. The context must be current in every call."""

    def __init__(self, bindings: Any, stream: int, queue: Callable[[], None]) -> None:
        self._bindings, self._stream = bindings, bindings.CUstream(stream)
        mode = bindings.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL  # other threads go on as they like
        self._call("cuStreamBeginCapture", self._stream, mode)
        try:
            queue()
        finally:
            (graph,) = self._call("cuStreamEndCapture", self._stream)
        try:
            (self._ready,) = self._call("cuGraphInstantiate", graph, 0)
        finally:
            self._call("cuGraphDestroy", graph)

    def replay(self) -> None:
        """Queue all of it."""
        self._call("cuGraphLaunch", self._ready, self._stream)

    def free(self) -> None:
        self._call("cuGraphExecDestroy", self._ready)

    def _call(self, name: str, *args: Any) -> tuple[Any, ...]:
        try:
            code, *values = getattr(self._bindings, name)(*args)
        except RuntimeError as error:  # the driver has no such function
            raise WorkbenchError(f"no CUDA graph: {error}") from error
        if int(code):
            text = self._bindings.cuGetErrorString(code)[1]
            raise WorkbenchError(f"no CUDA graph: {name}: {text.decode() if isinstance(text, bytes) else text}")
        return tuple(values)
