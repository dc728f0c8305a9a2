"""What goes wrong while kernels are compiled, found or loaded."""


class KernelError(Exception):
    """A kernel cannot be built or loaded: `problem`, `where` (file:line, or a command), and `note`, how to mend it."""

    def __init__(self, problem: str, where: str = "", note: str = ""):
        self.problem, self.where, self.note = problem, where, note
        super().__init__((f"{where}: " if where else "") + problem + (f"\n  note: {note}" if note else ""))


class CompileError(KernelError):
    """The compiler refused a source file; `where` is its first error's real file and line."""
