// The .weights file: a strip of its tensors in their order, and a row for each.

import { h, set, svg, button, thousands, mount } from "./dom.js";
import { virtualList } from "./list.js";

const WIDTH = 1000;

function render({ model, el }) {
  const root = mount(model, el, "ledger", "Weights ledger");
  const strip = svg("svg", { class: "pw-ledger-strip", viewBox: `0 0 ${WIDTH} 24`, preserveAspectRatio: "none", role: "img", "aria-label": "the file's tensors in order, as wide as they have floats" });
  const find = h("input", { type: "search", placeholder: "layer or source", "aria-label": "find in the ledger", oninput: () => { model.set("query", find.value); model.save_changes(); draw(); } });
  const file = h("input", { type: "text", "aria-label": "weights file", value: model.get("file"), class: "pw-mono" });
  const sums = h("span", "pw-dim"), note = h("div", { class: "pw-small pw-ledger-note", role: "status" });
  const head = h("div", { class: "pw-ledger-row pw-ledger-head", "aria-hidden": "true" }, ["line", "layer", "", "source", "shape", "offset", "floats", "CRC-32"].map((name, i) => h("span", [0, 5, 6].includes(i) ? "pw-num" : null, name)));
  const list = virtualList("tensors of the weights file", "listbox", drawRow, () => 18);
  root.append(h("div", "pw-row pw-ledger-top", sums, h("span", "pw-grow"), find, file, button("Write", "", () => model.send({ do: "write", path: file.value }))), strip, note, head, list.element);

  function pick(row) {
    model.set("line", row.line);
    model.set("picked", row.line);
    model.save_changes();
  }

  function drawRow(row) {
    const on = row.line === model.get("line");
    return h("div", { class: `pw-ledger-row pw-mono${on ? " pw-ln-on" : ""}`, role: "option", "aria-selected": String(on), onclick: () => pick(row),
      "aria-label": `line ${row.line} ${row.layer}, ${row.letter} from ${row.source}, ${row.shape}, ${row.count} floats at ${row.offset}` },
      h("span", "pw-num pw-dim", row.line), h("span", null, row.layer), h("b", null, row.letter), h("span", { title: row.source }, row.source || "—"), h("span", "pw-dim", row.shape), h("span", "pw-num", thousands(row.offset)), h("span", "pw-num", thousands(row.count)), h("span", "pw-dim", row.crc));
  }

  function draw() {
    const rows = model.get("rows"), total = rows.reduce((sum, { count }) => sum + count, 0), query = model.get("query").toLowerCase();
    sums.textContent = rows.length ? `${rows.length} tensors, ${thousands(total)} floats, ${(total * 4 / 2 ** 20).toFixed(1)} MB` : "";
    const texts = [...model.get("warnings"), model.get("note")].filter(Boolean);
    set(note, texts.map((text) => h("div", null, text)));
    note.hidden = !texts.length;
    const scale = WIDTH / Math.max(1, total);
    set(strip, rows.map(({ offset, count, line, layer, letter }, i) => svg("rect", { x: offset * scale, y: 0, width: Math.max(0.5, count * scale), height: 24, fill: line === model.get("line") ? "var(--pw-brand)" : i % 2 ? "var(--pw-ctl)" : "var(--pw-edge)" }, svg("title", null, `line ${line} ${layer} ${letter}`))));
    list.update(rows.filter(({ layer, source }) => !query || `${layer} ${source}`.toLowerCase().includes(query)));
  }

  for (const name of ["rows", "warnings", "note", "line"]) model.on(`change:${name}`, draw);
  model.on("change:file", () => { file.value = model.get("file"); });
  draw();
  model.send({ do: "refresh" });
  return list.stop;
}

export default { render };
