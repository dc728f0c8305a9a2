"""CudaLayer: a layer whose kernel is the user's own .cu source, on the cuda engine and on the CPU's engines."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from cuda_ops.launch import Launch, flat
from cuda_ops.sources import included_files
from workbench.config.dictionary import Dictionary, Row
from workbench.custom.blame import users_code
from workbench.custom.source import Source
from workbench.errors import WorkbenchError
from workbench.graph import DTYPES, TensorSpec
from workbench.layers.base import LAYERS, MODES, Layer


class CudaLayer(Layer):
    """Base of layers with a kernel of their own. Besides `infer`, `weights` and CASES, as in any Layer, it gives

    launches(x, y, w)         what to launch: a Launch, or several that run in turn. x and y are lists of device tensors
                              (shape, count), w maps letters to them; without gaps, of the engine's float type
    reference(torch, w, *x)   what it means, in torch; or
    reference_numpy(w, *x)    the same in NumPy, for float32 and float64 alike
    precisions                the float types that the kernel is written for: f32 alone, unless it says more

    On OpenVINO the layer is a Python operator: reference_numpy where there is one, else the kernel in the emulator.
    """

    kernel: ClassVar[Source | None] = None
    report: ClassVar[Any] = None  # of the last %%cuda_layer cell
    precisions: ClassVar[tuple[str, ...]] = ("f32",)
    reference_numpy: ClassVar[Any] = None
    openvino: ClassVar[Any] = None
    strided: ClassVar[bool] = False

    def launches(self, x: list[Any], y: list[Any], w: dict[str, Any]) -> Launch | Sequence[Launch]:
        """The kernel launches that compute y."""
        raise NotImplementedError

    def flat(self, function: str, count: int, *args: Any, threads: int = 256) -> Launch:
        """A launch of the layer's source with one thread per item, `threads` in a block."""
        return flat(self.source(), function, count, *args, threads=threads)

    def launch(self, function: str, grid: Sequence[int], block: Sequence[int], *args: Any, shared: int = 0) -> Launch:
        """A launch of the layer's source; shared: bytes of dynamic shared memory."""
        (gx, gy, gz), (bx, by, bz) = (*grid, 1, 1)[:3], (*block, 1, 1)[:3]
        return Launch(self.source(), function, (gx, gy, gz), (bx, by, bz), args, shared)

    def draw(self, rng: np.random.Generator, *x: TensorSpec) -> list[np.ndarray]:
        """Inputs to check with, for specs of any sizes: normal numbers, or 0 to 4 where they are whole."""
        return [
            (rng.standard_normal(s.shape) if s.dtype[0] == "f" else rng.integers(0, 5, s.shape)).astype(DTYPES[s.dtype])
            for s in x
        ]

    @classmethod
    def source(cls) -> str:
        """Path of the .cu; raises WorkbenchError where the class has none yet."""
        if cls.kernel is None:
            note = f"begin a cell with %%cuda_layer {cls.__name__}, or put the .cu beside the class's file"
            raise WorkbenchError(f"{cls.__name__} has no CUDA source yet", note=note)
        return str(cls.kernel.path)

    @classmethod
    def own_files(cls) -> list[Path]:
        """The .cu, and what it includes beside the workbench's own headers."""
        return [cls.kernel.path, *included_files(cls.kernel.path)] if cls.kernel else []

    def cuda(self, plan: Any, x: list[Any], w: dict[str, np.ndarray]) -> list[Any]:
        """As in any Layer, for the cuda engine."""
        if plan.storage not in self.precisions:
            note = f"give the class precisions = ('f32', '{plan.storage}') once its kernel reads T of common.cuh"
            raise WorkbenchError(f"{self.tag}: the kernel is not written for {plan.storage}", note=note)
        y = [plan.output(i) for i in range(self.outputs)]
        with users_code(self):
            launches = self.launches(x, y, {letter: plan.constant(array) for letter, array in w.items()})
        for launch in [launches] if isinstance(launches, Launch) else launches:
            plan.run(launch, *y)
        return y

    def numpy(self, w: dict[str, np.ndarray], *x: np.ndarray) -> list[np.ndarray]:
        """As in any Layer, for the OpenVINO engine."""
        if self.reference_numpy is not None:
            y = self.reference_numpy(w, *x)
            return list(y) if isinstance(y, list | tuple) else [y]
        from workbench.custom.alone import run_alone

        return run_alone(self, x, w)


def cuda_layer(tag: str, mode: str = "") -> Callable[[type[Any]], type[Any]]:
    """Register a CudaLayer under its config tag, or as a further mode= of the layer that has the tag.

    A class defined again (a notebook's cell run twice) takes the place of the one before; built-in layers and modes are
    never replaced. A mode has the keys of its layer.
    """

    def register(cls: type[Any]) -> type[Any]:
        if not issubclass(cls, CudaLayer):
            raise WorkbenchError(f"{cls.__name__} must be a subclass of CudaLayer")
        if mode:
            made = _as_mode(cls, tag, mode)
            MODES[tag, mode] = made
        else:
            made = dataclass(frozen=True, kw_only=True)(cls)
            if not issubclass(LAYERS.get(tag, CudaLayer), CudaLayer):
                note = "choose another tag, or extend the layer by a mode: cuda_layer(tag, mode=...)"
                raise WorkbenchError(f"'{tag}' is a built-in layer", note=note)
            LAYERS[tag] = made
        made.tag = tag
        made.kernel = _source_beside(made)
        return made

    return register


def dictionary_of(classes: Sequence[type[CudaLayer]]) -> Dictionary:
    """The rows of the layers' own keys, for a user_dict_file."""
    return Dictionary(Row.of(cls.tag, key) for cls in classes for key in cls.keys().values())


def _as_mode(cls: type[Any], tag: str, mode: str) -> type[Any]:
    """The class with the keys of the layer that it is a mode of."""
    with_modes = {t: c for t, c in LAYERS.items() if any(f.name == "mode" for f in fields(c))}
    if tag not in with_modes:
        note = f"layers with modes: {', '.join(sorted(with_modes))}"
        raise WorkbenchError(f"there is no layer '{tag}' with a key mode", note=note)
    base = with_modes[tag]
    if mode in base.keys()["mode"].among and (tag, mode) not in MODES:
        raise WorkbenchError(f"{tag} has a built-in mode '{mode}'", note="choose another name")
    extra = [name for name, kind in inspect.get_annotations(cls).items() if "ClassVar" not in str(kind)]
    if extra:
        note = f"those of {tag} are there: {', '.join(base.keys())}"
        raise WorkbenchError(
            f"{cls.__name__}: a mode has no keys of its own, and this has {', '.join(extra)}", note=note
        )
    names = {"__doc__": cls.__doc__, "__module__": cls.__module__, "__qualname__": cls.__qualname__}
    return dataclass(frozen=True, kw_only=True)(type(cls.__name__, (cls, base), names))


def _source_beside(cls: type[Any]) -> Source | None:
    """The .cu of the same stem beside the class's file, where it is there."""
    file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    path = Path(file).with_suffix(".cu") if file else None
    return Source(path) if path and path.is_file() else None
