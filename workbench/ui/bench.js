// Measuring: what is asked for and how far it is on the left, the plots and the sheet on the right.

import { h, set, button, segments, mount } from "./dom.js";
import { keyboard } from "./keys.js";
import { jobStages } from "./stages.js";
import { barChart, barLegend } from "./bars.js";

const USUAL = [1, 2, 4, 8], ENDINGS = [[".md", "Markdown"], [".csv", "CSV"], [".json", "JSON"], [".png", "PNG"]];
const fps = (value) => (value >= 100 ? Math.round(value).toLocaleString("en-US") : value.toPrecision(3));
const megabytes = (value) => Math.round(value).toLocaleString("en-US");

function render({ model, el }) {
  el.classList.add("pw-panel-host");
  const root = mount(model, el, "bench", "Benchmark");
  const get = (name) => model.get(name);
  const save = (values) => { for (const [name, value] of Object.entries(values)) model.set(name, value); model.save_changes(); };
  const measure = () => { if (!job.busy()) model.send({ do: "measure" }); };
  const job = jobStages(model, "Measure", "G", measure);

  // ---- what is asked for
  const boxes = (label, trait, values) => {
    const inputs = values.map((value) => h("input", { type: "checkbox", value, onchange: () => save({ [trait]: inputs.filter((box) => box.checked).map((box) => (trait === "batches" ? +box.value : box.value)) }) }));
    return { inputs, element: h("span", { class: "pw-row", role: "group", "aria-label": label }, inputs.map((box, i) => h("label", "pw-row pw-tick", box, String(values[i])))) };
  };
  const batches = boxes("batches", "batches", [...new Set([...USUAL, ...get("batches")])].sort((a, b) => a - b)), precisions = boxes("precisions", "precisions", get("offered"));
  const rounds = h("input", { type: "number", min: 1, "aria-label": "rounds", onchange: () => save({ rounds: Math.max(1, Math.round(+rounds.value) || 1) }) });
  const threads = segments("threads", Array.from({ length: Math.min(8, get("cores")) }, (_, i) => i + 1), get("threads"), (value) => save({ threads: +value }));
  const compiled = h("input", { type: "checkbox", onchange: () => save({ compiled: compiled.checked }) });
  const options = h("div", "pw-options", h("span", "pw-label", "batch"), h("div", null, batches.element, h("div", "pw-why", "times the example")), h("span", "pw-label", "precision"), precisions.element,
    h("span", "pw-label", "threads"), threads, h("span", "pw-label", "rounds"), h("span", "pw-row", rounds, h("span", "pw-why", "turn by turn, the median counts")),
    h("span"), h("label", "pw-row pw-tick", compiled, "torch.compile too; it compiles for a minute"));
  const about = h("p", "pw-why", "The openvino engine beside PyTorch eager and channels_last and OpenVINO from ONNX, all on the same threads. Memory is that of a process of its own. Leave the machine alone meanwhile.");
  const result = h("div", "pw-bench-result");
  root.append(h("div", "pw-bench-left", options, job.buttons, job.list, about), result);

  // ---- what came of it
  const speed = barChart("frames per second", fps), memory = barChart("peak memory of the process in MB", megabytes);
  const name = h("input", { type: "text", class: "pw-mono", "aria-label": "name of the file", spellcheck: "false", onchange: () => save({ name: name.value }) });
  const wrote = h("span", { class: "pw-dim pw-small", role: "status" });

  function drawOptions() {
    for (const box of batches.inputs) box.checked = get("batches").includes(+box.value);
    for (const box of precisions.inputs) box.checked = get("precisions").includes(box.value);
    threads.choose(get("threads"));
    rounds.value = get("rounds");
    compiled.checked = get("compiled");
    name.value = get("name");
    wrote.textContent = get("wrote") ? `wrote ${get("wrote")}` : "";
  }

  function drawResult() {
    const rows = get("rows");
    if (!rows.length) {
      set(result, h("div", "pw-nothing", h("b", null, "Nothing is measured yet"), h("span", null, "Frames per second, memory and error, engine beside PyTorch, will be shown here.")));
      return;
    }
    const names = [...new Set(rows.map((row) => row.contestant))].sort((a, b) => (b === get("ours")) - (a === get("ours")));
    const several = new Set(rows.map((row) => row.precision)).size > 1;
    const groups = (key) => [...new Map(rows.map((row) => [`batch ${row.batch}${several ? ` ${row.precision}` : ""}`, null])).keys()].map((group) => [group, Object.fromEntries(rows.filter((row) => `batch ${row.batch}${several ? ` ${row.precision}` : ""}` === group).map((row) => [row.contestant, row[key]]))]);
    speed.draw(groups("fps"), names);
    memory.draw(groups("peak").map(([group, values]) => [group, values]).filter(([, values]) => Object.values(values).some((v) => v !== null)), names);
    set(result, h("section", { class: "pw-section", "aria-label": "plots" }, h("h4", null, h("span", null, get("title"), " ", h("span", "pw-dim", "engine beside PyTorch")), barLegend(names)),
      h("div", "pw-bench-plots", h("div", null, h("h4", null, "Frames per second", h("span", "pw-dim", "longer is better")), speed.element), h("div", null, h("h4", null, "Peak memory, MB", h("span", "pw-dim", "shorter is better")), memory.element))),
    sheet(rows), exports());
  }

  function sheet(rows) {
    const number = (i) => (i === 0 || i === 2 ? null : "pw-num");
    return h("section", { class: "pw-section", "aria-label": "sheet" }, h("div", "pw-scroll", h("table", "pw-sheet", h("thead", null, h("tr", null, get("head").map((cell, i) => h("th", number(i), cell)))),
      h("tbody", null, rows.map((row) => h("tr", row.contestant === get("ours") ? "pw-sheet-ours" : null, row.cells.map((cell, i) => h("td", i ? `pw-mono ${number(i) || ""}` : null, cell))))))),
      get("below").map((line) => h("p", "pw-why", line)));
  }

  function exports() {
    return h("section", { class: "pw-section pw-row pw-bench-export", "aria-label": "export" }, h("span", "pw-dim pw-small", "export as"), name, ENDINGS.map(([ending, label]) => button(label, "", () => { save({ name: name.value }); model.send({ do: "export", ending }); })), wrote);
  }

  root.addEventListener("keydown", job.escape);
  const keys = keyboard(root, { g: measure }, { lists: () => false });
  for (const trait of ["batches", "precisions", "rounds", "threads", "compiled", "name", "wrote"]) model.on(`change:${trait}`, drawOptions);
  let waiting = false;
  const later = () => { if (!waiting) { waiting = true; queueMicrotask(() => { waiting = false; drawResult(); }); } };
  for (const trait of ["rows", "below", "title"]) model.on(`change:${trait}`, later);
  drawOptions();
  drawResult();
  return () => { keys(); job.stop(); speed.stop(); memory.stop(); };
}

export default { render };
