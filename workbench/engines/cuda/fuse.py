"""Fewer kernels: elementwise steps join the product, or the elementwise step, that computes what they read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from cuda_ops.elementwise import Step as Operation
from cuda_ops.launch import IDENTITY, Act
from workbench.engines.cuda.steps import ChainStep, Epilogue, Lowered, ProductStep, Step
from workbench.engines.cuda.tensor import Buffer, Tensor

MOST_INPUTS = 3  # of an elementwise kernel
# a op b as b op' a
SWAPPED = {name: name for name in ("add", "mul", "max", "min")}
SWAPPED |= {"sub": "rsub", "rsub": "sub", "div": "rdiv", "rdiv": "div"}
OPERANDS = ("", "b", "c")


def fuse(lowered: Lowered) -> None:
    """Join what can be joined, in place; what no output needs goes."""
    lowered.steps[:] = _needed(lowered)
    fusion = _Fusion(lowered)
    lowered.steps[:] = [step for step in lowered.steps if not fusion.joins(step)]
    lowered.steps[:] = [step for step in lowered.steps if step not in fusion.gone]


def _needed(lowered: Lowered) -> list[Step]:
    wanted = {t.buffer for t in lowered.results}
    kept = []
    for step in reversed(lowered.steps):
        if any(t.buffer in wanted for t in step.writes):
            wanted.update(t.buffer for t in step.reads)
            kept.append(step)
    return kept[::-1]


class _Fusion:
    """Who writes and reads each buffer, kept up to date while steps join."""

    def __init__(self, lowered: Lowered) -> None:
        self.kept = {t.buffer for t in lowered.results}
        self.place = {step: i for i, step in enumerate(lowered.steps)}
        self.gone: set[Step] = set()
        self.writers: dict[Buffer, list[Step]] = {}
        self.readers: Counter[Buffer] = Counter()
        for step in lowered.steps:
            for t in step.writes:
                self.writers.setdefault(t.buffer, []).append(step)
            self.readers.update({t.buffer for t in step.reads})

    def joins(self, step: Step) -> bool:
        """Whether a step has joined a product before it; an elementwise one first takes in those before it."""
        if not isinstance(step, ChainStep):
            return False
        while any(self._take_chain(step, k) for k in range(len(step.inputs))):
            pass
        return self._join_product(step)

    def _producer(self, step: ChainStep, k: int, kind: type[Step]) -> Any:
        """The step of this kind that computes input k for this step alone, or None."""
        t = step.inputs[k]
        writers = self.writers.get(t.buffer, [])
        alone = self.readers[t.buffer] == 1 and t.buffer not in self.kept and len(writers) == 1
        once = sum(other.buffer is t.buffer for other in step.inputs) == 1
        if not (alone and once and t.whole and t.count == step.y.count and isinstance(writers[0], kind)):
            return None
        return writers[0] if writers[0].writes[0].whole else None

    def _take_chain(self, step: ChainStep, k: int) -> bool:
        producer = self._producer(step, k, ChainStep)
        follows = _starting_with(step, k)
        if producer is None or follows is None or producer.y.shape != step.y.shape:
            return False
        chain, others = follows
        inputs = [*producer.inputs, *others]
        if len(inputs) > MOST_INPUTS:
            return False
        moved = len(producer.inputs) - 1
        step.chain = [*producer.chain, *(_renamed(op, moved) for op in chain)]
        step.inputs = inputs
        self.gone.add(producer)
        return True

    def _join_product(self, step: ChainStep) -> bool:
        found = [(self.place[p], k, p) for k in range(len(step.inputs)) if (p := self._producer(step, k, ProductStep))]
        if not found:
            return False
        place, k, product = max(found)  # the later one: what is added to it is there by then
        epilogue = self._extended(product, step, k, place)
        if epilogue is None:
            return False
        product.epilogue, product.y = epilogue, step.y
        self.writers[step.y.buffer] = [product]
        return True

    def _extended(self, product: ProductStep, step: ChainStep, k: int, place: int) -> Epilogue | None:
        """The product's epilogue followed by the step's chain, or None."""
        follows, e = _starting_with(step, k), product.epilogue
        if follows is None:
            return None
        chain, others = follows
        for op in chain:
            if isinstance(op, Act) and e.act == IDENTITY:
                e = e._replace(act=op)
            elif isinstance(op, Operation) and op.operation == "add" and op.operand in OPERANDS:
                added = others[OPERANDS.index(str(op.operand)) - 1]
                if not product.takes_residual or e.residual is not None or not self._addable(added, step.y, place):
                    return None
                e = e._replace(residual=added, after=e.act != IDENTITY)
            else:
                return None
        return e

    def _addable(self, t: Tensor, y: Tensor, place: int) -> bool:
        """Whether a product at `place` can add t to its y: it lies alike and is computed before."""
        ready = all(self.place[w] < place for w in self.writers.get(t.buffer, []))
        return ready and t.packed and t.shape == y.shape and t.dtype == y.dtype


def _starting_with(step: ChainStep, k: int) -> tuple[list[Any], Sequence[Tensor]] | None:
    """The chain as it is for input k as its start, and the other inputs, its b and c; None: not possible."""
    if k == 0:
        return step.chain, step.inputs[1:]
    first = step.chain[0]
    swaps = isinstance(first, Operation) and first.operand == OPERANDS[k] and first.operation in SWAPPED
    used_again = any(isinstance(op, Operation) and op.operand == OPERANDS[k] for op in step.chain[1:])
    if not swaps or used_again:
        return None
    others = [step.inputs[0] if i == k else t for i, t in enumerate(step.inputs) if i > 0]
    return [Operation(SWAPPED[first.operation], OPERANDS[k]), *step.chain[1:]], others


def _renamed(op: Any, moved: int) -> Any:
    """The operation with its operand `moved` places further."""
    if isinstance(op, Operation) and op.operand in OPERANDS:
        return op._replace(operand=OPERANDS[OPERANDS.index(str(op.operand)) + moved])
    return op
