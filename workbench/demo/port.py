"""The demo itself: YOLOX-tiny, trained, checked line by line, built, measured, and shown on a photograph."""

from __future__ import annotations

import base64
import html
import io
import time
from pathlib import Path
from typing import Any

from workbench.atomic import write_text
from workbench.bench.run import Named, measure
from workbench.bench.sheet import Sheet
from workbench.cli.options import progress
from workbench.errors import WorkbenchError
from workbench.ports import get_port
from workbench.ports.common.pictures import save_picture
from workbench.session import Session

NAME = "yolox_tiny_text"


def demo(out: str | Path) -> None:
    """Run the whole porting line on a trained detector; the report and pictures go to `out`."""
    out, port = Path(out), get_port(NAME)
    part = port.part()
    print(f"2. {port.title} ({port.licence})\n   {port.paper}\n")
    session = Session.of_port(NAME)
    print(f"3. Every line of {part.config_path.name} against the PyTorch original")
    report = session.check(progress)
    print(report, "\n")
    if not report.passed:
        raise WorkbenchError("the demo's config does not pass", part.config_path.name, "see the first wrong line above")

    print("4. Weights and engine")
    ledger = session.write_weights(part.weights_path)
    print(f"   {part.weights_path}: {len(ledger.rows)} tensors, {sum(r.count for r in ledger.rows):,} floats")
    with session.build(part.weights_path.with_suffix(".engine")) as engine:
        print(f"   {engine.note}")
        picture = port.sample()
        feeds, geometry = port.preprocess(picture, engine.inputs)
        start = time.perf_counter()
        outputs = engine.run(feeds)
        milliseconds = (time.perf_counter() - start) * 1e3
    found = port.postprocess(outputs, geometry)
    drawn = port.draw(picture, found)
    print(f"   {len(found.boxes)} detections in {milliseconds:.0f} ms: {save_picture(drawn, out / 'detections.png')}\n")

    print("5. Speed and memory, side by side with PyTorch")
    sheet = measure(session, Named(NAME), rounds=8)
    print(sheet, "\n")
    path = write_text(out / "report.html", page(port, report, drawn, sheet))
    print(f"The report: {path}\nNext: make lab, and the notebooks beginning with 01")


def page(port: Any, report: Any, picture: Any, sheet: Sheet) -> str:
    """One HTML file that needs nothing else: the verdicts, the picture, the benchmark sheet."""
    data = io.BytesIO()
    picture.save(data, "PNG")
    image = base64.b64encode(data.getvalue()).decode()
    return (
        f"<!doctype html><meta charset='utf-8'><title>{html.escape(port.title)}</title>"
        "<body style='font-family:sans-serif;max-width:75em;margin:2em auto'>"
        f"<h1>{html.escape(port.title)}</h1><p>{html.escape(port.licence)}</p>"
        f"<h2>Detections</h2><img alt='detections' style='max-width:100%' src='data:image/png;base64,{image}'>"
        f"<h2>Speed and memory</h2>{sheet._repr_html_()}"
        f"<h2>Every line against the original</h2>{report._repr_html_()}</body>"
    )
