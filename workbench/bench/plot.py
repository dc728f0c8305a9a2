"""The benchmark sheet as a picture: frames per second, and the most memory, by batch and precision."""

from __future__ import annotations

import io
import math
from typing import Any

from workbench.bench.contestants import OURS
from workbench.bench.sheet import Row, Sheet
from workbench.errors import WorkbenchError

COLOURS = ("#1976d2", "#9e9e9e", "#bdbdbd", "#f5a05a", "#7cb77c")  # ours first


def figure(sheet: Sheet) -> Any:
    """A matplotlib Figure without pyplot's state. Raises WorkbenchError where matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise WorkbenchError("a plot needs matplotlib", note="pip install 'porting-workbench[port]'") from error
    groups = list(dict.fromkeys((row.batch, row.precision) for row in sheet.rows))
    names = sorted(dict.fromkeys(row.contestant for row in sheet.rows), key=lambda name: name != OURS)
    drawn = Figure(figsize=(9, 1.4 + 0.2 * len(groups) * len(names)), layout="constrained")
    left, right = drawn.subplots(1, 2)
    _bars(left, sheet.rows, groups, names, "fps")
    _bars(right, [row for row in sheet.rows if not math.isnan(row.peak)], groups, names, "peak")
    left.set_title("frames per second (longer is better)", fontsize=9, loc="left")
    right.set_title("peak memory of the process, MB (shorter is better)", fontsize=9, loc="left")
    drawn.suptitle(f"{sheet.title}: {', '.join(f'{k} {v}' for k, v in sheet.machine.items())}", fontsize=6)
    drawn.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=5, fontsize=8, frameon=False)
    return drawn


def _bars(axes: Any, rows: list[Row], groups: list[tuple[int, str]], names: list[str], value: str) -> None:
    tall = 0.8 / max(1, len(names))
    for i, name in enumerate(names):
        mine = [row for row in rows if row.contestant == name]
        places = [groups.index((row.batch, row.precision)) + i * tall for row in mine]
        bars = axes.barh(places, [getattr(r, value) for r in mine], tall * 0.9, color=COLOURS[i % 5], label=name)
        axes.bar_label(bars, fmt="{:,.4g}", fontsize=7, padding=2)
    middle = tall * (len(names) - 1) / 2
    axes.set_yticks([i + middle for i in range(len(groups))], [f"batch {b}\n{p}" for b, p in groups], fontsize=8)
    axes.set_ylim(len(groups) - tall, -tall)
    axes.margins(x=0.15)
    axes.tick_params(axis="x", labelsize=7)


def png(sheet: Sheet) -> bytes:
    """The picture as PNG; the same sheet gives the same bytes."""
    out = io.BytesIO()
    figure(sheet).savefig(out, format="png", dpi=130, metadata={"Software": None})
    return out.getvalue()
