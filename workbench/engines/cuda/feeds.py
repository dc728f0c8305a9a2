"""Arrays in device memory: those that a caller feeds (PyTorch's, CuPy's, any by two protocols), and those it gets."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from workbench.engines.cuda import dlpack
from workbench.engines.cuda.driver import Device
from workbench.errors import WorkbenchError


class DeviceArray:
    """Device memory as an array without gaps, for `__cuda_array_interface__` and DLPack; `owner` keeps it alive."""

    def __init__(self, device: Device, pointer: int, shape: tuple[int, ...], dtype: np.dtype, owner: Any) -> None:
        self.device, self.pointer, self.shape, self.dtype, self.owner = device, pointer, shape, dtype, owner

    @classmethod
    def empty(cls, device: Device, shape: tuple[int, ...], dtype: np.dtype) -> DeviceArray:
        """New memory; the context must be current."""
        memory = device.drv.mem_alloc(max(math.prod(shape) * dtype.itemsize, 1))
        return cls(device, int(memory), shape, dtype, memory)

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return {"shape": self.shape, "typestr": self.dtype.str, "data": (self.pointer, False), "strides": None,
                "version": 3}  # fmt: skip

    def __dlpack_device__(self) -> tuple[int, int]:
        return (dlpack.CPU, 0) if self.device.engine == "emulator" else (dlpack.CUDA, self.device.number)

    def __dlpack__(self, *, stream: Any = None, **_: Any) -> Any:
        return dlpack.make_capsule(self, self.pointer, self.shape, self.dtype, self.__dlpack_device__())

    def numpy(self) -> np.ndarray:
        """A copy in host memory."""
        array = np.empty(self.shape, self.dtype)
        if array.size:
            with self.device.current() as drv:
                drv.memcpy_dtoh(array, self.pointer)
        return array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self.numpy().astype(dtype or self.dtype, copy=False)

    def __repr__(self) -> str:
        return f"<DeviceArray {self.dtype}{list(self.shape)} on {self.device.device.name()}>"


def as_feed(value: Any, device: Device, stream: Any, name: str) -> np.ndarray | DeviceArray:
    """A feed where it lies: a DeviceArray of it where it is in device memory, else a NumPy array.

    Raises WorkbenchError for memory of another device, and for gaps between its elements.
    """
    if isinstance(value, np.ndarray):
        return value
    if isinstance(value, DeviceArray) and value.device.engine == device.engine:
        return _on_device(value, device, name, value.device.number)
    where = value.__dlpack_device__() if hasattr(value, "__dlpack_device__") else None
    if where is not None and where[0] == dlpack.CPU:
        return np.asarray(value)
    if where is not None and where[0] != dlpack.CUDA:
        raise WorkbenchError(f"feed '{name}': its device (DLPack type {where[0]}) is not one of NVIDIA's")
    if where is not None and device.engine == "emulator":
        raise WorkbenchError(f"feed '{name}' is in a GPU's memory; the emulator has none", note="feed x.cpu()")
    number = device.number if where is None else where[1]
    if hasattr(value, "__cuda_array_interface__"):
        return _on_device(_from_interface(value, device, name), device, name, number)
    if where is not None:
        return _on_device(_from_dlpack(value, device, stream, name), device, name, number)
    return np.asarray(value)


def _on_device(array: DeviceArray, device: Device, name: str, number: int) -> DeviceArray:
    if number != device.number:
        raise WorkbenchError(
            f"feed '{name}' is on GPU {number}; the engine is on GPU {device.number}",
            note=f"move it: x.to('cuda:{device.number}'), or build the engine on the other GPU",
        )
    return array


def _from_interface(value: Any, device: Device, name: str) -> DeviceArray:
    """By `__cuda_array_interface__`, version 2 or 3."""
    told = value.__cuda_array_interface__
    shape, dtype = tuple(told["shape"]), np.dtype(told["typestr"])
    strides = told.get("strides")
    _need_no_gaps(name, shape, strides and [s // dtype.itemsize for s in strides])
    if told.get("stream") not in (None, 1):  # work on it is not ordered before ours, as that of the default stream is
        with device.current() as drv:
            drv.Context.synchronize()
    return DeviceArray(device, int(told["data"][0]), shape, dtype, value)


def _from_dlpack(value: Any, device: Device, stream: Any, name: str) -> DeviceArray:
    capsule = value.__dlpack__(stream=int(stream.handle))  # what computes the value is queued before our stream
    view = dlpack.read_capsule(capsule)
    if view.dtype is None:
        raise WorkbenchError(f"feed '{name}': its element type has no name in NumPy", note="feed float32 or integers")
    _need_no_gaps(name, view.shape, view.strides)
    return DeviceArray(device, view.pointer, view.shape, view.dtype, capsule)


def _need_no_gaps(name: str, shape: tuple[int, ...], strides: Any) -> None:
    if not strides:
        return
    want = [math.prod(shape[d + 1 :]) for d in range(len(shape))]
    if any(n > 1 and s != w for n, s, w in zip(shape, strides, want, strict=True)):
        raise WorkbenchError(
            f"feed '{name}' has gaps or another order in memory: strides {list(strides)} for {list(shape)}",
            note="feed x.contiguous() (PyTorch), cupy.ascontiguousarray(x) (CuPy)",
        )
