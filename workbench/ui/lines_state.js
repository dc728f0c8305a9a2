// What the browser knows of the config: its lines, and what the kernel said of them. Edits show at once, the kernel's
// word follows: `sent` counts the edits, and the kernel's text is taken once it holds them all.

import { splitLines } from "./text.js";
import { brackets } from "./line_row.js";

export const BAD = ["failed", "unsupported", "text"];

export function lineState(model) {
  const get = (name) => model.get(name);
  let sent = get("ack"), group = 0;
  const state = { lines: [], rows: new Map(), problems: new Map(), marks: new Map(), changed: new Set(), editing: false };

  state.get = get;
  state.save = (values) => { for (const [name, value] of Object.entries(values)) model.set(name, value); model.save_changes(); };
  state.command = (name, values = {}) => model.send({ do: name, ...values });
  state.text = (line) => state.lines[line - 1]?.[0] ?? "";
  state.end = () => state.lines.find(([, end]) => end)?.[1] || "\n";
  // The row of a line, or of the line that judges it.
  state.judge = (line) => { const row = state.rows.get(line); return row?.judge ? state.rows.get(row.judge) : row; };
  state.nextGroup = () => { group += 1; };

  state.read = () => {
    if (get("ack") >= sent) state.lines = splitLines(get("text"));
    state.rows = new Map(get("rows").map((row) => [row.line, row]));
    state.marks = brackets(get("rows"));
    state.changed = new Set(get("changed"));
    state.problems = new Map();
    for (const problem of get("problems")) state.problems.set(problem.line, [...(state.problems.get(problem.line) ?? []), problem]);
  };

  // Replaces `count` lines from `line` on; the kernel is told, what it knew of the lines below moves with them. Edits of
  // the same group, such as the letters of a word, undo as one.
  state.splice = (line, count, text, same) => {
    const { lines } = state, end = lines[line - 1 + count - 1]?.[1] ?? "";
    const before = lines.slice(line - 1, line - 1 + count).map(([t, e], i) => (i === count - 1 ? t : t + e)).join("");
    if (before === text) return;
    const made = splitLines(text);
    made.at(-1)[1] = end;
    lines.splice(line - 1, count, ...made);
    const shift = made.length - count;
    if (shift) state.rows = new Map([...state.rows].map(([n, row]) => (n > line ? [n + shift, { ...row, line: n + shift }] : [n, row])));
    sent += 1;
    state.command("edit", { line, before, after: text, group: same ? `${group}` : "", seq: sent });
  };

  state.badLines = () => {
    const failed = get("rows").filter((row) => BAD.includes(row.status)).map((row) => row.line);
    return [...new Set([...failed, ...[...state.problems.keys()].filter(Boolean)])].sort((a, b) => a - b);
  };

  // What completion may offer at the cursor: ties, tensors made above (the nearest first), the section's keys.
  state.context = () => {
    const above = state.lines.slice(0, get("cursor") - 1).map(([text]) => text.replace(/#.*/, ""));
    const tensors = [...new Set(above.flatMap((text) => [...text.matchAll(/refname=([^\s]+)/g)].flatMap((m) => m[1].split(","))))].reverse();
    const tagAbove = above.flatMap((text) => [...text.matchAll(/\[([^\]]+)\]/g)].map((m) => m[1])).at(-1);
    return { dictionary: get("dictionary"), ties: get("ties"), tensors, tagAbove };
  };
  return state;
}
