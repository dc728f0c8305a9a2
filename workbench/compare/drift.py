"""How far float32 noise alone carries each line: the whole chain in float32 (or with rounded operands) and float64."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from workbench.compare.regions import Region
from workbench.compare.verdict import error, tolerance
from workbench.engines.base import Arrays


class Drift:
    """The two chains, run no further than to the last line that was asked for.

    original(tensor)                          what the original has for a tensor, or the config's feed
    reference(region, feeds, precision, to)   the region's outputs by torch
    """

    def __init__(
        self,
        regions: Sequence[Region],
        known: Mapping[str, np.ndarray],
        original: Callable[[str], np.ndarray],
        reference: Callable[..., Arrays],
        precision: str,
    ) -> None:
        self._regions, self._known, self._original = regions, known, original
        self._sides = {
            "noisy": lambda region, feeds: reference(region, feeds, to="" if precision == "f32" else precision),
            "exact": lambda region, feeds: reference(region, feeds, "f64"),
        }
        self._precision = precision
        self._last = {t: i for i, region in enumerate(regions) for t in region.inputs}
        self._live: dict[str, Arrays] = {side: {} for side in self._sides}
        self._skipped: set[int] = set()
        self._next = 0

    def skip(self, number: int) -> None:
        """The region of this number does not run: its outputs are the original's own."""
        self._skipped.add(number)

    def allowed(self, number: int) -> float:
        """What the error of this region's outputs may be; numbers are asked for in rising order."""
        while self._next < number:
            self._step()
        noisy, exact = self._step()
        return max(
            tolerance(error(noisy[t], exact[t]), self._precision)
            for t in self._regions[number].node.outputs
            if t in self._known
        )

    def _step(self) -> tuple[Arrays, Arrays]:
        number, region = self._next, self._regions[self._next]
        self._next += 1
        results = []
        for side, run in self._sides.items():
            live = self._live[side]
            if number in self._skipped:
                y = {t: self._known[t] for t in region.node.outputs if t in self._known}
            else:
                y = run(region, {t: live[t] if t in live else self._original(t) for t in region.inputs})
            live.update(y)
            self._live[side] = {t: x for t, x in live.items() if self._last.get(t, -1) > number}
            results.append(y)
        return results[0], results[1]
