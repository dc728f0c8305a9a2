"""Peak memory of a process of its own: `python -m workbench.bench.process JOB.json` prints it with the times.

A job is {"kind": "engine", "file", "feeds", "runs", "threads"} or {"kind": "original", "model", "part", "checkpoint",
"example", "runs", "threads"}; feeds and example are .npz files.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from workbench.bench.measure import peak_memory
from workbench.errors import WorkbenchError


def peak_of(job: dict[str, Any]) -> int:
    """Most bytes of RAM that a fresh process holds while it does the job."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "job.json"
        path.write_text(json.dumps(job))
        done = subprocess.run(
            [sys.executable, "-m", "workbench.bench.process", str(path)], capture_output=True, text=True, check=False
        )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:]
        raise WorkbenchError(f"the process that measures memory failed: {''.join(last)}")
    return int(json.loads(done.stdout.splitlines()[-1])["peak"])


def main(path: str) -> None:
    job = json.loads(Path(path).read_text())
    (run_engine if job["kind"] == "engine" else run_original)(job)
    print(json.dumps({"peak": peak_memory()}))


def run_engine(job: dict[str, Any]) -> None:
    from workbench.engines.build import open_engine

    with np.load(job["feeds"]) as feeds, open_engine(job["file"], threads=job["threads"]) as engine:
        arrays = dict(feeds)
        for _ in range(job["runs"]):
            engine.run(arrays)


def run_original(job: dict[str, Any]) -> None:
    import torch

    from workbench.bench.contestants import fused, originals
    from workbench.ports.load import load

    if job["threads"]:
        torch.set_num_threads(job["threads"])
    with np.load(job["example"]) as example:
        inputs = tuple(example[name] for name in example.files)
    _, run = next(originals(fused(load(job["model"], job["part"], job["checkpoint"])), inputs, False))
    for _ in range(job["runs"]):
        run()


if __name__ == "__main__":
    main(sys.argv[1])
