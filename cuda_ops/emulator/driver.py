"""The subset of pycuda.driver that a kernel launcher needs, on the CPU.

    from cuda_ops.emulator import driver as drv     # instead of: import pycuda.driver as drv

Names, argument orders and error classes are PyCUDA's; tests/cuda_ops/test_emulator_driver.py pins them.
"""

from .device import (
    Context,
    Device,
    Error,
    Event,
    LaunchError,
    LogicError,
    MemoryError,
    Stream,
    device_attribute,
    get_driver_version,
    get_version,
    init,
)
from .memory import (
    DeviceAllocation,
    mem_alloc,
    mem_get_info,
    memcpy_dtod,
    memcpy_dtod_async,
    memcpy_dtoh,
    memcpy_dtoh_async,
    memcpy_htod,
    memcpy_htod_async,
    memset_d8,
    memset_d8_async,
    memset_d32,
    memset_d32_async,
    pagelocked_empty,
)
from .module import Function, Module, function_attribute, module_from_buffer, module_from_file

__all__ = [
    "Context",
    "Device",
    "DeviceAllocation",
    "Error",
    "Event",
    "Function",
    "LaunchError",
    "LogicError",
    "MemoryError",
    "Module",
    "Stream",
    "device_attribute",
    "function_attribute",
    "get_driver_version",
    "get_version",
    "init",
    "mem_alloc",
    "mem_get_info",
    "memcpy_dtod",
    "memcpy_dtod_async",
    "memcpy_dtoh",
    "memcpy_dtoh_async",
    "memcpy_htod",
    "memcpy_htod_async",
    "memset_d8",
    "memset_d8_async",
    "memset_d32",
    "memset_d32_async",
    "module_from_buffer",
    "module_from_file",
    "pagelocked_empty",
]
