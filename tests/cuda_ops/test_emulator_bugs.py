"""Every planted bug of kernels/bugs.cu is noticed, at its line; correct kernels give no report."""

import re
from pathlib import Path

import numpy as np
import pytest

from cuda_ops.emulator import configure

# name: what the report says, blocks, dynamic shared bytes
BUGS = {
    "missing_sync": (r"race \((write after read|read after write)\), shared", 4, 0),
    "missing_sync_neighbour": (r"race \(read after write\), shared", 4, 0),
    "missing_second_sync": (r"race \(write after read\), shared", 4, 0),
    "warp_without_syncwarp": (r"race \(write after read\), shared", 1, 0),
    "atomic_and_plain_read": (r"race \((write after read|read after write)\), shared", 1, 0),
    "fragment_without_sync": (r"race \((write after read|read after write)\), shared", 1, 0),
    "fragment_read_too_early": (r"race \((write after read|read after write)\), shared", 1, 0),
    "fragment_misaligned": (r"misaligned: a matrix must start at a multiple of 32 bytes", 1, 0),
    "product_in_branch": (r"deadlock in a warp operation", 1, 0),
    "read_past_end": (r"out of bounds: read of 4 bytes \(byte 4096 of a device allocation of 4096 bytes\)", 4, 0),
    "write_past_end": (r"out of bounds: write of 4 bytes \(byte 4096 of", 4, 0),
    "write_past_end_odd": (r"out of bounds: write of 4 bytes \(byte 4004 of a device allocation of 4004 bytes\)", 4, 0),
    "write_before_start": (r"out of bounds: write of 4 bytes \(byte -4 of", 4, 0),
    "dynamic_shared_over": (r"out of bounds: write at byte 1024 of 1024 bytes of dynamic shared memory", 1, 1024),
    "static_shared_over": (r"out of bounds: array index 256", 1, 0),
    "inner_index_over": (r"out of bounds: array index 16", 1, 0),
    "uninit_shared": (r"uninitialised read, shared", 1, 0),
    "uninit_global": (r"uninitialised read, global", 4, 0),
    "misaligned_vec": (r"misaligned", 1, 0),
    "misaligned_int": (r"misaligned", 1, 0),
    "divergent_sync": (r"__syncthreads is divergent", 1, 0),
    "return_before_sync": (r"__syncthreads at line \d+, but 56 of 256 threads have returned", 1, 0),
    "shuffle_in_branch": (r"deadlock in a warp operation", 1, 0),
    "shuffle_from_outside": (r"shuffles from lane 16, which is not in mask 0000ffff", 1, 0),
    "blocks_race": (r"race \((read|write) after write\), global.*; the other: block 0", 4, 0),
    "null_pointer": (r"out of bounds: read of 4 bytes at .* no device memory", 1, 0),
    "stack_eater": (r"stack overflow|illegal address", 1, 0),
    "divide_by_zero": (r"integer division by zero", 1, 0),
    "last_block_without_fence": (r"race \(read after write\), global", 8, 0),
    "last_block_unmarked": (r"race \(read after write\), global", 8, 0),
}
SOURCE = (Path(__file__).parent / "kernels" / "bugs.cu").read_text().splitlines()


def marked_lines(name: str) -> set[int]:
    """Lines with BUG in the kernel's body; for the last-block kernels, in the function they call."""
    function = "last_block" if name.startswith("last_block") else name
    start = next(i for i, line in enumerate(SOURCE) if f" {function}(" in line)
    end = next(i for i in range(start, len(SOURCE)) if SOURCE[i].startswith("}"))
    return {i + 1 for i in range(start, end) if "BUG" in SOURCE[i]}


def reported_lines(report: str) -> set[int]:
    return {int(n) for n in re.findall(r"bugs\.cu:(\d+)|lines? (\d+)|and (\d+)", report) for n in n if n}


@pytest.fixture
def launch(drv, kernel, to_device):
    """Launches a kernel of bugs.cu on 1024 random floats; answers x and the output's device memory."""

    def run(name: str, mode: str = "check", blocks: int = 1, shared: int = 0):
        x = np.random.default_rng(1).standard_normal(1024, dtype=np.float32)
        size = 1001 * 4 if name.endswith("odd") else x.nbytes
        y = drv.mem_alloc(size)
        if name == "blocks_race" or name.startswith("last_block"):
            drv.memset_d8(y, 0, size)
        function = kernel("bugs.cu", name, mode).prepare("PP")
        function.prepared_async_call((blocks, 1), (256, 1, 1), None, to_device(x), y, shared_size=shared)
        return x, y

    return run


@pytest.mark.parametrize("name", BUGS)
def test_check_mode_names_the_bug_and_its_line(drv, launch, name):
    message, blocks, shared = BUGS[name]
    with configure(mode="check"), pytest.raises(drv.LaunchError) as caught:
        launch(name, "check", blocks, shared)
    report = str(caught.value)
    assert re.search(message, report)
    assert report.startswith(f"{name}: ")
    assert re.search(r"block \(\d+,0,0\) thread \(\d+,0,0\)", report)
    assert reported_lines(report) <= marked_lines(name)
    assert reported_lines(report)


def test_the_suite_is_complete():
    planted = set(re.findall(r"__global__ void (\w+)", "\n".join(SOURCE)))
    tested_elsewhere = {"unwritten_output", "endless_loop", "endless_barriers", "last_block_right"}
    assert planted == set(BUGS) | tested_elsewhere


def test_marked_last_block_pattern_is_silent(launch, from_device):
    with configure(mode="check"):
        x, y = launch("last_block_right", "check", blocks=8)
    assert from_device(y, 10)[9] == pytest.approx(x[:8].sum(), rel=1e-6)  # eight additions of 2^-24 each


@pytest.mark.parametrize("mode", ["run", "check"])
def test_what_a_kernel_forgets_to_write_is_nan(launch, from_device, mode):
    with configure(mode=mode):
        x, y = launch("unwritten_output", mode, blocks=4)
    got = from_device(y, 1024)
    assert np.array_equal(got[:1000], x[:1000]) and np.isnan(got[1000:]).all()


@pytest.mark.parametrize("name", ["read_past_end", "null_pointer", "stack_eater", "divide_by_zero"])
def test_run_mode_survives_a_fault(drv, launch, from_device, name):
    with pytest.raises(drv.LaunchError, match=r"illegal address|stack overflow|division by zero"):
        launch(name, "run", blocks=4)
    x, y = launch("unwritten_output", "run", blocks=4)  # and the process goes on
    assert from_device(y, 1024)[0] == x[0]


def test_thread_order_shows_a_missing_barrier_in_run_mode(launch, from_device):
    """The kernel is right in forward order, by luck; backward and shuffled it reads what is not there yet."""
    wrong = {}
    for order in ("forward", "backward", "shuffled"):
        with configure(order=order, seed=7):
            x, y = launch("missing_sync_neighbour", "run", blocks=4)
        want = np.pad(x.reshape(4, 256)[:, :-1], ((0, 0), (1, 0))).ravel()
        wrong[order] = not np.array_equal(from_device(y, 1024), want)
    assert wrong == {"forward": False, "backward": True, "shuffled": True}


@pytest.mark.parametrize("mode", ["run", "check"])
@pytest.mark.parametrize("name", ["endless_loop", "endless_barriers"])
def test_a_kernel_that_hangs_ends_with_an_error(drv, launch, name, mode):
    with configure(mode=mode, time_limit=0.2), pytest.raises(drv.LaunchError) as caught:
        launch(name, mode, blocks=4)
    assert str(caught.value).startswith(f"{name}: time limit of 0.2 s exceeded")
