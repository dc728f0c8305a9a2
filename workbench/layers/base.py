"""What a layer is: typed keys, output shapes, the weights it reads, and its meaning on each engine."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import MISSING, dataclass
from pathlib import Path
from typing import Any, ClassVar, get_type_hints

from workbench.errors import WorkbenchError, WorkbenchErrors
from workbench.graph import TensorSpec

LAYERS: dict[str, type[Layer]] = {}
MODES: dict[tuple[str, str], type[Layer]] = {}  # (tag, mode) → the user's class for a mode= that the layer lacks


def layer(tag: str) -> Callable[[type[Any]], type[Any]]:
    """Register a Layer class under its config tag; its annotated fields become the config's keys."""

    def register(cls: type[Any]) -> type[Any]:
        if tag in LAYERS:
            raise WorkbenchError(f"layer '{tag}' is defined twice: in {LAYERS[tag].__module__} and {cls.__module__}")
        cls = dataclass(frozen=True, kw_only=True)(cls)
        cls.tag = tag
        LAYERS[tag] = cls
        return cls

    return register


def key(default: Any = MISSING, *, among: Sequence[str] = (), doc: str = "") -> Any:
    """A config key: `default` (left out: required), the symbols it may take, one line of help."""
    return dataclasses.field(default=default, metadata={"among": tuple(among), "doc": doc})


def bound(default: Any) -> Any:
    """A field that is no config key: `bind` fills it in from the layers that made the inputs."""
    return dataclasses.field(default=default, metadata={"bound": True})


@dataclass(frozen=True)
class Case:
    """A test case of a layer: its keys as config text and its inputs' shapes (a TensorSpec where not f32).

    `positive` draws inputs above zero; `feeds(rng)` draws them all where shapes alone will not do.
    """

    keys: str
    inputs: Sequence[tuple[int, ...] | TensorSpec]
    positive: bool = False
    feeds: Callable[[Any], list[Any]] | None = None

    @property
    def specs(self) -> list[TensorSpec]:
        return [s if isinstance(s, TensorSpec) else TensorSpec(tuple(s)) for s in self.inputs]


@dataclass(frozen=True, kw_only=True)
class Layer:
    """Base of all layers. A missing engine method means the layer is not supported there.

    reference(torch, w, *x)   torch tensors; any floating dtype (checks run it in float64 too), no in-place operators
    openvino(ov, w, *x)       ov = openvino.opset15, w = numpy arrays, x = node outputs
    cuda(plan, x, w)          kernel launches: see workbench/engines/cuda/__init__.py
    numpy(w, *x)              torch-free fallback that the OpenVINO engine runs as a Python operator
    `w` maps letters to arrays of the shapes that `weights` states. Each returns one tensor or a list of them.
    """

    tag: ClassVar[str] = ""
    arity: ClassVar[tuple[int, int]] = (1, 1)  # fewest and most inputs
    CASES: ClassVar[list[Case]] = []
    reference: ClassVar[Any] = None
    openvino: ClassVar[Any] = None
    cuda: ClassVar[Any] = None
    strided: ClassVar[bool] = False  # cuda() takes inputs with gaps between their elements
    numpy: ClassVar[Any] = None

    @property
    def outputs(self) -> int:
        """How many tensors the layer gives; known from its keys alone."""
        return 1

    @property
    def exact(self) -> bool:
        """True where the layer only copies or selects values, so that float32 must agree bit for bit."""
        return False

    def weights(self, *x: TensorSpec) -> list[tuple[str, tuple[int, ...]]]:
        """(letter, shape) pairs in the order in which the .weights file holds them."""
        return []

    def flops(self, *x: TensorSpec) -> int:
        """Floating-point operations of one run, a multiplication and an addition being two; an open batch counts as 1.

        By default every output value costs a kernel's length of both, or one operation where there is no kernel `w`.
        """
        if self.exact:
            return 0
        values = sum(math.prod(abs(n) for n in y.shape) for y in self.infer(*x))
        kernel = dict(self.weights(*x)).get("w", ())
        return values * (2 * math.prod(kernel[1:]) if len(kernel) > 1 else 1)

    def bind(self, *producers: Layer) -> Layer:
        """This layer knowing the layers that made its inputs; shapes.infer calls it before `infer`."""
        return self

    def infer(self, *x: TensorSpec) -> list[TensorSpec]:
        """Output specs from input specs; a batch of -1 passes through. Raises WorkbenchError (without a place)."""
        raise NotImplementedError(self.tag)

    @classmethod
    def keys(cls) -> dict[str, Key]:
        """The layer's own keys by name, in order of declaration; `mode` takes what users added, too."""
        keys = cls._declared_keys()
        more = [mode for tag, mode in MODES if tag == cls.tag]
        return {**keys, "mode": dataclasses.replace(keys["mode"], among=(*keys["mode"].among, *more))} if more else keys

    @classmethod
    @functools.cache
    def _declared_keys(cls) -> dict[str, Key]:
        hints = get_type_hints(cls)
        return {
            f.name: Key(f.name, hints[f.name], f.default, f.metadata.get("among", ()), f.metadata.get("doc", ""))
            for f in dataclasses.fields(cls)
            if not f.metadata.get("bound")
        }

    @classmethod
    def make(cls, **values: Any) -> Layer:
        """Build from key values; a mode that the user added is of the user's class."""
        return MODES.get((cls.tag, values.get("mode", "")), cls)(**values)

    @classmethod
    def own_files(cls) -> list[Path]:
        """Files beside the class that an engine of it depends on, such as a user's .cu."""
        return []

    @classmethod
    def parse(cls, texts: dict[str, str]) -> Layer:
        """Build from key texts (variables and arithmetic already resolved); all wrong keys are told at once."""
        known, errors, values = cls.keys(), [], {}
        for name, k in known.items():
            if name in texts:
                try:
                    values[name] = k.parse(texts[name])
                except WorkbenchError as error:
                    errors.append(error)
            elif k.required:
                errors.append(WorkbenchError(f"missing key '{name}'", note=f"{name} takes {k.kind}"))
        errors += [unknown_key(name, known) for name in texts if name not in known]
        if errors:
            raise errors[0] if len(errors) == 1 else WorkbenchErrors(errors)
        return cls.make(**values)


def unknown_key(name: str, known: Sequence[str] | dict[str, Any]) -> WorkbenchError:
    import difflib

    close = difflib.get_close_matches(name, list(known), 1)
    hint = f"did you mean '{close[0]}'? " if close else ""
    return WorkbenchError(f"unknown key '{name}'", note=f"{hint}valid keys: {', '.join(known) or 'none'}")


@dataclass(frozen=True)
class Key:
    """One config key: name, Python type, default (MISSING: required), allowed symbols, help."""

    name: str
    type: Any
    default: Any
    among: tuple[str, ...] = ()
    doc: str = ""

    @property
    def required(self) -> bool:
        return self.default is MISSING

    @property
    def ktype(self) -> str:
        """The dictionary's word: s, i32, f32, vs, vi32 or vf32."""
        return KTYPES[self.type]

    @property
    def kind(self) -> str:
        return KINDS[self.ktype]

    @property
    def numeric(self) -> bool:
        return self.ktype.endswith("32")

    def parse(self, text: str) -> Any:
        if self.among and text not in self.among:
            raise WorkbenchError(f"key '{self.name}': expected one of {', '.join(self.among)}; got '{text}'")
        try:
            return self.type(text)
        except ValueError:
            raise WorkbenchError(f"key '{self.name}': expected {self.kind}; got '{text}'") from None


def items(text: Any) -> list[str]:
    """The items of a comma list; empty ones are dropped, as real files leave them."""
    return [t for t in (t.strip() for t in str(text).split(",")) if t]


class Ints(tuple[int, ...]):
    """`3` or `3,5,7`."""

    def __new__(cls, text: Any = "") -> Ints:
        return super().__new__(cls, map(int, items(text)))


class Floats(tuple[float, ...]):
    """`0.5` or `0.5,1e-3`."""

    def __new__(cls, text: Any = "") -> Floats:
        return super().__new__(cls, map(float, items(text)))


class Strs(tuple[str, ...]):
    """`A` or `A,B`."""

    def __new__(cls, text: Any = "") -> Strs:
        return super().__new__(cls, items(text))


class Pair(tuple[int, ...]):
    """`3` or `3,5`: height, width."""

    def __new__(cls, text: Any) -> Pair:
        numbers = Ints(text)
        if len(numbers) not in (1, 2):
            raise ValueError(text)
        return super().__new__(cls, numbers if len(numbers) == 2 else numbers * 2)


class Pads(tuple[int, ...]):
    """`1` (all sides), `1,2` (h,w) or `0,1,0,1` (top, bottom, left, right); kept as the last form."""

    def __new__(cls, text: Any = "0") -> Pads:
        n = Ints(text)
        if len(n) not in (1, 2, 4):
            raise ValueError(text)
        return super().__new__(cls, n if len(n) == 4 else (n[0], n[0], n[-1], n[-1]))


KTYPES: dict[Any, str] = {
    str: "s",
    int: "i32",
    float: "f32",
    Strs: "vs",
    Ints: "vi32",
    Floats: "vf32",
    Pair: "vi32",
    Pads: "vi32",
}
KINDS = {
    "s": "a word",
    "i32": "an integer",
    "f32": "a number",
    "vs": "words with commas",
    "vi32": "integers with commas",
    "vf32": "numbers with commas",
}


def want_rank(x: TensorSpec, *ranks: int) -> None:
    """Raise unless the tensor has one of these numbers of axes."""
    if len(x.shape) not in ranks:
        raise WorkbenchError(f"expected a tensor of {' or '.join(map(str, ranks))} axes; got {x}")


def axis_of(axis: int, x: TensorSpec) -> int:
    """`axis` counted from the front; raises where the tensor has no such axis."""
    rank = len(x.shape)
    if not -rank <= axis < rank:
        raise WorkbenchError(f"expected an axis from {-rank} to {rank - 1} for {x}; got {axis}")
    return axis % rank


FLOATING = ("f32", "f16")


def want_dtype(x: TensorSpec, *dtypes: str) -> None:
    """Raise unless the tensor's elements are of one of these dtype words."""
    if x.dtype not in dtypes:
        raise WorkbenchError(f"expected a tensor of {' or '.join(dtypes)}; got {x}")


def want_mode(mode: str, *known: str) -> None:
    """Raise for a mode that the dictionary lists and whose meaning is not known here."""
    if mode not in known:
        note = f"leave mode out or give one of {', '.join(filter(None, known))}" if any(known) else "leave mode out"
        raise WorkbenchError(f"mode={mode}: the meaning of this mode is not known", note=note)
