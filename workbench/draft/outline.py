"""The original at a glance: its modules as a tree, and the first config lines to type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.draft.propose import propose

if TYPE_CHECKING:
    from workbench.trace.record import Trace


def tree(model: Any, trace: Trace) -> str:
    """A line for each module: its path, class, and the shape of its (first) output."""
    shapes = {r.tie.path: r.shape for r in reversed(trace.paths()) if not r.tie.op and not r.tie.out}
    lines = []
    for path, module in model.named_modules():
        depth = path.count(".") + 1 if path else 0
        shape = ",".join(map(str, shapes[path])) if path in shapes else ""
        name = path.rpartition(".")[2] or "model"
        lines.append(f"{'  ' * depth}{name:<{max(2, 36 - 2 * depth)}} {type(module).__name__:<22} {shape}".rstrip())
    return "\n".join(lines)


def first_lines(model: Any, trace: Trace) -> str:
    """The [input] lines, and the line of the first module that maps to one layer."""
    inputs = [r for r in trace.paths() if r.tie.path in ("input", "model.input")]
    words = {"float32": "f32", "uint8": "u8", "int32": "i32"}
    lines = [
        f"[input] refname=X{r.tie.out or ''} shape={','.join(map(str, r.shape))} dtype={words.get(r.dtype, 'f32')}"
        for r in inputs
    ]
    modules = dict(model.named_modules())
    called = (r.tie for r in trace.paths() if not r.tie.op and r.tie.path in modules)
    proposed = (propose(modules[tie.path], str(tie)) for tie in called)
    return "\n".join([*lines, next(filter(None, proposed), "")]).strip()
