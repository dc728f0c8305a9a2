// A bar between two panes, moved by pointer or arrow keys.

import { h } from "./dom.js";

const STEP = 24;

export function splitter(label, orientation, value, change) {
  const across = orientation === "vertical";
  const element = h("div", { class: `pw-split pw-split-${orientation}`, role: "separator", tabindex: "0", "aria-label": label, "aria-orientation": orientation });
  element.addEventListener("pointerdown", (event) => {
    const start = across ? event.clientX : event.clientY, from = value();
    element.setPointerCapture(event.pointerId);
    const moved = (now) => change(from + (across ? now.clientX : now.clientY) - start);
    element.addEventListener("pointermove", moved);
    element.addEventListener("pointerup", () => element.removeEventListener("pointermove", moved), { once: true });
    event.preventDefault();
  });
  element.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -STEP, ArrowUp: -STEP, ArrowRight: STEP, ArrowDown: STEP }[event.key];
    if (!by) return;
    change(value() + by);
    event.preventDefault();
  });
  return element;
}
