"""One variant of a custom layer, run by its kernel and by its reference on the same numbers."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from workbench.custom.alone import engine_of, feeds_of, graph_of
from workbench.custom.blame import users_code
from workbench.custom.variants import Variant
from workbench.engines.base import Arrays, Engine
from workbench.graph import DTYPES

TIMED = 5  # runs, of which the fastest counts


class Trial:
    """A variant with inputs and weights drawn by a seed; what the user's methods raise becomes a WorkbenchError."""

    def __init__(self, variant: Variant, seed: int) -> None:
        self.variant, self.layer, self.specs = variant, variant.layer, variant.x
        case, rng = variant.case, np.random.default_rng(seed)
        with users_code(self.layer):
            drawn = case.feeds(rng) if case and case.feeds else self.layer.draw(rng, *self.specs)  # type: ignore[attr-defined]
            self.x = [np.asarray(a, DTYPES[s.dtype]) for a, s in zip(drawn, self.specs, strict=True)]
            shapes = self.layer.weights(*self.specs)
            self.outputs = self.layer.infer(*self.specs)
        self.w = {letter: rng.standard_normal(shape).astype(np.float32) for letter, shape in shapes}

    @property
    def elements(self) -> int:
        return sum(a.size for a in self.x)

    def engine(self, name: str, precision: str = "f32") -> Engine:
        """The layer alone on an engine."""
        graph = graph_of(self.layer, self.specs, self.variant.gaps and name != "reference")
        with users_code(self.layer):
            return engine_of(name, graph, self.w, precision)

    def run(self, engine: Engine) -> Arrays:
        """Outputs Y0, Y1, ... of an engine that `engine` gave."""
        gaps = self.variant.gaps and engine.name != "reference"
        with users_code(self.layer):
            return engine.run(feeds_of(graph_of(self.layer, self.specs, gaps), self.x), check=False)

    def kernel(self, name: str = "emulator", precision: str = "f32") -> Arrays:
        """Outputs by the kernel, on an engine of its own."""
        with self.engine(name, precision) as engine:
            return self.run(engine)

    def reference(self, precision: str) -> Arrays:
        """Outputs by the reference in f32 or f64."""
        if self.layer.reference is not None:
            return self.run(self.engine("reference", precision))
        wide = np.float64 if precision == "f64" else np.float32
        x = [a.astype(wide) if a.dtype.kind == "f" else a for a in self.x]
        with users_code(self.layer):
            y = self.layer.reference_numpy({k: a.astype(wide) for k, a in self.w.items()}, *x)  # type: ignore[attr-defined]
        return {f"Y{i}": np.asarray(a) for i, a in enumerate(y if isinstance(y, list | tuple) else [y])}

    def seconds(self, name: str) -> float:
        """The fastest run of an engine, copies in and out included."""
        with self.engine(name) as engine:
            return fastest(lambda: self.run(engine))


def fastest(run: Callable[[], Any]) -> float:
    """Seconds of the fastest of some runs, after one that does not count."""
    run()
    times = []
    for _ in range(TIMED):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)
