"""What two sides found in a picture: pairs, regions of disagreement, how far an edge moved."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.errors import WorkbenchError
from workbench.ports.common.boxes import Detections
from workbench.ui.found import as_found
from workbench.ui.overlap import STEPS, components, edge_moved, margins, regions
from workbench.ui.pairs import Match, match

SIZE = (8, 10)


def mask(*rows: str) -> np.ndarray:
    return np.array([[c == "#" for c in row] for row in rows])


def test_components_join_through_any_run() -> None:
    shape = mask("#.#.##", "#.#...", "###.#.", "....##")
    assert sorted(components(shape)) == [(2, 0, 4, 0, 5), (3, 2, 4, 3, 5), (7, 0, 0, 2, 2)]
    assert components(np.zeros((3, 3), bool)) == []
    noise = np.random.default_rng(0).random((40, 50)) < 0.5
    found = components(noise)
    assert sum(pixels for pixels, *_ in found) == np.count_nonzero(noise)


def test_regions_of_disagreement_and_the_moved_edge() -> None:
    reference, engine = mask("####..", "####..", "......"), mask("###...", "####..", "####..")
    found = regions(reference, engine)
    assert [(r.side, r.pixels) for r in found] == [("engine", 4), ("reference", 1)]
    assert edge_moved(reference, engine) == 1 and edge_moved(reference, reference) == 0
    assert edge_moved(reference, np.zeros_like(reference)) == STEPS + 1
    told = margins(np.array([[0.2, -3.0]]), np.array([[True, True]]))
    assert told["part"] == 0.5 and sum(told["counts"]) == 2


def test_boxes_are_paired_by_overlap_within_their_class() -> None:
    boxes = np.array([[0, 0, 4, 4], [5, 5, 9, 8]], np.float32)
    reference = as_found(Detections(boxes, np.array([0.9, 0.8]), np.array([1, 2])), SIZE)
    engine = as_found(Detections(boxes[::-1] + 0.5, np.array([0.7, 0.6]), np.array([2, 3])), SIZE)
    pairs = match(reference, engine)
    assert [(m.reference, m.engine) for m in pairs] == [(0, None), (1, 0), (None, 1)]
    assert pairs[1].iou == pytest.approx(3.5 * 2.5 / (2 * 12 - 3.5 * 2.5))


def test_classes_of_label_maps_are_paired_by_class() -> None:
    reference, engine = np.zeros(SIZE, int), np.zeros(SIZE, int)
    reference[0], engine[0, :5], engine[3] = 7, 7, 9
    pairs = match(as_found(reference, SIZE), as_found(engine, SIZE))
    assert pairs == [Match(0, 0, 0.5), Match(None, 1, 0.0)]


def test_what_fits_no_picture_is_told() -> None:
    with pytest.raises(WorkbenchError, match="do not fit a picture"):
        as_found(np.zeros((3, 9), bool), SIZE)
    with pytest.raises(WorkbenchError, match="expected masks"):
        as_found(np.zeros(5), SIZE)
