"""Plan: what a layer's `cuda` method asks for tensors and tells its launches to."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cuda_ops.cast import cast
from cuda_ops.launch import IDENTITY, Act, Launch
from workbench.engines.cuda.steps import ChainStep, CopyStep, Epilogue, KernelStep, ProductStep, Step
from workbench.engines.cuda.storage import inner_dtype, stored
from workbench.engines.cuda.tensor import Tensor
from workbench.graph import Node, TensorSpec
from workbench.layers.activation import cuda_act

RANK = 4  # dimensions of cuda_ops.elementwise


class Plan:
    """The planning of one node: `specs` are its outputs', `storage` is f32, f16 or bf16, what floats lie in."""

    def __init__(self, node: Node, specs: Sequence[TensorSpec], storage: str, steps: list[Step]) -> None:
        self.node, self.specs, self.storage = node, list(specs), storage
        self._steps = steps
        self._act: Act | None = cuda_act(node.act)

    # ---- tensors

    def output(self, number: int = 0) -> Tensor:
        """A new tensor of an output's shape and dtype."""
        spec = self.specs[number]
        return Tensor.new(spec.shape, inner_dtype(spec.dtype, self.storage), self.node.outputs[number])

    def tensor(self, shape: Sequence[int], dtype: str = "") -> Tensor:
        """A new tensor for the layer's own use, of floats unless a dtype is named."""
        return Tensor.new(shape, dtype or self.storage, f"workspace of {self.node.outputs[0]}")

    def constant(self, array: np.ndarray) -> Tensor:
        """A tensor that holds an array; floats in the engine's storage, whole numbers as i32.

        Biases and the like, which kernels read as float32, stand in a launch's args as arrays instead.
        """
        dtype = self.storage if array.dtype.kind == "f" else "i32"
        return Tensor.new(array.shape, dtype, f"constant of {self.node.outputs[0]}", stored(array, dtype))

    def packed(self, x: Tensor) -> Tensor:
        """x without gaps and aligned; copied only where it is not."""
        if x.packed:
            return x
        return self.copy(x, Tensor.new(x.shape, x.dtype, x.buffer.name))

    def reshape(self, x: Tensor, shape: Sequence[int]) -> Tensor:
        """x under another shape; copied only where its strides do not allow it."""
        view = x.view(shape)
        return view if view is not None else self.packed(x).as_strided(shape, Tensor.new(shape, x.dtype).strides)

    def cast(self, x: Tensor, dtype: str = "") -> Tensor:
        """x in another type: by default the engine's floats."""
        dtype = dtype or self.storage
        if x.dtype == dtype:
            return x
        x, y = self.packed(x), Tensor.new(x.shape, dtype, x.buffer.name)
        inward = x.dtype != self.storage
        launch = cast(x, y, x.dtype if inward else dtype, x.count, inward)
        return self.run(launch, y, storage=dtype if inward else x.dtype)

    # ---- work

    def run(self, launches: Launch | Sequence[Launch], *y: Tensor, storage: str = "") -> Any:
        """One launch, or alternatives of one, that write the tensors y; gives y back.

        storage: what the kernel is compiled for; by default that of the floats among its tensors.
        """
        alternatives = [launches] if isinstance(launches, Launch) else list(launches)
        self._steps.append(KernelStep(self.node, alternatives, list(y), storage))
        return y[0] if len(y) == 1 else list(y)

    def product(
        self,
        make: Callable[[Tensor, Epilogue], Sequence[Launch]],
        terms: int,
        y: Tensor | None = None,
        *,
        residual: bool = True,
        act: Act | None = None,
    ) -> Tensor:
        """A step `make(y, epilogue)` that applies activations and additions itself, first the line's act= or `act`.

        terms: how many products a sum has; from it follows how far two right kernels may differ.
        """
        y, act = y or self.output(), self.take_act() if act is None else act
        self._steps.append(ProductStep(self.node, make, y, Epilogue(act=act), terms, residual))
        return y

    def chain(self, chain: Sequence[Any], inputs: Sequence[Tensor], y: Tensor | None = None) -> Tensor:
        """y = elementwise operations (cuda_ops.elementwise) over one to three inputs that broadcast to it."""
        y = y or self.output()
        given = [self._mergeable(x, y.shape) for x in inputs]
        self._steps.append(ChainStep(self.node, list(chain), given, y))
        return y

    def copy(self, x: Tensor, y: Tensor) -> Tensor:
        """y = x, any strided views of one shape; gives y back."""
        self._steps.append(CopyStep(self.node, x, y))
        return y

    def take_act(self) -> Act:
        """The line's act=, for a kernel that applies it; what no kernel takes follows as a step of its own."""
        act, self._act = self._act or IDENTITY, None
        return act

    def activated(self, y: Sequence[Tensor]) -> list[Tensor]:
        """The layer's outputs with the line's act= applied, unless a kernel has taken it."""
        act = self.take_act()
        if act == IDENTITY:
            return list(y)
        return [self.chain([act], [t], Tensor.new(t.shape, t.dtype, t.buffer.name)) for t in y]

    def _mergeable(self, x: Tensor, shape: Sequence[int]) -> Tensor:
        """x, or where it and the shape have too many dimensions for the kernel, a copy of it in full."""
        if len(shape) <= RANK or (x.contiguous and x.count == math.prod(shape)):
            return x
        return self.packed(x.expand(shape))
