"""Correct kernels give exact results in every mode and thread order, and check mode reports nothing."""

import numpy as np
import pytest

from cuda_ops.emulator import configure

rng = np.random.default_rng(0)


@pytest.fixture(params=["forward", "backward", "shuffled", "check"])
def run(request, drv, kernel, to_device):
    """Launches a kernel of clean.cu; arrays are copied in, None is the output."""
    mode = "check" if request.param == "check" else "run"
    with configure(mode=mode, order="forward" if mode == "check" else request.param, seed=3):

        def launch(name, args, output, grid, block, shared=0):
            out = to_device(output)
            values = [out if a is None else to_device(a) if isinstance(a, np.ndarray) else a for a in args]
            codes = "".join("i" if isinstance(a, int) else "P" for a in args)
            function = kernel("clean.cu", name, mode).prepare(codes)
            function.prepared_async_call(grid, block, drv.Stream(), *values, shared_size=shared)
            got = np.empty_like(output)
            drv.memcpy_dtoh(got, out)
            return got

        yield launch


def test_barriers(run):
    x = rng.standard_normal(1024, dtype=np.float32)
    got = run("reverse", [x, None], np.empty_like(x), (4, 1), (256, 1, 1))
    assert np.array_equal(got, x.reshape(4, 256)[:, ::-1].ravel())


def test_warp_sums_agree(run):
    x = rng.integers(-99, 99, 256).astype(np.float32)
    got = run("warp_sum", [x, None], np.empty(512, np.float32), (1, 1), (256, 1, 1))
    sums = np.repeat(x.reshape(8, 32).sum(1), 32)
    assert np.array_equal(got, np.concatenate([sums, sums]))


def test_votes(run):
    x = rng.integers(-9, 9, 96).astype(np.int32)
    got = run("votes", [x, None], np.empty((96, 4), np.uint32), (1, 1), (96, 1, 1))
    warps = x.reshape(3, 32)
    ballot = ((warps > 0) << np.arange(32)).sum(1)
    both = (warps > 5).any(1) | (warps > -9).all(1) << 1
    active = np.tile(np.where(np.arange(32) < 7, 0x7F, 0xFFFFFF80), 3)
    want = np.stack([np.repeat(ballot, 32), np.repeat(both, 32), active, np.full(96, (x > 0).sum())], 1)
    assert np.array_equal(got, want)


def test_shuffles(run):
    x = rng.integers(-9, 9, 96).astype(np.int32)
    got = run("shuffles", [x, None], np.empty((96, 5), np.int32), (1, 1), (96, 1, 1))
    for t in range(96):
        lane, w = t % 32, x[t // 32 * 32 :][:32]
        up, down = w[lane - 2] if lane % 8 >= 2 else w[lane], w[lane + 1] if lane % 16 < 15 else w[lane]
        assert list(got[t]) == [w[3], up, down, w[lane ^ 5], w[lane // 16 * 16 :][:16].sum()]


def test_atomics_and_dynamic_shared_memory(run):
    x = rng.integers(0, 200, 5000).astype(np.uint8)
    got = run("histogram", [x, None, np.zeros(1, np.int32), 5000], np.zeros(256, np.int32), (7, 1), (128, 1, 1), 1024)
    assert np.array_equal(got, np.bincount(x, minlength=256))


def test_three_dimensional_indices(run):
    got = run("index3d", [None], np.empty(720, np.int32), (2, 3, 5), (4, 3, 2))
    assert np.array_equal(got, np.arange(720))


def test_half_is_bit_exact(run):
    a, b = rng.standard_normal(1000).astype(np.float16), rng.standard_normal(1000).astype(np.float16)
    got = run("half_axpb", [a, b, None, 1000], np.empty_like(a), (4, 1), (256, 1, 1))
    fma = (a.astype(float) * b.astype(float) + 0.5).astype(np.float16)
    assert np.array_equal(got, (fma + a * b) - (a + b))


def test_bf16_rounds_to_nearest_even(run):
    x = np.concatenate([rng.standard_normal(997), [1 + 2**-8, 1 + 3 * 2**-8, np.inf]]).astype(np.float32)
    got = run("to_bf16", [x, None, 1000], np.empty(1000, np.uint16), (4, 1), (256, 1, 1)).astype(np.uint32) << 16
    rounded = got.view(np.float32)
    assert rounded[997] == 1 and rounded[998] == 1 + 2**-6 and np.isinf(rounded[999])  # ties go to even
    assert (np.abs(rounded[:997] - x[:997]) <= np.abs(x[:997]) * 2**-8).all()  # half a unit of 8 significant bits


def test_vector_loads(run):
    x = rng.standard_normal(1000, dtype=np.float32)
    assert np.array_equal(run("vector_copy", [x, None, 250], np.empty_like(x), (1, 1), (256, 1, 1)), x)
