// A custom layer: which one, its check and what that found on the left, the CUDA source on the right.

import { h, set, mount, glyph, button } from "./dom.js";
import { keyboard } from "./keys.js";
import { jobStages } from "./stages.js";

const OK = { true: "passed", false: "failed", null: "unchecked" };

function render({ model, el }) {
  el.classList.add("pw-panel-host");
  const root = mount(model, el, "custom", "Custom layers");
  const get = (name) => model.get(name);
  const save = (name, value) => { model.set(name, value); model.save_changes(); };
  const check = () => { if (!job.busy() && get("chosen")) model.send({ do: "check" }); };
  const job = jobStages(model, "Check", "G", check);

  const chosen = h("select", { "aria-label": "custom layer", onchange: () => save("chosen", chosen.value) });
  const limit = h("input", { type: "number", min: 1, "aria-label": "time limit in seconds", onchange: () => save("time_limit", Math.max(1, +limit.value || 10)) });
  const options = h("div", "pw-options", h("span", "pw-label", "layer"), h("span", "pw-row", chosen, button("Read anew", "", () => model.send({ do: "refresh" }), { class: "pw-slim" })), h("span", "pw-label", "time limit"), h("span", "pw-row", limit, h("span", "pw-why", "seconds of one launch in the emulator")));
  const report = h("div", { "aria-label": "report", role: "group" }), source = h("div", { class: "pw-code", role: "region", "aria-label": "CUDA source", tabindex: "0" });
  const title = h("h4"), left = h("div", "pw-custom-left", options, job.buttons, job.list, report), right = h("div", "pw-custom-right", title, source);
  root.append(left, right);

  function drawChoice() {
    const layers = get("layers");
    set(chosen, layers.map(([name, called]) => h("option", { value: name, selected: name === get("chosen") }, `${name}, ${called}`)));
    chosen.disabled = !layers.length;
    limit.value = get("time_limit");
    if (!layers.length) set(report, h("div", "pw-nothing", h("b", null, "No custom layer is defined"), h("span", null, "Begin a cell with %%cuda_layer, or import a file of layers; then read anew.")));
  }

  function drawReport() {
    const steps = get("steps");
    if (!get("layers").length) { drawChoice(); return; }
    set(report, get("config") ? h("section", "pw-section", h("h4", null, "A line of a config"), h("code", "pw-mono", get("config"))) : null,
      steps.map(([name, ok, lines, error]) => h("details", { class: "pw-section", open: ok === false || name === "parity" || name === "time" }, h("summary", "pw-step", h("span", "pw-row", glyph(OK[ok]), name, h("span", "pw-dim pw-tiny", lines.length > 1 ? `${lines.length} comparisons` : ""))), error ? h("pre", "pw-step-error", error) : null, lines.map((line) => h("div", "pw-step-line", line)))),
      get("dictionary").length ? h("details", "pw-section", h("summary", null, "Rows for the layer dictionary"), h("pre", "pw-mono", get("dictionary").join("\n"))) : null);
  }

  function drawSource() {
    const text = get("source"), marked = get("marked");
    set(title, h("span", null, get("label") || "no source"), h("span", "pw-dim", text ? "edit it where it is, then check it" : ""));
    set(source, text ? text.replace(/\n$/, "").split("\n").map((line, i) => h("div", { class: `pw-code-line${i + 1 === marked ? " pw-code-marked" : ""}`, "aria-current": i + 1 === marked ? "location" : null }, h("span", { class: "pw-code-number", "aria-hidden": "true" }, i + 1), h("span", null, line || " "))) : null);
    source.querySelector(".pw-code-marked")?.scrollIntoView({ block: "nearest" });
  }

  root.addEventListener("keydown", job.escape);
  const keys = keyboard(root, { g: check }, { lists: () => false });
  for (const name of ["layers", "chosen", "time_limit"]) model.on(`change:${name}`, drawChoice);
  for (const name of ["layers", "steps", "config"]) model.on(`change:${name}`, drawReport);
  for (const name of ["source", "label", "marked"]) model.on(`change:${name}`, drawSource);
  drawChoice();
  drawReport();
  drawSource();
  model.send({ do: "refresh" });
  return () => { keys(); job.stop(); };
}

export default { render };
