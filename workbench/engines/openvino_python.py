"""Layers that OpenVINO has no operators for: their torch-free `numpy` method, run as an operator of the network."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from workbench.config.write import format_line
from workbench.errors import WorkbenchError
from workbench.graph import DTYPES, Node, TensorSpec
from workbench.layers import LAYERS, Layer

WORDS = {numpy: word for word, numpy in DTYPES.items()}


def python_operator(node: Node, w: Mapping[str, np.ndarray], x: Sequence[Any]) -> list[Any]:
    """The node's outputs from OpenVINO outputs `x`, computed by its layer's `numpy(w, *x)` at every run.

    An exported network holds the layer's line and weights, not its code: to import it, the layer must be registered
    and `operator_class()` added to the core. Fields that `bind` fills in are not kept, so such a layer is refused.
    """
    import openvino.opset15 as ov

    line = format_line(node.layer)
    if read_line(line) != node.layer:
        raise WorkbenchError(f"{node}: a layer with bound fields needs an 'openvino' method", node.where)
    weights = [ov.constant(array).output(0) for array in w.values()]
    return operator_class()([*x, *weights], line, ",".join(w)).outputs()


@functools.cache
def operator_class() -> Any:
    """The openvino.Op of all such layers; made on first use, since importing the workbench must not load openvino."""
    import openvino

    class WorkbenchLayer(openvino.Op):
        def __init__(self, inputs: Any = None, line: str = "", letters: str = "") -> None:
            super().__init__(self)
            self.line, self.letters = line, letters
            if inputs is not None:
                self.set_arguments(inputs)
                self.constructor_validate_and_infer_types()

        def visit_attributes(self, visitor: Any) -> bool:
            attributes = {"line": self.line, "letters": self.letters}
            visitor.on_attributes(attributes)
            self.line, self.letters = attributes["line"], attributes["letters"]
            return True

        def clone_with_new_inputs(self, inputs: Any) -> Any:
            return WorkbenchLayer(inputs, self.line, self.letters)

        def validate_and_infer_types(self) -> None:
            set_outputs(self)

        def has_evaluate(self) -> bool:
            return True

        def evaluate(self, outputs: Any, inputs: Any) -> bool:
            evaluate(self.line, self.letters, outputs, inputs)
            return True

    return WorkbenchLayer


def read_line(line: str) -> Layer:
    """The layer that `format_line` wrote."""
    tag, *words = line.split()
    return LAYERS[tag[1:-1]].parse(dict(word.split("=", 1) for word in words))


def split_letters(letters: str, values: Sequence[Any]) -> tuple[Sequence[Any], dict[str, Any]]:
    """An operator's inputs apart: the layer's own, and its weights by letter."""
    names = letters.split(",") if letters else []
    own = len(values) - len(names)
    return values[:own], dict(zip(names, values[own:], strict=True))


def set_outputs(operator: Any) -> None:
    """Give the operator the shapes and types that the layer's `infer` states."""
    import openvino

    count = operator.get_input_size()
    shapes = [operator.get_input_partial_shape(i) for i in range(count)]
    kinds = [WORDS[str(operator.get_input_element_type(i).to_dtype())] for i in range(count)]
    specs = [TensorSpec(tuple(d.get_length() if d.is_static else -1 for d in shape), kind)
             for shape, kind in zip(shapes, kinds, strict=True)]  # fmt: skip
    given, _ = split_letters(operator.letters, specs)
    outputs = read_line(operator.line).infer(*given)
    operator.set_output_size(len(outputs))
    for i, spec in enumerate(outputs):
        kind = openvino.Type(np.dtype(DTYPES[spec.dtype]))
        operator.set_output_type(i, kind, openvino.PartialShape(list(spec.shape)))


def evaluate(line: str, letters: str, outputs: Sequence[Any], inputs: Sequence[Any]) -> None:
    """Run the layer on openvino tensors; raises WorkbenchError where it gives other shapes than `infer` stated."""
    layer = read_line(line)
    x, w = split_letters(letters, [tensor.data for tensor in inputs])
    results = layer.numpy(w, *x)
    results = results if isinstance(results, list | tuple) else [results]
    stated = layer.infer(*[TensorSpec(a.shape, WORDS[str(a.dtype)]) for a in x])
    for output, result, spec in zip(outputs, results, stated, strict=True):
        array = np.asarray(result, DTYPES[spec.dtype])
        if array.shape != spec.shape:
            raise WorkbenchError(f"{line}: numpy gives {list(array.shape)} where infer states {spec}")
        output.shape = array.shape
        output.data[...] = array
