"""Which of the weights that a span reads belong to which letter of a line's weight_order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from workbench.errors import Problems, WorkbenchError
from workbench.graph import Node
from workbench.layers.batchnorm import LETTERS, bn_affine
from workbench.weights.spec import WeightSpec

if TYPE_CHECKING:
    from workbench.trace.span import Span, SpanWeight

STATISTICS = set("rbmv")
# The letters that a parameter may stand for where the original writes its norm or bias out: x * weight + bias.
WRITTEN_OUT = {"w": None, "r": "mul", "a": "add", "b": "add"}


class Choice(NamedTuple):
    """A float64 array for one letter, what to call its origin, and the parameters that it was read from."""

    array: np.ndarray
    source: str
    names: tuple[str, ...]


def choose(
    node: Node, specs: list[WeightSpec], span: Span, state: Mapping[str, Any]
) -> tuple[list[Choice], list[WorkbenchError]]:
    """A choice for every spec, in order, and warnings.

    Raises WorkbenchErrors: ties that do not enclose the line, several kernels, letters without a weight, and weights
    without a letter.
    """
    if span.escapes:
        inputs = ", ".join(map(str, span.escapes))
        raise WorkbenchError(f"the line's ties do not enclose it: its operators reach back to the model's {inputs}",
                             note="check name= here and on the lines it takes its inputs from")  # fmt: skip
    if len(span.kernels) > 1:
        names = ", ".join(f"{op.tie} ({op.name})" for op in span.kernels)
        raise WorkbenchError(f"the line spans {len(span.kernels)} layers with weights: {names}",
                             note="give each its own line, or tie the line's input nearer")  # fmt: skip
    recurrent = [w for w in span.weights if not w.letter]
    if recurrent:
        return _in_order(specs, recurrent, state), []
    reader = _Reader(node, specs, span, state)
    return [reader.choices[s.letter] for s in specs], reader.warnings


def _in_order(specs: list[WeightSpec], weights: list[SpanWeight], state: Mapping[str, Any]) -> list[Choice]:
    if len(specs) != len(weights):
        raise WorkbenchError(f"expected {len(specs)} tensors; {weights[0].operator.tie} reads {len(weights)}",
                             note="check the number of layers, directions, and whether it has biases")  # fmt: skip
    return [_choice(w, state) for w in weights]


def _choice(weight: SpanWeight, state: Mapping[str, Any], kernel: bool = True) -> Choice:
    array = weight.read(state).detach().cpu().double().numpy()
    return Choice(array.T if weight.transposed and kernel else array, weight.name, weight.names)


class _Reader:
    """Finds every letter's choice for one line, collecting its problems."""

    def __init__(self, node: Node, specs: list[WeightSpec], span: Span, state: Mapping[str, Any]) -> None:
        self.node, self.span, self.state = node, span, state
        self.order = "".join(s.letter for s in specs)
        self.problems, self.warnings = Problems(), list[WorkbenchError]()
        self.choices: dict[str, Choice] = {}
        self.by_letter = {w.letter: w for w in reversed(span.weights) if not w.plain}
        self.unread = {w for w in self.by_letter.values() if w.letter not in node.source}
        folded = bool(self._batch_norms()) and not STATISTICS & {*self.order, *node.source}
        if folded:
            self._fold()
        for spec in specs:
            if spec.letter not in self.choices:
                self._read(spec)
        if not folded:
            self._check_rest()
        self._check_eps()
        self.problems.raise_errors()

    def _batch_norms(self) -> list[Any]:
        return [op for op in self.span.norms if op.name == "batch_norm"]

    def _take(self, letter: str) -> Choice | None:
        """The weight of that letter; a norm without gamma and beta has ones and zeros."""
        weight = self.by_letter.get(letter)
        if weight is not None:
            self.unread.discard(weight)
            return _choice(weight, self.state, kernel=self.node.tag != "const")
        statistics = self.by_letter.get("v") or self.by_letter.get("r") or self.by_letter.get("b")
        if letter in "rb" and statistics is not None:
            value = np.full(statistics.read(self.state).shape, float(letter == "r"))
            return Choice(value, "ones" if letter == "r" else "zeros", ())
        return None

    def _fold(self) -> None:
        norms, kernel = self._batch_norms(), self.by_letter.get("w")
        if len(norms) > 1 or (kernel and not norms[0].reads(kernel.operator)):
            self.problems.error(
                f"weight_order={self.order}: {norms[0].tie} does not come right after a kernel, so it cannot be folded",
                note="give the batch norm its own line",
            )
            return
        parts = {letter: choice for letter in "rbmvwa" if (choice := self._take(letter))}
        names = tuple(n for c in parts.values() for n in c.names)
        gain, shift = bn_affine({c: parts[c].array for c in "rbmv"}, float(norms[0].argument("eps")))
        if kernel is None:
            w, source = gain, norms[0].tie.path
        else:
            w, source = _scaled(parts["w"].array, gain, kernel.operator), f"{kernel.name} · {norms[0].tie.path}"
            shift = shift + parts["a"].array * gain if "a" in parts else shift
        if "a" not in self.order:
            self.problems.error(
                f"weight_order={self.order} has no place for the bias that folding {norms[0].tie} makes",
                note=f"weight_order=wa, or {self.order}rbmv to keep the batch norm as it is",
            )
        self.choices |= {"w": Choice(w, source, names), "a": Choice(shift, source, names)}

    def _read(self, spec: WeightSpec) -> None:
        letter = spec.letter
        if not {"w", "a"} & self.by_letter.keys():  # a norm's gamma and beta may be called w and a
            letter = {"w": "r", "a": "b"}.get(letter, letter) if "r" in self.by_letter else letter
        choice = self._take(letter) or self._written_out(spec)
        if choice is not None:
            self.choices[spec.letter] = choice
            return
        has = ", ".join(f"{w.letter} {w.name}" for w in self.span.weights) or "no weights"
        what = f"{spec.letter} ({LETTERS.get(spec.letter, 'weight')})"
        self.problems.error(
            f"the original has no {what} here: it has {has}",
            note=f"change weight_order={self.order}, or give source={spec.letter}:PARAMETER",
        )

    def _written_out(self, spec: WeightSpec) -> Choice | None:
        """The one plain parameter that the letter can mean, told by operator and size."""
        op = WRITTEN_OUT.get(spec.letter, "")
        fits = [w for w in self.span.weights if w.plain and op in (None, w.operator.name)
                and w.size == spec.count]  # fmt: skip
        if len(fits) > 1:
            names = ", ".join(w.name for w in fits)
            self.problems.error(f"{spec.letter} may be any of {names}", note=f"source={spec.letter}:{fits[0].name}")
        return _choice(fits[0], self.state) if fits else None

    def _check_rest(self) -> None:
        """A weight that the line does not write must change nothing: a gamma of ones, a beta or bias of zeros."""
        for weight in sorted(self.unread, key=lambda w: "warbmv".index(w.letter)):
            neutral = {"r": 1.0, "b": 0.0, "a": 0.0}.get(weight.letter)
            if neutral is None or not bool((weight.read(self.state) == neutral).all()):
                every = "".join(c for c in "warbmv" if c in self.order or c in self.by_letter)
                self.problems.error(
                    f"the original also reads {weight.letter} ({LETTERS[weight.letter]}) {weight.name}, "
                    f"which weight_order={self.order} leaves out",
                    note=f"weight_order={every} reads them all",
                )

    def _check_eps(self) -> None:
        own = getattr(self.node.layer, "bn_eps", None) or getattr(self.node.layer, "eps", None)
        if not own or not self.span.eps or not STATISTICS & set(self.order):
            return
        theirs, key = self.span.eps[0], "bn_eps" if hasattr(self.node.layer, "bn_eps") else "eps"
        if abs(theirs - own) > 1e-6 * theirs:
            problem = f"{self.node}: {key}={own:g}, but the original's {self.span.norms[0].tie} has {theirs:g}"
            self.warnings.append(WorkbenchError(problem, self.node.where, f"{key}={theirs:g}"))


def _scaled(kernel: np.ndarray, gain: np.ndarray, op: Any) -> np.ndarray:
    """The kernel times a factor per output channel, which a transposed convolution holds on axis 1, by groups."""
    if not op.name.startswith("conv_transpose"):
        return kernel * gain.reshape(-1, *[1] * (kernel.ndim - 1))
    groups = int(op.argument("groups"))
    grouped = kernel.reshape(groups, -1, *kernel.shape[1:])
    return (grouped * gain.reshape(groups, 1, -1, *[1] * (kernel.ndim - 2))).reshape(kernel.shape)
