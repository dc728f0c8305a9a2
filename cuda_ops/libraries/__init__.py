"""NVIDIA's libraries as alternatives to kernels of our own: cuDNN for convolutions, cuBLASLt for products.

A launch whose `source` is one of LIBRARIES calls the library: `library_function` gives what
`module.get_function(...).prepare(...)` gives for a kernel. Such launches may not run everywhere, or not for every
shape: they are alternatives, tried and compared with a kernel, never the only one.
"""

from typing import Any, NamedTuple, Protocol

from ..errors import KernelError

LIBRARIES = {"cudnn": "nvidia-cudnn-frontend", "cublaslt": "nvmath-python"}  # by source: the package on PyPI
UNUSABLE = (ImportError, OSError, RuntimeError)  # packages raise these, or kinds of them: no file, no symbol, no driver
WORKSPACE = 32 << 20  # bytes; ways to compute that need more are not taken


class Workspace(NamedTuple):
    """Device memory that library calls on one stream share."""

    pointer: int
    nbytes: int


class LibraryFunction(Protocol):
    """Called as a prepared kernel of PyCUDA is; grid, block and shared_size mean nothing."""

    def prepared_async_call(self, grid: Any, block: Any, stream: Any, *args: Any, shared_size: int = 0) -> None:
        """Queue the operation on the stream. Raises KernelError where the library has no way to compute it."""


def library_missing(source: str) -> str:
    """Why a library cannot be used in this process; empty where it can."""
    try:
        _load(source).version()
    except UNUSABLE as error:
        return f"{type(error).__name__}: {error}".splitlines()[0]
    return ""


def library_version(source: str) -> str:
    """Its version as the library itself counts, such as 92400."""
    return str(_load(source).version())


def library_function(source: str, storage: str, tensor_cores: bool, workspace: Workspace) -> LibraryFunction:
    """The operation for tensors of a storage; the context must be current.

    tensor_cores: f32 may be multiplied as TF32. Raises KernelError where the library does not work here.
    """
    try:
        function: LibraryFunction = _load(source).Function(storage, tensor_cores, workspace)
        return function
    except UNUSABLE as error:
        raise KernelError(f"{source} cannot be used: {error}".splitlines()[0]) from error


def _load(source: str) -> Any:
    if source == "cudnn":
        from . import cudnn_conv2d

        return cudnn_conv2d
    from . import cublaslt_matmul

    return cublaslt_matmul
