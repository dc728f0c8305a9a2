// A job's stages with their times, how far the one that runs is, and the buttons that begin and cancel it.

import { h, set, button, glyph } from "./dom.js";

const SAID = { idle: "", waiting: "waits for the work before it", running: "running", done: "done", cancelled: "cancelled", failed: "failed" };
const MARKS = { stale: "cancelled", unchecked: "not reached" };

// model: of a Panel. → { buttons, list, stop, busy }; `label` and `key` are of the button that begins.
export function jobStages(model, label, key, begin) {
  const start = button(label, key, begin, { class: "pw-primary" });
  const cancel = button("Cancel", "Esc", () => model.send({ do: "cancel" }));
  const said = h("span", { class: "pw-small pw-dim pw-job-said", role: "status", "aria-live": "polite" });
  const list = h("ol", { class: "pw-stages", "aria-label": "stages" });
  let since = 0, clock = null;
  const busy = () => ["waiting", "running"].includes(model.get("state"));

  function tell() {
    const state = model.get("state"), seconds = (performance.now() - since) / 1000;
    said.textContent = model.get("stopping") || (state === "running" ? `running, ${seconds.toFixed(1)} s` : SAID[state]);
  }

  function drawState() {
    const on = busy();
    start.setAttribute("aria-disabled", String(on)); // not disabled: the focus would fall out of the widget, and keys to the notebook
    cancel.setAttribute("aria-disabled", String(!on || Boolean(model.get("stopping"))));
    if (on && !clock) { since = performance.now(); clock = setInterval(tell, 200); }
    if (!on && clock) { clearInterval(clock); clock = null; }
    tell();
  }

  function drawStages() {
    const [done, total] = model.get("at"), over = !busy();
    set(list, model.get("stages").map(([name, state, text, seconds]) => {
      const far = state === "running" && total ? [h("progress", { max: total, value: done, "aria-label": `${name}: ${done} of ${total}` }), h("span", null, `${done} of ${total}`)] : null;
      const said = text || (state === "unchecked" && over && model.get("state") === "done" ? "not needed" : "");
      return h("li", `pw-stage pw-stage-${state}`, glyph(state, MARKS[state]), h("span", null, name), h("span", { class: "pw-dim pw-stage-text", title: text }, far || said), h("span", "pw-num pw-dim pw-tiny", time(seconds)));
    }));
    list.scrollTop = list.scrollHeight;
  }

  const draw = () => { drawState(); drawStages(); };
  model.on("change:state change:stopping", draw);
  model.on("change:stages change:at", drawStages);
  draw();
  // Esc cancels while there is something to cancel, and is the surroundings' otherwise.
  const escape = (event) => { if (event.key === "Escape" && busy()) { model.send({ do: "cancel" }); event.preventDefault(); } };
  return { busy, escape, list, buttons: h("div", "pw-row pw-job", start, cancel, said), stop: () => { clearInterval(clock); model.off("change:state change:stopping", draw); model.off("change:stages change:at", drawStages); } };
}

function time(seconds) {
  if (seconds === null) return "";
  return seconds < 1 ? `${Math.max(1, Math.round(seconds * 1000))} ms` : `${seconds.toFixed(1)} s`;
}
