"""Checking a custom layer: does it compile, does the emulator notice anything, does it mean what its reference says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cuda_ops.emulator import configure
from cuda_ops.errors import KernelError
from cuda_ops.loader import kernel_image
from cuda_ops.nvcc import find_nvcc
from workbench.compare.verdict import error as error_of
from workbench.compare.verdict import tolerance
from workbench.config.dictionary import cells_of
from workbench.config.write import format_line
from workbench.custom.layer import CudaLayer, dictionary_of
from workbench.custom.report import MARKS, Report, Step
from workbench.custom.trial import Trial
from workbench.custom.variants import variants
from workbench.errors import WorkbenchError
from workbench.progress import Progress, silent, stage

ORDERS = (("forward", 1), ("forward", 1), ("backward", 1), ("shuffled", 1), ("shuffled", 2))
OLDEST = (7, 5)  # nvcc compiles for several GPUs at once, whichever is named
STEPS = ("cases", "compiles", "check mode", "parity", "determinism", "time", "on the GPU")
CHECKED = 1 << 20  # elements; check mode remembers much of each, and is to answer within seconds


def check(cls: type[CudaLayer], *, time_limit: float = 10.0, seed: int = 0, progress: Progress = silent) -> Report:
    """Check a layer over its CASES and what follows from them; the first step that fails is the last.

    time_limit: seconds after which a launch in the emulator counts as hung. The report's `ok`: whether all is well.
    """
    return _Check(cls, time_limit, seed).run(progress)


class _Check:
    """The steps in order. Each gives the lines to show, or raises."""

    def __init__(self, cls: type[CudaLayer], time_limit: float, seed: int) -> None:
        self.cls, self.time_limit, self.seed = cls, time_limit, seed
        self.trials: list[Trial] = []
        self.line = f"[{cls.tag}]"

    def run(self, progress: Progress) -> Report:
        steps: list[tuple[str, Callable[[], list[str]]]] = [
            (STEPS[0], self.cases),
            (STEPS[1], self.compiles),
            (STEPS[2], self.check_mode),
            (STEPS[3], lambda: self.parity("emulator")),
            (STEPS[4], self.determinism),
            (STEPS[5], self.time),
            (STEPS[6], self.on_the_gpu),
        ]
        done = []
        for name, step in steps:
            try:
                with stage(progress, name):
                    lines = tuple(step())
                done.append(Step(name, True if lines else None, lines or (self.why_not,)))
            except WorkbenchError as error:
                done.append(Step(name, False, error=self.cls.kernel.told(error) if self.cls.kernel else error))
                break
        rows = ["\t".join(cells_of(row)) for row in dictionary_of([self.cls])]
        label = self.cls.kernel.label if self.cls.kernel else "no source"
        return Report(self.cls.__name__, label, self.line, rows, done)

    why_not = ""

    def emulator(self, **how: Any) -> Any:
        return configure(time_limit=self.time_limit, **how)

    def cases(self) -> list[str]:
        name = self.cls.__name__
        if not self.cls.CASES:
            raise WorkbenchError(f"{name} has no CASES", note='such as CASES = [Case("", [(2, 3, 5)])]')
        if self.cls.reference is None and self.cls.reference_numpy is None:
            raise WorkbenchError(f"{name} has neither reference nor reference_numpy", note="one of them is its meaning")
        for case in self.cls.CASES:
            layer = self.cls.parse(dict(pair.split("=", 1) for pair in case.keys.split()))
            self.trials += [Trial(variant, self.seed) for variant in variants(case, layer)]
        self.line = format_line(self.trials[0].layer)
        return [f"{len(self.cls.CASES)} given, {len(self.trials)} with batches, odd sizes, long rows and gaps"]

    def compiles(self) -> list[str]:
        path, nvcc = Path(self.cls.source()), find_nvcc()
        for precision in self.cls.precisions:
            with kernel_errors():
                kernel_image(path, "emulator", precision)
                if nvcc:
                    kernel_image(path, OLDEST, precision)
        return [f"for {', '.join(self.cls.precisions)}, by {'g++ and nvcc' if nvcc else 'g++; there is no nvcc here'}"]

    def check_mode(self) -> list[str]:
        small = [trial for trial in self.trials if trial.elements <= CHECKED]
        for trial in small:
            with self.emulator(mode="check"):
                trial.kernel()
        return [f"{len(small)} of {len(self.trials)}: no races, nothing read before it is written, in bounds, aligned"]

    def parity(self, engine: str) -> list[str]:
        lines, passed = [], True
        for precision in self.cls.precisions:
            for trial in self.trials:
                with self.emulator():
                    got = trial.kernel(engine, precision)
                for line, ok in _compare(trial, got, precision):
                    lines.append(f"{MARKS[ok]} {line}")
                    passed &= ok
        if not passed:
            raise WorkbenchError("the kernel does not compute what the reference says", note="\n".join(lines))
        return lines

    def determinism(self) -> list[str]:
        for trial in self.trials:
            given = []
            for order, seed in ORDERS:
                with self.emulator(order=order, seed=seed):
                    given.append({name: y.tobytes() for name, y in trial.kernel().items()})
            for (order, _), y in zip(ORDERS, given, strict=True):
                if y != given[0]:
                    note = "sums that threads add to in any order, or a race, make it so"
                    raise WorkbenchError(
                        f"{trial.variant}: run again with threads {order}, other bits come out", "", note
                    )
        return [f"the same bits in {len(ORDERS)} runs, threads forward, backward and shuffled"]

    def time(self) -> list[str]:
        largest = max(self.trials, key=lambda trial: trial.elements)
        with self.emulator():
            ours = largest.seconds("emulator")
        return [f"{largest.variant}: {ours * 1e3:.2f} ms in the emulator, which says nothing of a GPU"]

    def on_the_gpu(self) -> list[str]:
        """Parity and time by PyCUDA; nothing where that cannot run."""
        try:
            self.trials[0].engine("cuda").close()
        except WorkbenchError as error:
            self.why_not = f"not tried: {error.problem}"
            return []
        largest = max(self.trials, key=lambda trial: trial.elements)
        return [*self.parity("cuda"), f"{largest.variant}: {largest.seconds('cuda') * 1e3:.3f} ms with copies"]


@contextmanager
def kernel_errors() -> Iterator[None]:
    """What a compiler says as a WorkbenchError."""
    try:
        yield
    except KernelError as error:
        raise WorkbenchError(error.problem, error.where, error.note) from error


def _compare(trial: Trial, got: dict[str, Any], precision: str) -> list[tuple[str, bool]]:
    """Each output's error and what is allowed, in words, and whether it passes."""
    want, exact = trial.reference("f32"), trial.reference("f64")
    compared = []
    for (name, r), spec in zip(want.items(), trial.outputs, strict=True):
        copies = trial.layer.exact or spec.dtype != "f32"
        limit, error = tolerance(error_of(r, exact[name]), precision, exact=copies), error_of(got[name], r)
        compared.append((f"{trial.variant}, {precision}: error {error:.1e}, allowed {limit:.1e}", error <= limit))
    return compared
