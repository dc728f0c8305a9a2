"""What the widgets of a session share: edits, what they check again, errors told at their lines, files and drafts."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from workbench.errors import WorkbenchError
from workbench.paths import configs_dir
from workbench.session import Session
from workbench.ui.fallback import session_html, session_png
from workbench.ui.rows import changed_lines, diff_rows, problem_rows
from workbench.ui.sound import line_span
from workbench.ui.worker import Worker
from workbench.ui.workspace import Workspace

TEXT = (configs_dir() / "digits.cfg").read_text()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "digits.cfg"
    file.write_text(TEXT)
    return file


def opened(file: Path) -> Workspace:
    space = Workspace(Session.of_port("digits", config=file))
    space.start()
    done(space)
    return space


def done(space: Workspace) -> None:
    space.worker.wait(120)
    assert not space.error and not space.busy.title


def put(space: Workspace, line: int, old: str, new: str, group: str = "") -> None:
    text = space.document.text.splitlines()[line - 1]
    assert old in text
    space.edit(line, text, text.replace(old, new), group)
    done(space)


def statuses(space: Workspace) -> dict[int, str]:
    """By line; those that are judged by another are left out."""
    found = {n.where.line: space.verdicts.of(n, space.signs.get(n.entry)).status for n in space.graph.body}
    return {line: status.name.lower() for line, status in found.items()}


def test_an_edit_checks_what_it_changes_and_nothing_else(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    space = opened(file)
    space.check()
    done(space)
    assert set(statuses(space).values()) == {"passed"}
    checked: list[int] = []
    check_line = Session.check_line

    def told(session: Session, index: int, graph=None):
        checked.append(session.graph().nodes[index].where.line)
        return check_line(session, index, graph)

    monkeypatch.setattr(Session, "check_line", told)
    put(space, 15, "act=relu", "act=tanh")
    assert checked == [15]
    assert statuses(space) | {10: "", 13: ""} == {10: "", 13: "", 15: "failed", **dict.fromkeys(range(16, 20), "stale")}
    space.undo()
    done(space)
    assert checked == [15] and set(statuses(space).values()) == {"passed"}  # each has the verdict that it had


def test_a_check_asked_for_at_once_waits_for_the_original(file: Path) -> None:
    space = Workspace(Session.of_port("digits", config=file))
    space.start()
    space.check()
    done(space)
    assert space.traced and space.counts()["passed"] == 7 and space.diagnosis.clean


def test_errors_stand_at_their_lines_and_the_rest_is_checked(file: Path) -> None:
    space = opened(file)
    put(space, 19, "axis=1", "axes=1")  # wrong as text
    put(space, 16, "name=pool", "name=pole")  # which only reading the original tells
    space.check()
    done(space)
    told = {e.where.line: e.problem for e in space.problems}
    assert set(told) == {16, 19} and "axes" in told[19] and "pole" in told[16]
    assert [line for line, status in statuses(space).items() if status == "passed"] == [
        10,
        13,
        15,
        18,
    ]  # 18 is fed by 17's tie
    put(space, 16, "name=pole", "name=pool")
    assert {e.where.line for e in space.problems} == {19}
    assert statuses(space)[16] == "passed"


def test_letters_of_a_group_undo_as_one_and_a_lost_race_is_told(file: Path) -> None:
    space = opened(file)
    for old, new in [("hidden=10", "hidden=1"), ("hidden=1 ", "hidden=12 ")]:
        put(space, 18, old, new, group="7")
    space.undo()
    assert space.document.text == TEXT
    with pytest.raises(WorkbenchError, match="changed elsewhere"):
        space.edit(18, "[dense] of another time", "")


def test_the_draft_outlives_its_session(file: Path) -> None:
    space = opened(file)
    put(space, 18, "hidden=10", "hidden=12")
    space.draft.flush()
    after = opened(file)  # the kernel was killed
    assert after.document.text == TEXT and "hidden=12" in (after.draft.found() or "")
    after.restore()
    assert "hidden=12" in after.document.text and after.unsaved
    after.undo()
    assert after.document.text == TEXT
    after.redo()
    done(after)
    after.save()
    assert "hidden=12" in file.read_text() and after.draft.found() is None and not after.unsaved


def test_what_another_program_wrote_is_not_overwritten(file: Path) -> None:
    space = opened(file)
    put(space, 18, "hidden=10", "hidden=12")
    file.write_text("theirs")
    with pytest.raises(WorkbenchError, match="another program"):
        space.save()
    assert file.read_text() == "theirs" and space.unsaved
    other = file.with_name("mine.cfg")
    other.write_text("there before")
    with pytest.raises(WorkbenchError, match="another program"):
        space.save(str(other))
    other.unlink()
    space.save(str(other))
    assert "hidden=12" in other.read_text() and space.file == str(other) and file.read_text() == "theirs"
    with pytest.raises(WorkbenchError, match="give a name"):
        Workspace(Session.of_port("digits", config=TEXT)).save()


def test_the_static_form_escapes_and_tells_all(file: Path) -> None:
    space = opened(file)
    assert session_png(space, "digits") == b""  # nothing is checked
    put(space, 16, "kernel=2", "kernel=2 <script>")
    space.check()
    done(space)
    page = session_html(space, "<digits>")
    assert "<script>" not in page and "&lt;script&gt;" in page and "&lt;digits&gt;" in page
    assert page.count("<tr>") == 1 + len(space.graph.body) and "3 passed" in page
    assert session_png(space, "digits").startswith(b"\x89PNG")


class Silent:
    def __init__(self, errors: list[BaseException]) -> None:
        self.errors = errors

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, raised: BaseException | None, trace: object) -> bool:
        if raised is not None:
            self.errors.append(raised)
        return True


def test_the_worker_takes_turns_and_ends_what_is_cancelled() -> None:
    errors: list[BaseException] = []
    done: list[str] = []
    begun, go_on = threading.Event(), threading.Event()
    worker = Worker(lambda busy: None, lambda: Silent(errors))

    def long(progress):
        for i in progress(range(100), "long", 100):
            done.append(f"step {i}")
            begun.set()
            go_on.wait(20)
            if i == 1:
                worker.cancel()

    def wrong(progress):
        raise WorkbenchError("told")

    worker.submit("wrong", wrong)
    worker.submit("long", long)
    worker.submit("next", lambda progress: done.append("never"))
    begun.wait(20)
    worker.quick("a", lambda progress: done.append("replaced"))
    worker.quick("a", lambda progress: done.append("quick"))
    assert worker.overtaken("a")
    go_on.set()
    worker.wait(20)
    assert done == ["step 0", "quick", "step 1"]
    assert [str(e) for e in errors] == ["told"]
    worker.submit("after", lambda progress: done.append("after"))
    worker.wait(20)
    assert done[-1] == "after"


def test_rows_that_the_browser_draws() -> None:
    assert changed_lines("a\nB\nc\nd", "a\nb\nc") == [2, 4]
    assert [(r["kind"], r["text"]) for r in diff_rows("a\nb", "a\nB")] == [(" ", "a"), ("-", "b"), ("+", "B")]
    session = Session.of_port("digits", config=TEXT.replace("hidden=10", "hiden=10"))
    row = next(r for r in problem_rows(session.parse(original=False).errors, session.document) if "fix" in r)
    line = session.document.text.splitlines()[row["line"] - 1]
    assert line[row["col"] - 1 :][: row["length"]] == "hiden" and row["fix"] == "hidden"


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_lines_are_found_whatever_ends_them(newline: str) -> None:
    text = newline.join(["one", "", "three"])
    spans = [text[slice(*line_span(text, line))] for line in range(1, 5)]
    assert spans == ["one", "", "three", ""]
