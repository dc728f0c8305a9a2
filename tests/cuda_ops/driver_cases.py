"""What a driver answers to calls, right ones and wrong ones: the emulator's and PyCUDA's answers must be the same.

python driver_cases.py emulator|pycuda prints them as JSON; fault, what PyCUDA answers after a kernel went wrong.
"""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from cuda_ops.loader import kernel_image

KERNELS = Path(__file__).parent / "kernels"
X = np.arange(256, dtype=np.float32)
ONE, BLOCK = (1, 1), (256, 1, 1)


def outcome(drv, call: Callable[[], Any]) -> str:
    """The name of the error's class (the driver's or Python's), or the answer where that is a plain value."""
    try:
        answer = call()
    except Exception as error:  # whatever it is, its class is the answer
        return next(c.__name__ for c in type(error).__mro__ if c.__module__ == "builtins" or hasattr(drv, c.__name__))
    return repr(answer) if isinstance(answer, bool | int | float | str | tuple) else "done"


def read(drv, memory) -> np.ndarray:
    host = np.empty_like(X)
    drv.memcpy_dtoh(host, memory)
    return host


def calls(drv) -> dict[str, Callable[[], Any]]:
    """One call per name, made in this order with a context pushed."""
    module = drv.module_from_buffer(kernel_image(KERNELS / "clean.cu", "emulator"))
    reverse, x, y = module.get_function("reverse"), drv.mem_alloc(X.nbytes), drv.mem_alloc(X.nbytes)
    scaled = module.get_function("half_axpb")
    stream, start, end = drv.Stream(), drv.Event(), drv.Event()
    size = drv.function_attribute.MAX_DYNAMIC_SHARED_SIZE_BYTES
    optin = drv.device_attribute.MAX_SHARED_MEMORY_PER_BLOCK_OPTIN

    pointer = int(x)

    def ran() -> bool:
        return bool((read(drv, y) == X[::-1]).all())

    return {
        "capability": lambda: drv.Device(0).compute_capability(),
        "attribute": lambda: drv.Device(0).get_attribute(optin),
        "count": lambda: drv.Device.count(),
        "no such device": lambda: drv.Device(1).name(),
        "fresh memory": lambda: bool(np.isnan(read(drv, y)).all()),
        "upload": lambda: drv.memcpy_htod_async(x, X, stream),
        "prepare": lambda: reverse.prepare("PP") and None,
        "prepared": lambda: reverse.prepared_async_call(ONE, BLOCK, stream, x, y),
        "prepared ran": ran,
        "clear": lambda: drv.memset_d32(y, 0, 256),
        "prepared, pointers as ints": lambda: reverse.prepared_async_call((1, 1, 1), BLOCK, None, int(x), int(y)),
        "ints ran": ran,
        "call": lambda: reverse(x, y, block=BLOCK, grid=ONE),
        "call, Python int as a scalar": lambda: scaled(x, x, y, 1, block=(1, 1, 1)),
        "call, NumPy scalar": lambda: scaled(x, x, y, np.int32(0), block=(1, 1, 1)),
        "call, int as a pointer": lambda: reverse(int(x), y, block=BLOCK),
        "block of one number": lambda: reverse.prepared_call(ONE, (256,), x, y),
        "block too large": lambda: reverse.prepared_call(ONE, (1025, 1, 1), x, y),
        "block too deep": lambda: reverse.prepared_call(ONE, (1, 1, 65), x, y),
        "grid of none": lambda: reverse.prepared_call((0, 1), BLOCK, x, y),
        "grid too high": lambda: reverse.prepared_call((1, 70000), BLOCK, x, y),
        "shared memory not asked for": lambda: reverse.prepared_call(ONE, BLOCK, x, y, shared_size=100 << 10),
        "shared memory asked for": lambda: reverse.set_attribute(size, 100 << 10),
        "large shared memory": lambda: reverse.prepared_call(ONE, BLOCK, x, y, shared_size=100 << 10),
        "too much shared memory": lambda: reverse.set_attribute(size, 300 << 10),
        "copy past an end": lambda: drv.memcpy_htod(int(y) + 4, X),
        "read past an end": lambda: drv.memcpy_dtoh(np.empty(257, np.float32), x),
        "set past an end": lambda: drv.memset_d8(y, 0, X.nbytes + 1),
        "strided upload": lambda: drv.memcpy_htod(y, np.ones((8, 8), np.float32)[:, ::2]),
        "strided download": lambda: drv.memcpy_dtoh(np.empty((8, 8), np.float32)[:, :4], y),
        "Fortran order": lambda: drv.memcpy_htod(y, np.asfortranarray(np.ones((4, 8), np.float32))),
        "device to device": lambda: drv.memcpy_dtod_async(y, x, X.nbytes, stream),
        "it was copied": lambda: bool((read(drv, y) == X).all()),
        "page-locked": lambda: drv.pagelocked_empty((4, 4), np.float32).shape,
        "too many bytes": lambda: drv.mem_alloc(1 << 44),
        "no bytes": lambda: drv.mem_alloc(0),
        "no such kernel": lambda: module.get_function("nowhere"),
        "a cubin": lambda: drv.module_from_buffer(b"\x7fELF" + bytes(14) + b"\xbe\x00" + bytes(44)),
        "PTX": lambda: drv.module_from_buffer(b".version 8.0\n" + bytes(64)),
        "event not recorded": lambda: end.time_since(start),
        "recorded": lambda: start.record(stream) and end.record(stream) and None,
        "waited": lambda: end.synchronize() and None,
        "time": lambda: start.time_till(end) >= 0,
        "stream": lambda: stream.synchronize(),
        "freed": lambda: x.free(),
        "freed twice": lambda: x.free(),
        "use after free": lambda: drv.memset_d8(pointer, 0, 1),
    }


@contextmanager
def context(drv) -> Iterator[None]:
    """The device's primary context, pushed."""
    drv.init()
    drv.Device(0).retain_primary_context().push()
    try:
        yield
    finally:
        drv.Context.pop()


def answers(drv) -> dict[str, str]:
    """All outcomes, by name."""
    with context(drv):
        return {name: outcome(drv, call) for name, call in calls(drv).items()}


def faults(drv) -> list[str]:
    """A kernel that reads past an end: what the launch answers, then two synchronisations and an allocation."""
    with context(drv):
        module = drv.module_from_buffer(kernel_image(KERNELS / "bugs.cu", "emulator"))
        function, x = module.get_function("read_past_end").prepare("PP"), drv.mem_alloc(4096)
        launch = lambda: function.prepared_call((400, 1), (256, 1, 1), x, x)  # noqa: E731
        steps = [launch, drv.Context.synchronize, drv.Context.synchronize, lambda: drv.mem_alloc(4)]
        return [outcome(drv, step) for step in steps]


if __name__ == "__main__":
    if sys.argv[1] == "emulator":
        from cuda_ops.emulator import driver
    else:
        from cuda_ops.stand_in.install import install

        install()
        import pycuda.driver as driver
    print(json.dumps(faults(driver) if sys.argv[1] == "fault" else answers(driver)))
