"""The cuda engine proved and measured on the GPU at hand: each layer's cases, each port, and speed against PyTorch."""

from __future__ import annotations

import datetime
import importlib.metadata
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from workbench import __version__
from workbench.bench.torch_gpu import torch_on_gpu
from workbench.compare.verdict import error, tolerance
from workbench.custom.alone import engine_of, feeds_of, graph_of
from workbench.engines import engine_class
from workbench.engines.base import Engine
from workbench.engines.build import Network, load_network
from workbench.errors import WorkbenchError
from workbench.graph import DTYPES, TensorSpec
from workbench.layers import LAYERS
from workbench.layers.base import Case
from workbench.ports import PORTS, get_port
from workbench.ports.base import Part
from workbench.session import Session

FORMAT = 1  # of the record
BATCHES = (1, 2, 4)
ROUNDS = 20
PACKAGES = ("numpy", "torch", "pycuda", "cuda-bindings", "nvidia-cuda-nvrtc", "nvidia-cudnn-frontend",
            "nvmath-python")  # fmt: skip


class Selftest:
    """One run. engine: cuda, or emulator, which runs the same steps on the CPU and whose times mean nothing.

    budget: seconds; what would begin later is left out, and the record's `left_out` says so. Layers get a third of it.
    keep: gets the record after every row, so that what ends the process does not end the record.
    """

    def __init__(
        self,
        engine: str,
        budget: float,
        say: Callable[[str], None] = print,
        keep: Callable[[dict[str, Any]], None] = lambda record: None,
    ) -> None:
        self.engine, self.budget, self.say, self.keep = engine, budget, say, keep
        self.on_gpu = engine == "cuda"
        self.began = time.monotonic()
        self.left_out: list[str] = []
        self._compiling: list[tuple[dict[str, Any], Any, Any]] = []  # rows that wait for torch.compile, model, example

    def run(self, ports: tuple[str, ...] = PORTS) -> dict[str, Any]:
        """The record, ready for JSON. Raises WorkbenchError where the engine cannot run at all."""
        record: dict[str, Any] = {
            "format": FORMAT,
            "date": datetime.date.today().isoformat(),
            "workbench": __version__,
            "engine": self.engine,
            "device": engine_class(self.engine).machine(),
            "python": platform.python_version(),
            "packages": {name: version for name in PACKAGES if (version := _version(name))},
            "layers": [],
            "ports": [],
            "left_out": self.left_out,
        }
        self._fill(record, "layers", self.layers(), self.budget / 3 if ports else self.budget)
        self._fill(record, "ports", self.ports(ports), self.budget)
        self._compile_originals(record)
        return record

    def _fill(self, record: dict[str, Any], what: str, rows: Iterator[dict[str, Any]], limit: float) -> None:
        for row in rows:
            record[what].append(row)
            self._keep(record)
            if self._seconds > limit:
                self.left_out.append(f"{what} after {row['name']}: {limit:g} s were spent")
                return

    def _keep(self, record: dict[str, Any]) -> None:
        record["seconds"] = round(self._seconds, 1)
        self.keep(record)

    def _compile_originals(self, record: dict[str, Any]) -> None:
        """Times of the originals by torch.compile, last since it takes minutes: as many as there is time for."""
        longest = 0.0
        waiting = sorted(self._compiling, key=lambda each: int(each[0]["batch"]))
        for i, (row, model, example) in enumerate(waiting):
            if self._seconds + longest > self.budget:
                self.left_out.append(f"torch.compile of {len(waiting) - i} originals")
                return
            began = self._seconds
            row |= torch_on_gpu(model, example, ROUNDS, compiled=True)
            longest = max(longest, self._seconds - began)
            self._keep(record)

    @property
    def _seconds(self) -> float:
        return time.monotonic() - self.began

    @property
    def _spent(self) -> bool:
        return self._seconds > self.budget

    # ---- layers

    def layers(self) -> Iterator[dict[str, Any]]:
        """A row for every layer: how many cases it has, and the errors of those that are not as the reference."""
        for tag, cls in sorted(LAYERS.items()):
            if cls.cuda is not None and cls.CASES and cls.__module__.startswith("workbench."):
                failed = [text for i, case in enumerate(cls.CASES) if (text := self._case(tag, i, case))]
                if failed:
                    self.say(f"✗ {tag}: {'; '.join(failed)}")
                yield {"name": tag, "cases": len(cls.CASES), "failed": failed}

    def _case(self, tag: str, number: int, case: Case) -> str:
        """What is wrong with a case; empty where nothing is."""
        rng = np.random.default_rng(number)
        try:
            words = dict(pair.split("=", 1) for pair in case.keys.split())
            layer = LAYERS[tag].parse({k: v for k, v in words.items() if k not in ("act", "act_alpha", "act_beta")})
            graph = graph_of(layer, case.specs)
            x = case.feeds(rng) if case.feeds else [_draw(rng, spec, case.positive) for spec in case.specs]
            w = {k: _draw(rng, TensorSpec(s), k == "v") for k, s in layer.weights(*case.specs)}
            feeds = feeds_of(graph, x)
            with engine_of(self.engine, graph, w) as engine:
                got = engine.run(feeds, check=False)
            wanted = engine_of("reference", graph, w).run(feeds, check=False)
            exact = engine_of("reference", graph, w, "f64").run(feeds, check=False)
        except WorkbenchError as problem:
            return f"case {number}: {problem.problem}"
        off = {n: (error(got[n], r), tolerance(error(r, exact[n]), exact=_copies(layer, r))) for n, r in wanted.items()}
        return "; ".join(
            f"case {number} {n}: error {e:.1e}, allowed {a:.1e}" for n, (e, a) in off.items() if not e <= a
        )

    # ---- ports

    def ports(self, names: tuple[str, ...]) -> Iterator[dict[str, Any]]:
        """A row for every part of every port: parity, times and memory at each batch; and what came in between."""
        for name in names:
            port = get_port(name)
            for part in port.parts:
                title = f"{name} {part.name}" if part.name else name
                row: dict[str, Any] = {"name": title, "batches": []}
                try:
                    for batch in self._batches(name, part):
                        row["batches"].append(batch)
                        if self._spent:
                            break
                except (WorkbenchError, ImportError) as problem:
                    row["failed"] = str(problem).splitlines()[0]
                self.say(f"{title}: {', '.join(filter(None, [_brief(row['batches']), row.get('failed')]))}")
                yield row

    def _batches(self, port: str, part: Part) -> Iterator[dict[str, Any]]:
        session = Session.of_port(port, part.name)
        values = session.weights().values
        for batch in BATCHES if self.on_gpu else BATCHES[:1]:
            params = {**part.params, "BATCH_SIZE": str(batch)}
            network = load_network(part.config_path, params, values)
            feeds = part.feeds(params)
            wanted = part.run_original(feeds, session.model)
            with network.build(self.engine, "f32") as engine:
                got = engine.run(feeds)
                errors = {n: error(got[n], wanted[n]) for n in wanted}
                row = {"batch": batch, "errors": errors, "tolerance": part.tolerance}
                row["passed"] = all(e <= part.tolerance for e in errors.values())
                self._speed(row, engine, network, part, session.model, feeds)
                yield row

    def _speed(self, row: dict[str, Any], engine: Engine, network: Network, part: Part, model: Any, feeds: Any) -> None:
        """Milliseconds of our engine, and on a GPU of PyTorch there, at batch 1 with TF32 too; memory in bytes."""
        row |= {"workbench_ms": _median_ms(lambda: engine.run(feeds)), "workbench_bytes": _bytes(engine)}
        if not self.on_gpu:
            return
        example = part.to_original(feeds)
        row |= torch_on_gpu(model, example, ROUNDS)
        self._compiling.append((row, model, example))
        if row["batch"] == 1:
            with network.build(self.engine, "tf32") as fast:
                ours = {"workbench_ms": _median_ms(lambda: fast.run(feeds)), "workbench_bytes": _bytes(fast)}
            row["tf32"] = ours | torch_on_gpu(model, example, ROUNDS, tf32=True)


def _bytes(engine: Any) -> int:
    """Device memory of a cuda engine, the context excluded."""
    return int(engine._runner.bytes)


def _draw(rng: np.random.Generator, spec: TensorSpec, positive: bool) -> np.ndarray:
    if spec.dtype == "f32":
        x = rng.standard_normal(spec.shape).astype(np.float32)
        return np.abs(x) + np.float32(0.5) if positive else x
    return rng.integers(0, 200 if spec.dtype[0] == "u" else 5, spec.shape).astype(DTYPES[spec.dtype])


def _copies(layer: Any, r: np.ndarray) -> bool:
    return layer.exact or r.dtype.kind != "f"


def _median_ms(run: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        run()
        times.append((time.perf_counter() - start) * 1e3)
    return statistics.median(times)


def _brief(rows: list[dict[str, Any]]) -> str:
    return ", ".join(f"batch {r['batch']} {'✓' if r['passed'] else '✗'} {r['workbench_ms']:.2f} ms" for r in rows)


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
