"""Imports go downward only, few modules may touch the heavy libraries, and none needs them merely to be imported."""

import ast
import functools
import graphlib
import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# The rooms from the ground up. A room may import those before it, and of its own floor without going in circles.
FLOORS = [
    {"errors", "paths", "atomic", "progress", "opencv_resize"},
    {"graph"},
    {"layers"},
    {"config", "weights", "shapes"},
    {"engines"},
    {"compare"},
    {"trace"},
    {"draft", "export", "diagnose", "custom"},
    {"ports", "pipelines"},
    {"session", "soynet", "explain"},
    {"bench", "faultbench"},
    {"ui", "cli"},
    {"demo", "__main__", "__init__"},
]

# Who may import what, lazily or not. A module owns what lies under its name too: workbench.engines.openvino_python.
OWNERS = {
    "openvino": ["workbench.engines.openvino"],
    "torch": [
        "workbench.trace",
        "workbench.draft",
        "workbench.export",
        "workbench.ports",
        "workbench.bench",
        "workbench.faultbench.zoo",
        "workbench.engines.reference",
        "workbench.weights.checkpoint",
    ],
    "torchvision": ["workbench.ports"],
    "pycuda": ["cuda_ops", "workbench.engines.cuda"],
    "cuda": ["cuda_ops", "workbench.engines.cuda"],
    "cudnn": ["cuda_ops", "workbench.engines.cuda"],
    "nvmath": ["cuda_ops", "workbench.engines.cuda"],
    "ipywidgets": ["workbench.ui"],
    "anywidget": ["workbench.ui"],
    "IPython": ["workbench.ui"],
    "onnx": ["workbench.draft", "workbench.export", "workbench.ports"],
}

# What `import workbench.<anything>` must do without; the base install has only openvino of these.
HEAVY = [*OWNERS, "jupyterlab", "matplotlib", "onnxruntime", "tqdm", "cv2"]


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


PACKAGES = ("workbench", "cuda_ops", "cpu_ops")
MODULES = {module_name(p): p for package in PACKAGES for p in sorted((ROOT / package).rglob("*.py"))}
WORKBENCH = [name for name in MODULES if name.split(".")[0] == "workbench"]


@functools.cache
def tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def statements(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """Every import statement, inside functions too; not those that only type checkers see."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        elif isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            for other in child.orelse:
                yield from statements(other)
        else:
            yield from statements(child)


def imported(module: str) -> Iterator[tuple[str, int]]:
    """(full name, line) of all that a module imports; `from package import name` gives package.name where a module.

    The version, a mere constant, is nothing to depend on.
    """
    for node in statements(tree(module)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
            continue
        base = node.module or ""
        if node.level:
            package = module.split(".") if MODULES[module].stem == "__init__" else module.split(".")[:-1]
            base = ".".join([*package[: len(package) - node.level + 1], *filter(None, [node.module])])
        names = {f"{base}.{alias.name}" for alias in node.names} - {"workbench.__version__"}
        yield from ((name, node.lineno) for name in {full if full in MODULES else base for full in names})


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else "__init__"


def floor(module: str) -> int:
    found = [i for i, rooms in enumerate(FLOORS) if room(module) in rooms]
    assert found, f"{module}: give the room '{room(module)}' a floor in FLOORS"
    return found[0]


def owns(module: str, library: str) -> bool:
    return any(module.startswith(owner) for owner in OWNERS.get(library, []))


@pytest.mark.parametrize("module", WORKBENCH)
def test_imports_go_down(module: str) -> None:
    own = floor(module)
    up = [
        f"{MODULES[module]}:{line} imports {name}"
        for name, line in imported(module)
        if name.split(".")[0] == "workbench" and floor(name) > own
    ]
    assert not up, up


def test_rooms_of_one_floor_do_not_go_in_circles() -> None:
    needs: dict[str, set[str]] = {}
    for module in WORKBENCH:
        for name, _ in imported(module):
            if name.split(".")[0] == "workbench" and room(name) != room(module):
                needs.setdefault(room(module), set()).add(room(name))
    graphlib.TopologicalSorter(needs).prepare()  # raises CycleError, which names the circle


@pytest.mark.parametrize("module", MODULES)
def test_only_owners_import_the_heavy_libraries(module: str) -> None:
    strange = [
        f"{MODULES[module]}:{line} imports {name}"
        for name, line in imported(module)
        for library in [name.split(".")[0]]
        if library in OWNERS and not owns(module, library)
    ]
    assert not strange, strange


def defines_a_layer(module: str) -> bool:
    """True where the module registers a class with the @layer decorator."""
    decorators = [d for node in ast.walk(tree(module)) if isinstance(node, ast.ClassDef) for d in node.decorator_list]
    return any(isinstance(d, ast.Call) and ast.unparse(d.func).split(".")[-1] == "layer" for d in decorators)


@pytest.mark.parametrize("module", [m for m in WORKBENCH if m.startswith("workbench.layers.")])
def test_a_layer_stands_alone(module: str) -> None:
    """A layer's file knows the base, helpers that register nothing, the graph and the errors; no other layer."""
    strange = [
        f"{MODULES[module]}:{line} imports {name}"
        for name, line in imported(module)
        if name.split(".")[0] == "workbench"
        and room(name) not in ("graph", "errors")
        and (name == "workbench.layers" or defines_a_layer(name))
    ]
    assert not strange, strange


def test_cuda_ops_knows_nothing_of_the_workbench() -> None:
    names = {name for m in MODULES if m.split(".")[0] == "cuda_ops" for name, _ in imported(m)}
    assert not [name for name in names if name.split(".")[0] == "workbench"]


IMPORT_ALL = """
import importlib, json, sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in blocked:
            raise ModuleNotFoundError(f"{name} is blocked in this test", name=name)
modules, blocked = json.loads(sys.argv[1])
sys.meta_path.insert(0, Blocker())
failed = {}
for name in modules:
    try:
        importlib.import_module(name)
    except ImportError as error:
        failed[name] = [error.name, str(error)]
print(json.dumps(failed))
"""


def python(code: str, *arguments: str) -> str:
    """Standard output of a fresh interpreter that runs `code` in the checkout."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_module_imports_without_the_heavy_libraries() -> None:
    """Each module with all blocked but those it owns, so one that needs them through another module is found too.

    What a module owns may not be installed here: only an adapter of an optional library may need it, and say so.
    """
    groups: dict[tuple[str, ...], list[str]] = {}
    for module in MODULES:
        if module != "workbench.__main__":  # importing it runs it
            groups.setdefault(tuple(lib for lib in HEAVY if not owns(module, lib)), []).append(module)
    failed: dict[str, list[str]] = {}
    for blocked, modules in groups.items():
        failed |= json.loads(python(IMPORT_ALL, json.dumps([modules, blocked])))
    absent = {library for library in OWNERS if importlib.util.find_spec(library) is None}
    assert not {m: says for m, (lib, says) in failed.items() if lib not in absent or not owns(m, lib)}


TIME_IMPORT = """
import json, sys, time
before = set(sys.modules)
start = time.perf_counter()
import workbench
print(json.dumps([time.perf_counter() - start, sorted({m.split(".")[0] for m in set(sys.modules) - before})]))
"""


def test_import_workbench_is_light() -> None:
    """Under 0.2 s (the best of five, since other work on the machine only adds) and without a heavy library."""
    runs = [json.loads(python(TIME_IMPORT)) for _ in range(5)]
    assert not set(runs[0][1]) & set(HEAVY)
    assert min(seconds for seconds, _ in runs) < 0.2
