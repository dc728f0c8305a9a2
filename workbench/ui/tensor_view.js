// The tensor view: three linked maps, what stands under the pointer, and the numbers below. tensor_view.py has the data.
import { channelBars, histogram } from "./charts.js";
import { button, download, floats, h, isDark, mount, segments, set, thousands, watchTheme } from "./dom.js";
import { mapsPane } from "./maps_pane.js";
import { layoutControls, lookControls } from "./tensor_controls.js";
import { factsRow, listingTable, worstTable } from "./tensor_tables.js";

const REST = 90; // ms without a newer frame after which the numbers below and the neighbouring channels are asked for

function render({ model, el }) {
  const root = mount(model, el, "tensors", "Tensors");
  const send = (content) => model.send(content);
  const change = (traits) => { Object.entries(traits).forEach(([name, value]) => model.set(name, value)); model.save_changes(); };
  const pane = mapsPane({ root, model, change, send });
  const below = belowPane({ model, change, send });
  const ahead = new Map(); // channel -> its frame, as long as nothing but the channel changes
  // A neighbour is drawn at once; the kernel's own frame of it follows.
  const toChannel = (at) => {
    const known = ahead.get(at);
    change({ channel: at });
    if (known && model.get("channel") === at) show(...known);
  };
  const show = (content, buffers) => { pane.show(content, buffers); root.dataset.shown = content.channel; };
  const channel = channelRow({ root, model, change, toChannel });
  const note = noteRow({ model, change });
  root.append(layoutControls({ model, change, send }), channel.row, note.row, pane.maps, below.facts, below.tables);

  let timer = 0;
  const onMessage = (content, buffers) => {
    if (content.kind === "frame") {
      ahead.clear();
      if (!root.dataset.sequence) pane.theme(isDark(root)); // before, the root was in no page and had no colours
      show(content, buffers);
      root.dataset.sequence = content.sequence;
      root.dataset.details = "before"; // the numbers below are still those of the picture before
      send({ do: "drawn", sequence: content.sequence });
      clearTimeout(timer);
      timer = setTimeout(() => { send({ do: "details" }); send({ do: "ahead" }); }, REST);
    } else if (content.kind === "ahead") ahead.set(content.channel, [content, buffers]);
    else if (content.kind === "channels") channel.bars(content, floats(buffers[0]));
    else if (content.kind === "value") pane.value(content);
    else if (content.kind === "details") { below.show(content); root.dataset.details = "shown"; }
    else if (content.kind === "file") download(content, buffers[0]);
  };
  const others = "change:kind change:log change:clip change:window change:held change:swapped change:shown_as change:shape";
  const forget = () => ahead.clear();
  model.on(others, forget);
  model.on("msg:custom", onMessage);
  root.addEventListener("keydown", (event) => onKey(event, model, change, toChannel, pane));
  const unwatch = watchTheme(() => { pane.theme(isDark(root)); channel.draw(); });
  const stop = pane.start();
  return () => { clearTimeout(timer); stop(); unwatch(); model.off(others, forget); model.off("msg:custom", onMessage); [channel, note].forEach((part) => part.stop()); };
}

function channelRow({ root, model, change, toChannel }) {
  const bars = channelBars(), number = h("b"), last = h("span", "pw-dim");
  const slider = h("input", { type: "range", min: 0, step: 1, "aria-label": "channel", oninput: () => toChannel(Number(slider.value)) });
  const step = (by) => toChannel(Math.max(0, Math.min(model.get("size")[2] - 1, model.get("channel") + by)));
  bars.canvas.addEventListener("click", (event) => toChannel(Math.floor(event.offsetX / bars.canvas.clientWidth * model.get("size")[2])));
  let errors = new Float32Array(0), allowed = 0;
  const draw = () => bars.draw(root, errors, allowed, model.get("channel"));
  const held = h("span", "pw-row");
  const sync = () => {
    const count = model.get("size")[2], at = model.get("channel");
    slider.max = count - 1; slider.value = at; slider.setAttribute("aria-valuetext", `channel ${at} of ${count}`);
    number.textContent = at; last.textContent = ` / ${count - 1}`;
    chooser.classList.toggle("pw-unused", count < 2);
    set(held, heldInputs(model, change));
    draw();
  };
  const chooser = h("div", "pw-row pw-chooser",
    h("div", "pw-name", h("div", "pw-small pw-dim", "channel"), h("div", "pw-mono", number, last)), h("div", "pw-slider", bars.canvas, slider),
    button("[", "", () => step(-1), { class: "pw-slim pw-mono", "aria-label": "previous channel", "aria-keyshortcuts": "[" }),
    button("]", "", () => step(1), { class: "pw-slim pw-mono", "aria-label": "next channel", "aria-keyshortcuts": "]" }));
  const names = "change:channel change:size change:held change:held_sizes";
  model.on(names, sync);
  const row = h("div", "pw-row pw-channel", chooser, held, h("span", "pw-grow"), lookControls({ model, change }));
  setTimeout(sync);
  return { row, draw, stop: () => model.off(names, sync), bars: (said, values) => { errors = values; allowed = said.allowed; draw(); row.dataset.scanned = said.done; } };
}

// One number field for every axis that stands still (batch and the like) and has more than one place.
function heldInputs(model, change) {
  return model.get("held_sizes").map((size, i) => size < 2 ? null : h("label", "pw-row pw-small pw-dim", "at",
    h("input", { type: "number", min: 0, max: size - 1, value: model.get("held")[i], "aria-label": `place on axis ${i + 1} of those not shown, 0 to ${size - 1}`,
      onchange: (event) => change({ held: model.get("held").map((at, k) => k === i ? Number(event.target.value) : at) }) }), `/ ${size - 1}`));
}

function noteRow({ model, change }) {
  const said = h("span"), toggle = button("Show it so", "", () => change({ swapped: !model.get("swapped") }), { class: "pw-slim" });
  const row = h("div", { class: "pw-row pw-note", role: "status" }, said, toggle);
  const sync = () => {
    row.hidden = !model.get("note");
    said.textContent = model.get("note");
    toggle.hidden = !model.get("note").startsWith("matches");
    toggle.textContent = model.get("swapped") ? "Show as given" : "Show it so";
  };
  model.on("change:note change:swapped", sync);
  sync();
  return { row, stop: () => model.off("change:note change:swapped", sync) };
}

function belowPane({ model, change, send }) {
  const facts = h("dl", "pw-facts"), tables = h("div", "pw-three");
  const go = (index) => send({ do: "go", index });
  const show = (content) => {
    facts.hidden = tables.hidden = !content.facts;
    if (!content.facts) return;
    set(facts, factsRow(content.facts));
    const scope = segments("listed", [["channel", "channel"], ["tensor", "tensor"]], model.get("scope"), (value) => change({ scope: value }));
    set(tables,
      h("div", null, h("h4", null, "log10 |diff|", h("span", "pw-dim pw-tiny", `${thousands(content.histogram.values)} values`)), histogram(content.histogram)),
      h("div", null, h("h4", null, "Running maximum", scope), listingTable(content.listing, go)),
      h("div", null, h("h4", null, "Worst", h("span", "pw-dim pw-tiny", "Enter goes there")), worstTable(content.worst, go, model.get("scope") === "tensor")));
  };
  return { facts, tables, show };
}

const LOOKS = ["signed", "abs", "rel"];

function onKey(event, model, change, toChannel, pane) {
  if (event.target.matches("input:not([type=range]), select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
  const count = model.get("size")[2], to = (c) => toChannel(Math.max(0, Math.min(count - 1, c)));
  const keys = {
    "[": () => to(model.get("channel") - 1), "]": () => to(model.get("channel") + 1),
    "+": () => pane.zoom(0.5), "-": () => pane.zoom(2), "=": () => pane.fit(),
    s: () => change({ kind: LOOKS[(LOOKS.indexOf(model.get("kind")) + 1) % 3] }), l: () => change({ log: !model.get("log") }),
  };
  const act = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (act) { event.preventDefault(); event.stopPropagation(); act(); }
}

export default { render };
