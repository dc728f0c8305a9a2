// The config's lines with their verdicts: stepping through them, changing them in place, the module tree, the changes.

import { h, set, segments, mount } from "./dom.js";
import { parent } from "./text.js";
import { lineState } from "./lines_state.js";
import { lineList, SHOWN } from "./line_list.js";
import { lineEdits } from "./line_edits.js";
import { moduleTree } from "./tree.js";
import { changeList } from "./changes.js";
import { keyboard } from "./keys.js";

const PAGE = 20;
const MIRRORED = ["text", "rows", "problems", "changed", "ack", "filter", "query", "modules", "covered", "diff", "proposal", "chosen", "chosenLine"];

function render({ model, el }) {
  const root = mount(model, el, "lines", "Config lines");
  const state = lineState(model), { get, save, command } = state;

  // ---- what is drawn
  const edits = lineEdits(root, state, { list: () => list, move, open: () => open("lines") });
  const list = lineList(root, state, { pick, edit: (line) => { go(line); edits.edit(); }, replace: edits.replaceWord, drawn: edits.place });
  list.canvas.append(edits.element);
  const scope = h("span", "pw-ln-scope pw-mono");
  const head = h("div", { class: "pw-ln-cols", "aria-hidden": "true" }, h("span"), h("span"), h("span"), h("span"), scope, h("span", "pw-num", "isolated"), h("span", null, "cumulative"), h("span", "pw-num", "shape"));
  const show = (line) => { open("lines"); go(line, true); };
  const tree = moduleTree(model, { go: show, rowOf: (line) => state.rows.get(line) });
  const changes = changeList(model, show);
  const filter = h("select", { "aria-label": "verdicts shown", onchange: () => save({ filter: filter.value }) }, Object.keys(SHOWN).map((key) => h("option", { value: key }, { all: "all verdicts", unchecked: "not checked" }[key] ?? key)));
  const find = h("input", { type: "search", placeholder: "find", "aria-label": "find in lines", oninput: () => save({ query: find.value }) });
  find.addEventListener("keydown", (event) => { if (event.key === "Escape" || event.key === "Enter") { list.focus(); event.preventDefault(); } });
  const panes = { lines: h("div", "pw-ln-pane", head, list.element), tree: tree.element, changes: changes.element };
  const tabs = segments("left pane", [["lines", "Lines"], ["tree", "Module tree"], ["changes", "Changes"]], get("mode"), open);
  const live = h("div", { class: "pw-hidden", role: "status", "aria-live": "polite" });
  root.append(h("div", "pw-bar pw-ln-bar", tabs, h("span", "pw-grow"), filter, find, h("kbd", { "aria-hidden": "true" }, "/")), ...Object.values(panes), live);

  function refresh() {
    state.read();
    filter.value = get("filter");
    if (find.value !== get("query")) find.value = get("query");
    list.layout();
    say();
    tree.update(state.rows);
    changes.update();
  }

  // The cursor's module above the lines; for a screen reader, what is known of its line.
  function say() {
    const line = get("cursor"), row = state.rows.get(line), path = parent(state.judge(line)?.tie || "");
    set(scope, path ? path.split(".").flatMap((name, i) => (i ? [h("span", "pw-dim", " › "), name] : [name])) : "");
    const error = row?.error ?? null;
    live.textContent = row ? `line ${line}: ${[row.status, error !== null && `isolated ${error}`, state.problems.get(line)?.[0]?.text, row.note].filter(Boolean).join(", ")}` : "";
  }

  function open(mode) {
    if (mode !== get("mode")) { edits.stop(false); save({ mode }); }
    tabs.choose(mode);
    for (const [name, pane] of Object.entries(panes)) pane.hidden = name !== mode;
    if (mode === "changes") command("diff");
    if (mode === "lines") list.layout();
    else (mode === "tree" ? tree : changes).shown();
  }

  // ---- moving
  function go(line, focus) {
    const to = Math.max(1, Math.min(state.lines.length, line));
    if (to !== get("cursor")) save({ cursor: to });
    else follow();
    if (focus) list.focus();
  }

  function follow() {
    list.layout();
    list.reveal(get("cursor"));
    say();
  }

  function pick(line) {
    if (state.editing && line === get("cursor")) return;
    edits.stop(false);
    go(line, true);
  }

  function move(step) {
    const lines = list.lines(), at = lines.indexOf(get("cursor"));
    const to = lines[Math.max(0, Math.min(lines.length - 1, at + step))];
    const caret = state.editing && to !== get("cursor") ? edits.caret() : null;
    if (caret !== null) edits.stop(false);
    go(to);
    if (caret !== null) edits.edit(caret);
  }

  function jump(which) {
    const bad = state.badLines(), here = get("cursor");
    const to = { first: bad[0], next: bad.find((line) => line > here), previous: bad.filter((line) => line < here).at(-1) }[which];
    if (to) { edits.stop(false); show(to); }
    else live.textContent = { first: "no bad line", next: "no bad line below", previous: "no bad line above" }[which];
  }

  function undo(which) { edits.stop(true); command(which); }
  const keys = keyboard(root, {
    Enter: () => edits.edit(), ArrowDown: () => move(1), ArrowUp: () => move(-1), j: () => move(1), k: () => move(-1),
    PageDown: () => move(PAGE), PageUp: () => move(-PAGE), Home: () => go(1), End: () => go(state.lines.length),
    f: () => jump("first"), n: () => jump("next"), p: () => jump("previous"), t: () => command("check", { line: get("cursor") }), c: () => command("check"),
    o: () => edits.insertBelow(""), "/": () => { open("lines"); find.focus(); find.select(); }, "Ctrl+.": edits.suggest,
    "Ctrl+z": () => undo("undo"), "Ctrl+Shift+z": () => undo("redo"), "Ctrl+s": () => command("save"),
  }, { typing: ["Ctrl+z", "Ctrl+Shift+z", "Ctrl+s"], lists: () => get("mode") === "lines" });

  // ---- the model
  let waiting = false;
  const later = () => { if (!waiting) { waiting = true; queueMicrotask(() => { waiting = false; refresh(); }); } };
  for (const name of MIRRORED) model.on(`change:${name}`, later);
  model.on("change:cursor", follow);
  model.on("change:mode", () => open(get("mode")));
  model.on("msg:custom", (message) => { if (message.insert !== undefined) edits.insertBelow(message.insert); });
  list.measure();
  refresh();
  open(get("mode"));
  list.reveal(get("cursor"));
  return () => { list.stop(); tree.stop(); changes.stop(); keys(); };
}

export default { render };
