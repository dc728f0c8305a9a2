"""Document: nothing is lost, ids hold, and every edit can be taken back."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from workbench.config.document import Document, parse, unparse
from workbench.config.encoding import decode, encode, readable
from workbench.errors import WorkbenchError

REAL = b"""\xef\xbb\xbf# \xc8\xae\xc0\xce (cp949) and \xed\x99\x95\xec\x9d\xb8 (UTF-8)\r
[model]\tname=m\r
device_id=0 #[end]\r
\r
[input] refname=X shape=1,3 dtype=f32 [relu6] [conv2d] channel=3 #cv1 [not] a=layer\r
kernel=3 pad=1,\r
  # between\r
refname=F [output] refname=F [end]\r
[junk\x00 \xff\r
"""
PIECES = ["[conv2d]", "[a] b=c", "key=value", "#", "# note", "[end]", "=", "[", "]", " ", "\t", "\n", "\r\n", "\r",
          "\ufeff", "\u3000", "확인", "\uf780", "a=b=c", "x"]  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES), max_size=25).map("".join)


@given(st.binary(max_size=60) | TEXTS.map(str.encode))
@settings(deadline=None)
@example(REAL)
@example("\uf7ff".encode() + b"\xb0\xa1")
def test_every_byte_is_kept(data):
    document = Document(data)
    assert bytes(document) == data
    assert encode(decode(data)) == data
    assert not any("\ud800" <= c <= "\udfff" for c in document.text), "a browser could not hold it"


@given(TEXTS)
@settings(deadline=None)
def test_spans_hold_what_the_entries_say(text):
    document = parse(text)
    assert unparse(document) == text
    starts = [0, *(i + 1 for i, c in enumerate(text) if c == "\n" or (c == "\r" and text[i + 1 : i + 2] != "\n"))]
    for entry in document.entries:
        assert text[entry.start] == "["
        for kv in entry.keys:
            assert text[kv.start : kv.end] == f"{kv.key}={kv.value}"
            bom = text.startswith("\ufeff") and kv.line == 1
            assert starts[kv.line - 1] + kv.col - 1 + bom == kv.start


def test_a_real_looking_file():
    document = Document(REAL, "x.cfg")
    assert [e.tag for e in document.entries] == ["model", "input", "relu6", "conv2d", "output"]
    model, _, _, conv, output = document.entries
    assert model.content == ("model", ("name", "m"), ("device_id", "0"))
    assert conv.content == ("conv2d", ("channel", "3"), ("kernel", "3"), ("pad", "1,"), ("refname", "F"))
    assert (output.line, output.col) == (8, 11)
    assert not document.problems
    assert "확인 (cp949) and 확인 (UTF-8)" in readable(document.text)


@pytest.mark.parametrize(
    "text, place, problem",
    [
        ("a=1", "f:1:1", "before any [section]"),
        ("[conv2d", "f:1:1", "has no closing bracket"),
        ("[a] input=A, B", "f:1:14", "expected key=value or [section]; got 'B'"),
        ("[a]\n\tkey = 1", "f:2:2", "got 'key'"),
    ],
)
def test_what_is_no_entry_is_told(text, place, problem):
    error = Document(text, "f").problems[0]
    assert str(error.where) == place and problem in error.problem


CONFIG = """# head
[a] x=1 # keep
[b] x=1 y=2 [c]
  z=3 # keep too
[d] x=1 [end]
"""


def edited(edit, text=CONFIG):
    document = Document(text)
    ids = {e.tag: e.id for e in document.entries}
    edit(document, ids)
    return document


@pytest.mark.parametrize(
    "edit, before, after",
    [
        (lambda d, i: d.set_key(i["a"], "x", "22"), "[a] x=1 #", "[a] x=22 #"),
        (lambda d, i: d.set_key(i["a"], "w", "5"), "[a] x=1 #", "[a] x=1 w=5 #"),
        (lambda d, i: d.set_key(i["c"], "w", "5"), "y=2 [c]\n", "y=2 [c] w=5\n"),
        (lambda d, i: d.set_key(i["c"], "z", ""), "z=3", "z="),
        (lambda d, i: d.remove_key(i["b"], "x"), "[b] x=1 y=2", "[b] y=2"),
        (lambda d, i: d.remove_key(i["c"], "z"), "  z=3 # keep too", "# keep too"),
        (lambda d, i: d.remove_key(i["b"], "none"), "", ""),
        (lambda d, i: d.remove(i["a"]), "[a] x=1 # keep", "# keep"),
        (lambda d, i: d.remove(i["b"]), "[b] x=1 y=2 [c]", "[c]"),
        (lambda d, i: d.remove(i["c"]), " [c]\n  z=3 # keep too", "\n# keep too"),
        (lambda d, i: d.remove(i["d"]), "[d] x=1 [end]", "[end]"),
        (lambda d, i: d.replace_entry(i["b"], "[b] q=1 # new"), "[b] x=1 y=2 [c]", "[b] q=1 # new\n[c]"),
        (lambda d, i: d.replace_entry(i["c"], "[c2]"), "[c]\n  z=3 # keep too", "[c2]\n# keep too"),
        (lambda d, i: d.insert_after(i["a"], "[n]"), "# keep\n", "# keep\n[n]\n"),
        (lambda d, i: d.insert_after(i["b"], "[n] #x"), "y=2 [c]", "y=2\n[n] #x\n[c]"),
        (lambda d, i: d.insert_after(None, "[n]\n"), "[a]", "[n]\n[a]"),
        (lambda d, i: d.append("[n]\n[m]"), "x=1 [end]", "x=1\n[n]\n[m]\n[end]"),
    ],
)
def test_edits_keep_comments_and_layout(edit, before, after):
    document = edited(edit)
    assert document.text == CONFIG.replace(before, after, 1)
    crlf = edited(edit, CONFIG.replace("\n", "\r\n"))
    assert crlf.text == document.text.replace("\n", "\r\n")
    if document.text != CONFIG:
        assert document.undo() and document.text == CONFIG
        assert [e.id for e in document.entries] == [0, 1, 2, 3]
        assert document.redo() and document.text == CONFIG.replace(before, after, 1)


def test_append_grows_an_empty_document():
    document = Document()
    first = document.append("[model] name=x")
    assert document.append("[input]") and document.text == "[model] name=x\n[input]"
    assert document.entry(first[0]).get("name") == "x"


def test_bad_edits_are_refused_and_change_nothing():
    document = Document(CONFIG, "f")
    for edit in (
        lambda: document.set_key(0, "x", "a b"),
        lambda: document.set_key(0, "x y", "1"),
        lambda: document.set_key(99, "x", "1"),
        lambda: document.splice(5, 2, ""),
    ):
        with pytest.raises(WorkbenchError, match=r"^f"):
            edit()
    assert document.text == CONFIG and not document.undo()


def test_ids_of_twins_tell_them_apart():
    document = Document("[r]\n[r]\n[r]\n")
    document.remove(1)
    assert [e.id for e in document.entries] == [0, 2]
    document.insert_after(0, "[r]")
    assert [e.id for e in document.entries] == [0, 3, 2]
    document.replace_text("[r] a=1\n[r]\n[r]\n")
    assert [e.id for e in document.entries] == [0, 3, 2]


def test_an_edit_below_a_line_that_it_swallows_gives_its_id_back_on_undo():
    document = Document("[a]\n[b]\n[c]\n")
    document.splice(4, 4, "#")
    assert [(e.tag, e.id) for e in document.entries] == [("a", 0), ("c", 2)]
    document.undo()
    assert [(e.tag, e.id) for e in document.entries] == [("a", 0), ("b", 1), ("c", 2)]


SPLICES = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 60), TEXTS, st.sampled_from(["edit", "undo", "redo"])), max_size=8
)


@given(TEXTS, SPLICES)
@settings(max_examples=150, deadline=None)
def test_undo_and_redo_walk_the_same_states(text, steps):
    """Any mixture of edits, undo and redo is a walk over recorded states, ids included."""
    document = Document(text)

    def state():
        return document.text, [(e.id, e.content, e.start) for e in document.entries]

    past, future = [], []
    for a, b, new, what in steps:
        now = state()
        start, end = sorted(min(n, len(document.text)) for n in (a, b))
        if what == "edit":
            outside = {e.id: e.content for e in document.entries if e.end < start and e is not document.entries[-1]}
            document.splice(start, end, new)
            if now[0][start:end] != new:
                past, future = [*past, now], []
            fresh = Document(document.text)
            assert [e.content for e in fresh.entries] == [e.content for e in document.entries]
            assert len({e.id for e in document.entries}) == len(document.entries)
            assert outside.keys() <= {e.id for e in document.entries}
        elif what == "undo":
            assert document.undo() == bool(past)
            if past:
                future.append(now)
                assert state() == past.pop()
        else:
            assert document.redo() == bool(future)
            if future:
                past.append(now)
                assert state() == future.pop()


def test_save_is_atomic(tmp_path):
    document = Document(REAL, "x")
    document.save(tmp_path / "x.cfg")
    assert (tmp_path / "x.cfg").read_bytes() == REAL
    document.splice(0, 0, "\ud800")
    with pytest.raises(WorkbenchError, match="half a character"):
        document.save(tmp_path / "x.cfg")
    assert (tmp_path / "x.cfg").read_bytes() == REAL
    with pytest.raises(WorkbenchError, match="cannot read"):
        Document.read(tmp_path / "y.cfg")


OPERATIONS = {
    "set": lambda d, id: d.set_key(id, "key", "new"),
    "unset": lambda d, id: d.remove_key(id, "key"),
    "remove": lambda d, id: d.remove(id),
    "replace": lambda d, id: d.replace_entry(id, "[new] k=v # note"),
    "insert": lambda d, id: d.insert_after(id, "[new] k=v # note"),
}


@given(TEXTS, st.integers(0, 20), st.sampled_from(list(OPERATIONS)))
@settings(max_examples=400, deadline=None)
@example("[[conv2d]=]", 1, "remove")
def test_an_edit_changes_its_entry_and_nothing_else(text, index, what):
    document = Document(text)
    if not document.entries:
        return
    at = index % len(document.entries)
    id = document.entries[at].id
    before = [(e.id, *e.content) for e in document.entries]
    comments, problems = text.count("# note"), len(document.problems)
    OPERATIONS[what](document, id)
    after = [(e.id, *e.content) for e in document.entries]
    _, tag, *keys = before[at]
    new = ("new", ("k", "v"))
    others = [pair for pair in keys if pair[0] != "key"]
    if what == "set" and len(others) == len(keys):
        assert sorted(after[at][2:]) == sorted([*keys, ("key", "new")])
    elif what == "set":
        last = max(i for i, pair in enumerate(keys) if pair[0] == "key")
        assert after[at] == (id, tag, *keys[:last], ("key", "new"), *keys[last + 1 :])
    elif what == "unset":
        assert after[at] == (id, tag, *others)
    elif what == "replace":
        assert after[at] == (id, *new)
    elif what == "insert":
        assert after.pop(at + 1)[1:] == new
    else:
        assert before.pop(at) and after == before
    assert [e for e in after if e[0] != id] == [e for e in before if e[0] != id]
    assert document.text.count("# note") == comments + (what in ("replace", "insert"))
    assert len(document.problems) <= problems


def test_a_copy_has_the_ids_and_blanks_move_nothing():
    document = parse("[a] x=1\n[b]  # why\n y=2\n[c]\n")
    document.replace_text("[z]\n" + document.text)  # ids are not merely 0, 1, 2
    copy = document.copy()
    assert [(e.id, e.line) for e in copy.entries] == [(e.id, e.line) for e in document.entries]
    assert not copy.undo()
    second = copy.entries[2]
    copy.blank(second.id)
    assert [(e.id, e.line, e.tag) for e in copy.entries] == [
        (e.id, e.line, e.tag) for e in document.entries if e.id != second.id
    ]
    assert len(copy.text) == len(document.text) and "y=2" in document.text
    assert copy.append("[new]") == (max(e.id for e in document.entries) + 1,)
