"""The result as a picture: located and caused by kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workbench.atomic import write_atomically
from workbench.errors import WorkbenchError

COLOURS = {"located": "#4477aa", "caused": "#228833", "false_claims": "#ee6677"}


def figure(sheet: dict[str, Any]) -> Any:
    """A matplotlib Figure without pyplot's state. Raises WorkbenchError where matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise WorkbenchError("a plot needs matplotlib", note="pip install 'porting-workbench[port]'") from error
    rows = sheet["kinds"][::-1]
    drawn = Figure(figsize=(8, 1.5 + 0.22 * len(rows)), layout="constrained")
    axes = drawn.subplots()
    for i, (key, colour) in enumerate(COLOURS.items()):
        places = [n + 0.27 * (1 - i) for n in range(len(rows))]
        axes.barh(places, [100 * (row[key] or 0) for row in rows], 0.25, color=colour, label=key.replace("_", " "))
    axes.set_yticks(range(len(rows)), [f"{row['kind']} ({row['faults']})" for row in rows], fontsize=7)
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.set_xlabel("% of the faults")
    s = sheet["summary"]
    axes.set_title(f"{s['faults']} planted faults, {sheet['date']}: located {100 * s['located']:.1f} %, caused "
                   f"{100 * s['caused']:.1f} %, false alarms {100 * s['false_alarms']:.1f} %", fontsize=9)  # fmt: skip
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -30 / (80 + 16 * len(rows))), ncols=3, fontsize=8)
    return drawn


def save(sheet: dict[str, Any], path: Path) -> Path:
    """Write the picture, in the format that the file's ending names; PNG where it has none. Raises WorkbenchError."""
    drawn, kind = figure(sheet), path.suffix.lstrip(".") or "png"
    if kind not in drawn.canvas.get_supported_filetypes():
        raise WorkbenchError(f"cannot draw a '{kind}' file", str(path), "name it .png, .svg or .pdf")
    return write_atomically(path, lambda file: drawn.savefig(file, format=kind, dpi=130))
