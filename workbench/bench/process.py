"""Memory, measured in a fresh process: `python -m workbench.bench.process JOB.json` prints what it found as JSON.

A job is {"kind": "engine", "file", "feeds"}, {"kind": "original", "model", "part", "checkpoint", "example"} or
{"kind": "trace", "config", "params", and what an original has}, all with "runs" and "threads"; feeds and example are
.npz files.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from workbench.bench.contestants import fused, inference, originals
from workbench.bench.measure import peak_memory, reset_peak
from workbench.errors import WorkbenchError


def in_process(job: dict[str, Any]) -> dict[str, float]:
    """What a fresh process finds that does the job. Raises WorkbenchError with its last words where it fails."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "job.json"
        path.write_text(json.dumps(job))
        done = subprocess.run(
            [sys.executable, "-m", "workbench.bench.process", str(path)], capture_output=True, text=True, check=False
        )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:]
        raise WorkbenchError(f"the process that measures memory failed: {''.join(last)}")
    return json.loads(done.stdout.splitlines()[-1])


def main(path: str) -> None:
    job = json.loads(Path(path).read_text())
    print(json.dumps(JOBS[job["kind"]](job)))


def run_engine(job: dict[str, Any]) -> dict[str, float]:
    """Peak RAM of opening an engine file and running it: no PyTorch."""
    from workbench.engines.build import open_engine

    with np.load(job["feeds"]) as feeds, open_engine(job["file"], threads=job["threads"]) as engine:
        arrays = dict(feeds)
        for _ in range(job["runs"]):
            engine.run(arrays)
    return {"peak": peak_memory()}


def run_original(job: dict[str, Any]) -> dict[str, float]:
    """Peak RAM of making the original, loading its weights, its own fuse(), and running it in eager mode."""
    model, example = _original(job)
    _, run = next(originals(fused(model), example))
    for _ in range(job["runs"]):
        run()
    return {"peak": peak_memory()}


def run_trace(job: dict[str, Any]) -> dict[str, float]:
    """RAM that recording the config's tensors adds, and that a plain forward of the original adds; `live`: the largest
    set of its tensors alive at once.

    The original has been exported and has run before, so that what a first run loads is not counted.
    """
    import torch

    from workbench.errors import Problems
    from workbench.session import Session

    model, example = _original(job)
    session = Session(model, tuple(example), job["config"], job["params"])
    graph, exported = session.graph(), session.original.exported
    inputs = tuple(map(torch.from_numpy, example))
    run = inference(model, inputs)
    run()
    return {
        "forward": _added(run),
        "tracing": _added(lambda: session.original.tensors(graph, Problems())),
        "live": exported.live_bytes() if exported else math.nan,
    }


def _added(run: Callable[[], object]) -> int:
    """How far RAM rises while it runs."""
    before = reset_peak()
    run()
    return peak_memory() - before


def _original(job: dict[str, Any]) -> tuple[Any, list[np.ndarray]]:
    import torch

    from workbench.ports.load import load

    torch.set_num_threads(job["threads"])
    with np.load(job["example"]) as example:
        return load(job["model"], job["part"], job["checkpoint"]), [example[name] for name in example.files]


JOBS = {"engine": run_engine, "original": run_original, "trace": run_trace}

if __name__ == "__main__":
    main(sys.argv[1])
