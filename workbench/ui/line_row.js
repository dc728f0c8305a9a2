// One config line as a row: change mark, number, bracket, verdict, text, isolated error, cumulative bar, shape.

import { h, svg, glyph, sci, NAMES } from "./dom.js";

const WIDTH = 46, DECADES = 8; // the bar goes from 1e-8 to 1

const part = (value) => (value === "inf" ? 1 : Math.max(0, Math.min(1, (Math.log10(value) + DECADES) / DECADES)));
const number = (value) => (value === "inf" ? "∞" : sci(value));

// The cumulative error on a log scale, the tolerance as a tick; dashed where it is not of the text as it stands.
export function bar(value, allowed, status) {
  if (value === null || value === undefined) return null;
  const width = Math.round(part(value) * WIDTH), stale = status === "stale";
  const fill = stale
    ? svg("rect", { x: 0.5, y: 6.5, width: Math.max(1, width - 1), height: 6, fill: "none", stroke: "var(--pw-stale)", "stroke-dasharray": "2 2" })
    : svg("rect", { x: 0, y: 6, width: Math.max(value ? 1 : 0, width), height: 7, fill: `var(--pw-${status === "failed" || status === "drift" ? status.replace("failed", "fail") : "pass"})` });
  const said = `cumulative ${number(value)}${allowed ? `, ${number(allowed)} allowed` : ""}`;
  return svg("svg", { width: WIDTH, height: 18, role: "img", "aria-label": said }, svg("title", null, said), svg("path", { class: "pw-rule", d: `M0 13.5H${WIDTH}` }), fill,
    allowed ? svg("rect", { x: Math.round(part(allowed) * WIDTH), y: 3, width: 1, height: 13, fill: "var(--pw-fg)" }) : null);
}

const span = (name, ...children) => h("span", name, ...children);

// item: {line, rows of words}; row: what the kernel knows of the line, or undefined; marks: on, changed, bracket
export function lineRow(item, row, marks, onpick, onedit) {
  const status = row?.status || "";
  const numbers = row?.error === null || row?.error === undefined ? "" : number(row.error);
  const iso = `pw-ln-iso${status === "failed" ? " pw-ln-bad" : ""}${row?.old ? " pw-ln-old" : ""}`;
  const text = item.rows.map((words, i) => h("div", i ? "pw-ln-more" : null, words.map(([kind, word]) => (kind ? span(`pw-w-${kind}`, word) : word))));
  if (!item.text) text.push("\u200b");
  const said = [`line ${item.line}`, item.text, status && NAMES[status], numbers && `isolated ${numbers}`, row?.note].filter(Boolean).join(", ");
  return h("div", { class: `pw-ln${marks.on ? " pw-ln-on" : ""}${marks.changed ? " pw-ln-changed" : ""}`, role: "option", id: marks.id, "aria-selected": String(marks.on), "aria-label": said,
    "aria-posinset": item.line, "aria-setsize": marks.count, "data-line": item.line, onclick: () => onpick(item.line), ondblclick: () => onedit(item.line) },
    span("pw-ln-mark"), span("pw-ln-no", item.line), span(`pw-ln-rg pw-ln-rg-${marks.bracket || "no"}`, marks.bracket ? h("i") : null),
    h("span", { class: "pw-ln-gl", title: row?.note }, status ? glyph(status) : null), h("div", "pw-ln-tx", text),
    h("span", { class: iso, title: row?.allowed !== null && row?.allowed !== undefined ? `${number(row.allowed)} allowed, torch reference ${number(row.reference)}` : "" }, numbers),
    span("pw-ln-cum", bar(row?.far, row?.farAllowed, status)), h("span", { class: "pw-ln-shp", title: row?.tensors }, row?.shape || ""));
}

// Brackets that join lines without a verdict to the line that judges them: line → a (first), m (between) or z (judge).
export function brackets(rows) {
  const found = new Map(), first = new Map();
  for (const { line, judge } of rows) if (judge && judge > line) first.set(judge, Math.min(line, first.get(judge) ?? line));
  for (const [judge, start] of [...first].sort((a, b) => a[1] - b[1])) {
    for (let line = start; line <= judge; line++) {
      const mark = line === start ? "a" : line === judge ? "z" : "m";
      if (!found.has(line) || mark === "z") found.set(line, mark);
    }
  }
  return found;
}
