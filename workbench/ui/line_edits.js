// Changing lines where they stand: the line being edited, lines split and joined, words put right, lines put in.

import { lineEditor } from "./editor.js";

const NEWLINE = /\r\n|\r|\n/g, ROW = 18, POPUP = 190;

// acts: list() → the list of lines, move(step), open() shows the lines
export function lineEdits(root, state, acts) {
  const { get, save, splice } = state;
  const editor = lineEditor({ change, lines: replaceLine, leave: () => stop(true), move: acts.move, join, suggest, context: state.context });

  function edit(caret) {
    state.editing = true;
    state.nextGroup();
    root.classList.add("pw-editing");
    place();
    editor.open(state.text(get("cursor")), caret);
    grow();
    acts.list().reveal(get("cursor"), POPUP); // room for what completion offers
    save({ editing: true });
  }

  function stop(focus) {
    if (!state.editing) return;
    state.editing = false;
    root.classList.remove("pw-editing");
    editor.close();
    state.height = 0;
    save({ editing: false });
    acts.list().layout();
    if (focus) acts.list().focus();
  }

  function place() {
    if (state.editing) editor.element.style.top = `${acts.list().top(get("cursor"))}px`;
  }

  function grow() {
    const height = Math.max(ROW, editor.height());
    if (height === state.height) return;
    state.height = height;
    acts.list().layout();
  }

  function change(text) {
    splice(get("cursor"), 1, text, true);
    acts.list().layout();
    grow();
  }

  // Goes on editing at a line that lines were split from or joined into.
  function goOn(line, caret) {
    save({ cursor: line });
    acts.list().layout();
    edit(caret);
    acts.list().reveal(line);
  }

  function replaceLine(text, caret) {
    const line = get("cursor"), before = text.slice(0, caret).split(NEWLINE);
    splice(line, 1, text.replace(NEWLINE, state.end()), false);
    goOn(line + before.length - 1, before.at(-1).length);
  }

  function join(step) {
    const line = get("cursor"), first = step < 0 ? line - 1 : line;
    if (first < 1 || first >= state.lines.length) return false;
    const caret = state.text(first).length;
    splice(first, 2, state.text(first) + state.text(first + 1), false);
    goOn(first, caret);
    return true;
  }

  function replaceWord(problem) {
    const text = state.text(problem.line), at = problem.col - 1;
    state.nextGroup();
    splice(problem.line, 1, text.slice(0, at) + problem.fix + text.slice(at + problem.length), false);
    if (state.editing && problem.line === get("cursor")) editor.set(state.text(problem.line));
    acts.list().layout();
  }

  // Takes the word that was meant, or on an empty line the line that the next module asks for.
  function suggest() {
    const line = get("cursor"), problem = state.problems.get(line)?.find(({ fix }) => fix);
    if (problem) return replaceWord(problem);
    if (state.text(line).trim() || !get("proposal")) return null;
    if (!state.editing) edit();
    editor.set(get("proposal"));
    return change(get("proposal"));
  }

  function insertBelow(text) {
    acts.open();
    const line = get("cursor");
    splice(line, 1, state.text(line) + state.end() + text, false);
    goOn(line + 1);
  }

  return { element: editor.element, edit, stop, place, caret: editor.caret, replaceWord, suggest, insertBelow };
}
