"""The older V4 dialect: recognised, and rewritten as V5.1 by edits of the Document, as far as V5.1 has the same thing.

V4 has [system] beside [model], names outputs with output= (a trailing * marks the network's outputs), states inputs in
[model] as input=NAME,sizes,dtype, and counts axes and shapes without the batch.
"""

from __future__ import annotations

from workbench.config.dictionary import BASE, SHARING
from workbench.config.document import Document
from workbench.config.lexer import KeyValue
from workbench.config.v4_words import (
    DROPPED,
    KEYS,
    PICTURES,
    POOLS,
    PRECISIONS,
    RENAMED,
    STRANGE,
    TAGS,
    WINDOW,
    WITH_BATCH,
    WithBatch,
    order,
    picture_norm,
)
from workbench.errors import Problems, Where, WorkbenchError
from workbench.layers import LAYERS

SPLIT_OFF = {("reshape", "before_trans"), ("reshape", "after_trans")}  # lines of their own, once checked
COMMON = {key.name for key in (*BASE, *SHARING)}


def recognise(document: Document) -> WorkbenchError | None:
    """The one error that a V4 config deserves; None for a config in another dialect."""
    for entry in document.entries:
        if entry.tag == "system" or (entry.tag == "model" and entry.get("input")):
            mark = "[system]" if entry.tag == "system" else "input= in [model]"
            problem = f"this config is in the V4 dialect ({mark}); V5.1 is read here"
            note = f"workbench convert-v4 {document.file} --out NEW.cfg rewrites it, and lists what has no equivalent"
            return WorkbenchError(problem, Where(document.file, entry.line, entry.col), note)
    return None


def convert(document: Document) -> list[WorkbenchError]:
    """Edit a V4 document into V5.1; what has no equivalent stays as it is and is returned, each at its old line."""
    converter = _Converter(document)
    for id in [entry.id for entry in document.entries]:
        converter.entry(id)
    if "output" not in {entry.tag for entry in document.entries}:
        document.append(f"[output] refname={','.join(converter.outputs) or '*'}")
    return converter.problems.errors


class _Converter:
    """Walks the entries once; each line of the old file is known by the place it had before any edit."""

    def __init__(self, document: Document) -> None:
        self.document, self.problems, self.outputs = document, Problems(), list[str]()
        self.places = {entry.id: document.where(entry.id) for entry in document.entries}
        self.batch = ""  # the first size of input=NAME,N,...

    def lost(self, id: int, problem: str, note: str = "") -> None:
        tag = self.document.entry(id).tag
        self.problems.error(f"[{tag}] {problem}", self.places[id], note)

    def entry(self, id: int) -> None:
        tag = self.document.entry(id).tag
        subject = self.document.entry(id).get("type") if tag == "default" else tag
        if subject == "preproc":
            self.preproc(id)
        if subject == "pooling" and self.document.entry(id).get("mode") in POOLS:
            self.whole_map(id)
        for kv in [*self.document.entry(id).keys]:
            self.key(id, subject, kv)
        entry = self.document.entry(id)
        if tag in TAGS:
            self.document.splice(entry.start, entry.tag_end, f"[{TAGS[tag]}]")
        if subject in STRANGE:
            self.lost(id, STRANGE[subject], "write it anew")
        elif tag not in ("system", "model", "default", "input", "output"):
            self.check(id, TAGS.get(tag, tag))
            if tag == "reshape":
                self.reshape(id)

    def key(self, id: int, tag: str, kv: KeyValue) -> None:
        name, value = kv.key, kv.value
        if name in DROPPED.get(tag, ()):
            self.drop(id, kv)
        elif tag == "model" and name == "input":
            self.input(id, kv)
        elif name == "type" and value in TAGS:
            self.rename(id, kv, "type", TAGS[value])
        elif (tag, name, value) == ("pooling", "kernel", "-1"):
            self.document.remove_key(id, name)  # the whole map: V5.1's without a kernel
        elif name == "output":
            self.output(id, kv)
        elif (name == "act" or (tag, name) == ("act", "mode")) and "," in value:
            act, _, alpha = value.partition(",")
            self.rename(id, kv, "act", f"{act} act_alpha={alpha}")
        elif (tag, name) == ("matmul", "trans") and value.count(",") == 1:
            first, _, second = value.partition(",")
            self.rename(id, kv, "trans_a", f"{first} trans_b={second}")
        elif name == "pad" and value in ("same", "valid"):
            self.rename(id, kv, "pad_tf", value)
        elif (tag, name) in KEYS:
            new = KEYS[tag, name]
            self.rename(id, kv, new, PRECISIONS.get(value, value) if new == "prec_mode" else value)
        elif how := WITH_BATCH.get((tag, name), WITH_BATCH.get(("*", name))):
            self.rename(id, kv, RENAMED.get(name, name), self.with_batch(id, kv, how))

    def rename(self, id: int, kv: KeyValue, name: str, value: str) -> None:
        """Put name=value where the word stands now; an entry's later words have moved with the edits before."""
        now = next(word for word in self.document.entry(id).keys if word[:2] == kv[:2])
        self.document.splice(now.start, now.end, f"{name}={value}")

    def drop(self, id: int, kv: KeyValue) -> None:
        self.document.remove_key(id, kv.key)
        self.lost(id, f"{kv.key}={kv.value} is dropped: V5.1 has no such key")

    def input(self, id: int, kv: KeyValue) -> None:
        name, *sizes = kv.value.split(",")
        if len(sizes) < 2:
            return self.lost(id, f"input={kv.value}: expected NAME,sizes,dtype")
        self.batch = self.batch or sizes[0]
        self.document.remove_key(id, kv.key)
        self.document.insert_after(id, f"[input] refname={name} shape={','.join(sizes[:-1])} dtype={sizes[-1]}")

    def output(self, id: int, kv: KeyValue) -> None:
        names = [name for name in kv.value.split(",") if name]
        self.outputs += [name.rstrip("*") for name in names if name.endswith("*")]
        self.rename(id, kv, "refname", ",".join(name.rstrip("*") for name in names))

    def preproc(self, id: int) -> None:
        """A picture format and a norm become the steps of mode=generic; resizing stays, and is listed."""
        entry = self.document.entry(id)
        words = picture_norm(entry.get("norm_mode", "none"), entry.get("mean_rgb"), entry.get("std_rgb"))
        if entry.get("input_mode") not in PICTURES or words is None:
            return
        if entry.get("resize_mode") == "none":  # the size that the picture already has
            self.document.remove_key(id, "resize")
            self.document.remove_key(id, "resize_mode")
        for key in ("mode", "norm_mode", "mean_rgb", "std_rgb"):
            self.document.remove_key(id, key)
        kv = next(kv for kv in self.document.entry(id).keys if kv.key == "input_mode")
        self.rename(id, kv, "mode", " ".join(filter(None, ["generic", PICTURES[kv.value], words])))

    def whole_map(self, id: int) -> None:
        for key in WINDOW:
            self.document.remove_key(id, key)
        kv = next(kv for kv in self.document.entry(id).keys if kv.key == "mode")
        self.rename(id, kv, "mode", POOLS[kv.value])

    def reshape(self, id: int) -> None:
        """before_trans= and after_trans= become lines of their own."""
        words = {kv.key: kv.value for kv in self.document.entry(id).keys}
        orders = {key: words.pop(key, "") for key in ("before_trans", "after_trans")}
        if not any(orders.values()):
            return
        try:
            first, last = (
                f"[trans] order={','.join(order(text.split(','), self.batch))}" if text else ""
                for text in orders.values()
            )
        except ValueError:
            return self.lost(id, "before_trans= or after_trans= is no list of axes")
        own = f"[reshape] shape={words.pop('shape')}" if "shape" in words else ""
        ends = {key: words.pop(key, "") for key in ("input", "refname")}
        rest = [f"{key}={value}" for key, value in words.items()]
        lines = [line for line in (first, own, last) if line]
        lines[0] += f" input={ends['input']}" if ends["input"] else ""
        lines[-1] += "".join(
            f" {word}" for word in (*rest, *([f"refname={ends['refname']}"] if ends["refname"] else []))
        )
        self.document.replace_entry(id, " ".join(lines))

    def with_batch(self, id: int, kv: KeyValue, how: WithBatch) -> str:
        try:
            return ",".join(how([item for item in kv.value.split(",") if item], self.batch))
        except ValueError:
            self.lost(id, f"{kv.key}={kv.value}: add the batch axis by hand", "V5.1 counts it as axis 0")
            return kv.value

    def check(self, id: int, tag: str) -> None:
        """List what V5.1's layer of this tag does not know."""
        if tag not in LAYERS:
            return self.lost(id, "V5.1 here has no such layer", "write its Layer class, or build it from others")
        keys = LAYERS[tag].keys()
        for kv in self.document.entry(id).keys:
            among = keys[kv.key].among if kv.key in keys else ()
            if (tag, kv.key) in SPLIT_OFF:
                continue
            if kv.key not in keys and kv.key not in COMMON:
                self.lost(id, f"{kv.key}={kv.value}: V5.1's layer has no such key")
            elif among and "$" not in kv.value and kv.value not in among:
                self.lost(id, f"{kv.key}={kv.value}: expected one of {', '.join(filter(None, among))}")
