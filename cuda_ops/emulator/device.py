"""Device, contexts, streams and events, named and behaving as in pycuda.driver."""

import itertools
import threading
import time

from .options import options


class Error(Exception):
    """Base of what the driver raises."""


class LogicError(Error):
    """A call that is wrong in itself."""


class LaunchError(Error):
    """A kernel that went wrong; with file:line, block and thread."""


class MemoryError(Error):
    """The device has no memory left."""


class device_attribute:
    """Numbers of the attributes that are asked for, as in cuda.h."""

    MAX_THREADS_PER_BLOCK = 1
    MAX_SHARED_MEMORY_PER_BLOCK = 8
    WARP_SIZE = 10
    MULTIPROCESSOR_COUNT = 16
    COMPUTE_CAPABILITY_MAJOR = 75
    COMPUTE_CAPABILITY_MINOR = 76
    MAX_SHARED_MEMORY_PER_BLOCK_OPTIN = 97


# a small Hopper: what the kernels may ask for, not how fast it is
_ATTRIBUTES = {
    device_attribute.MAX_THREADS_PER_BLOCK: 1024,
    device_attribute.MAX_SHARED_MEMORY_PER_BLOCK: 48 << 10,
    device_attribute.WARP_SIZE: 32,
    device_attribute.MULTIPROCESSOR_COUNT: 2,
    device_attribute.COMPUTE_CAPABILITY_MAJOR: 9,
    device_attribute.COMPUTE_CAPABILITY_MINOR: 0,
    device_attribute.MAX_SHARED_MEMORY_PER_BLOCK_OPTIN: 227 << 10,
}
_initialised = False
_stacks = threading.local()  # as in CUDA, each OS thread has its own stack of contexts


def init(flags: int = 0) -> None:
    """Must come first, as in CUDA."""
    global _initialised
    _initialised = True


def get_version() -> tuple[int, int, int]:
    return (13, 0, 0)


def get_driver_version() -> int:
    return 13000


def _stack() -> list["Context"]:
    if not hasattr(_stacks, "contexts"):
        _stacks.contexts = []
    return _stacks.contexts


def need_context(call: str) -> None:
    """LogicError where no context is current: on a GPU the call would fail too."""
    if not _stack():
        raise LogicError(f"{call} failed: invalid device context (push a context first)")


class Context:
    """A context on the stack of the OS thread that pushes it."""

    def __init__(self, device: "Device"):
        self._device = device
        self._attached = True

    def push(self) -> None:
        if not self._attached:
            raise LogicError("cuCtxPushCurrent failed: the context was detached")
        _stack().append(self)

    @staticmethod
    def pop() -> None:
        need_context("cuCtxPopCurrent")
        _stack().pop()

    def detach(self) -> None:
        self._attached = False

    @staticmethod
    def get_current() -> "Context | None":
        return _stack()[-1] if _stack() else None

    @staticmethod
    def get_device() -> "Device":
        need_context("cuCtxGetDevice")
        return _stack()[-1]._device

    @staticmethod
    def synchronize() -> None:
        need_context("cuCtxSynchronize")


class Device:
    """The one device there is."""

    _primary: "Context | None" = None

    def __init__(self, number: int):
        if not _initialised:
            raise LogicError("cuDeviceGet failed: initialization error (call init() first)")
        if number != 0:
            raise LogicError("cuDeviceGet failed: invalid device ordinal")

    @staticmethod
    def count() -> int:
        return 1

    def name(self) -> str:
        return "CUDA emulator"

    def compute_capability(self) -> tuple[int, int]:
        return (9, 0)

    def total_memory(self) -> int:
        return options().memory

    def get_attribute(self, attribute: int) -> int:
        return _ATTRIBUTES[attribute]

    def get_attributes(self) -> dict[int, int]:
        return dict(_ATTRIBUTES)

    def retain_primary_context(self) -> Context:
        """The context that everyone in the process shares; not pushed."""
        if Device._primary is None or not Device._primary._attached:
            Device._primary = Context(self)
        return Device._primary

    def make_context(self, flags: int = 0) -> Context:
        """A new context, pushed."""
        context = Context(self)
        context.push()
        return context


class Stream:
    """A queue; here everything has been done when the call that queued it returns."""

    _handles = itertools.count(1)

    def __init__(self, flags: int = 0):
        need_context("cuStreamCreate")
        self.handle = next(Stream._handles)

    def synchronize(self) -> None:
        need_context("cuStreamSynchronize")

    def is_done(self) -> bool:
        return True

    def wait_for_event(self, event: "Event") -> None:
        event.query()


class Event:
    """A point in time; time_since and time_till answer milliseconds."""

    def __init__(self, flags: int = 0):
        need_context("cuEventCreate")
        self._recorded: float | None = None

    def record(self, stream: Stream | None = None) -> "Event":
        self._recorded = time.perf_counter()
        return self

    def synchronize(self) -> "Event":
        return self

    def query(self) -> bool:
        return True

    def time_since(self, start: "Event") -> float:
        if self._recorded is None or start._recorded is None:
            raise LogicError("cuEventElapsedTime failed: invalid resource handle (an event was not recorded)")
        return (self._recorded - start._recorded) * 1e3

    def time_till(self, end: "Event") -> float:
        return end.time_since(self)
