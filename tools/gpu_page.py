"""Write the table of docs/gpu.md anew from the records in benchmarks/gpu/.

python tools/gpu_page.py
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
BEGIN, END = "<!-- from benchmarks/gpu -->\n", "<!-- end -->\n"
NONE = "**Nothing has been run on a GPU yet: there is no record.** All that is said of speed there is a plan.\n"


def table(records: Sequence[dict[str, Any]]) -> str:
    """What each record verified; plain words where there is none."""
    if not records:
        return NONE
    lines = ["| GPU | date | workbench | layers | networks | seconds |", "|---|---|---|---|---|---|"]
    for r in records:
        layers = sum(not row["failed"] for row in r["layers"])
        networks = sum(all(b["passed"] for b in row.get("batches") or [{"passed": False}]) for row in r["ports"])
        lines.append(f"| {r['device']} | {r['date']} | {r['workbench']} | {layers} of {len(r['layers'])} | "
                     f"{networks} of {len(r['ports'])} | {r['seconds']:g} |")  # fmt: skip
    return "\n".join(lines) + "\n"


def rewrite(page: str, records: Sequence[dict[str, Any]]) -> str:
    """The page with the table of these records; those of the emulator are no GPU's and do not count."""
    real = [r for r in records if not r["device"].startswith("CUDA emulator")]
    before, rest = page.split(BEGIN)
    return before + BEGIN + table(real) + END + rest.split(END)[1]


def records() -> list[dict[str, Any]]:
    return [json.loads(file.read_text("utf-8")) for file in sorted((ROOT / "benchmarks" / "gpu").glob("*.json"))]


if __name__ == "__main__":
    path = ROOT / "docs" / "gpu.md"
    path.write_text(rewrite(path.read_text("utf-8"), records()), "utf-8")
