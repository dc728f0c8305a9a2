"""The numbers beside the masks: a row for every pair, what the two sides differ by, and the largest regions of that."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.compare.verdict import error
from workbench.ui.found import Found
from workbench.ui.overlap import STEPS, Region, edge_moved, margins, regions
from workbench.ui.pairs import ALL, BOTH, ONLY_ENGINE, ONLY_REFERENCE, OTHER, Match, Pairs, agreement, boxes_iou
from workbench.ui.resample import block

SHOWN = 8  # regions in the table
CELLS = 24  # along each side, for the place of a name
SIDES = ("reference", "engine")
Row = dict[str, Any]


def pair_rows(pairs: Pairs, names: Sequence[str] = ()) -> list[Row]:
    """For every pair its name, side ("both" or the one that alone has it), scores, overlaps and distances."""
    rows = [_row(pairs, i, match) for i, match in enumerate(pairs.matches)]
    for row, name in zip(rows, _names(pairs, names), strict=True):
        row["name"] = name
    return rows


def _names(pairs: Pairs, names: Sequence[str]) -> list[str]:
    """The finds' own names, or those of their classes, numbered where several are alike."""
    said = []
    for match in pairs.matches:
        found, i = (pairs.reference, match.reference) if match.reference is not None else (pairs.engine, match.engine)
        said.append(_name(found, i or 0, names))
    alike, seen = Counter(said), Counter[str]()
    for i, name in enumerate(said):
        seen[name] += 1
        if alike[name] > 1 or not name:
            said[i] = f"{name} #{seen[name]}".strip()
    return said


def _name(found: Found, i: int, names: Sequence[str]) -> str:
    if found.names:
        return found.names[i]
    kind = found.class_of(i)
    if kind is None:
        return names[0] if len(names) == 1 else ""
    return names[kind] if 0 <= kind < len(names) else f"class {kind}"


def _row(pairs: Pairs, pair: int, match: Match) -> Row:
    numbers = (match.reference, match.engine)
    row: Row = {"side": "both"}
    if None in numbers:
        row["side"] = "engine" if match.reference is None else "reference"
    for key in ("scores", "boxes", "points"):
        row[key] = [
            None if n is None or (values := getattr(found, key)) is None else _plain(values[n])
            for (found, _), n in zip(pairs.sides, numbers, strict=True)
        ]
    if pairs.grid:
        planes = [pairs.mask(side, pair) for side in (0, 1)]
        row["pixels"] = [int(np.count_nonzero(p)) for p in planes]
        row["flipped"] = int(np.count_nonzero(planes[0] ^ planes[1]))
        row["anchors"] = [middle_of(p) for p in planes]
    if match.reference is not None and match.engine is not None:
        row |= _both(pairs, match.reference, match.engine, match.iou)
    return row


def _both(pairs: Pairs, i: int, j: int, iou: float) -> Row:
    """What can be told only where both sides have it."""
    row: Row = {"iou": _number(iou), "box_iou": _number(boxes_iou(pairs.reference, i, pairs.engine, j))}
    row["moved"] = _moved(pairs, i, j)
    if pairs.reference.logits is not None and pairs.engine.logits is not None:
        row["error"] = _number(error(pairs.engine.logits[j], pairs.reference.logits[i]))
    return row


def _plain(value: Any) -> Any:
    """As numbers and lists; visible digits are cut where they are shown."""
    return np.asarray(value, np.float64).tolist()


def _number(value: float) -> float | str | None:
    """JSON has no word for NaN and Inf."""
    return None if math.isnan(value) else "inf" if math.isinf(value) else value


def middle_of(mask: np.ndarray) -> list[float] | None:
    """y, x as parts of the picture: the middle of the cells that the mask fills best, where its name may stand."""
    k = block(mask.shape[0], mask.shape[1], CELLS * 8)  # a name's place needs no more
    cells = mask[::k, ::k].astype(np.int32)
    if not cells.any():
        y, x = divmod(int(mask.argmax()), mask.shape[1])
        return [(y + 0.5) / mask.shape[0], (x + 0.5) / mask.shape[1]] if mask.any() else None
    for axis, length in enumerate(cells.shape):
        cells = np.add.reduceat(cells, np.arange(min(CELLS, length)) * length // min(CELLS, length), axis)
    around = np.pad(cells, 1)
    full = sum(around[y : y + cells.shape[0], x : x + cells.shape[1]] for y in range(3) for x in range(3))
    y, x = divmod(int(np.argmax(full)), cells.shape[1])
    return [(y + 0.5) / cells.shape[0], (x + 0.5) / cells.shape[1]]


def _moved(pairs: Pairs, i: int, j: int) -> float | None:
    """How far the farthest key point of a pair lies from the reference's, in the picture's pixels."""
    a, b = pairs.reference.points, pairs.engine.points
    if a is None or b is None:
        return None
    return float(np.hypot(*(a[i, :, :2] - b[j, :, :2]).T).max(initial=0.0))


def difference_facts(pairs: Pairs, pair: int) -> dict[str, Any]:
    """What stands below the masks: numbers as [name, value, remark], the largest regions, the flipped logits."""
    if not pairs.grid:
        return {"facts": _box_facts(pairs), "regions": [], "count": 0, "margins": None}
    codes = agreement(*pairs.owners(pair))
    apart = regions(codes == ONLY_REFERENCE, codes == ONLY_ENGINE)
    found = sorted([*apart, *_mixed(codes)], key=lambda r: -r.pixels)
    flipped = int(np.count_nonzero(codes > BOTH))
    return {
        "facts": _mask_facts(pairs, pair, codes, flipped),
        "regions": [_region(r, flipped, codes.shape) for r in found[:SHOWN]],
        "count": len(found),
        "margins": _margins(pairs, pair),
    }


def _mixed(codes: np.ndarray) -> list[Region]:
    return [r._replace(side="other") for r in regions(codes == OTHER, np.zeros_like(codes, bool))]


def _mask_facts(pairs: Pairs, pair: int, codes: np.ndarray, flipped: int) -> list[tuple[str, str, str]]:
    said = [_iou_fact(pairs, pair), ("flipped pixels", f"{flipped:,}", f"{flipped / codes.size:.3%} of all")]
    for name, code in (("only reference", ONLY_REFERENCE), ("only engine", ONLY_ENGINE), ("another pair", OTHER)):
        count = int(np.count_nonzero(codes == code))
        if code != OTHER or count:
            said.append((name, f"{count:,}", f"{count / max(1, flipped):.0%} of them"))
    if pair != ALL:
        steps = edge_moved(pairs.mask(0, pair), pairs.mask(1, pair))
        said.append(("edge moved", f"> {STEPS} px" if steps > STEPS else f"{steps} px", "at most"))
    return said


def _iou_fact(pairs: Pairs, pair: int) -> tuple[str, str, str]:
    if pair != ALL:
        return "IoU", f"{pairs.matches[pair].iou:.4f}", "of the masks"
    values = [m.iou for m in pairs.matches]
    if not values:
        return "mean IoU", "none", "nothing was found"
    return "mean IoU", f"{np.mean(values):.4f}", f"of {len(values)}, least {min(values):.4f}"


def _box_facts(pairs: Pairs) -> list[tuple[str, str, str]]:
    both = [m for m in pairs.matches if m.reference is not None and m.engine is not None]
    said = [("matched", f"{len(both)}", f"of {len(pairs.reference)} and {len(pairs.engine)}")]
    overlaps = [m.iou for m in both if not math.isnan(m.iou)]
    if overlaps:
        said.append(("mean IoU", f"{np.mean(overlaps):.4f}", f"least {min(overlaps):.4f}"))
    for side in SIDES:
        count = sum(getattr(m, side) is not None for m in pairs.matches) - len(both)
        said.append((f"only {side}", str(count), "boxes"))
    moved = [d for m in both if (d := _moved(pairs, m.reference or 0, m.engine or 0)) is not None]
    if moved:
        said.append(("points moved", f"{max(moved):.2g} px", "at most"))
    return said


def _region(r: Region, flipped: int, grid: tuple[int, ...]) -> dict[str, Any]:
    """With its middle, as parts of the picture, and its share of the flipped pixels."""
    middle = [(r.y0 + r.y1 + 1) / 2 / grid[0], (r.x0 + r.x1 + 1) / 2 / grid[1]]
    size = [(r.y1 + 1 - r.y0) / grid[0], (r.x1 + 1 - r.x0) / grid[1]]
    return {"side": r.side, "pixels": r.pixels, "share": r.pixels / flipped, "middle": middle, "size": size}


def _margins(pairs: Pairs, pair: int) -> dict[str, object] | None:
    """The reference's logits where a pair's masks differ, if both are known and differ at all."""
    number = None if pair == ALL else pairs.matches[pair].reference
    if number is None or pairs.reference.logits is None:
        return None
    flipped = pairs.mask(0, pair) ^ pairs.mask(1, pair)
    return margins(pairs.reference.logits[number], flipped) if flipped.any() else None
