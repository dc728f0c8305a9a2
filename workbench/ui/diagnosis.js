// The card: which line is wrong, what makes it right, the change; beside it the causes that were tried.

import { h, set, button, glyph, sci, mount } from "./dom.js";
import { bar } from "./line_row.js";
import { keyboard } from "./keys.js";

const SIDES = { config: "the line is wrong, not the engine", engine: "the line is right: it is the engine's lowering", weights: "the weights are not the model's", input: "the way in is wrong", output: "the way out is wrong", original: "the original cannot be compared with" };
const number = (value) => (value === "inf" ? "∞" : sci(value));

function render({ model, el }) {
  const root = mount(model, el, "diagnosis", "Diagnosis");
  const card = h("section", { class: "pw-card", "aria-label": "cause", "aria-live": "polite" });
  const tried = h("section", { class: "pw-tried", "aria-label": "causes tried" });
  root.append(card, tried);
  const send = (what, values = {}) => model.send({ do: what, ...values });

  function draw() {
    const state = model.get("state"), counts = model.get("counts"), bad = (counts.failed || 0) + (counts.unsupported || 0) + (counts.text || 0);
    const known = Object.keys(state).length > 0;
    root.classList.toggle("pw-clean", known ? state.clean : !bad && !counts.unchecked && Boolean(counts.passed));
    root.classList.toggle("pw-bad", known ? !state.clean : bad > 0);
    set(card, known && !state.clean ? wrong(state) : calm(state, counts, bad, known));
    set(tried, known && !state.clean ? table(state) : null);
    tried.hidden = !known || state.clean;
  }

  function calm(state, counts, bad, known) {
    const done = counts.passed || 0, rest = (counts.unchecked || 0) + (counts.stale || 0);
    const said = bad ? `${bad} ${bad === 1 ? "line is" : "lines are"} wrong` : rest || !done ? (done ? `${done} lines pass, ${rest} to be checked` : "Nothing is checked yet") : `All ${done} lines with a tie pass`;
    const worst = counts.worst ? h("span", "pw-dim", `worst cumulative ${number(counts.worst)}${counts.worstLine ? ` at line ${counts.worstLine}` : ""}`) : null;
    return [h("div", "pw-card-title pw-row", glyph(bad ? "failed" : rest || !done ? "unchecked" : "passed"), h("b", null, said), counts.drift ? h("span", "pw-dim", `${counts.drift} drift`) : null, worst),
      model.get("applied") ? h("div", null, `Applied: ${model.get("applied")}.`) : null,
      (state.notes || []).map((note) => h("div", "pw-dim pw-small", note)),
      h("div", "pw-card-acts pw-row", rest || bad || !done ? button("Check all", "C", () => send("check"), { class: "pw-primary" }) : null, model.get("applied") ? button("Undo", "Ctrl Z", () => send("undo")) : null)];
  }

  function wrong(state) {
    const first = state.findings[0], result = state.result;
    const title = state.line ? `Line ${state.line} [${state.layer.split(" ")[0]}]${result ? " differs in isolation" : ""}` : "The config as a whole";
    return [
      h("div", "pw-card-title pw-row", glyph(result || state.side !== "config" ? "failed" : "text"), h("b", null, title), h("span", "pw-grow"),
        result ? h("span", "pw-dim", "e ", h("span", "pw-mono", number(result.error)), ", allowed ", h("span", "pw-mono", number(result.allowed))) : null),
      h("div", null, first ? [h("b", null, "Matches if "), first.text, first.after !== null ? [" (e ", h("span", "pw-mono", number(first.after)), ")"] : "", ". "] : null, first ? "" : state.text,
        first?.fix ? h("div", "pw-mono", first.fix) : null),
      model.get("show_diff") && first?.diff.length ? diff(first.diff) : null,
      sides(state),
      state.notes.map((note) => h("div", "pw-dim pw-small", note)),
      h("div", "pw-card-acts pw-row", first?.applies ? button("Apply", "Y", () => send("apply", { index: 0 }), { class: "pw-primary" }) : null,
        first?.diff.length ? button(model.get("show_diff") ? "Hide diff" : "Show diff", "E", toggle) : null, button("Undo", "Ctrl Z", () => send("undo")), h("span", "pw-grow"),
        h("span", "pw-dim pw-small", `${state.findings.length} of ${state.tried} corrections ${state.findings.length === 1 ? "matches" : "match"}`)),
    ];
  }

  function sides({ result, side }) {
    const said = h("span", "pw-dim", SIDES[side] || "");
    if (!result) return h("div", "pw-sides", said);
    const mark = (value) => glyph(value !== "inf" && value !== null && value <= result.allowed ? "passed" : "failed");
    return h("div", "pw-sides", "against the original:", mark(result.reference), "torch reference", h("span", "pw-mono", number(result.reference)), mark(result.error), model.get("engine"), h("span", "pw-mono", number(result.error)), h("span", "pw-grow"), said);
  }

  function diff(rows) {
    const [before, after] = ["-", "+"].map((kind) => rows.filter((row) => row.kind === kind).map((row) => row.text.replace(/ {2,}/g, " ")));
    if (names(before) === names(after)) [before, after].forEach((lines) => lines.forEach((text, i) => { lines[i] = text.replace(/\bname=\S*\.(?=[^.\s])/, "name=…"); }));
    return h("div", "pw-dif", before.map((text, i) => h("div", "pw-diff-del", "− ", differing(text, after[i]))), after.map((text, i) => h("div", "pw-diff-add", "+ ", differing(text, before[i]))));
  }

  const names = (lines) => lines.map((text) => text.match(/\bname=(\S*)/)?.[1]).join();

  // The words of one line that the other does not have stand out.
  function differing(text, other = "") {
    const theirs = new Set(other.split(/\s+/));
    return text.split(/(\s+)/).map((word) => (word.trim() && !theirs.has(word) ? h("u", null, word) : word));
  }

  function table(state) {
    const rows = [...state.findings.map((f) => [f, "passed", "matches"]), ...state.closest.map((f) => [f, f.after === f.before ? "same" : "differs", f.after === f.before ? "no effect" : "differs"])];
    return [h("h4", null, state.findings.length ? "Causes that match" : "None explains it; the closest", h("span", "pw-dim", `${state.tried} tried in ${state.seconds.toFixed(1)} s`)),
      rows.length ? h("table", null, h("thead", null, h("tr", null, ["", "cause", "change", "e", "1e-8 to 1", "outcome", ""].map((head) => h("th", head === "e" ? "pw-num" : null, head)))),
        h("tbody", null, rows.map(([f, state_, said], i) => h("tr", null, h("td", null, glyph(state_, said)), h("td", null, i === 0 && state_ === "passed" ? h("b", null, f.cause) : f.cause), h("td", { class: "pw-mono pw-tried-change", title: f.change }, f.change),
          h("td", "pw-mono pw-num", number(f.after)), h("td", null, bar(f.after, state.result?.allowed, state_)), h("td", null, said),
          h("td", null, state_ === "passed" && i > 0 && f.applies ? button("Apply", "", () => send("apply", { index: i }), { class: "pw-slim" }) : null))))) : h("p", "pw-dim", state.text)];
  }

  function toggle() {
    model.set("show_diff", !model.get("show_diff"));
    model.save_changes();
  }

  const keys = keyboard(root, { y: () => model.get("state").findings?.[0]?.applies && send("apply", { index: 0 }), e: toggle, "Ctrl+z": () => send("undo"), c: () => send("check") }, { lists: () => false });
  for (const name of ["state", "counts", "applied", "show_diff"]) model.on(`change:${name}`, draw);
  draw();
  return keys;
}

export default { render };
