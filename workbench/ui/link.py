"""Several small ES modules as the one text that a widget's `_esm` takes; no bundler, nothing from elsewhere.

A view imports its helpers as usual, one line each: `import { h, svg } from "./dom.js";`. Every module becomes a
function that returns its exports; only the first one keeps its `export default`.
"""

from __future__ import annotations

import re
from pathlib import Path

IMPORT = re.compile(r'^import \{([^}]+)\} from "\./([\w.]+\.js)";$', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?(?:function\*?|const|let|class) (\w+))", re.MULTILINE)


def link(script: Path) -> str:
    """The text of a view's module with the modules that it imports, each once and before those that use it."""
    found: dict[str, str] = {}
    _add(script, found)
    return "\n".join(found.values())


def _add(script: Path, found: dict[str, str], outer: bool = True) -> None:
    source = script.read_text("utf-8")
    for _, name in IMPORT.findall(source):
        if name not in found:
            _add(script.with_name(name), found, outer=False)
    body = IMPORT.sub(lambda m: f"const {{{m[1].replace(' as ', ': ')}}} = {_variable(m[2])};", source)
    if not outer:
        names = ", ".join(EXPORT.findall(body))
        body = f"const {_variable(script.name)} = (() => {{\n{EXPORT.sub('', body)}\nreturn {{ {names} }};\n}})();"
    found[script.name] = body


def _variable(name: str) -> str:
    return "$" + re.sub(r"\W", "_", name.removesuffix(".js"))
