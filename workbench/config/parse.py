"""A config's Document to its Graph: every problem found, each at its file:line:col."""

from __future__ import annotations

import difflib
import os
import re
from dataclasses import dataclass, field

from workbench.config.dictionary import SECTIONS, Dictionary, builtin
from workbench.config.document import Document
from workbench.config.lexer import Entry
from workbench.config.lines import Lines
from workbench.config.paused import collector_paused
from workbench.config.schema import Reader
from workbench.config.v4 import recognise
from workbench.config.variables import Params, parameters
from workbench.errors import Problems, Where, WorkbenchError
from workbench.graph import Graph
from workbench.layers import LAYERS

Source = Document | str | os.PathLike[str]


@dataclass
class Parsed:
    """What a config says. With errors, the graph holds the lines that are sound and read only sound ones."""

    graph: Graph
    document: Document
    dictionary: Dictionary
    errors: list[WorkbenchError] = field(default_factory=list)
    warnings: list[WorkbenchError] = field(default_factory=list)

    def raise_errors(self) -> None:
        problems = Problems()
        problems.errors = self.errors
        problems.raise_errors()


def parse_config(source: Source, params: Params = None, *, file: str | None = None,
                 dictionary: Dictionary | None = None) -> Parsed:  # fmt: skip
    """The graph of a config: a Document, a text, or a path; raises WorkbenchErrors with all that is wrong.

    `params` replace `$NAME`s. `file` is the name in messages. A `dictionary` takes the place of the built-in one and of
    the config's dict_file and user_dict_file.
    """
    parsed = parse_partial(source, params, file=file, dictionary=dictionary)
    parsed.raise_errors()
    return parsed


def parse_partial(source: Source, params: Params = None, *, file: str | None = None,
                  dictionary: Dictionary | None = None) -> Parsed:  # fmt: skip
    """As parse_config, but errors are returned beside what could be read. Without [output], the last layer is it."""
    document = open_document(source, file)
    with collector_paused():
        return _Parser(document, params, dictionary).run()


def open_document(source: Source, file: str | None = None) -> Document:
    """The Document itself, of a text (it has a bracket, '=', '#' or a line end), or of a path."""
    if isinstance(source, Document):
        return source
    if isinstance(source, str) and (not source.strip() or re.search(r"[\[=#\r\n]", source)):
        return Document(source, file or "<config>")
    document = Document.read(source)
    document.file = file or document.file
    return document


class _Parser:
    """One reading of one document: [model] first, for it names the dictionaries, then everything in order."""

    def __init__(self, document: Document, params: Params, dictionary: Dictionary | None) -> None:
        self.document, self.file = document, document.file
        self.problems = Problems()
        self.problems.errors += document.problems
        self.graph = Graph(file=self.file)
        try:
            self.params = parameters(params)
        except WorkbenchError as error:
            self.params = {}
            self.problems.add(error)
        self.models = [entry for entry in document.entries if entry.tag == "model"]
        self.model()
        self.dictionary = self.choose_dictionary() if dictionary is None else dictionary
        self.lines = Lines(self.file, self.params, self.dictionary, self.problems, document.entries)

    def run(self) -> Parsed:
        dialect = recognise(self.document)
        if dialect is not None:
            return Parsed(self.graph, self.document, self.dictionary, [dialect])
        self.check_model()
        for entry in self.document.entries:
            self.warn_of_doubles(entry)
            if entry.tag == "default":
                self.default(entry)
            elif entry.tag == "output":
                self.output(entry)
            elif entry.tag != "model":
                self.layer(entry)
        self.finish()
        return Parsed(self.graph, self.document, self.dictionary, _in_order(self.problems.errors),
                      _in_order(self.problems.warnings))  # fmt: skip

    def warn_of_doubles(self, entry: Entry) -> None:
        seen = set()
        for kv in entry.keys:
            if kv.key in seen:
                problem = f"{entry.tag}: key '{kv.key}' is given again; the last counts"
                self.problems.warn(problem, Where(self.file, kv.line, kv.col))
            seen.add(kv.key)

    def model(self) -> None:
        """The [model] keys as texts, variables replaced."""
        reader = Reader(self.file, self.params, Dictionary(), self.problems)
        for kv in (kv for entry in self.models for kv in entry.keys):
            try:
                self.graph.model[kv.key] = reader.text(kv)
            except WorkbenchError as error:
                self.problems.add(error.at("", "model"))

    def choose_dictionary(self) -> Dictionary:
        """The built-in dictionary under the config's own; a file that is not there is a warning."""
        dictionary = builtin()
        for key in ("dict_file", "user_dict_file"):
            name = self.graph.model.get(key)
            paths = [name, os.path.join(os.path.dirname(self.file), name)] if name else []
            found = next((path for path in paths if os.path.isfile(path)), None)
            if found is not None:
                try:
                    dictionary = Dictionary.read(found).over(dictionary)
                except WorkbenchError as error:
                    self.problems.add(error)
            elif name:
                self.problems.warn(f"model: {key} {name} does not exist; the built-in dictionary is used", self.file)
        return dictionary

    def check_model(self) -> None:
        """Types and symbols of the [model] keys; unknown ones are warnings, for other programs read the file too."""
        schema = self.lines.schema("model", Where(self.file)) if self.models else None
        if schema is None:
            return
        words = [kv for entry in self.models for kv in entry.keys]
        for kv in words:
            if kv.key in schema.keys:
                try:
                    self.lines.reader.value(kv, schema.keys[kv.key])
                except WorkbenchError as error:
                    self.problems.add(error.at("", "model"))
            elif kv.key not in schema.foreign:
                self.problems.warn(f"model: unknown key '{kv.key}' is ignored", Where(self.file, kv.line, kv.col))
        given = {kv.key for kv in words}
        for key in schema.keys.values():
            if key.required and key.name not in given:
                self.problems.error(f"model: missing key '{key.name}'", self.lines.place(self.models[0]), key.doc)

    def default(self, entry: Entry) -> None:
        """[default]: later lines of its type take these keys; they are checked here, used or not."""
        tag = entry.get("type")
        if tag not in LAYERS:
            problem = f"default: unknown layer '{tag}'" if tag else "default: missing key 'type'"
            self.unknown(entry, tag, problem)
            return
        schema, about = self.lines.schema(tag, self.lines.place(entry)), f"default {tag}"
        for kv in entry.keys:
            if kv.key == "refname":
                self.problems.error(f"{about}: refname cannot have a default", Where(self.file, kv.line, kv.col))
            elif schema and kv.key != "type":
                self.lines.defaults.setdefault(tag, {})[kv.key] = (kv, about)
                try:
                    self.lines.reader.check(schema, kv, about)
                except WorkbenchError as error:
                    self.problems.add(error.at("", about))

    def output(self, entry: Entry) -> None:
        place = self.lines.place(entry)
        schema = self.lines.schema("output", place)
        values = self.lines.reader.read(schema, self.lines.given(entry, "output"), place, "output") if schema else None
        if values and not values["refname"]:
            self.problems.error("output: refname names no tensor", self.lines.at_key(entry, "refname"), "* is the last")
        for name in values["refname"] if values else ():
            tensor = self.lines.resolve(name, entry, "refname", "output")
            if tensor in self.graph.outputs:
                self.problems.warn(f"output: '{name}' is given twice; it is returned once", place)
            elif tensor:
                self.graph.outputs += (tensor,)

    def layer(self, entry: Entry) -> None:
        if entry.tag not in LAYERS:
            self.unknown(entry, entry.tag, f"unknown layer '{entry.tag}'")
        schema = self.lines.schema(entry.tag, self.lines.place(entry)) if entry.tag in LAYERS else None
        node = self.lines.node(entry, schema, len(self.graph.nodes))
        if node is not None:
            self.graph.nodes.append(node)

    def unknown(self, entry: Entry, tag: str, problem: str) -> None:
        if tag in self.dictionary and tag not in SECTIONS:
            source = self.dictionary.origin or "the dictionary"
            problem = f"layer '{tag}' is known to {source}, but not implemented here"
            note = "write its Layer class, or build it from other layers"
        else:
            close = difflib.get_close_matches(tag, [*LAYERS, *SECTIONS, "end"], 1)
            note = f"did you mean '{close[0]}'?" if close else f"layers: {', '.join(sorted(LAYERS))}"
        self.problems.error(problem, self.lines.place(entry), note)

    def finish(self) -> None:
        """What the file as a whole must have."""
        tags = {entry.tag for entry in self.document.entries}
        if "input" not in tags:
            self.problems.error("no [input]", Where(self.file), "write [input] refname=X shape=1,3,224,224 dtype=f32")
        if "output" not in tags:
            self.problems.error("no [output]", Where(self.file), "write [output] refname=* for the last layer's output")
            self.graph.outputs = self.graph.nodes[-1].outputs if self.graph.nodes else ()


def _in_order(problems: list[WorkbenchError]) -> list[WorkbenchError]:
    """By place in the file; a problem of a [default] that several lines meet is told once."""
    once = {(str(problem.where), problem.problem): problem for problem in problems}.values()
    return sorted(once, key=lambda problem: problem.where[1:] if isinstance(problem.where, Where) else (0, 0))
