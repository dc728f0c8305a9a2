"""Build a wheel of the real PyCUDA on a machine with neither GPU nor NVIDIA driver.

    python3.12 tools/pycuda_wheel.py [--version 2026.1] [--out dist/pycuda]

The wheel fits the Python that runs this. PyPI has PyCUDA as source only, which needs CUDA's headers (taken from a
toolkit, else from NVIDIA's wheel) and a libcuda to link against: a generated one, whose functions the driver's own
libcuda.so.1 replaces where the wheel runs. All that PyCUDA imports lies beside it afterwards, NumPy excepted, so that a
machine without network installs it by

    pip install --no-index --find-links dist/pycuda pycuda
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from cuda_ops.errors import KernelError  # noqa: E402
from cuda_ops.stand_in.stubs import PROFILER_HEADER, build_stub, cuda_headers  # noqa: E402

VERSION = "2026.1"  # the newest that this project was tested with
HEADERS = "nvidia-cuda-runtime>=13,<14"
SITECONF = """CUDA_ROOT = {include!r}
CUDA_INC_DIR = [{include!r}, {extra!r}]
CUDADRV_LIB_DIR = [{extra!r}]
CUDA_ENABLE_CURAND = False
"""


def pip(*arguments: object) -> None:
    """Run pip; KernelError with its last lines where it fails."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *(str(a) for a in arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise KernelError("pip failed", " ".join(command[2:5]), "\n".join(done.stdout.strip().splitlines()[-15:]))


def headers(work: Path) -> Path:
    """The folder with cuda.h of CUDA 13, downloaded where there is none."""
    if found := cuda_headers():
        return found
    pip("install", "--quiet", "--no-deps", "--target", work / "headers", HEADERS)
    return next((work / "headers").rglob("cuda.h")).parent


def fetch_source(version: str, work: Path) -> Path:
    """PyCUDA's unpacked source."""
    pip("download", "--quiet", "--no-deps", "--no-binary", "pycuda", "-d", work, f"pycuda=={version}")
    archive = next(work.glob("pycuda-*.tar.gz"))
    with tarfile.open(archive) as tar:
        tar.extractall(work / "source", filter="data")
    return next((work / "source").iterdir())


def build(version: str, out: Path) -> Path:
    """Path of the wheel in `out`."""
    with tempfile.TemporaryDirectory(dir=out, prefix=".build-") as folder:
        work = Path(folder)
        include, extra = headers(work), work / "stub"
        extra.mkdir()
        build_stub(include, extra)
        if not (include / "cudaProfiler.h").is_file():
            (extra / "cudaProfiler.h").write_text(PROFILER_HEADER, encoding="utf-8")
        source = fetch_source(version, work)
        settings = SITECONF.format(include=str(include), extra=str(extra))
        (source / "siteconf.py").write_text(settings, encoding="utf-8")
        pip("wheel", "--no-deps", "-w", work / "wheel", source)
        wheel = next((work / "wheel").glob("pycuda-*.whl"))
        pip("download", "--quiet", "-d", out, "pytools>=2011.2", "platformdirs>=2.2.0", "mako")
        return Path(wheel.replace(out / wheel.name))


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--version", default=VERSION, help=f"of PyCUDA; {VERSION} where left out")
    parser.add_argument("--out", type=Path, default=ROOT / "dist" / "pycuda")
    args = parser.parse_args(argv)
    args.out.mkdir(parents=True, exist_ok=True)
    try:
        print(build(args.version, args.out))
    except KernelError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
