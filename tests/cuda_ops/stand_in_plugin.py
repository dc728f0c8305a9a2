"""pytest -p stand_in_plugin: tests run with the real PyCUDA, on the stand-in libcuda, as the driver."""

import sys

from cuda_ops import emulator
from cuda_ops.stand_in.install import install

install()
import pycuda.driver  # noqa: E402

emulator.driver = pycuda.driver  # type: ignore[attr-defined]
sys.modules["cuda_ops.emulator.driver"] = pycuda.driver


def pytest_terminal_summary(terminalreporter) -> None:
    version = ".".join(map(str, pycuda.VERSION))
    terminalreporter.write_line(f"through PyCUDA {version} on the stand-in libcuda, CUDA {pycuda.driver.get_version()}")
