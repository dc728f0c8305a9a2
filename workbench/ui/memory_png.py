"""The memory plan as a picture for documents."""

from __future__ import annotations

import io
from typing import Any

COLOURS = {"convolution": "#9ec5ee", "product": "#aed3ae", "copy": "#dddddd", "other": "#f9c58e", "fed": "#ffffff"}
SCALES = ((2**20, "MB"), (2**10, "kB"), (1, "bytes"))


def memory_png(memory: dict[str, Any], title: str) -> bytes:
    """Blocks, one per tensor, over the steps that need them; bytes that are alive as a line."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    steps = len(memory["steps"])
    top = max([memory["arena"], *memory["alive"]], default=0)
    scale, unit = next((s for s in SCALES if top >= s[0]), SCALES[-1])
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    axes = figure.add_subplot()
    used: dict[str, Any] = {}
    for _, nbytes, offset, first, last, kind in memory["tenants"]:
        if offset >= 0:
            begin, end = max(first, 0), min(last, steps - 1) + 1
            block = Rectangle((begin, offset / scale), end - begin, nbytes / scale, fc=COLOURS[kind], ec="#555", lw=0.5)
            used.setdefault(kind, axes.add_patch(block))
    alive = [value / scale for value in memory["alive"]]
    (line,) = axes.step([*range(steps + 1)], [*alive, *alive[-1:]], where="post", color="#212121", lw=1)
    if memory["arena"]:
        axes.axhline(memory["arena"] / scale, ls="--", lw=1, color="#212121")
    axes.set_xlim(0, max(1, steps))
    axes.set_ylim(0, top / scale * 1.08 or 1)
    axes.set_xlabel(memory["unit"])
    axes.set_ylabel(unit)
    about = "arena" if memory["arena"] else "alive at once; where tensors lie is not told"
    axes.set_title(f"{title}, batch {memory['batch']}: {about} {top / scale:,.1f} {unit}", fontsize=10, loc="left")
    names = [*used, "alive"]
    figure.legend([*used.values(), line], names, fontsize=8, ncols=6, frameon=False, loc="outside lower center")
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=90, metadata={"Software": None})
    return out.getvalue()
