"""Names of tensors: what each output is called, and what an `input=` means at its place in the file."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice

from workbench.errors import WorkbenchError


class Tensors:
    """The tensors known so far. An output without a refname is called by layer and count: `conv2d_12`, `chunk_3_1`.

    A refname given again is the newest from there on. The newest of all keeps the plain name; the earlier ones become
    `X~1`, `X~2`. A tensor of a line that has errors is known, but resolves to None.
    """

    def __init__(self, refnames: Iterable[str]) -> None:
        self._total = Counter(refnames)
        self._seen: Counter[str] = Counter()
        self._layers: Counter[str] = Counter()
        self._now: dict[str, str | None] = {}
        self._all: set[str] = set()
        self._before: str | None = ""

    def name(self, tag: str, refnames: Sequence[str], count: int) -> tuple[str, ...]:
        """Names for the `count` outputs of the next layer of this tag."""
        self._layers[tag] += 1
        stem = f"{tag}_{self._layers[tag]}"
        autos = [stem] if count == 1 else [f"{stem}_{i}" for i in range(count)]
        return tuple(self._refname(refnames[i]) if i < len(refnames) else self._free(autos[i]) for i in range(count))

    def _refname(self, refname: str) -> str:
        self._seen[refname] += 1
        last = self._seen[refname] == self._total[refname]
        return refname if last else self._free(f"{refname}~{self._seen[refname]}")

    def _free(self, name: str) -> str:
        while name in self._total or name in self._all:
            name += "_"
        self._all.add(name)
        return name

    def define(self, refnames: Sequence[str], outputs: Sequence[str], sound: bool) -> None:
        """The layer's outputs are known from here on; the first is what `*` means next."""
        for refname, output in zip(refnames, outputs, strict=False):
            self._now[refname] = output if sound else None
        for output in outputs[len(refnames) :]:
            self._now[output] = output if sound else None
        self._before = (outputs[0] if outputs else None) if sound else None

    def resolve(self, name: str) -> str | None:
        """The tensor that a name means here, None where its own line has errors; raises WorkbenchError."""
        if name == "*":
            if self._before == "":
                raise WorkbenchError("'*' means the layer just before, and there is none", note="begin with [input]")
            return self._before
        if name in self._now:
            return self._now[name]
        if name in self._total:
            raise WorkbenchError(f"refname '{name}' is defined only below", note="a line reads earlier tensors")
        close = difflib.get_close_matches(name, islice(reversed(self._now), 1000), 1)
        raise WorkbenchError(f"refname '{name}' is not defined", note=f"did you mean '{close[0]}'?" if close else
                             "name an earlier layer's output with refname=")  # fmt: skip
