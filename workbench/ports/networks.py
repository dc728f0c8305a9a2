"""What a port's pipeline runs: its parts' engines, or the PyTorch originals behind the same face."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from workbench.config.variables import NAME, Params, parameters
from workbench.engines.build import build_engine
from workbench.errors import Problems, WorkbenchError
from workbench.graph import TensorSpec
from workbench.ports.base import Arrays, Part, Port


class Network(Protocol):
    """An Engine, or an original that is fed and answers like one."""

    inputs: dict[str, TensorSpec]

    def run(self, feeds: Arrays) -> Arrays: ...

    def close(self) -> None: ...


class Original:
    """A part's original, run on the engine's feeds; loads PyTorch. `model` is one that was made before."""

    def __init__(
        self, part: Part, params: Params = None, checkpoint: str | Path | None = None, model: Any = None
    ) -> None:
        self.part, self.inputs = part, part.inputs(params)
        self._model = model or (part.original(checkpoint) if checkpoint else part.original())

    def run(self, feeds: Arrays) -> Arrays:
        return self.part.run_original(feeds, self._model)

    def close(self) -> None:
        """Nothing to free."""


class Networks:
    """The networks of a port, each opened when it is first asked for; a context manager that closes them.

    params      the configs' $NAMEs, over the parts' own
    weights     .weights files by part name, where they are not the default ones; may be set until a part is opened
    original    run the PyTorch originals, with the weights of `checkpoint` where one is given
    precision, threads  the engines'; None leaves them to the config and to the library
    """

    def __init__(
        self,
        port: Port,
        params: Params = None,
        *,
        weights: Mapping[str, str | Path] | None = None,
        original: bool = False,
        checkpoint: str | Path | None = None,
        precision: str | None = None,
        threads: int | None = None,
    ) -> None:
        self.port, self.params = port, parameters(params)
        self.weights = {port.part(name).name: Path(path) for name, path in (weights or {}).items()}
        self._original, self._checkpoint = original, checkpoint
        self._options: dict[str, Any] = {"precision": precision, "threads": threads}
        self._opened: dict[tuple[str, tuple[tuple[str, str], ...]], Network] = {}
        if checkpoint and not original:
            raise WorkbenchError(
                "a checkpoint is for the original; the engine reads a .weights file",
                str(checkpoint),
                f"workbench check {port.name} --checkpoint {checkpoint} --weights FILE writes it from the checkpoint",
            )
        self._require_known()
        if not original:
            self._require_weights()

    def open(self, part: str = "", params: Params = None) -> Network:
        """The network of a part (the first one where none is named), with `params` over those of all.

        Asked for twice with the same params, it is the same one. Raises WorkbenchError.
        """
        chosen, given = self.port.part(part), {**self.params, **parameters(params)}
        key = (chosen.name, tuple(sorted(given.items())))
        if key not in self._opened:
            self._opened[key] = self._open(chosen, given)
        return self._opened[key]

    def close(self) -> None:
        while self._opened:
            self._opened.popitem()[1].close()

    def __enter__(self) -> Networks:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self, part: Part, params: dict[str, str]) -> Network:
        if self._original:
            return Original(part, params, self._checkpoint)
        return build_engine(part.config_path, {**part.params, **params}, self._path(part), **self._options)

    def _path(self, part: Part) -> Path:
        return self.weights.get(part.name, part.weights_path)

    def _require_known(self) -> None:
        """Every $NAME that is given is one that some part's config reads: a misspelt one would change nothing."""
        names = {name for part in self.port.parts for name in NAME.findall(part.config_path.read_text("utf-8"))}
        problems = Problems()
        for name in self.params.keys() - names:
            problems.error(f"no config of {self.port.name} has ${name}", note=f"there are: {', '.join(sorted(names))}")
        problems.raise_errors()

    def _require_weights(self) -> None:
        """Every missing file at once, before anything is opened."""
        problems = Problems()
        for part in self.port.parts:
            if not (path := self._path(part)).is_file():
                named = f" --part {part.name}" if len(self.port.parts) > 1 else ""
                problems.error(
                    "there is no such weights file yet",
                    str(path),
                    f"written once, with PyTorch, from the original: "
                    f"workbench check {self.port.name}{named} --weights {path}",
                )
        problems.raise_errors()
