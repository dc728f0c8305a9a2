"""workbench doctor: what this machine has, and what each missing thing costs."""

from __future__ import annotations

import argparse
import ctypes
import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
from collections.abc import Iterator
from typing import NamedTuple


class Finding(NamedTuple):
    """One thing that was looked for; `found` is empty where it is missing, and `cost` then says what that means."""

    what: str
    found: str
    cost: str


PACKAGES = {
    "numpy": "nothing runs",
    "openvino": "the CPU engine does not run",
    "torch": "no porting and no checks; built engines run all the same",
    "onnx": "no drafts from ONNX files and no ONNX baseline in benchmarks",
    "matplotlib": "no figures for documents",
    "jupyterlab": "no notebooks",
    "ipywidgets": "no widgets",
    "anywidget": "no tensor and mask views in notebooks",
    "pycuda": "no NVIDIA engine; kernels still run in the emulator",
    "tqdm": "no progress bars",
}
PROGRAMS = {
    "g++": "no CUDA emulator, slower convolutions on the CPU, no torch.compile",
    "nvcc": "kernels are compiled by NVRTC, or not at all without it",
    "nvidia-smi": "no NVIDIA driver: the cuda engine does not run here",
}


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    found = list(findings())
    if args.json:
        print(json.dumps([f._asdict() for f in found], indent=1))
        return 0
    for f in found:
        print(f"{'✓' if f.found else '✗'} {f.what:<12} {f.found or 'missing: ' + f.cost}")
    return 0


def findings() -> Iterator[Finding]:
    """Everything that is looked for, found or not."""
    yield Finding("python", platform.python_version(), "")
    yield Finding("processor", _processor(), "")
    yield Finding(
        "cores", str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()), ""
    )
    for name, cost in PACKAGES.items():
        yield Finding(name, _version(name), cost)
    for name, cost in PROGRAMS.items():
        yield Finding(name, _program(name), cost)
    yield _cpu_operators()
    yield from _cuda()


def _cpu_operators() -> Finding:
    """The convolutions that the openvino engine has beside OpenVINO's own."""
    from cpu_ops.library import library
    from cuda_ops.errors import KernelError

    try:
        return Finding("cpu_ops", library().identity, "")
    except KernelError as error:
        return Finding("cpu_ops", "", f"3 x 3 convolutions take longer: {error.problem}")


def _cuda() -> Iterator[Finding]:
    """The NVIDIA driver, NVRTC, and the GPU as the cuda engine sees it; what is missing comes with the fix."""
    from cuda_ops.errors import KernelError
    from cuda_ops.libraries import LIBRARIES, library_missing, library_version
    from cuda_ops.nvrtc import load_nvrtc, nvrtc_version
    from workbench.engines import engine_class
    from workbench.errors import WorkbenchError

    try:
        library = load_nvrtc()
        found = ".".join(map(str, nvrtc_version(library))) if library else ""
    except KernelError as error:
        found = f"does not work: {error.problem}"
    yield Finding("nvrtc", found, "pip install nvidia-cuda-nvrtc nvidia-cuda-runtime, where there is no nvcc")
    yield Finding("libcuda", _driver_version(), "install the NVIDIA driver; without a GPU the emulator engine runs")
    for name, package in LIBRARIES.items():
        without = "the cuda engine then computes by its own kernels alone"
        missing = library_missing(name)
        yield Finding(name, "" if missing else library_version(name), f"pip install {package}; {without}")
    try:
        yield Finding("cuda engine", engine_class("cuda").machine(), "")
    except WorkbenchError as error:
        yield Finding("cuda engine", "", f"{error.problem} ({error.note})" if error.note else error.problem)


def _driver_version() -> str:
    """CUDA's version that the driver's own library speaks; empty where it is not there."""
    try:
        library = ctypes.CDLL("libcuda.so.1" if os.name == "posix" else "nvcuda.dll")
        version = ctypes.c_int()
        if library.cuDriverGetVersion(ctypes.byref(version)):
            return ""
    except (OSError, AttributeError):
        return ""
    return f"CUDA {version.value // 1000}.{version.value % 1000 // 10}"


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _processor() -> str:
    """The processor and what OpenVINO can do with it."""
    from workbench.engines import engine_class
    from workbench.errors import WorkbenchError

    try:
        return engine_class("openvino").machine()
    except (WorkbenchError, ImportError):
        return platform.processor() or platform.machine()


def _program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        return ""
    try:
        done = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    lines = [line for line in done.stdout.splitlines() if any(c.isdigit() for c in line)]
    return f"{path}: {lines[-1].strip()}" if done.returncode == 0 and lines else ""
