// Clicks, boxes and their masks: the picture to be asked, and the objects beside it. prompt_view.py has the data.
import { button, glyph, h, isDark, mount, segments, set, thousands, watchTheme } from "./dom.js";
import { promptPane } from "./prompt_pane.js";
import { drawPicture, layMask, pixelScale, plainStyle, sampled, swatch } from "./picture_paint.js";
import { pickTable } from "./pick_table.js";

const TOOLS = [["object", "+ object"], ["background", "− background"], ["box", "box"]];
const DRAWS = ["fill", "outline", "both"];

function render({ model, el }) {
  const root = mount(model, el, "prompts", "Prompts and masks");
  const send = (name, values = {}) => model.send({ do: name, ...values });
  const change = (traits) => { Object.entries(traits).forEach(([name, value]) => model.set(name, value)); model.save_changes(); };
  const pane = promptPane({ model, change, send }), side = sidePane({ model, send, pane }), controls = controlRow({ model, change, send, pane });
  const note = h("div", { class: "pw-note", role: "note" });
  root.append(controls.row, note, h("div", "pw-asking", pane.element, side.element));

  const onMessage = async (content, buffers) => {
    if (content.kind === "picture") { await pane.picture(buffers[0]); side.draw(); }
    else if (content.kind === "frame") {
      pane.show(content, buffers[0]);
      side.show(content, buffers[1]);
      root.dataset.sequence = content.sequence;
      root.dataset.answered = content.rows.filter((row) => row.scores.length).length;
      model.send({ do: "drawn", sequence: content.sequence });
    }
  };
  const sync = () => { note.textContent = model.get("note"); note.hidden = !model.get("note"); };
  model.on("change:note", sync);
  model.on("msg:custom", onMessage);
  sync();
  const retheme = () => { pane.theme(isDark(root)); side.draw(); };
  const unwatch = watchTheme(retheme);
  root.addEventListener("keydown", (event) => onKey(event, model, change, send, pane, side));
  return () => { [pane, side, controls].forEach((part) => part.stop()); unwatch(); model.off("msg:custom", onMessage); model.off("change:note", sync); };
}

function controlRow({ model, change, send, pane }) {
  const title = h("b", "pw-title"), size = h("span", "pw-mono pw-dim"), busy = h("span", { class: "pw-row pw-small pw-dim", role: "status", "aria-live": "polite" });
  const tool = segments("a click is", TOOLS, model.get("tool"), (value) => change({ tool: value }));
  const several = segments("masks for an object", [["true", "3 masks"], ["false", "1"]], String(model.get("multimask")), (value) => change({ multimask: value === "true" }));
  const opacity = h("input", { type: "range", min: 0, max: 1, step: 0.05, "aria-label": "opacity of the masks", oninput: () => change({ opacity: Number(opacity.value) }) });
  const sync = () => {
    title.textContent = model.get("title"); size.textContent = `${model.get("size")[1]} × ${model.get("size")[0]}`;
    tool.choose(model.get("tool")); several.choose(String(model.get("multimask"))); opacity.value = model.get("opacity");
    set(busy, model.get("busy") ? [glyph("running"), model.get("busy")] : model.get("told"));
  };
  const names = "change:title change:size change:tool change:multimask change:opacity change:busy change:told";
  model.on(names, sync);
  sync();
  const row = h("div", "pw-row pw-controls", title, size, tool, several, h("label", "pw-row pw-dim pw-small", "opacity", opacity),
    button("Undo", "U", () => send("undo")), button("Clear", "", () => send("clear")), button("Fit", "=", () => pane.fit()), h("span", "pw-grow"), busy);
  return { row, stop: () => model.off(names, sync) };
}

// The masks to choose from, and the objects.
function sidePane({ model, send, pane }) {
  const choices = h("div", { class: "pw-choices", role: "group", "aria-label": "masks of this object" }), objects = h("div"), back = button("Give it back as a prompt", "", () => send("feed_back"));
  const drop = button("Remove object", "", () => send("drop", { index: model.get("active") }));
  const noBox = button("Remove box", "", () => send("no_box"));
  const ofChoices = h("section", null, h("h4", null, "Masks", h("span", "pw-dim pw-tiny", "expected IoU")), choices, back);
  const element = h("div", "pw-side", h("section", null, h("h4", null, "Objects", h("span", "pw-dim pw-tiny", "Enter makes one active")), objects, h("div", "pw-row pw-buttons", button("New object", "N", () => send("another")), drop, noBox)), ofChoices, help());
  let frame = null, small = null;
  const drawObjects = () => {
    const rows = model.get("objects").map(({ points, box, mask }, i) => {
      const row = frame?.rows[i], positive = points.filter((p) => p[2]).length;
      const said = [positive && `${positive} +`, points.length - positive && `${points.length - positive} −`, box && "box", mask && "mask"].filter(Boolean).join(", ") || "nothing yet";
      const score = row?.scores.length ? row.scores[row.picked].toFixed(3) : "";
      return { label: `object ${i}: ${said}${score ? `, expected IoU ${score}` : ""}`, cells: [h("td", null, h("span", "pw-pair", frame?.colours[i] ? swatch(plainStyle(frame.colours[i])) : null, `object ${i}`)), h("td", "pw-dim", said), h("td", "pw-num pw-mono", score), h("td", "pw-num pw-mono", row?.pixels ? thousands(row.pixels) : "")] };
    });
    noBox.hidden = !model.get("objects")[model.get("active")]?.box;
    const focused = objects.querySelector("tr:focus") !== null;
    set(objects, pickTable("objects", h("thead", null, h("tr", null, ["", "asked by", "IoU", "pixels"].map((name, i) => h("th", { class: i > 1 ? "pw-num" : null, scope: "col" }, name)))), rows, (index) => send("activate", { index }), model.get("active")));
    if (focused) objects.querySelectorAll("tbody tr")[model.get("active")]?.focus();
    back.textContent = model.get("objects")[model.get("active")]?.mask ? "Take the mask out of the prompts" : "Give it back as a prompt";
  };
  const draw = () => {
    const row = frame?.rows[model.get("active")];
    ofChoices.hidden = !row?.scores.length;
    drawObjects();
    if (ofChoices.hidden || !pane.bitmap()) return;
    const focused = choices.contains(document.activeElement), count = frame.small[0] * frame.small[1];
    const buttons = row.scores.map((score, i) => {
      const canvas = h("canvas", { class: "pw-choice", "aria-hidden": "true" }), [rows, columns] = model.get("size"), scale = pixelScale();
      Object.assign(canvas, { width: Math.round(92 * scale), height: Math.max(8, Math.round(Math.min(92, 92 * rows / columns) * scale)) });
      drawPicture(canvas, pane.bitmap(), [0, 0, 1, 1], pane.dark() ? 24 : 250);
      layMask(canvas, sampled({ grid: frame.small, codes: small.subarray(i * count, (i + 1) * count) }, [0, 0, 1, 1], canvas.width, canvas.height, false), [null, plainStyle(frame.colours[model.get("active")])], { opacity: 0.85, draw: "both" });
      return h("button", { type: "button", "aria-pressed": String(i === row.picked), "aria-label": `mask ${i}, expected IoU ${score.toFixed(3)}`, onclick: () => send("pick", { mask: i }) }, canvas, h("span", "pw-mono", score.toFixed(3)));
    });
    set(choices, buttons);
    if (focused) buttons[row.picked]?.focus();
  };
  model.on("change:objects change:active", draw);
  draw();
  return {
    element, draw, stop: () => model.off("change:objects change:active", draw),
    show(content, buffer) { frame = content; small = new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength); draw(); },
    step(by) {
      const row = frame?.rows[model.get("active")];
      if (row?.scores.length > 1) send("pick", { mask: (row.picked + by + row.scores.length) % row.scores.length });
    },
  };
}

function help() {
  const keys = [["click", "a point of the object"], ["Shift click", "a point of the background"], ["drag", "a box"], ["on a point", "removes it"], ["arrows, Enter", "the same by keyboard; Shift Enter, and in box mode Enter at two corners"], ["T", "what a click is"], ["[ ]", "mask before, after"], ["S", "fill, outline, both"], ["+ − wheel", "zoom"]];
  return h("section", "pw-keys", keys.map(([key, does]) => [h("span", "pw-mono", key), h("span", "pw-dim", does)]));
}

function onKey(event, model, change, send, pane, side) {
  if (event.target.matches("input:not([type=range]), select, textarea") || event.metaKey || event.altKey) return;
  const names = TOOLS.map(([name]) => name), key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const keys = event.ctrlKey ? { z: () => send("undo") } : {
    s: () => change({ draw: DRAWS[(DRAWS.indexOf(model.get("draw")) + 1) % 3] }),
    t: () => change({ tool: names[(names.indexOf(model.get("tool")) + 1) % 3] }), u: () => send("undo"), n: () => send("another"),
    "[": () => side.step(-1), "]": () => side.step(1), "+": () => pane.zoom(0.5), "-": () => pane.zoom(2), "=": () => pane.fit(),
  };
  if (keys[key]) { event.preventDefault(); event.stopPropagation(); keys[key](); }
}

export default { render };
