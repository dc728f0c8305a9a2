"""The driver refuses what CUDA and PyCUDA refuse, with their error classes."""

import gc

import numpy as np
import pytest

from cuda_ops.emulator import configure
from cuda_ops.emulator import driver as emulated
from cuda_ops.emulator.compile import compile_kernels
from cuda_ops.errors import CompileError, KernelError

X = np.arange(256, dtype=np.float32)


def test_nothing_works_without_a_context(gxx):
    emulated.init()
    assert emulated.Context.get_current() is None
    for call in (lambda: emulated.mem_alloc(4), emulated.mem_get_info, emulated.Stream, emulated.Context.synchronize):
        with pytest.raises(emulated.LogicError, match="invalid device context"):
            call()


def test_the_primary_context_is_one_and_shared(drv):
    device = drv.Device(0)
    assert drv.Context.get_current() is device.retain_primary_context() is drv.Device(0).retain_primary_context()
    assert device.compute_capability() == (9, 0) and drv.Device.count() == 1
    assert device.get_attribute(drv.device_attribute.WARP_SIZE) == 32
    with pytest.raises(drv.LogicError, match="invalid device ordinal"):
        drv.Device(1)


def test_copies_stay_inside_one_allocation(drv, to_device, from_device):
    x, y = to_device(X), drv.mem_alloc(X.nbytes)
    drv.memcpy_dtod_async(y, x, X.nbytes, drv.Stream())
    assert np.array_equal(from_device(y, 256), X)
    drv.memset_d32(y, 7, 256)
    assert (from_device(y, 256, np.int32) == 7).all()
    for call in (
        lambda: drv.memcpy_htod(int(y) + 4, X),
        lambda: drv.memcpy_dtoh(np.empty(257, np.float32), x),
        lambda: drv.memcpy_dtod(y, int(x) + 4, X.nbytes),
        lambda: drv.memset_d8(y, 0, X.nbytes + 1),
    ):
        with pytest.raises(drv.LogicError, match="do not lie in one allocation"):
            call()
    with pytest.raises(ValueError, match="not contiguous"):
        drv.memcpy_htod(y, np.ones((8, 8), np.float32)[:, ::2])


def test_fresh_memory_is_nan_and_freed_memory_is_gone(drv, from_device):
    memory = drv.mem_alloc(1000)
    assert np.isnan(from_device(memory, 250)).all()
    pointer = int(memory)
    memory.free()
    with pytest.raises(drv.LogicError):
        drv.memset_d8(pointer, 0, 1)
    with pytest.raises(drv.LogicError, match="freed before"):
        memory.free()


def test_memory_is_counted_and_ends(drv):
    gc.collect()  # what earlier tests left
    with configure(memory=1 << 20):
        free, total = drv.mem_get_info()
        memory = drv.mem_alloc(1 << 18)
        assert drv.mem_get_info() == (free - (1 << 18), total) and total == 1 << 20
        with pytest.raises(drv.MemoryError, match=r"out of memory \(1048576 bytes asked"):
            drv.mem_alloc(1 << 20)
        memory.free()
        assert drv.mem_get_info() == (free, total)


def test_events_measure_milliseconds(drv, kernel, to_device):
    function, x, y = kernel("clean.cu", "reverse").prepare("PP"), to_device(X), drv.mem_alloc(X.nbytes)
    stream, start, end = drv.Stream(), drv.Event(), drv.Event()
    with pytest.raises(drv.LogicError, match="was not recorded"):
        end.time_since(start)
    start.record(stream)
    function.prepared_async_call((1, 1), (256, 1, 1), stream, x, y)
    end.record(stream).synchronize()
    assert 0 < end.time_since(start) == start.time_till(end) < 60e3


def test_launches_are_checked(drv, kernel, to_device):
    x, y = to_device(X), drv.mem_alloc(X.nbytes)
    f = kernel("clean.cu", "half_axpb")
    for codes in ("PPP", "PPPP", "PPPq", "PPPf", "PPPii"):
        with pytest.raises(drv.LogicError, match="half_axpb takes 'PPPi'"):
            f.prepare(codes)
    f.prepare("PPPi")
    for grid, block in (((1, 1), (1025, 1, 1)), ((0, 1), (1, 1, 1)), ((1, 70000), (1, 1, 1)), ((1, 1), (1, 1, 65))):
        with pytest.raises(drv.LogicError, match="invalid argument"):
            f.prepared_call(grid, block, x, x, y, 1)
    with pytest.raises(TypeError, match="tuple of three"):
        f.prepared_call((1, 1), (1,), x, x, y, 1)
    with pytest.raises(drv.LogicError, match="prepared for 4 arguments, 2 were given"):
        f.prepared_call((1, 1), (1, 1, 1), x, x)
    with pytest.raises(drv.LogicError, match="does not fit"):
        f.prepared_call((1, 1), (1, 1, 1), x, x, y, 1 << 40)
    with pytest.raises(TypeError, match="parameter #3"):  # PyCUDA's __call__ takes NumPy scalars only
        f(x, x, y, 1, block=(1, 1, 1))
    f(x, x, y, np.int32(0), block=(1, 1, 1))


def test_large_dynamic_shared_memory_must_be_asked_for(drv, kernel, to_device):
    f = kernel("clean.cu", "histogram").prepare("PPPi")
    x, bins, top = (
        to_device(np.zeros(64, np.uint8)),
        to_device(np.zeros(256, np.int32)),
        to_device(np.zeros(1, np.int32)),
    )
    with pytest.raises(drv.LogicError, match="MAX_DYNAMIC_SHARED_SIZE_BYTES"):
        f.prepared_call((1, 1), (64, 1, 1), x, bins, top, 64, shared_size=100 << 10)
    f.set_attribute(drv.function_attribute.MAX_DYNAMIC_SHARED_SIZE_BYTES, 100 << 10)
    f.prepared_call((1, 1), (64, 1, 1), x, bins, top, 64, shared_size=100 << 10)


def test_modules_come_from_this_machines_compiler(drv, tmp_path):
    for image in (b"\x50\xed\x55\xba" + bytes(64), b"\x7fELF" + bytes(14) + b"\xbe\x00" + bytes(44), b".version 8.0"):
        with pytest.raises(drv.LogicError, match="device kernel image is invalid"):
            drv.module_from_buffer(image)
    with pytest.raises(drv.LogicError, match="not found"):
        drv.module_from_buffer(compile_kernels(_write(tmp_path, "")).read_bytes()).get_function("other")


def _write(folder, body):
    path = folder / "mine.cu"
    path.write_text(f'// comment\nextern "C" __global__ void one(float *y)\n{{\n    y[0] = 1;{body}\n}}\n')
    return path


def test_a_kernel_that_does_not_compile_is_told_with_its_line(gxx, tmp_path):
    with pytest.raises(CompileError) as caught:
        compile_kernels(_write(tmp_path, "\n\n    y[1] = wrong;"))
    assert caught.value.where == f"{tmp_path}/mine.cu:6" and "wrong" in caught.value.problem


def test_missing_files_and_compilers_are_told(gxx, tmp_path, monkeypatch):
    with pytest.raises(KernelError, match="cannot read the kernel source: No such file"):
        compile_kernels(tmp_path / "nowhere.cu")
    (tmp_path / "empty.cu").write_text("int x;")
    with pytest.raises(KernelError, match="no kernel found"):
        compile_kernels(tmp_path / "empty.cu")
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(KernelError, match="a C\\+\\+ compiler is needed") as caught:
        compile_kernels(_write(tmp_path, ""))
    assert "install g++" in caught.value.note


def test_the_cache_is_by_content(gxx, tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))
    (tmp_path / "value.cuh").write_text("#define VALUE 1\n")
    source = tmp_path / "uses.cu"
    source.write_text('#include "value.cuh"\nextern "C" __global__ void k(float *y) { y[0] = VALUE; }\n')
    first = compile_kernels(source)
    built = first.stat().st_mtime_ns
    assert compile_kernels(source) == first and first.stat().st_mtime_ns == built
    (tmp_path / "value.cuh").write_text("#define VALUE 2\n")
    others = {
        first,
        compile_kernels(source),
        compile_kernels(source, "check"),
        compile_kernels(source, defines={"N": "1"}),
    }
    assert len(others) == 4
    assert not list((tmp_path / "cache").rglob("build-*"))  # work folders are gone


def test_options_are_checked():
    for wrong in ({"mode": "fast"}, {"order": "random"}, {"time_limit": 0}):
        with pytest.raises(ValueError), configure(**wrong):
            pass
