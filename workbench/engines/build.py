"""From a config and its weights to a running engine, by way of the engine file where one is named."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from workbench import __version__, shapes
from workbench.config.document import Document
from workbench.config.parse import Parsed, Source, parse_config
from workbench.config.variables import NAME, Params, parameters
from workbench.engines import engine_class
from workbench.engines.base import Engine, Weights
from workbench.engines.file import EngineFile, Fingerprint
from workbench.errors import WorkbenchError
from workbench.graph import Graph, Node
from workbench.layers import LAYERS
from workbench.layers.base import MODES
from workbench.progress import Progress, silent, stage
from workbench.weights import plan_weights, read_weights

STAGES = ("engine file", "open", "compile", "kernels", "write")  # of build_network, in order


@dataclass(frozen=True)
class Network:
    """A parsed config with shapes, and the floats that it reads."""

    parsed: Parsed
    values: np.ndarray
    params: dict[str, str] = field(default_factory=dict)
    weight_file: str = ""

    def fingerprint(self, engine: str, precision: str) -> Fingerprint:
        cls = engine_class(engine)
        return Fingerprint(
            cls.version(),
            precision,
            hashlib.sha256(bytes(self.parsed.document)).hexdigest(),
            " ".join(f"{k}={v}" for k, v in sorted(self.params.items()) if k in self._used_params()),
            hashlib.sha256(repr(list(self.parsed.dictionary)).encode()).hexdigest(),
            f"{self.values.size} floats, CRC {zlib.crc32(np.ascontiguousarray(self.values)):08x}",  # type: ignore[arg-type]
            __version__,
            cls.machine(),
            self._own_kernels(),
        )

    def _own_kernels(self) -> str:
        """A hash of the files beside the layers' classes; empty where there are none."""
        files = sorted({file for node in self.parsed.graph for file in node.layer.own_files()})
        return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest() if files else ""

    def _used_params(self) -> set[str]:
        """Parameters that layers' lines name. What those of [model] lead to, weights and precision, counts itself."""
        entries = [entry for entry in self.parsed.document.entries if entry.tag != "model"]
        return {name for entry in entries for kv in entry.keys for name in NAME.findall(kv.value)}

    def build(self, engine: str, precision: str, taps: Sequence[str] = (), threads: int | None = None) -> Engine:
        cls = engine_class(engine)
        cls.require(precision, threads)
        return cls.build(*self.parts, precision=precision, taps=taps, threads=threads)

    @property
    def parts(self) -> tuple[Graph, Weights]:
        """The graph, and its weights by node."""
        graph = self.parsed.graph
        return graph, plan_weights(graph).split(self.values, self.weight_file)


def load_network(config: Source, params: Params = None, weights: str | Path | np.ndarray | None = None) -> Network:
    """Parse a config, infer its shapes and find its weights (by default in the file that weight_file= names).

    Raises WorkbenchError(s) for anything wrong with either.
    """
    parsed, given = parse_config(config, params), parameters(params)
    shapes.infer(parsed.graph)
    if weights is None:
        weights = parsed.graph.model.get("weight_file", "")
    plan = plan_weights(parsed.graph)
    if isinstance(weights, np.ndarray):
        return Network(parsed, weights, given)
    if not weights and not plan.stored:
        return Network(parsed, np.empty(0, np.float32), given)
    if not weights:
        raise WorkbenchError(
            f"no weights: the config reads {plan.count:,} floats", parsed.graph.file, "name the file with weight_file="
        )
    return Network(parsed, read_weights(weights), given, str(weights))


def build_engine(
    config: Source,
    params: Params = None,
    weights: str | Path | np.ndarray | None = None,
    *,
    engine: str = "openvino",
    precision: str | None = None,
    threads: int | None = None,
    engine_file: str | Path | None = None,
) -> Engine:
    """Build an engine, or open its engine file where that is still right.

    `precision`, `weights` and `engine_file` default to the config's prec_mode, weight_file and engine_file; with
    make_engine=0 the engine file must be there. `Engine.note` tells whether it was built and why.
    """
    return build_network(
        load_network(config, params, weights),
        engine=engine,
        precision=precision,
        threads=threads,
        engine_file=engine_file,
    )


def build_network(
    network: Network,
    *,
    engine: str = "openvino",
    precision: str | None = None,
    threads: int | None = None,
    engine_file: str | Path | None = None,
    progress: Progress = silent,
) -> Engine:
    """As build_engine, from what load_network gave; `progress` is told of each of STAGES that is needed."""
    model = network.parsed.graph.model
    precision = precision or model.get("prec_mode", "") or "f32"
    if precision == "tf32" and "tf32" not in engine_class(engine).precisions:
        precision = "f32"  # tf32 is how NVIDIA's tensor cores multiply f32; elsewhere f32 is f32
    path = Path(engine_file or model.get("engine_file", "") or "")
    if not path.name or engine_class(engine).blob is Engine.blob:
        built = _compiled(network, engine, precision, threads, progress)
        built.note = "built"
        return built
    with stage(progress, "engine file"):
        now = network.fingerprint(engine, precision)
        reason = _why_build(path, now)
    if reason and model.get("make_engine", "1") == "0":
        raise WorkbenchError(f"make_engine=0, but {reason}", str(path), "set make_engine=1 to build it")
    if not reason:
        with stage(progress, "open"):
            opened = open_engine(path, threads=threads)
        opened.note = f"opened {path}: nothing it depends on has changed"
        return opened
    built = _compiled(network, engine, precision, threads, progress)
    with stage(progress, "write"):
        _save(path, network, now, built)
    built.note = f"built {path}: {reason}"
    return built


def _compiled(network: Network, engine: str, precision: str, threads: int | None, progress: Progress) -> Engine:
    with stage(progress, "compile"):
        built = network.build(engine, precision, threads=threads)
    built.prepare(progress)
    return built


def open_engine(path: str | Path, *, threads: int | None = None) -> Engine:
    """Open an engine file. Made on another machine or version, it is compiled again from what it holds, and says so.

    The engine reads its weights from the file as long as it is open: replace the file (as building does), never write
    into it. Raises WorkbenchError where it is missing, damaged, or needs layers that are not registered.
    """
    held = EngineFile.load(path)
    missing = [name for name in held.custom_layers if not _registered(name)]
    if missing:
        raise WorkbenchError(f"needs the layers {', '.join(missing)}", str(path), "import the files that define them")
    now_own = held_network(held)._own_kernels() if held.custom_layers else ""
    name = held.fingerprint.engine.split()[0]
    cls = engine_class(name)
    cls.require(held.fingerprint.precision, threads)
    made = held.fingerprint
    if (cls.version(), cls.machine(), __version__, now_own) == (
        made.engine, made.machine, made.workbench, made.own_kernels,
    ):  # fmt: skip
        opened = cls.open(
            held.blob, held.interface, held.fingerprint.precision, threads, lambda: held_network(held).parts
        )
        opened.note = f"opened {path}"
        return opened
    network = held_network(held)
    built = network.build(name, held.fingerprint.precision, threads=threads)
    changes = network.fingerprint(name, held.fingerprint.precision).changes(held.fingerprint)
    built.note = f"compiled {path} again: {'; '.join(changes)}"
    return built


def held_network(held: EngineFile) -> Network:
    """The network that an engine file was built from."""
    return load_network(Document(held.config, held.config_file), held.params, np.asarray(held.weights))


def _why_build(path: Path, now: Fingerprint) -> str:
    """Why the engine file cannot serve, in words; empty where it can."""
    if not path.exists():
        return "there was no engine file"
    try:
        return "; ".join(now.changes(EngineFile.load(path).fingerprint))
    except WorkbenchError as error:
        return error.problem


def _custom_name(node: Node) -> str:
    """The tag of a layer that is not the workbench's own, with its mode where that alone is not; else empty."""
    if type(node.layer).__module__.startswith("workbench."):
        return ""
    by_mode = not isinstance(node.layer, LAYERS[node.tag]) or LAYERS[node.tag].__module__.startswith("workbench.")
    return f"{node.tag} mode={node.layer.mode}" if by_mode else node.tag  # type: ignore[attr-defined]


def _registered(name: str) -> bool:
    tag, _, mode = name.partition(" mode=")
    return (tag, mode) in MODES if mode else tag in LAYERS


def _save(path: Path, network: Network, fingerprint: Fingerprint, engine: Engine) -> None:
    custom = tuple(sorted({name for node in network.parsed.graph if (name := _custom_name(node))}))
    EngineFile(
        fingerprint,
        bytes(network.parsed.document),
        network.parsed.graph.file,
        network.params,
        network.values,
        engine.blob(),
        (engine.inputs, engine.outputs),
        custom,
    ).save(path)
