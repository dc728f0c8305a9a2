// The mask view: reference, engine and disagreement over the picture, and the numbers below. mask_view.py has the data.
import { button, download, h, isDark, mount, segments, set, watchTheme } from "./dom.js";
import { errorPath } from "./error_path.js";
import { maskPane } from "./mask_pane.js";
import { boxTable, marginChart, numbers, pairTable, regionTable } from "./mask_tables.js";

const REST = 90; // ms without a newer frame after which the numbers below are asked for
const DRAWS = ["fill", "outline", "both"];

function render({ model, el }) {
  const root = mount(model, el, "masks", "Masks");
  const send = (content) => model.send(content);
  const change = (traits) => { Object.entries(traits).forEach(([name, value]) => model.set(name, value)); model.save_changes(); };
  const pane = maskPane({ model, change, send }), below = belowPane({ model, change, pane }), controls = controlRow({ model, change, send, pane });
  const path = errorPath(model);
  root.append(controls.row, pane.element, below.element, path.element);

  let timer = 0;
  const onMessage = (content, buffers) => {
    if (content.kind === "picture") pane.picture(buffers[0]);
    else if (content.kind === "frame") {
      if (!root.dataset.sequence) retheme(); // before, the root was in no page and had no colours
      pane.show(content, buffers);
      below.pairs(content);
      controls.pairs(content);
      root.dataset.sequence = content.sequence;
      send({ do: "drawn", sequence: content.sequence });
      clearTimeout(timer);
      timer = setTimeout(() => send({ do: "details" }), REST);
    } else if (content.kind === "details") { below.details(content); pane.regions(content.regions); }
    else if (content.kind === "file") download(content, buffers[0]);
  };
  const retheme = () => { const dark = isDark(root); pane.theme(dark); below.theme(dark); };
  model.on("msg:custom", onMessage);
  const unwatch = watchTheme(retheme);
  root.addEventListener("keydown", (event) => onKey(event, model, change, pane, controls.step));
  return () => { clearTimeout(timer); [pane, controls, below, path].forEach((part) => part.stop()); unwatch(); model.off("msg:custom", onMessage); };
}

function controlRow({ model, change, send, pane }) {
  const title = h("b", "pw-title"), caption = h("span", "pw-dim pw-small"), size = h("span", "pw-mono pw-dim"), percent = h("span", "pw-mono");
  const show = h("select", { "aria-label": "shown pair", onchange: () => change({ chosen: Number(show.value) }) });
  const per = segments("masks per", [["instance", "instance"], ["class", "class"]], model.get("per"), (value) => change({ per: value }));
  const draw = segments("draw masks as", DRAWS, model.get("draw"), (value) => change({ draw: value }));
  const opacity = h("input", { type: "range", min: 0, max: 1, step: 0.05, "aria-label": "opacity of the masks", oninput: () => change({ opacity: Number(opacity.value) }) });
  const labels = h("input", { type: "checkbox", onchange: () => change({ labels: labels.checked }) });
  let count = 0;
  const step = (by) => change({ chosen: (model.get("chosen") + 1 + by + count + 1) % (count + 1) - 1 });
  const sync = () => {
    title.textContent = model.get("title"); caption.textContent = model.get("caption");
    size.textContent = `${model.get("size")[1]} × ${model.get("size")[0]}`;
    per.hidden = !model.get("classes"); per.choose(model.get("per")); draw.choose(model.get("draw"));
    opacity.value = model.get("opacity"); percent.textContent = `${Math.round(model.get("opacity") * 100)} %`;
    labels.checked = model.get("labels"); show.value = String(model.get("chosen"));
  };
  const names = "change:title change:caption change:size change:classes change:per change:draw change:opacity change:labels change:chosen";
  model.on(names, sync);
  sync();
  const row = h("div", "pw-row pw-controls", title, caption, size, h("span", "pw-grow"), per,
    h("span", "pw-row pw-tight", show, button("[", "", () => step(-1), { class: "pw-slim pw-mono", "aria-label": "previous pair", "aria-keyshortcuts": "[" }), button("]", "", () => step(1), { class: "pw-slim pw-mono", "aria-label": "next pair", "aria-keyshortcuts": "]" })),
    draw, h("label", "pw-row pw-dim pw-small", "opacity", opacity, percent), h("label", "pw-row pw-tight pw-dim pw-small", labels, "labels"),
    button("Fit", "=", () => pane.fit()), button("PNG", "", () => send({ do: "png" }), { title: "save the three pictures as one" }));
  return {
    row, step, stop: () => model.off(names, sync),
    pairs({ rows, chosen }) {
      count = rows.length;
      set(show, h("option", { value: -1 }, `all ${count}`), rows.map((one, i) => h("option", { value: i }, one.name)));
      show.value = String(chosen);
    },
  };
}

function belowPane({ model, change, pane }) {
  const facts = h("dl", "pw-numbers"), pairs = h("div", "pw-scroll"), regions = h("div", "pw-scroll"), margins = h("div"), boxes = h("div", "pw-scroll");
  const count = h("span", "pw-dim pw-tiny"), ofRegions = h("section", null, h("h4", null, "Largest regions", count), regions);
  const ofMargins = h("section", null, h("h4", null, "|logit| of the flipped pixels", h("span", "pw-dim pw-tiny", "reference side")), margins);
  const ofBoxes = h("section", null, h("h4", null, "Boxes", h("span", "pw-dim pw-tiny", "matched by IoU")), boxes);
  const ofPairs = h("section", null, h("h4", null, "Pairs", h("span", "pw-dim pw-tiny", "Enter shows one alone")), pairs);
  const ofLoupe = h("section", null, h("h4", null, "Loupe", pane.loupe.where), pane.loupe.canvas);
  const element = h("div", null, facts, h("div", "pw-below", h("div", null, ofLoupe, ofMargins), h("div", null, ofPairs), h("div", null, ofRegions, ofBoxes)));
  let last = null, told = null, dark = false;
  const choose = (chosen) => change({ chosen });
  const drawPairs = () => {
    if (!last) return;
    keepingFocus(pairs, () => set(pairs, pairTable(last, model.get("goal"), choose)));
    const table = boxTable(last.rows, choose);
    ofBoxes.hidden = !table;
    if (table) keepingFocus(boxes, () => set(boxes, table));
  };
  const drawDetails = () => {
    if (!told) return;
    set(facts, numbers(told.facts));
    ofRegions.hidden = !told.regions.length;
    count.textContent = `${told.count.toLocaleString("en-US")} regions, Enter goes there`;
    set(regions, regionTable(told.regions, model.get("size"), dark, pane.go));
    ofMargins.hidden = !told.margins;
    set(margins, told.margins ? marginChart(told.margins) : []);
  };
  model.on("change:goal", drawPairs);
  return {
    element, stop: () => model.off("change:goal", drawPairs),
    pairs(frame) { last = frame; drawPairs(); },
    details(content) { told = content; drawDetails(); },
    theme(value) { dark = value; drawPairs(); drawDetails(); },
  };
}

// Draws anew, and gives the focus back to the row of that number that had it.
function keepingFocus(place, drawAnew) {
  const row = place.querySelector("tr:focus"), index = row ? row.rowIndex : -1;
  drawAnew();
  if (index >= 0) place.querySelector("table").rows[index]?.focus();
}

function onKey(event, model, change, pane, step) {
  if (event.target.matches("input:not([type=range]):not([type=checkbox]), select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
  const keys = {
    "[": () => step(-1), "]": () => step(1), "+": () => pane.zoom(0.5), "-": () => pane.zoom(2), "=": () => pane.fit(),
    s: () => change({ draw: DRAWS[(DRAWS.indexOf(model.get("draw")) + 1) % 3] }), l: () => change({ labels: !model.get("labels") }),
  };
  const act = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (act) { event.preventDefault(); event.stopPropagation(); act(); }
}

export default { render };
