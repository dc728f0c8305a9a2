// Building an engine: what is asked for and its stages on the left, what came of it on the right.

import { h, set, segments, sci, mount, thousands } from "./dom.js";
import { keyboard } from "./keys.js";
import { jobStages } from "./stages.js";
import { memoryPlan, kindLegend, bytes } from "./memory_plan.js";

const SHOWN = 8; // of the largest tensors, and of the lines beside a fusion

function render({ model, el }) {
  el.classList.add("pw-panel-host");
  const root = mount(model, el, "build", "Build");
  const get = (name) => model.get(name);
  const save = (name, value) => { model.set(name, value); model.save_changes(); };
  const build = () => { if (!job.busy()) model.send({ do: "build" }); };
  const job = jobStages(model, "Build", "G", build);

  // ---- what is asked for
  const engine = segments("engine", get("engines").map(([name]) => name), get("engine"), (name) => save("engine", name));
  const why = h("div", "pw-why"), precision = h("span"), batches = h("span", "pw-row"), batchWhy = h("span", "pw-why");
  const batch = h("input", { type: "number", min: 1, "aria-label": "batch", onchange: () => save("batch", Math.max(1, Math.round(+batch.value) || 1)) });
  const threads = h("select", { "aria-label": "threads", onchange: () => save("threads", +threads.value) }, h("option", { value: 0 }, "all"), Array.from({ length: get("cores") }, (_, i) => h("option", { value: i + 1 }, i + 1)));
  const file = h("input", { type: "text", class: "pw-mono", "aria-label": "engine file", spellcheck: "false", onchange: () => save("file", file.value) });
  const compare = h("input", { type: "checkbox", onchange: () => save("compare", compare.checked) });
  const threadsRow = [h("span", "pw-label", "threads"), h("span", "pw-row", threads, h("span", "pw-why", "of the processor"))];
  const options = h("div", "pw-options", h("span", "pw-label", "engine"), h("div", null, engine, why), h("span", "pw-label", "precision"), precision, h("span", "pw-label", "batch"), batches, threadsRow,
    h("span", "pw-label", "file"), file, h("span"), h("label", "pw-row pw-tick", compare, "compare the outputs with the original's"));
  batches.append(segments("usual batches", [1, 2, 4], get("batch"), (value) => save("batch", +value)), batch, batchWhy);

  // ---- what came of it
  const plan = memoryPlan(), result = h("div", "pw-build-result"), fusions = h("section", { class: "pw-section", hidden: true, "aria-label": "fusions" });
  root.append(h("div", "pw-build-left", options, job.buttons, job.list, fusions), result);

  function drawOptions() {
    const [, precisions, reason] = get("engines").find(([name]) => name === get("engine")) || ["", ["f32"], ""];
    engine.choose(get("engine"));
    get("engines").forEach(([name, , no]) => engine.querySelector(`[data-value="${name}"]`).classList.toggle("pw-off", Boolean(no)));
    why.textContent = reason;
    if (precision.dataset.offered !== precisions.join()) set(precision, segments("precision", precisions, get("precision"), (name) => save("precision", name)));
    precision.dataset.offered = precisions.join(); // made anew only for other ones: a button that goes takes the focus with it
    precision.firstChild.choose(get("precision"));
    batches.querySelector(".pw-seg").choose(get("batch"));
    batch.value = get("batch");
    for (const control of batches.querySelectorAll("button, input")) control.disabled = get("batch_fixed");
    batchWhy.textContent = get("batch_note");
    threadsRow.forEach((element) => { element.hidden = get("engine") !== "openvino"; });
    threads.value = get("threads");
    file.value = get("file");
    file.placeholder = get("usual_file") ? `${get("usual_file")}, as the config says` : "none is kept; a path keeps it";
    compare.checked = get("compare");
  }

  function drawResult() {
    const name = get("told_by");
    if (!name) {
      set(result, h("div", "pw-nothing", h("b", null, "Nothing is built yet"), h("span", null, "The engine's memory, what was fused and its file will be shown here.")));
      return;
    }
    set(result, headline(name), memorySection(), tactics());
    drawFusions();
  }

  function headline(name) {
    const errors = get("errors").map(([output, error]) => h("div", null, h("dt", null, `error of ${output}`), h("dd", null, sci(error))));
    return h("section", { class: "pw-section", "aria-label": "result" }, h("h4", null, name), h("p", "pw-build-note", get("note"), "."),
      h("dl", "pw-facts", get("facts").map(([what, value]) => h("div", null, h("dt", null, what), h("dd", null, value))), errors));
  }

  function memorySection() {
    const memory = get("memory");
    if (!memory.steps) return h("section", "pw-section", h("p", "pw-dim", "This engine tells nothing of its memory."));
    const kinds = new Set(memory.arena ? memory.tenants.map((tenant) => tenant[5]) : []), facts = memory.arena
      ? [["arena", bytes(memory.arena)], ["lower bound", bytes(memory.bound)], ["arena / bound", (memory.arena / memory.bound).toFixed(3)], ["without reuse", bytes(memory.unshared)], ["most alive at", memory.peak]]
      : [["alive at once", `${bytes(memory.bound)} at most`], ["all tensors", bytes(memory.unshared)], ["most alive at", memory.peak]];
    plan.draw(memory);
    return h("section", { class: "pw-section", "aria-label": "memory plan" },
      h("h4", null, h("span", null, memory.arena ? "Memory plan" : "Memory", " ", h("span", "pw-dim", memory.arena ? `a block per tensor, over ${memory.steps.length} ${memory.unit}s; the line is what is alive` : `what is alive, over ${memory.steps.length} ${memory.unit}s`)), kindLegend(kinds)),
      plan.element, memory.note ? h("p", "pw-why", memory.note) : null,
      h("dl", "pw-facts", facts.map(([what, value]) => h("div", null, h("dt", null, what), h("dd", null, value)))), largest(memory));
  }

  function largest({ tenants, steps, arena }) {
    const rows = [...tenants].sort((a, b) => b[1] - a[1]).slice(0, SHOWN), at = (step, other) => steps[step] ?? other;
    return h("details", null, h("summary", null, "Largest tensors"), h("table", null, h("thead", null, h("tr", null, h("th", null, "tensor"), h("th", "pw-num", "bytes"), arena ? h("th", "pw-num", "offset") : null, h("th", null, "from"), h("th", null, "to"))),
      h("tbody", null, rows.map(([name, size, offset, first, last]) => h("tr", null, h("td", "pw-mono", name), h("td", "pw-mono pw-num", thousands(size)), arena ? h("td", "pw-mono pw-num", thousands(offset)) : null, h("td", null, at(first, "the feed")), h("td", null, at(last, "the end")))))));
  }

  function drawFusions() {
    const rows = get("fusions"), own = !get("told_by").startsWith("openvino");
    fusions.hidden = !rows.length;
    set(fusions, h("h4", null, own ? "Without a kernel of their own" : "Fusions", h("span", "pw-dim", rows.reduce((sum, [, count]) => sum + count, 0))), own ? h("p", "pw-why", "These lines joined the kernel before them, or are views of memory.") : null,
      h("div", "pw-scroll", h("table", null, h("thead", "pw-hidden", h("tr", null, ["what", "count", "lines"].map((head) => h("th", null, head)))), h("tbody", null, rows.map(([what, count, lines]) => h("tr", null, h("td", "pw-fused", what), h("td", "pw-num pw-mono", count), h("td", "pw-num pw-dim pw-tiny", span(lines))))))));
  }

  function span(lines) {
    if (!lines.length) return "";
    return lines.length === 1 ? `line ${lines[0]}` : lines.length <= 3 ? `lines ${lines.join(", ")}` : `lines ${lines[0]} to ${lines[lines.length - 1]}`;
  }

  function tactics() {
    const rows = get("tactics");
    if (!rows.length) return null;
    return h("section", { class: "pw-section", "aria-label": "kernels tried" }, h("h4", null, "Kernels tried", h("span", "pw-dim", `${rows.length} trials`)),
      h("div", "pw-scroll pw-tactics", h("table", null, h("thead", null, h("tr", null, h("th", null, "line"), h("th", null, "kernel"), h("th", "pw-num", "ms"), h("th", "pw-num", "apart"), h("th", null, "verdict"))),
        h("tbody", null, rows.map(([line, kernel, ms, error, verdict]) => h("tr", null, h("td", null, line), h("td", "pw-mono", kernel), h("td", "pw-mono pw-num", ms === null ? "" : ms.toFixed(4)), h("td", "pw-mono pw-num", sci(error)), h("td", null, verdict === "chosen" ? h("b", null, verdict) : verdict)))))));
  }

  root.addEventListener("keydown", job.escape);
  const keys = keyboard(root, { g: build }, { lists: () => false });
  for (const name of ["engine", "engines", "precision", "batch", "batch_note", "batch_fixed", "threads", "file", "usual_file", "compare"]) model.on(`change:${name}`, drawOptions);
  let waiting = false;
  const later = () => { if (!waiting) { waiting = true; queueMicrotask(() => { waiting = false; drawResult(); }); } };
  for (const name of ["told_by", "note", "facts", "errors", "memory", "fusions", "tactics"]) model.on(`change:${name}`, later);
  drawOptions();
  drawResult();
  model.send({ do: "look" });
  return () => { keys(); job.stop(); plan.stop(); };
}

export default { render };
