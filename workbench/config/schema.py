"""Which keys a line may have: the layer's own and the common ones, as the dictionary sets them; and reading them."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from workbench.config.dictionary import BASE, SECTIONS, SHARING, Dictionary, Row, has_weights
from workbench.config.lexer import KeyValue
from workbench.config.variables import NAME, arithmetic, substitute
from workbench.errors import Problems, Where, WorkbenchError
from workbench.layers import LAYERS
from workbench.layers.base import Key, unknown_key

# What V4 wrote, for those who come with an old file.
V4 = {"output": "in V5.1 a tensor is named by refname="}
Given = Mapping[str, tuple[KeyValue, str]]  # a key's words and what its errors are about
INT32 = range(-(2**31), 2**31)


@dataclass(frozen=True)
class Schema:
    """The keys of one tag; `foreign` are rows of the dictionary for keys that the layer does not implement."""

    tag: str
    keys: dict[str, Key]
    foreign: dict[str, Row]
    own: frozenset[str]  # names of the Layer class's fields

    @functools.cached_property
    def defaults(self) -> dict[str, Any]:
        return {name: key.default for name, key in self.keys.items() if not key.required}

    @functools.cached_property
    def required(self) -> list[str]:
        return [name for name, key in self.keys.items() if key.required]

    @classmethod
    def of(cls, tag: str, dictionary: Dictionary) -> Schema:
        """Raises WorkbenchError where the dictionary's default is nothing that the layer can read."""
        layer = LAYERS.get(tag)
        if layer is None:
            keys, own = {key.name: key for key in SECTIONS[tag]}, {}
        else:
            own = layer.keys()
            common = [*BASE, *(SHARING if has_weights(layer) else ())]
            keys = {**own, **{key.name: key for key in common}}
        # [base] gives the common keys symbols but no defaults: a line's prec_mode is the model's unless it says so.
        base = dictionary.rows("base") if layer else {}
        rows = {name: replace(row, init="") for name, row in base.items()} | dictionary.rows(tag)
        try:
            keys = {name: rows[name].apply(key) if name in rows else key for name, key in keys.items()}
        except WorkbenchError as error:
            raise error.at(dictionary.origin, f"dictionary, layer {tag}") from None
        return cls(tag, keys, {name: row for name, row in rows.items() if name not in keys}, frozenset(own))


@dataclass
class Reader:
    """Turns the key=value words of a line into values, collecting what is wrong with each at its own column."""

    file: str
    params: Mapping[str, str]
    dictionary: Dictionary
    problems: Problems
    _known: dict[tuple[str, str, str], Any] = field(default_factory=dict)  # tag, key, words → the value

    def where(self, kv: KeyValue, offset: int = 0) -> Where:
        return Where(self.file, kv.line, kv.col + offset)

    def text(self, kv: KeyValue) -> str:
        """The value with its variables replaced; raises WorkbenchError at the first that no parameter defines."""
        if "$" not in kv.value:
            return kv.value
        for m in NAME.finditer(kv.value):
            if m[1] not in self.params:
                at = self.where(kv, len(kv.key) + 1 + m.start())
                note = f"parameters given: {', '.join(self.params) or 'none'}"
                raise WorkbenchError(f"key '{kv.key}': parameter {m[0]} is not defined", at, note)
        return substitute(kv.value, self.params)

    def value(self, kv: KeyValue, key: Key) -> Any:
        """The value of one key; raises WorkbenchError with the place of the value and the fix."""
        text = self.text(kv)
        at = self.where(kv, len(kv.key) + 1)
        origin = f" (from {kv.value})" if text != kv.value else ""
        try:
            done = arithmetic(text) if key.numeric else text
        except WorkbenchError as error:
            problem = f"key '{key.name}': expected {key.kind}; got '{_short(text)}'{origin}, {error.problem}"
            raise WorkbenchError(problem, at, error.note) from None
        try:
            value = key.parse(done)
        except WorkbenchError as error:
            raise WorkbenchError(error.problem + origin, at, error.note or key.doc) from None
        numbers = value if isinstance(value, tuple) else (value,)
        if key.ktype.endswith("i32") and any(n not in INT32 for n in numbers):
            raise WorkbenchError(f"key '{key.name}': expected {key.kind} of 32 bits; got '{_short(done)}'{origin}", at)
        return value

    def read(self, schema: Schema, given: Given, place: Where, subject: str) -> dict[str, Any] | None:
        """Values of all keys of the schema, defaults included; None where anything was wrong.

        `given` holds each key's words and the subject that its errors name; `subject` and `place` are the line's.
        """
        before = len(self.problems.errors)
        values = dict(schema.defaults)
        for name, (kv, about) in given.items():
            try:
                values[name] = self.check(schema, kv, about)
            except WorkbenchError as error:
                self.problems.add(error.at("", about))
        for name in [name for name in schema.required if name not in given]:
            key = schema.keys[name]
            note = f"{name} takes {key.kind}" + (f": {key.doc}" if key.doc else "")
            self.problems.error(f"{subject}: missing key '{name}'", place, note)
        return values if len(self.problems.errors) == before else None

    def check(self, schema: Schema, kv: KeyValue, about: str) -> Any:
        """The value of one word of a line; raises WorkbenchError, its subject still to be told."""
        key = schema.keys.get(kv.key)
        if key is None:
            return self.foreign(schema, kv, about)
        words = (schema.tag, kv.key, kv.value)
        if words not in self._known:  # large files say the same thing thousands of times
            self._known[words] = self.value(kv, key)
        return self._known[words]

    def foreign(self, schema: Schema, kv: KeyValue, about: str) -> None:
        """A key that the layer lacks: it may pass where the dictionary gives it this value anyway."""
        row = schema.foreign.get(kv.key)
        if row is None:
            error = unknown_key(kv.key, schema.keys)
            raise WorkbenchError(error.problem, self.where(kv), V4.get(kv.key, error.note))
        source = self.dictionary.origin or "the dictionary"
        if self.text(kv) != row.init:
            raise WorkbenchError(f"key '{kv.key}' is known to {source}, but {schema.tag} does not implement it here",
                                 self.where(kv), f"only its default, '{row.init}', can be given")  # fmt: skip
        self.problems.warn(f"{about}: key '{kv.key}' has no effect here", self.where(kv))


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."
