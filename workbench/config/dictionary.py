"""The layer dictionary: a tab-separated table of every key of every layer, read, written, and made from the classes."""

from __future__ import annotations

import csv
import functools
import os
from collections.abc import Iterable, Iterator
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

from workbench.atomic import write_atomically
from workbench.config.values import text_of
from workbench.errors import Problems, Where, WorkbenchError
from workbench.layers import LAYERS, Layer
from workbench.layers.activation import ACTS
from workbench.layers.base import KTYPES, MODES, Key, Strs

HEADER = ("layer", "key", "ktype", "init", "symbol", "require", "desc", "pytorch", "tensorflow")
TYPES: dict[str, Any] = {word: type_ for type_, word in reversed(KTYPES.items())}


def _key(name: str, type_: Any = str, default: Any = "", among: Iterable[str] = (), doc: str = "") -> Key:
    return Key(name, type_, default, tuple(among), doc)


NO_EFFECT = "read, without effect here"
# [model] keys that other programs read from the file: licences, logs, plug-ins, caches.
IGNORED: dict[str, tuple[type, Any]] = {
    **dict.fromkeys(("plugin_dir", "plugin_type", "license_db", "license_file", "cache_file"), (str, "")),
    **dict.fromkeys(("log_file", "log_dir", "log_db", "disp_model"), (str, "")),
    **dict.fromkeys(("device_id", "explicit_batch", "use_cache", "log_con"), (int, 0)),
}

# The sections that are no layers, and the keys that every layer takes.
MODEL = [
    _key("name", doc="the model's name"),
    _key("make_engine", int, 1, doc="1 builds the engine anew where anything changed"),
    _key("engine_file", doc="the built engine"),
    _key("weight_file", doc="the .weights file"),
    _key("prec_mode", str, "f32", ("f32", "f16", "bf16", "tf32"), "precision of the whole model"),
    _key("dict_file", doc="a layer dictionary over the built-in one"),
    _key("user_dict_file", doc="a dictionary of the user's own layers, over that"),
    *(_key(name, type_, default, doc=NO_EFFECT) for name, (type_, default) in IGNORED.items()),
]
BASE = [
    _key("input", Strs, Strs("*"), doc="earlier tensors; * is the first output of the layer just before"),
    _key("refname", Strs, Strs(), doc="names of the outputs"),
    _key("act", str, "identity", ACTS, "activation applied to every output"),
    _key("act_alpha", float, None, doc="first parameter of act"),
    _key("act_beta", float, None, doc="second parameter of act"),
    _key("prec_mode", str, "", ("i8", "u8", "f16", "bf16", "f32"), "precision of this layer; the model's by default"),
    _key("name", doc="tie: the original's tensor that the output equals, PATH[@CALL][/OP.K][:OUT]"),
    _key("view", doc="the config's arrangement of the tied tensor: order:0,2,1 or shape:1,-1,64"),
    _key("source", Strs, Strs(), doc="by letter: w:PATH,r:PATH; some rows: PATH:START:STOP[:EVERY]"),
    _key("version", doc="read, without effect here"),
]
SHARING = [
    _key(
        "weight", Strs, Strs(), doc="names for this layer's weights in weight_order, so that later lines can share them"
    ),
    _key(
        "refweight",
        Strs,
        Strs(),
        doc="weight= names of earlier lines, in weight_order, that are read instead of the file",
    ),
]
SECTIONS: dict[str, list[Key]] = {
    "model": MODEL,
    "output": [_key("refname", Strs, MISSING, doc="the tensors that the network gives; * is the layer just before")],
    "default": [_key("type", str, MISSING, doc="the layer whose later lines take the keys beside it as defaults")],
    "base": BASE,
}


def has_weights(cls: type[Layer]) -> bool:
    return cls.weights is not Layer.weights


@dataclass(frozen=True)
class Row:
    """One key of one layer as the table has it; `init` and `symbols` are texts, empty where there are none."""

    layer: str
    key: str
    ktype: str = "s"
    init: str = ""
    symbols: tuple[str, ...] = ()
    require: bool = False
    desc: str = ""
    pytorch: str = ""
    tensorflow: str = ""

    @classmethod
    def of(cls, layer: str, key: Key) -> Row:
        init = "" if key.required or key.default is None else text_of(key.default)
        return cls(layer, key.name, key.ktype, init, tuple(filter(None, key.among)), key.required, key.doc)

    def check(self) -> None:
        """Raise WorkbenchError for an unknown type and for a default that is not of it or not among the symbols."""
        if self.ktype not in TYPES:
            raise WorkbenchError(f"ktype: expected one of {', '.join(sorted(TYPES))}; got '{self.ktype}'")
        if self.init:
            Key(self.key, TYPES[self.ktype], MISSING, self.symbols).parse(self.init)

    def apply(self, key: Key) -> Key:
        """The class's key with this row's default, symbols and requirement; an empty field changes nothing.

        Symbols narrow those of the class: what the class does not know stays unknown.
        """
        among = tuple(s for s in key.among if s in self.symbols or not s) if self.symbols else key.among
        default = MISSING if self.require else key.parse(self.init) if self.init else key.default
        return Key(key.name, key.type, default, among or self.symbols, key.doc or self.desc)


class Dictionary:
    """Rows in order, found by (layer, key); `origin` names the file, or is empty for the built-in one."""

    def __init__(self, rows: Iterable[Row] = (), origin: str = "") -> None:
        self.origin = origin
        self._rows = {(row.layer, row.key): row for row in rows}
        self._layers: dict[str, dict[str, Row]] = {}
        for row in self._rows.values():
            self._layers.setdefault(row.layer, {})[row.key] = row

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows.values())

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, layer: str) -> bool:
        return layer in self._layers

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Dictionary) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    @property
    def layers(self) -> tuple[str, ...]:
        return tuple(self._layers)

    def rows(self, layer: str) -> dict[str, Row]:
        """The layer's rows by key, in order; none where the dictionary does not know it."""
        return self._layers.get(layer, {})

    def over(self, below: Dictionary) -> Dictionary:
        """The rows of both; where both have one, this one's."""
        return Dictionary([*{**below._rows, **self._rows}.values()], self.origin or below.origin)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Dictionary:
        """The table in a file, UTF-8 or cp949 line by line; raises WorkbenchErrors naming every bad row."""
        try:
            lines = Path(path).read_bytes().splitlines()
        except OSError as error:
            raise WorkbenchError(f"cannot read the dictionary: {error.strerror}", str(path)) from None
        problems, rows = Problems(), {}
        for number, line in enumerate(map(_decode, lines), 1):
            cells: list[str] = []
            try:
                cells = next(csv.reader([line], delimiter="\t"), [])
                if not any(cells) or (number == 1 and tuple(cells[:2]) == HEADER[:2]):
                    continue
                row = _row(cells)
                if (row.layer, row.key) in rows:
                    raise WorkbenchError("this key has a row above already", note="keep one of them")
                rows[row.layer, row.key] = row
            except csv.Error as error:
                problems.error(f"the row cannot be read: {error}", Where(str(path), number))
            except WorkbenchError as error:
                problems.add(error.at(Where(str(path), number), " ".join(cells[:2])))
        problems.raise_errors()
        return cls(rows.values(), str(path))

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the table as UTF-8, atomically; raises WorkbenchError and leaves the old file where that fails."""
        table = [HEADER, *(cells_of(row) for row in self)]
        text = "".join("\t".join(map(_quote, cells)) + "\n" for cells in table)
        write_atomically(Path(path), lambda file: file.write(text.encode()))


def builtin() -> Dictionary:
    """The dictionary of the registered layers, after the sections and the keys common to all."""
    return _builtin(tuple(LAYERS.values()), tuple(MODES))


@functools.lru_cache(maxsize=4)
def _builtin(classes: tuple[type[Layer], ...], modes: tuple[tuple[str, str], ...]) -> Dictionary:
    rows = [Row.of(section, key) for section, keys in SECTIONS.items() for key in keys]
    rows.insert(len(MODEL), Row("input", "refname", require=True, desc="the name under which it is fed"))
    for cls in classes:
        keys = [*cls.keys().values(), *(SHARING if has_weights(cls) else ())]
        rows += [Row.of(cls.tag, key) for key in keys]
    return Dictionary(rows)


def _decode(line: bytes) -> str:
    try:
        return line.decode("utf-8-sig")
    except UnicodeDecodeError:
        return line.decode("cp949", "replace")


def _row(cells: list[str]) -> Row:
    if not 6 <= len(cells) <= len(HEADER):
        problem = f"expected 6 to {len(HEADER)} tab-separated columns; got {len(cells)}"
        raise WorkbenchError(problem, note=", ".join(HEADER))
    layer, key, ktype, init, symbols, require, *words = (cell.strip() for cell in cells)
    if not layer or not key:
        raise WorkbenchError("expected a layer and a key in the first two columns")
    if require not in ("0", "1"):
        raise WorkbenchError(f"require: expected 0 or 1; got '{require}'")
    row = Row(layer, key, ktype, init, tuple(Strs(symbols)), require == "1", *words)
    row.check()
    return row


def cells_of(row: Row) -> list[str]:
    """A row as the table's columns, in the order of HEADER."""
    values = [getattr(row, field.name) for field in fields(row)]
    return [",".join(v) if isinstance(v, tuple) else str(int(v)) if isinstance(v, bool) else v for v in values]


def _quote(cell: str) -> str:
    cell = " ".join(cell.split("\n")).replace("\t", " ")
    return '"' + cell.replace('"', '""') + '"' if any(c in cell for c in ',"') else cell
