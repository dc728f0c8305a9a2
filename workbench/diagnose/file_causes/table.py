"""The table of causes in a weights file. What explains most of the file's wrong floats is claimed, ties together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from workbench.weights.spec import WeightPlan, WeightSpec


@dataclass(frozen=True)
class Compared:
    """The file's floats (`got`), those that the model gives (`want`), and the first tensor that differs (`at`).

    `source` says of the line's letters where the model's floats come from, as the ledger does.
    """

    got: np.ndarray
    want: np.ndarray
    plan: WeightPlan
    at: WeightSpec
    state: Mapping[str, Any]
    source: Mapping[str, str]

    @property
    def g(self) -> np.ndarray:
        """The tensor's floats in the file."""
        return self.got[self.at.offset : self.at.offset + self.at.count]

    @property
    def w(self) -> np.ndarray:
        """The tensor's floats as the model has them."""
        return self.want[self.at.offset : self.at.offset + self.at.count]

    @property
    def label(self) -> str:
        return f"{self.at.letter} {list(self.at.shape)}"


class Claim(NamedTuple):
    """What it takes to match, in words; how many of the file's floats that explains; the tensor where it begins."""

    text: str
    floats: int
    spec: WeightSpec


Explainer = Callable[[Compared], Iterator[Claim]]


class FileCause(NamedTuple):
    id: str
    tries: str
    explain: Explainer


FILE_CAUSES: dict[str, FileCause] = {}


def file_cause(id: str, tries: str) -> Callable[[Explainer], Explainer]:
    """Register a function that yields what explains the file; `tries` says for people what is tried."""

    def register(explain: Explainer) -> Explainer:
        FILE_CAUSES[id] = FileCause(id, tries, explain)
        return explain

    return register


def explanations(compared: Compared) -> dict[str, Claim]:
    """The claims that explain most floats, by cause."""
    claims = [(cause.id, claim) for cause in FILE_CAUSES.values() for claim in cause.explain(compared)]
    most = max((claim.floats for _, claim in claims), default=0)
    found: dict[str, Claim] = {}
    for id, claim in claims:
        if claim.floats == most:
            found.setdefault(id, claim)
    return found


def alike(a: np.ndarray, b: np.ndarray, relative: float = 1e-6, absolute: float = 1e-12) -> np.ndarray:
    """Which floats are equal, up to float32's rounding of a fold that was done in another order; NaN equals NaN."""
    with np.errstate(invalid="ignore", over="ignore"):
        return np.isclose(a.reshape(-1), b.reshape(-1), rtol=relative, atol=absolute, equal_nan=True)


def same(a: np.ndarray, b: np.ndarray, relative: float = 1e-6, absolute: float = 1e-12) -> bool:
    """Whether all floats are."""
    return a.size == b.size and bool(alike(a, b, relative, absolute).all())
