"""Sheets: what is shown, what is not, and that nothing is lost in their JSON."""

import csv
import html
import math

import pytest

from workbench.bench.pipeline import Lap, Laps
from workbench.bench.sheet import Row, Sheet
from workbench.bench.tool import Figure, Figures

EAGER = Row("PyTorch eager", 2, "f32", 50.0, 48.0, 60.0, speedup=2.5, peak=600.0)
OURS = Row("workbench", 2, "f32", 20.0, 19.0, 22.0, peak=150.0, memory=0.25, errors={"BOX": 1e-7, "CLS": 3e-7})
SHEET = Sheet("yolo", [EAGER, OURS], {"cores": "2"}, ["a note"])
FIGURES = Figures("yolo: the workbench itself", [Figure("import workbench", 0.0123, "s", 0.2)], {"cores": "2"})

LAPS = Laps(
    "yolo: frames", [Lap("original", "8 x 4", "f32", 50.0, 48.0, 60.0), Lap("ours", "8 x 4", "f32", 20, 19, 22, 2.5)]
)


def test_a_row_says_frames_a_second_and_the_worst_part():
    assert EAGER.fps == 40 and OURS.fps == 100
    assert OURS.error == 3e-7 and math.isnan(EAGER.error)
    assert SHEET.row("workbench", 2) is OURS
    with pytest.raises(StopIteration):
        SHEET.row("workbench", 1)


@pytest.mark.parametrize("table, row", [(SHEET, Row), (FIGURES, Figure), (LAPS, Lap)])
def test_every_form_has_every_cell(table, row):
    cells = [list(table.HEAD), *table.cells()]
    assert list(csv.reader(table.csv().splitlines())) == cells
    text, markdown, page = str(table), table.markdown(), html.unescape(table._repr_html_())
    for cell in (cell for line in cells for cell in line):
        assert cell in text and cell in markdown and cell in page
    assert all(line in text and line in markdown and line in page for line in table.below())
    assert type(table).of(table.json(), row).json() == table.json()


def test_what_was_not_measured_is_left_empty():
    assert SHEET.cells() == [
        ["PyTorch eager", "2", "f32", "50.0", "48.0", "60.0", "40.0", "2.50 x", "600", "", ""],
        ["workbench", "2", "f32", "20.0", "19.0", "22.0", "100.0", "", "150", "0.25 x", "3.0e-07"],
    ]
    assert "error of workbench f32, batch 2: BOX 1.0e-07, CLS 3.0e-07" in SHEET.below()
    assert [cells[-1] for cells in LAPS.cells()] == ["", "2.50 x"]
    assert FIGURES.cells() == [["import workbench", "0.01 s", "0.2 s"]]
