"""The one small interface to a GPU: pycuda.driver, or the emulator that offers the same names on the CPU."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from cuda_ops.emulator import options
from cuda_ops.errors import KernelError
from cuda_ops.launch import TENSOR
from cuda_ops.libraries import LIBRARIES, WORKSPACE, Workspace, library_function, library_missing
from cuda_ops.loader import kernel_image
from workbench.engines.cuda.program import Kernel
from workbench.errors import WorkbenchError


def load_driver(engine: str) -> Any:
    """The module of driver calls. Raises WorkbenchError where PyCUDA or the NVIDIA driver is missing."""
    if engine == "emulator":
        from cuda_ops.emulator import driver

        return driver
    try:
        import pycuda.driver
    except ModuleNotFoundError as error:
        raise WorkbenchError(
            f"the cuda engine needs the package {error.name}", note="pip install pycuda; docs/gpu.md has other ways"
        ) from error
    except ImportError as error:  # pycuda is there, and the NVIDIA driver's libcuda is not, or is too old for it
        raise WorkbenchError(
            f"PyCUDA cannot load the NVIDIA driver: {error}",
            note="install the NVIDIA driver (nvidia-smi shows it); without a GPU use engine=emulator or openvino",
        ) from error
    return pycuda.driver


class Device:
    """A GPU's primary context, which PyTorch shares, and the kernels loaded into it."""

    def __init__(self, engine: str, number: int = 0) -> None:
        self.engine, self.number = engine, number
        self.drv = load_driver(engine)
        with told(self.drv, "no NVIDIA GPU can be used"):
            self.drv.init()
            self.device = self.drv.Device(number)
            self.context = self.device.retain_primary_context()
        self._functions: dict[Kernel, Any] = {}
        self._images: dict[Kernel, bytes] = {}
        self._workspace: Any = None  # of the libraries; allocated for the first of them

    @property
    def capability(self) -> tuple[int, int]:
        return self.device.compute_capability()

    @cached_property
    def libraries(self) -> tuple[str, ...]:
        """Those of NVIDIA's libraries that can be used; the emulator has none."""
        return () if self.engine == "emulator" else tuple(name for name in LIBRARIES if not library_missing(name))

    @property
    def workspace_bytes(self) -> int:
        """Device memory that library calls share."""
        return WORKSPACE if self._workspace else 0

    def drop_libraries(self) -> None:
        """Give back what library calls have used; the context must be current."""
        self._functions = {kernel: f for kernel, f in self._functions.items() if kernel.source not in LIBRARIES}
        if self._workspace:
            self._workspace.free()
            self._workspace = None

    @property
    def name(self) -> str:
        major, minor = self.device.compute_capability()
        return f"{self.device.name()}, compute capability {major}.{minor}"

    @property
    def checking(self) -> bool:
        """In the emulator's check mode, each tensor has memory of its own, so that reading past its end is noticed."""
        return self.engine == "emulator" and options().mode == "check"

    @contextmanager
    def current(self) -> Iterator[Any]:
        """The context current on this thread, as the driver's calls need it; gives the driver."""
        self.context.push()
        try:
            yield self.drv
        finally:
            self.drv.Context.pop()

    def image(self, kernel: Kernel) -> bytes:
        """The kernel's compiled module."""
        module = kernel._replace(function="")
        if module not in self._images:
            source = Path(kernel.source) if kernel.source.endswith(".cu") else kernel.source
            target: Any = "emulator" if self.engine == "emulator" else self.device.compute_capability()
            try:
                self._images[module] = kernel_image(source, target, kernel.storage, dict(kernel.defines))
            except KernelError as error:
                raise WorkbenchError(error.problem, error.where, error.note) from error
        return self._images[module]

    def compile(self, kernels: Iterable[Kernel]) -> None:
        """Every module that is not there yet, several at once: compilers are programs of their own."""
        modules = {k._replace(function="") for k in kernels if k.source not in LIBRARIES} - self._images.keys()
        with ThreadPoolExecutor(os.cpu_count() or 1) as workers:
            for _ in workers.map(self.image, sorted(modules)):
                pass

    def take_images(self, images: dict[Kernel, bytes]) -> None:
        """Modules compiled before, from an engine file."""
        self._images.update(images)

    def function(self, kernel: Kernel, codes: str) -> Any:
        """The kernel, or a library's operation, ready to be launched; the context must be current."""
        if kernel not in self._functions and kernel.source in LIBRARIES:
            with told(self.drv, f"{kernel.function} of {kernel.source}"):
                self._workspace = self._workspace or self.drv.mem_alloc(WORKSPACE)
                space = Workspace(int(self._workspace), WORKSPACE)
                tensor_cores = TENSOR[0] in kernel.defines
                self._functions[kernel] = library_function(kernel.source, kernel.storage, tensor_cores, space)
        if kernel not in self._functions:
            with told(self.drv, f"the kernel {kernel.function} of {Path(kernel.source).stem}.cu cannot be loaded"):
                module = self.drv.module_from_buffer(self.image(kernel))
                self._functions[kernel] = module.get_function(kernel.function).prepare(codes)
        return self._functions[kernel]


_FAULT = "a kernel faulted, here or before in this process; engine=emulator names it, with file and line"
# What the driver's own words come down to, and what helps.
_FIXES = {
    "unsupported toolchain": "the NVIDIA driver is older than the compiler's PTX: update the driver, or install an "
    "nvidia-cuda-nvrtc of the driver's CUDA version (nvidia-smi shows it)",
    "no kernel image": "the kernels were compiled for another GPU: delete the engine file and build again",
    "no CUDA-capable device": "nvidia-smi must list a GPU; without one use engine=emulator or engine=openvino",
    "invalid device ordinal": "CUDA_VISIBLE_DEVICES hides it, or there are fewer GPUs",
    "launch failure": _FAULT,
    "illegal address": _FAULT,
    "time limit": "the kernel hangs, or is too slow for the emulator: cuda_ops.emulator.configure(time_limit=...)",
}


@contextmanager
def told(drv: Any, what: str, where: str = "") -> Iterator[None]:
    """Errors of either driver as a WorkbenchError: what failed, in the driver's words, and what helps."""
    try:
        yield
    except (drv.Error, KernelError) as error:
        text = error.problem if isinstance(error, KernelError) else str(error)
        note = next((fix for words, fix in _FIXES.items() if words in text), "")
        raise WorkbenchError(f"{what}: {text}", where, note) from error
