"""Layer lines to nodes: keys to a Layer, names to tensors, each problem at its own column."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

from workbench.config.dictionary import SECTIONS, Dictionary
from workbench.config.lexer import Entry, KeyValue
from workbench.config.names import Tensors
from workbench.config.schema import Given, Reader, Schema
from workbench.config.variables import substitute
from workbench.errors import Problems, Where, WorkbenchError
from workbench.graph import Act, Node
from workbench.layers import LAYERS, Layer
from workbench.layers.base import items

VIEW = re.compile(r"(order|shape):-?\d+(,-?\d+)*", re.ASCII)
MOST_OUTPUTS = 1024


class Lines:
    """Reads one document's layer lines in order; knows the tensors, defaults and shared weights so far."""

    def __init__(self, file: str, params: dict[str, str], dictionary: Dictionary, problems: Problems,
                 entries: Iterable[Entry]) -> None:  # fmt: skip
        self.file, self.params, self.dictionary, self.problems = file, params, dictionary, problems
        self.reader = Reader(file, params, dictionary, problems)
        self.schemas: dict[str, Schema | None] = {}
        self.defaults: dict[str, dict[str, tuple[KeyValue, str]]] = {}
        self.defined: dict[str, Entry] = {}  # refname → the line that gave it first
        self.shared: dict[str, Where] = {}  # weight= name → its line
        self.refs = {entry.id: self.refnames(entry) for entry in entries}
        self.tensors = Tensors(name for names in self.refs.values() for name in names)

    # ---- what sections share

    def tell(self, error: WorkbenchError, where: Where, subject: str = "") -> None:
        self.problems.add(error.at(where, subject))

    def place(self, entry: Entry) -> Where:
        return Where(self.file, entry.line, entry.col)

    def at_key(self, entry: Entry, key: str) -> Where:
        """Place of a key's value, or of the entry where the key is left out or comes from [default]."""
        kv = next((kv for kv in reversed(entry.keys) if kv.key == key), None)
        return self.reader.where(kv, len(key) + 1) if kv else self.place(entry)

    def subject(self, entry: Entry) -> str:
        names = ",".join(self.refs[entry.id])
        return f'{entry.tag} "{names}"' if names else entry.tag

    def refnames(self, entry: Entry) -> list[str]:
        """The names that a layer's line gives; one that stands twice is an error and counts once."""
        if entry.tag in SECTIONS:
            return []
        names = items(substitute(entry.get("refname"), self.params))
        for name in [name for name, count in Counter(names).items() if count > 1]:
            problem = f"{entry.tag}: refname '{name}' stands twice in one list"
            self.problems.error(problem, self.at_key(entry, "refname"))
        return list(dict.fromkeys(names))

    def given(self, entry: Entry, subject: str) -> Given:
        return {**self.defaults.get(entry.tag, {}), **{kv.key: (kv, subject) for kv in entry.keys}}

    def schema(self, tag: str, place: Where) -> Schema | None:
        """The tag's keys; None where the dictionary has a default for it that cannot be read."""
        if tag not in self.schemas:
            self.schemas[tag] = None
            try:
                self.schemas[tag] = Schema.of(tag, self.dictionary)
            except WorkbenchError as error:
                self.tell(error, place)
        return self.schemas[tag]

    def resolve(self, name: str, entry: Entry, key: str, subject: str) -> str | None:
        """The tensor that a name means; None where it is told to be wrong, or its own line is."""
        try:
            return self.tensors.resolve(name)
        except WorkbenchError as error:
            self.tell(error, self.at_key(entry, key), subject)
            return None

    # ---- a layer's line

    def node(self, entry: Entry, schema: Schema | None, index: int) -> Node | None:
        """The line's node; None where it has errors or reads a line that has. Its names are known in either case."""
        subject, place = self.subject(entry), self.place(entry)
        values = self.reader.read(schema, self.given(entry, subject), place, subject) if schema else None
        layer = self.build(entry, schema, values, subject) if schema and values else None
        if layer is None or values is None:
            self.name(entry, 1, False)
            self.shared.update({name: place for name in items(entry.get("weight")) if name not in self.shared})
            return None
        inputs = self.inputs(entry, layer, values["input"], subject)
        sound = self.check(entry, layer, values, subject) and inputs is not None
        outputs = self.name(entry, layer.outputs, sound)
        if not sound or inputs is None:
            return None
        act = Act(values["act"], values["act_alpha"], values["act_beta"])
        return Node(index, layer, inputs, outputs, place, entry.id, act, values["prec_mode"], values["name"],
                    values["view"], dict(_sources(values["source"])), tuple(values.get("weight", ())),
                    tuple(values.get("refweight", ())))  # fmt: skip

    def build(self, entry: Entry, schema: Schema, values: dict[str, Any], subject: str) -> Layer | None:
        try:
            layer = LAYERS[entry.tag].make(**{name: values[name] for name in schema.own})
            if not 1 <= layer.outputs <= MOST_OUTPUTS:
                raise WorkbenchError(f"expected 1 to {MOST_OUTPUTS} outputs; got {layer.outputs}")
            return layer
        except WorkbenchError as error:
            self.tell(error, self.place(entry), subject)
            return None

    def inputs(self, entry: Entry, layer: Layer, names: tuple[str, ...], subject: str) -> tuple[str, ...] | None:
        """The input tensors; None where one is not there, is of a line with errors, or their number is wrong."""
        least, most = layer.arity
        if most == 0 and not any(kv.key == "input" for kv in entry.keys):
            return ()
        if not least <= len(names) <= most:
            upper = "" if least == most else " or more" if most > MOST_OUTPUTS else f" to {most}"
            problem = f"{subject}: inputs: expected {least}{upper}; got {len(names)} ({','.join(names)})"
            note = "input=A,B names earlier tensors, * the line before"
            self.problems.error(problem, self.at_key(entry, "input"), note)
            return None
        tensors = [self.resolve(name, entry, "input", subject) for name in names]
        return None if None in tensors else tuple(filter(None, tensors))

    def check(self, entry: Entry, layer: Layer, values: dict[str, Any], subject: str) -> bool:
        """Tell what the types alone do not: too many names, a malformed view or source, weights shared wrongly."""
        before = len(self.problems.errors)

        def wrong(key: str, problem: str, note: str = "") -> None:
            self.problems.error(f"{subject}: {problem}", self.at_key(entry, key), note)

        names = self.refs[entry.id]
        if len(names) > layer.outputs:
            wrong("refname", f"expected at most {layer.outputs} refname; got {len(names)}", "one for each output")
        if values["view"] and not VIEW.fullmatch(values["view"]):
            wrong("view", f"view: expected order:0,2,1 or shape:1,-1,64; got '{values['view']}'")
        if not all(letter and path for letter, path in _sources(values["source"])):
            wrong("source", f"source: expected w:PATH,a:PATH; got '{','.join(values['source'])}'")
        for name in values.get("weight", ()):
            first = self.shared.setdefault(name, self.place(entry))
            if first != self.place(entry):
                wrong("weight", f"weight '{name}' is given already in line {first.line}", f"refweight={name} shares it")
        for name in values.get("refweight", ()):
            if name not in self.shared:
                wrong("refweight", f"refweight '{name}': no line above has weight={name}")
        return len(self.problems.errors) == before

    def name(self, entry: Entry, count: int, sound: bool) -> tuple[str, ...]:
        """Name the line's outputs and make them known; a name given again is a warning, an input's an error."""
        refs = self.refs[entry.id]
        for ref in refs:
            first = self.defined.setdefault(ref, entry)
            if first is entry:
                continue
            place = self.at_key(entry, "refname")
            problem = f"{self.subject(entry)}: refname '{ref}' is given in line {first.line} already"
            if "input" in (entry.tag, first.tag):
                self.problems.error(problem, place, "an input is fed by its name: call one of them otherwise")
            else:
                self.problems.warn(problem, place, "lines below mean the newer one")
        outputs = self.tensors.name(entry.tag, refs, max(count, len(refs)))
        self.tensors.define(refs, outputs, sound)
        return outputs


def _sources(words: Iterable[str]) -> list[tuple[str, str]]:
    return [(letter, path) for letter, _, path in (word.partition(":") for word in words)]
