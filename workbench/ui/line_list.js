// The list of lines: which are shown, wrapped to the pane's width, each with the errors of its text below it.

import { h, button, glyph } from "./dom.js";
import { shown, wrap, words, parent, common } from "./text.js";
import { virtualList } from "./list.js";
import { lineRow } from "./line_row.js";
import { BAD } from "./lines_state.js";

const ROW = 18, MESSAGE = 22, NARROWEST = 20;
export const SHOWN = { all: null, bad: BAD, drift: ["drift"], stale: ["stale"], unchecked: ["unchecked"], passed: ["passed"] };

// acts: pick(line), edit(line), replace(problem), drawn() after each layout
export function lineList(root, state, acts) {
  const { get } = state, id = `pw-line-${Math.random().toString(36).slice(2)}`;
  let places = new Map(), columns = 50;
  state.height = 0; // of the line being edited, which may take more than its text did
  const list = virtualList("config lines", "listbox", draw, height);

  function height(item) {
    if (item.problem) return columns === Infinity ? 0 : MESSAGE;
    return Math.max(item.rows.length * ROW, item.line === get("cursor") && state.editing ? state.height : 0);
  }

  function draw(item) {
    if (item.problem) return message(item.problem);
    const { line } = item;
    const marks = { on: line === get("cursor"), changed: state.changed.has(line), bracket: state.marks.get(line), id: `${id}-${line}`, count: state.lines.length };
    return lineRow(item, state.rows.get(line), marks, acts.pick, acts.edit);
  }

  function message(problem) {
    const fix = problem.fix && button("Replace", "Ctrl .", () => acts.replace(problem), { class: "pw-slim", title: `put '${problem.fix}' in its place` });
    const note = problem.note.length < 90 || !problem.fix ? problem.note : "";
    return h("div", { class: "pw-ln-msg", title: problem.note }, glyph("text"), h("span", null, problem.text, problem.fix ? `; did you mean '${problem.fix}'?` : note ? ` (${note})` : ""), fix);
  }

  function layout() {
    const allowed = SHOWN[get("filter")], query = get("query").toLowerCase(), cursor = get("cursor"), items = [];
    let above = "";
    places = new Map();
    state.lines.forEach(([text], i) => {
      const line = i + 1, row = state.rows.get(line), here = line === cursor;
      const scope = row?.tie ? common(parent(row.tie), above) : "";
      if (here || ((!allowed || allowed.includes(row?.status)) && (!query || text.toLowerCase().includes(query)))) {
        const wrong = state.problems.get(line) ?? [];
        places.set(line, items.length);
        items.push({ line, text, rows: mark(wrap(here ? words(text) : shown(text, scope), columns), text, wrong) });
        wrong.forEach((problem) => items.push({ problem }));
      }
      if (row?.tie) above = parent(row.tie);
    });
    (state.problems.get(0) ?? []).forEach((problem) => items.push({ problem }));
    list.update(items);
    list.element.setAttribute("aria-activedescendant", `${id}-${cursor}`);
    acts.drawn();
  }

  // The words that errors are about are underlined.
  function mark(wrapped, text, wrong) {
    if (!wrong.length) return wrapped;
    const bad = wrong.filter(({ length }) => length).map(({ col, length }) => text.slice(col - 1, col - 1 + length)).filter(Boolean);
    const meant = (word) => bad.some((b) => word.replace(/=$/, "") === b || word === b || b === `[${word.slice(1, -1)}]`);
    return wrapped.map((row) => row.map(([kind, word]) => [kind && meant(word) ? `${kind} pw-w-wrong` : kind, word]));
  }

  function measure() {
    const probe = h("span", { class: "pw-mono", style: "position: absolute; visibility: hidden" }, "0".repeat(100));
    root.append(probe);
    const width = list.element.clientWidth - parseFloat(getComputedStyle(root).getPropertyValue("--pw-ln-rest") || "270");
    // The rail has no room for text: each of its lines is one row high.
    columns = width < 0 ? Infinity : Math.max(NARROWEST, Math.floor(width / (probe.getBoundingClientRect().width / 100)));
    probe.remove();
  }

  let width = 0;
  const sized = new ResizeObserver(() => {
    if (list.element.clientWidth === width) return;
    width = list.element.clientWidth;
    measure();
    layout();
    list.reveal(places.get(get("cursor")) ?? -1);
  });
  sized.observe(list.element);
  return { element: list.element, canvas: list.canvas, layout, measure, lines: () => [...places.keys()], top: (line) => list.top(places.get(line)), reveal: (line, around) => list.reveal(places.get(line), around),
    focus: () => list.element.focus({ preventScroll: true }), stop: () => { sized.disconnect(); list.stop(); } };
}
