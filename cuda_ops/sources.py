"""The text of a .cu file: which files it includes, and what a compiler's messages about it say."""

import re
from pathlib import Path

from .errors import CompileError, KernelError

KERNEL_DIR = Path(__file__).resolve().parent
# g++: file:line:column: error: text; nvcc and NVRTC: file(line): error: text
_ERROR_LINE = re.compile(
    r"^(?P<file>[^\s:(][^:(\n]*)[:(](?P<line>\d+)[):][\d:]*\s*(?:[a-z]+ )?error[^:\n]*:(?P<text>.*)$", re.M
)


def read_source(path: Path) -> str:
    """The text of a .cu file; a missing or undecodable one is a KernelError."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise KernelError(f"cannot read the kernel source: {error.strerror}", str(path)) from error
    except UnicodeDecodeError as error:
        raise KernelError("the kernel source is not UTF-8", str(path)) from error


def without_comments(text: str) -> str:
    """The same text with comments blanked, every line and column kept in place."""
    token = re.compile(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"", re.S)
    return token.sub(lambda m: re.sub(r"[^\n]", " ", m[0]) if m[0][0] == "/" else m[0], text)


def included_files(path: Path) -> list[Path]:
    """Every file that `path` includes with quotes, directly or not, where it is found beside it or in cuda_ops."""
    found: list[Path] = []
    pending = [path]
    while pending:
        current = pending.pop()
        for name in re.findall(r'^\s*#\s*include\s*"([^"]+)"', without_comments(read_source(current)), re.M):
            for folder in (current.parent, KERNEL_DIR):
                candidate = (folder / name).resolve()
                if candidate.is_file():
                    if candidate not in found:
                        found.append(candidate)
                        pending.append(candidate)
                    break
    return sorted(found)


def source_content(path: Path) -> list[tuple[str, str]]:
    """Names and texts of a .cu file and of what it includes: what a cached build depends on."""
    return [(file.name, read_source(file)) for file in [path, *included_files(path)]]


def compile_error(path: Path, output: str, compiler: str) -> CompileError:
    """The error for a compiler's output: its first message becomes the problem, the rest the note."""
    first = _ERROR_LINE.search(output)
    if not first:
        return CompileError(f"{compiler} failed", str(path), output.strip()[-2000:] or "it printed nothing")
    rest = [f"{m['file']}:{m['line']}: {m['text'].strip()}" for m in list(_ERROR_LINE.finditer(output))[1:6]]
    return CompileError(
        first["text"].strip(),
        f"{first['file']}:{first['line']}",
        f"found by {compiler}" + "".join(f"\n    {line}" for line in rest),
    )
