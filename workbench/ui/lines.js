// The config's lines with their verdicts: stepping through them, changing them in place, the module tree, the changes.

import { h, set, button, segments, glyph, mount } from "./dom.js";
import { splitLines, shown, wrap, words, parent } from "./text.js";
import { virtualList } from "./list.js";
import { lineRow, brackets } from "./line_row.js";
import { lineEditor } from "./editor.js";
import { moduleTree } from "./tree.js";
import { changeList } from "./changes.js";
import { keyboard } from "./keys.js";

const ROW = 18, MESSAGE = 22;
const BAD = ["failed", "unsupported", "text"];
const SHOWN = { all: null, bad: BAD, drift: ["drift"], stale: ["stale"], unchecked: ["unchecked"], passed: ["passed"] };

function render({ model, el }) {
  const root = mount(model, el, "lines", "Config lines");
  const get = (name) => model.get(name);
  const save = (values) => { for (const [name, value] of Object.entries(values)) model.set(name, value); model.save_changes(); };
  let lines = [], rows = new Map(), problems = new Map(), marks = new Map(), changed = new Set(), items = [], places = new Map();
  const id = `pw-line-${Math.random().toString(36).slice(2)}`;
  let sent = get("ack"), editing = false, group = 0, columns = 50, extra = 0;

  // ---- what is drawn
  const editor = lineEditor({ change, lines: replaceLine, leave: () => stop(true), move, join, suggest, context });
  const list = virtualList("config lines", "listbox", draw, (item) => (item.problem ? MESSAGE : Math.max(item.rows.length * ROW, item.line === get("cursor") && editing ? extra : 0)));
  list.canvas.append(editor.element);
  const scope = h("span", "pw-ln-scope pw-mono");
  const columnsHead = h("div", { class: "pw-ln-cols", "aria-hidden": "true" }, h("span"), h("span"), h("span"), h("span"), scope, h("span", "pw-num", "isolated"), h("span", null, "cumulative"), h("span", "pw-num", "shape"));
  const tree = moduleTree(model, { go: (line) => { open("lines"); go(line, true); }, rowOf: (line) => rows.get(line) });
  const changes = changeList(model, (line) => { open("lines"); go(line, true); });
  const filter = h("select", { "aria-label": "verdicts shown", onchange: () => save({ filter: filter.value }) }, Object.keys(SHOWN).map((key) => h("option", { value: key }, key === "all" ? "all verdicts" : key === "unchecked" ? "not checked" : key)));
  const find = h("input", { type: "search", placeholder: "find", "aria-label": "find in lines", oninput: () => save({ query: find.value }) });
  find.addEventListener("keydown", (event) => { if (event.key === "Escape" || event.key === "Enter") { list.element.focus(); event.preventDefault(); } });
  const panes = { lines: h("div", "pw-ln-pane", columnsHead, list.element), tree: tree.element, changes: changes.element };
  const tabs = segments("left pane", [["lines", "Lines"], ["tree", "Module tree"], ["changes", "Changes"]], get("mode"), open);
  const live = h("div", { class: "pw-hidden", role: "status", "aria-live": "polite" });
  root.append(h("div", "pw-bar pw-ln-bar", tabs, h("span", "pw-grow"), filter, find, h("kbd", { "aria-hidden": "true" }, "/")), ...Object.values(panes), live);

  function draw(item) {
    if (item.problem) return message(item);
    const line = item.line, on = line === get("cursor");
    return lineRow(item, rows.get(line), { on, changed: changed.has(line), bracket: marks.get(line), id: `${id}-${line}`, count: lines.length },
      (picked) => (editing && picked === get("cursor") ? null : (stop(false), go(picked), list.element.focus({ preventScroll: true }))), (picked) => { go(picked); edit(); });
  }

  function message({ problem }) {
    const fix = problem.fix && button("Replace", "Ctrl .", () => replaceWord(problem), { class: "pw-slim", title: `put '${problem.fix}' in its place` });
    const note = problem.note.length < 90 || !problem.fix ? problem.note : "";
    return h("div", { class: "pw-ln-msg", title: problem.note }, glyph("text"), h("span", null, problem.text, problem.fix ? `; did you mean '${problem.fix}'?` : note ? ` (${note})` : ""), fix);
  }

  function layout() {
    const allowed = SHOWN[get("filter")], query = get("query").toLowerCase(), cursor = get("cursor");
    let above = "";
    items = [];
    places = new Map();
    lines.forEach(([text], i) => {
      const line = i + 1, row = rows.get(line), here = line === cursor;
      const own = row?.tie ? parent(row.tie) : "";
      const visible = here || ((!allowed || allowed.includes(row?.status)) && (!query || text.toLowerCase().includes(query)));
      if (visible) {
        places.set(line, items.length);
        const wrong = problems.get(line) ?? [];
        const drawn = here ? words(text) : shown(text, own && own === above ? own : "");
        items.push({ line, text, rows: mark(wrap(drawn, columns), text, wrong) });
        wrong.forEach((problem) => items.push({ problem }));
      }
      if (row?.tie) above = own;
    });
    (problems.get(0) ?? []).forEach((problem) => items.push({ problem }));
    list.update(items);
    if (editing) place();
  }

  // The words that errors are about are underlined.
  function mark(wrapped, text, wrong) {
    if (!wrong.length) return wrapped;
    const bad = wrong.filter(({ length }) => length).map(({ col, length }) => text.slice(col - 1, col - 1 + length));
    return wrapped.map((row) => row.map(([kind, word]) => [kind && bad.some((b) => b && (word.replace(/=$/, "") === b || word === b || b === `[${word.slice(1, -1)}]`)) ? `${kind} pw-w-wrong` : kind, word]));
  }

  function refresh() {
    if (get("ack") >= sent) lines = splitLines(get("text"));
    rows = new Map(get("rows").map((row) => [row.line, row]));
    marks = brackets(get("rows"));
    changed = new Set(get("changed"));
    problems = new Map();
    for (const problem of get("problems")) problems.set(problem.line, [...(problems.get(problem.line) ?? []), problem]);
    filter.value = get("filter");
    if (find.value !== get("query")) find.value = get("query");
    layout();
    say();
    tree.update(rows);
    changes.update();
  }

  function say() {
    const line = get("cursor"), row = rows.get(line), judge = row?.judge ? rows.get(row.judge) : row;
    const path = parent(judge?.tie || "");
    set(scope, path ? path.split(".").flatMap((name, i) => (i ? [h("span", "pw-dim", " › "), name] : [name])) : "");
    list.element.setAttribute("aria-activedescendant", `${id}-${line}`);
    const wrong = problems.get(line)?.[0]?.text;
    live.textContent = row ? `line ${line}: ${[row.status && row.status, row.error !== null && row.error !== undefined ? `isolated ${row.error}` : "", wrong, row.note].filter(Boolean).join(", ")}` : "";
  }

  // ---- moving
  function go(line, focus) {
    const to = Math.max(1, Math.min(lines.length, line));
    if (to !== get("cursor")) save({ cursor: to });
    layout();
    list.reveal(places.get(to));
    say();
    if (focus) list.element.focus({ preventScroll: true });
  }

  function move(step) {
    const seen = [...places.keys()], at = seen.indexOf(get("cursor"));
    const to = seen[Math.max(0, Math.min(seen.length - 1, at + step))];
    if (editing && to !== get("cursor")) {
      const caret = editor.caret();
      stop(false);
      go(to);
      edit(caret);
    } else go(to);
  }

  const badLines = () => [...new Set([...get("rows").filter((row) => BAD.includes(row.status)).map((row) => row.line), ...[...problems.keys()].filter(Boolean)])].sort((a, b) => a - b);
  function jump(which) {
    const bad = badLines(), here = get("cursor");
    const to = which === "first" ? bad[0] : which === "next" ? bad.find((line) => line > here) : bad.filter((line) => line < here).at(-1);
    if (to) { open("lines"); stop(false); go(to, true); }
    else live.textContent = which === "first" ? "no bad line" : `no bad line ${which === "next" ? "below" : "above"}`;
  }

  // ---- editing
  function edit(caret) {
    editing = true;
    group += 1;
    root.classList.add("pw-editing");
    place();
    editor.open(lines[get("cursor") - 1][0], caret);
    grow();
    save({ editing: true });
  }

  function stop(focus) {
    if (!editing) return;
    editing = false;
    root.classList.remove("pw-editing");
    editor.close();
    extra = 0;
    save({ editing: false });
    layout();
    if (focus) list.element.focus({ preventScroll: true });
  }

  function place() {
    editor.element.style.top = `${list.top(places.get(get("cursor")))}px`;
  }

  function grow() {
    const height = Math.max(ROW, editor.height());
    if (height !== extra) { extra = height; layout(); }
  }

  const lineEnd = () => lines.find(([, end]) => end)?.[1] || "\n";

  // Replaces `count` lines from `line` on; the kernel is told, what it knew of the lines below moves with them.
  function splice(line, count, text, same) {
    const end = lines[line - 1 + count - 1]?.[1] ?? "";
    const before = lines.slice(line - 1, line - 1 + count).map(([t, e], i) => (i === count - 1 ? t : t + e)).join("");
    if (before === text) return;
    const made = splitLines(text);
    made.at(-1)[1] = end;
    lines.splice(line - 1, count, ...made);
    const shift = made.length - count;
    if (shift) rows = new Map([...rows].map(([n, row]) => (n > line ? [n + shift, { ...row, line: n + shift }] : [n, row])));
    sent += 1;
    model.send({ do: "edit", line, before, after: text, group: same ? `${group}` : "", seq: sent });
  }

  function change(text) {
    splice(get("cursor"), 1, text, true);
    layout();
    grow();
  }

  function replaceLine(text, caret) {
    const line = get("cursor"), before = text.slice(0, caret).split(/\r\n|\r|\n/);
    splice(line, 1, text.replace(/\r\n|\r|\n/g, lineEnd()), false);
    save({ cursor: line + before.length - 1 });
    layout();
    edit(before.at(-1).length);
    list.reveal(places.get(get("cursor")));
  }

  function join(step) {
    const line = get("cursor"), first = step < 0 ? line - 1 : line;
    if (first < 1 || first >= lines.length) return false;
    const caret = lines[first - 1][0].length;
    splice(first, 2, lines[first - 1][0] + lines[first][0], false);
    save({ cursor: first });
    layout();
    edit(caret);
    return true;
  }

  function replaceWord(problem) {
    const text = lines[problem.line - 1][0], at = problem.col - 1;
    group += 1;
    splice(problem.line, 1, text.slice(0, at) + problem.fix + text.slice(at + problem.length), false);
    if (editing && problem.line === get("cursor")) editor.set(lines[problem.line - 1][0]);
    layout();
  }

  // Takes the word that was meant, or on an empty line the line that the next module asks for.
  function suggest() {
    const line = get("cursor"), problem = problems.get(line)?.find(({ fix }) => fix);
    if (problem) return replaceWord(problem);
    if (!lines[line - 1][0].trim() && get("proposal")) {
      if (!editing) edit();
      editor.set(get("proposal"));
      return change(get("proposal"));
    }
    return null;
  }

  function context() {
    const above = lines.slice(0, get("cursor") - 1).map(([text]) => text.replace(/#.*/, ""));
    const tensors = [...new Set(above.flatMap((text) => [...text.matchAll(/refname=([^\s]+)/g)].flatMap((m) => m[1].split(","))))].reverse();
    const tagAbove = above.flatMap((text) => [...text.matchAll(/\[([^\]]+)\]/g)].map((m) => m[1])).at(-1);
    return { dictionary: get("dictionary"), ties: get("ties"), tensors, tagAbove };
  }

  function insertBelow(text) {
    open("lines");
    const line = get("cursor");
    splice(line, 1, lines[line - 1][0] + lineEnd() + text, false);
    save({ cursor: line + 1 });
    layout();
    edit();
  }

  function open(mode) {
    if (mode !== get("mode")) { stop(false); save({ mode }); }
    tabs.choose(mode);
    for (const [name, pane] of Object.entries(panes)) pane.hidden = name !== mode;
    if (mode === "changes") model.send({ do: "diff" });
    if (mode === "lines") layout();
    else (mode === "tree" ? tree : changes).shown();
  }

  const command = (name, values = {}) => model.send({ do: name, ...values });
  const keys = keyboard(root, {
    Enter: () => edit(), ArrowDown: () => move(1), ArrowUp: () => move(-1), j: () => move(1), k: () => move(-1),
    PageDown: () => move(20), PageUp: () => move(-20), Home: () => go(1), End: () => go(lines.length),
    f: () => jump("first"), n: () => jump("next"), p: () => jump("previous"), t: () => command("check", { line: get("cursor") }), c: () => command("check"),
    o: () => insertBelow(""), "/": () => { open("lines"); find.focus(); find.select(); }, "Ctrl+.": suggest,
    "Ctrl+z": () => undo("undo"), "Ctrl+Shift+z": () => undo("redo"), "Ctrl+s": () => command("save"),
  }, { typing: ["Ctrl+z", "Ctrl+Shift+z", "Ctrl+s"], lists: () => get("mode") === "lines" });
  function undo(which) { stop(true); command(which); }

  // ---- the model
  let waiting = false;
  const later = () => { if (!waiting) { waiting = true; queueMicrotask(() => { waiting = false; refresh(); }); } };
  for (const name of ["text", "rows", "problems", "changed", "ack", "filter", "query", "modules", "covered", "diff", "proposal", "chosen", "chosenLine"]) model.on(`change:${name}`, later);
  model.on("change:cursor", () => { layout(); list.reveal(places.get(get("cursor"))); say(); });
  model.on("change:mode", () => open(get("mode")));
  model.on("msg:custom", (message) => { if (message.insert !== undefined) insertBelow(message.insert); });
  const measure = () => {
    const probe = h("span", { class: "pw-mono", style: "position: absolute; visibility: hidden" }, "0".repeat(100));
    root.append(probe);
    const width = list.element.clientWidth - parseFloat(getComputedStyle(root).getPropertyValue("--pw-ln-rest") || "270");
    columns = Math.max(20, Math.floor(width / (probe.getBoundingClientRect().width / 100)));
    probe.remove();
  };
  const sized = new ResizeObserver(() => { measure(); layout(); });
  sized.observe(list.element);
  measure();
  refresh();
  open(get("mode"));
  list.reveal(places.get(get("cursor")));
  return () => { sized.disconnect(); list.stop(); tree.stop(); changes.stop(); keys(); };
}

export default { render };
