"""The older V4 dialect: recognised, and rewritten as V5.1 by edits of the Document, as far as V5.1 has the same thing.

V4 has [system] beside [model], names outputs with output= (a trailing * marks the network's outputs), states inputs in
[model] as input=NAME,sizes,dtype, and counts axes and shapes without the batch.
"""

from __future__ import annotations

from collections.abc import Callable

from workbench.config.dictionary import BASE, SHARING
from workbench.config.document import Document
from workbench.config.lexer import KeyValue
from workbench.errors import Problems, Where, WorkbenchError
from workbench.layers import LAYERS

TAGS = {"pooling": "pool2d", "system": "model"}
KEYS = {
    ("system", "engine_serialize"): "make_engine",
    ("system", "log_console"): "log_con",
    ("system", "precision_mode"): "prec_mode",
    ("system", "infer_bit"): "prec_mode",
    ("upsample", "factor_size"): "factor",
    ("dense", "unit"): "hidden",
}
DROPPED = {
    "system": ("platform", "engine_workspace", "data_path", "label_path", "quant_batch"),
    "model": ("framework",),
}
PRECISIONS = {"32": "f32", "16": "f16"}
NORMS = {"zp1": "std=255 pre_order=0", "m1p1": "mean=127.5 std=127.5 pre_order=0"}
PICTURES = {"hwc3_bgr8": "hwc=1 bgr=1", "hwc3_rgb8": "hwc=1"}
COMMON = {key.name for key in (*BASE, *SHARING)}
# Layers with weights or of the detector whose V4 meaning is not V5.1's, whatever their keys say.
STRANGE = {"detect": "its boxes and scores are one tensor; [yolo] gives two", "nms": "it reads one tensor; [nms] two"}


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
        for kv in [*self.document.entry(id).keys]:
            self.key(id, subject, kv)
        entry = self.document.entry(id)
        if tag in TAGS:
            self.document.splice(entry.start, entry.tag_end, f"[{TAGS[tag]}]")
        if subject in STRANGE:
            self.lost(id, STRANGE[subject], "write it anew")
        elif tag not in ("system", "model", "default", "input", "output"):
            self.check(id, TAGS.get(tag, tag))

    def key(self, id: int, tag: str, kv: KeyValue) -> None:
        name, value = kv.key, kv.value
        if name in DROPPED.get(tag, ()):
            self.drop(id, kv)
        elif tag == "model" and name == "input":
            self.input(id, kv)
        elif name == "type" and value in TAGS:
            self.rename(id, kv, "type", TAGS[value])
        elif tag == "preproc" and name in ("input_mode", "norm_mode", "mode"):
            self.preproc(id, kv)
        elif name == "output":
            self.output(id, kv)
        elif name == "act" and "," in value:
            act, _, alpha = value.partition(",")
            self.rename(id, kv, "act", f"{act} act_alpha={alpha}")
        elif name == "pad" and value in ("same", "valid"):
            self.rename(id, kv, "pad_tf", value)
        elif (tag, name) in KEYS:
            new = KEYS[tag, name]
            self.rename(id, kv, new, PRECISIONS.get(value, value) if new == "prec_mode" else value)
        elif (tag, name) in WITH_BATCH:
            self.rename(id, kv, name, self.with_batch(id, kv, WITH_BATCH[tag, name]))
        elif name == "axis":
            self.rename(id, kv, name, self.with_batch(id, kv, _axes))

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

    def preproc(self, id: int, kv: KeyValue) -> None:
        """A picture format and a norm become the steps of mode=generic."""
        known = {"input_mode": PICTURES, "norm_mode": NORMS}.get(kv.key, {})
        if kv.key == "mode":
            self.document.remove_key(id, "mode")
        elif kv.value in known:
            words = known[kv.value] + (" mode=generic" if kv.key == "input_mode" else "")
            name, _, rest = words.partition("=")
            self.rename(id, kv, name, rest)

    def with_batch(self, id: int, kv: KeyValue, how: Callable[[list[str], str], list[str]]) -> str:
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
            if kv.key not in keys and kv.key not in COMMON:
                self.lost(id, f"{kv.key}={kv.value}: V5.1's layer has no such key")
            elif among and "$" not in kv.value and kv.value not in among:
                self.lost(id, f"{kv.key}={kv.value}: expected one of {', '.join(filter(None, among))}")


def _axes(items: list[str], batch: str) -> list[str]:
    """Axes from the front move on by one; those from the end stay. Raises ValueError for what is no number."""
    return [str(n + 1) if n >= 0 else str(n) for n in map(int, items)]


def _order(items: list[str], batch: str) -> list[str]:
    return ["0", *_axes(items, batch)]


def _shape(items: list[str], batch: str) -> list[str]:
    """The batch in front; raises ValueError where no input= stated it."""
    if not batch:
        raise ValueError("no batch")
    return [batch, *items]


def _start(items: list[str], batch: str) -> list[str]:
    return ["0", *items]


WITH_BATCH = {
    ("trans", "order"): _order,
    ("reshape", "shape"): _shape,
    ("slice", "shape"): _shape,
    ("slice", "start"): _start,
}
