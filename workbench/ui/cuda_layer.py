"""%%cuda_layer CLASS: the cell is the CUDA source of a custom layer, which is checked at once.

    %load_ext workbench.ui.cuda_layer

    %%cuda_layer SwiGLU --time-limit 5
    extern "C" __global__ void swiglu(const float *gate, ...)

CLASS is a CudaLayer of the notebook (workbench.custom). The report is the cell's result, and CLASS.report; its lines
are counted as the cell's own, the first being the %%cuda_layer line.
"""

from __future__ import annotations

from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring

from workbench.custom import CudaLayer, Report, check
from workbench.custom.source import Source


@magic_arguments()
@argument("cls", metavar="CLASS", help="a class of this notebook that is decorated with @cuda_layer")
@argument("--time-limit", type=float, default=10.0, metavar="SECONDS", help="after which a launch counts as hung")
def cuda_layer(line: str, cell: str, shell: Any = None) -> Report:
    """The cell is the CUDA source of a custom layer, which is checked at once."""
    args = parse_argstring(cuda_layer, line)
    cls = shell.user_ns.get(args.cls)
    if not (isinstance(cls, type) and issubclass(cls, CudaLayer)):
        known = [n for n, v in shell.user_ns.items() if isinstance(v, type) and issubclass(v, CudaLayer)]
        names = ", ".join(n for n in known if n != "CudaLayer") or "none yet"
        raise UsageError(f"'{args.cls}' is no custom layer of this notebook; there are: {names}")
    if not args.time_limit > 0:
        raise UsageError(f"--time-limit: expected a positive number of seconds; got {args.time_limit:g}")
    cls.kernel = Source.of_cell(args.cls, cell)
    cls.report = check(cls, time_limit=args.time_limit)
    return cls.report


def load_ipython_extension(shell: Any) -> None:
    """%load_ext workbench.ui.cuda_layer."""

    def magic(line: str, cell: str) -> Report:
        return cuda_layer(line, cell, shell)

    magic.__doc__ = cuda_layer.__doc__
    shell.register_magic_function(magic, "cell", "cuda_layer")
