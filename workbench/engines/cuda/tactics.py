"""Several launches can compute one step: kernels of our own, by tile size and on tensor cores, and NVIDIA's libraries.
Each that can run here is timed on the device and checked against the first, our own best guess; the fastest that agrees
is taken."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from cuda_ops.launch import TENSOR, TENSOR_CORES, Launch
from cuda_ops.libraries import LIBRARIES
from workbench.engines.cuda.driver import Device
from workbench.engines.cuda.program import Constants, Kernel, assemble
from workbench.engines.cuda.runner import Runner
from workbench.engines.cuda.steps import Lowered, ProductStep, Step
from workbench.engines.cuda.storage import memory_dtype, stored
from workbench.engines.cuda.tensor import Tensor
from workbench.errors import WorkbenchError

REPEATS = 10  # runs of each, after one that does not count; their median is its time
# What two right kernels may differ by, relative to the largest value: activations good to 16 units in the last place,
# and the rounding of the result's storage.
ACTIVATION, STORAGE = 16 * 2.0**-23, {"f32": 0.0, "f16": 2.0**-10, "bf16": 2.0**-7}
# TF32 rounds both factors of every product by up to 2^-11. Over random products these errors add up as the products do,
# so that the largest of many sums is off by no more than 2^-10 of itself.
FACTORS = 2.0**-10


class Trial(NamedTuple):
    """One way to compute a config's line: its kernel, milliseconds, its distance from the first way, and what came of
    it: chosen, slower, or rejected and why."""

    line: str
    kernel: str
    ms: float
    error: float
    verdict: str


def tolerance(terms: int, storage: str, tf32: bool = False) -> float:
    """How far two orders of summing `terms` float32 products may lie apart, relative to the largest sum.

    Roundings of 2^-24 of partial sums that grow as a random walk add up to about sqrt(terms) / 5 of them; each side has
    its own, and the largest of many values is looked at: 2 sqrt(terms) in all.
    """
    return ACTIVATION + 2 * math.sqrt(terms) * 2.0**-24 + STORAGE[storage] + FACTORS * tf32


def runs_here(launch: Launch, storage: str, device: Device, tf32: bool) -> bool:
    """Whether a launch can be tried on a device; float32 goes to tensor cores only where TF32 is asked for."""
    on_tensor_cores = storage != "f32" or tf32
    if launch.source in LIBRARIES:  # its two launches differ in just this
        return launch.tensor_cores == on_tensor_cores and launch.source in device.libraries
    return not launch.tensor_cores or (on_tensor_cores and device.capability >= TENSOR_CORES[storage])


def choose(lowered: Lowered, runner: Runner, tf32: bool = False) -> tuple[dict[int, int], list[Trial]]:
    """Which alternative each step takes, by its number, and all that was tried. Steps of one shape are tried once."""
    chosen: dict[int, int] = {}
    trials: list[Trial] = []
    known: dict[tuple[object, ...], int] = {}
    runner.device.compile(kernels_of(lowered, runner.device, tf32))
    for number, step in enumerate(lowered.steps):
        if not isinstance(step, ProductStep):
            continue
        launches = dict(enumerate(step.launches()))
        usable = {i: launch for i, launch in launches.items() if runs_here(launch, step.storage, runner.device, tf32)}
        if len(usable) < 2:
            continue
        key = (step.storage, step.terms, *map(_shape, launches.values()))
        if key not in known:
            known[key], tried = _try(step, usable, runner, tolerance(step.terms, step.y.dtype, tf32))
            trials += tried
        chosen[number] = known[key]
    return chosen, trials


def kernels_of(lowered: Lowered, device: Device, tf32: bool) -> list[Kernel]:
    """What the trials will run."""
    steps = [step for step in lowered.steps if isinstance(step, ProductStep)]
    tried = [
        (s.storage, launch) for s in steps for launch in s.launches() if runs_here(launch, s.storage, device, tf32)
    ]
    return [Kernel(launch.source, storage, launch.defines, launch.function) for storage, launch in tried]


def _shape(launch: Launch) -> tuple[object, ...]:
    numbers = tuple(a for a in launch.args if isinstance(a, int | float))
    return launch.source, launch.function, launch.defines, launch.grid, numbers


def _try(step: ProductStep, launches: dict[int, Launch], runner: Runner, allowed: float) -> tuple[int, list[Trial]]:
    """The best alternative of a step on random inputs, and every trial."""
    feeds = _draw(step)
    trials, first = [], np.empty(0)
    for number, launch in launches.items():
        try:
            y, ms = _run(step, number, feeds, runner)
        except WorkbenchError as error:
            trials.append(Trial(_line(step), _name(launch), math.nan, math.nan, f"rejected: {error.problem}"))
            continue
        first = y if number == 0 else first
        off = float(np.abs(y - first).max() / max(np.abs(first).max(), 1e-30)) if first.size else math.nan
        verdict = "slower" if off <= allowed else f"rejected: {off:.1e} from the first, {allowed:.1e} is allowed"
        trials.append(Trial(_line(step), _name(launch), ms, off, verdict))
    usable = [i for i, t in enumerate(trials) if t.verdict == "slower"]
    if not usable:
        raise WorkbenchError(f"{step.node}: no kernel can compute this: {trials[0].verdict}", step.node.where)
    best = min(usable, key=lambda i: trials[i].ms)
    trials[best] = trials[best]._replace(verdict="chosen")
    return list(launches)[best], trials


def _run(step: Step, number: int, feeds: dict[str, np.ndarray], runner: Runner) -> tuple[np.ndarray, float]:
    """The step's output as float64, and its median time in ms."""
    constants: Constants = runner.constants
    alone = Lowered([step], _inputs(step), {"y": step.writes[0]})
    program = assemble(alone, constants, {0: number})
    try:
        y = runner.run(program, feeds)["y"]
        times = runner.times(program, feeds, REPEATS)
    finally:
        runner.forget(program)
    values = (y.astype(np.uint32) << 16).view(np.float32) if step.writes[0].dtype == "bf16" else y
    return values.astype(np.float64), times[0]


def _inputs(step: Step) -> dict[str, Tensor]:
    """What the step reads beside its weights, a whole buffer each."""
    buffers = dict.fromkeys(t.buffer for t in step.reads if t.buffer.root.constant is None)
    return {f"x{i}": Tensor(b, (b.nbytes // _size(step),), step.storage, (1,)) for i, b in enumerate(buffers)}


def _size(step: Step) -> int:
    return memory_dtype(step.storage).itemsize


def _draw(step: Step) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {n: stored(rng.standard_normal(t.shape, np.float32), t.dtype) for n, t in _inputs(step).items()}


def _line(step: Step) -> str:
    return f"{step.node.where} {step.node}"


def _name(launch: Launch) -> str:
    if launch.source in LIBRARIES:
        return f"{launch.source} {launch.function}"
    numbers = ",".join(value for name, value in launch.defines if (name, value) not in TENSOR)
    return f"{launch.function} {numbers}{' on tensor cores' * launch.tensor_cores}".strip()
