// What all views share: making elements (text is set as text, never as HTML), glyphs, numbers, keys, child widgets.

export function h(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

const SVG = "http://www.w3.org/2000/svg";

export function svg(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

// `class` may be left to a plain string; `on*` are listeners; null and false leave an attribute out.
function fill(element, attributes, children) {
  const given = typeof attributes === "string" ? { class: attributes } : attributes || {};
  for (const [name, value] of Object.entries(given)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false && value !== "") element.setAttribute(name, value);
  }
  for (const child of children.flat(9)) {
    if (child !== null && child !== undefined && child !== false) element.append(child);
  }
  return element;
}

// Replaces all children, and nothing where they are the same nodes.
export function set(element, ...children) {
  element.replaceChildren(...children.flat(9).filter((c) => c !== null && c !== undefined && c !== false));
  return element;
}

export function button(label, key, onclick, attributes) {
  return h("button", { type: "button", "aria-keyshortcuts": key, onclick, ...attributes }, label, key ? h("kbd", { "aria-hidden": "true" }, key) : null);
}

// A choice of one: `items` are [value, label] pairs or plain words. `choose` shows another as chosen.
export function segments(label, items, value, onchoose) {
  const pairs = items.map((item) => (Array.isArray(item) ? item : [item, item]));
  const buttons = pairs.map(([key, text]) => h("button", { type: "button", "data-value": key, onclick: () => { choose(key); onchoose(key); } }, text));
  const choose = (key) => buttons.forEach((b) => b.setAttribute("aria-pressed", String(b.dataset.value === String(key))));
  choose(value);
  return Object.assign(h("span", { class: "pw-seg", role: "group", "aria-label": label }, buttons), { choose });
}

const SHAPES = {
  passed: [["circle", { cx: 6, cy: 6, r: 5.5, fill: "currentColor" }], ["path", { d: "M3.2 6.2 5.2 8.2 8.9 4.1", fill: "none", stroke: "var(--pw-bg)", "stroke-width": 1.5 }]],
  failed: [["rect", { x: 0.5, y: 0.5, width: 11, height: 11, fill: "currentColor" }], ["path", { d: "M3.4 3.4 8.6 8.6M8.6 3.4 3.4 8.6", stroke: "var(--pw-bg)", "stroke-width": 1.6 }]],
  drift: [["path", { d: "M6 1.2 11.3 10.8H.7Z", fill: "none", stroke: "currentColor", "stroke-width": 1.6 }]],
  stale: [["circle", { cx: 6, cy: 6, r: 4.8, fill: "none", stroke: "currentColor", "stroke-width": 1.3 }], ["path", { d: "M6 1.2A4.8 4.8 0 0 0 6 10.8Z", fill: "currentColor" }]],
  unchecked: [["circle", { cx: 6, cy: 6, r: 2.6, fill: "none", stroke: "currentColor", "stroke-width": 1.2 }]],
  unsupported: [["circle", { cx: 6, cy: 6, r: 4.8, fill: "none", stroke: "currentColor", "stroke-width": 1.4 }], ["path", { d: "M2.7 9.3 9.3 2.7", stroke: "currentColor", "stroke-width": 1.4 }]],
  text: [["path", { d: "M6 0 12 6 6 12 0 6Z", fill: "currentColor" }], ["path", { d: "M6 2.8V6.9M6 8V9.4", stroke: "var(--pw-bg)", "stroke-width": 1.5 }]],
  running: [["path", { d: "M6 1.2A4.8 4.8 0 1 1 1.2 6", fill: "none", stroke: "currentColor", "stroke-width": 2 }]],
  differs: [["path", { d: "M2.6 2.6 9.4 9.4M9.4 2.6 2.6 9.4", stroke: "currentColor", "stroke-width": 1.3 }]],
  same: [["path", { d: "M2 4.5H10M2 7.5H10", stroke: "currentColor", "stroke-width": 1.4 }]],
};

export const NAMES = {
  passed: "passed", failed: "failed", drift: "drift", stale: "stale", unchecked: "not checked",
  unsupported: "unsupported", text: "error in the text", running: "running", differs: "differs", same: "no effect",
};

export function glyph(state, label = NAMES[state]) {
  const shapes = SHAPES[state].map(([tag, attributes]) => svg(tag, attributes));
  return svg("svg", { class: `pw-glyph pw-g-${state}`, viewBox: "0 0 12 12", role: "img", "aria-label": label }, svg("title", null, label), shapes);
}

// Two digits: 3.1e-3; `exact` for 0, nothing for null or NaN.
export function sci(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "";
  if (value === 0) return "exact";
  return Number.isFinite(value) ? value.toExponential(1).replace("e+0", "").replace("e+", "e") : "∞";
}

export const thousands = (n) => Math.round(n).toLocaleString("en-US");
// A true minus sign before a number; exponents keep their hyphen, as in code.
export const minus = (text) => String(text).replace(/^-/, "−");

// The value of a --pw-* colour as the browser computes it, for canvases.
export function colour(root, token) {
  const probe = h("i", { style: `color: var(${token})` });
  root.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

export function isDark(root) {
  const probe = document.createElement("canvas").getContext("2d");
  probe.fillStyle = colour(root, "--pw-bg");
  probe.fillRect(0, 0, 1, 1);
  const [r, g, b] = probe.getImageData(0, 0, 1, 1).data;
  return 0.3 * r + 0.59 * g + 0.11 * b < 128;
}

// The widget's root element. Keys never reach the notebook ("d d" deletes a cell), but they do reach a widget around.
export function mount(model, el, name, label) {
  const said = h("span", "pw-grow");
  const bar = h("div", { class: "pw-error", role: "alert", hidden: true }, glyph("text", "error"), said,
    h("button", { type: "button", class: "pw-slim", onclick: () => { model.set("error", ""); model.save_changes(); } }, "Dismiss"));
  const root = h("div", { class: `pw pw-${name}`, role: "group", "aria-label": label, "data-lm-suppress-shortcuts": "true" }, bar);
  const outermost = () => !root.parentElement?.closest(".pw");
  root.addEventListener("keydown", (event) => { if (outermost()) event.stopPropagation(); });
  const tell = () => { said.textContent = model.get("error"); bar.hidden = !model.get("error"); };
  model.on("change:error", tell);
  tell();
  el.append(root);
  return root;
}

// Shows the child widget that a trait refers to ("IPY_MODEL_..."); resolves to its cleanup.
export async function embed(model, reference, place) {
  const child = await model.widget_manager.get_model(reference.replace("IPY_MODEL_", ""));
  const view = await model.widget_manager.create_view(child);
  place.replaceChildren(view.el);
  return () => view.remove();
}

// The bytes of a trait or message buffer as float32; a copy where they are not aligned.
export function floats(view) {
  return view.byteOffset % 4 === 0
    ? new Float32Array(view.buffer, view.byteOffset, view.byteLength >> 2)
    : new Float32Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
}

// Calls `changed` whenever the notebook's theme does; returns its cleanup.
export function watchTheme(changed) {
  const observer = new MutationObserver(() => requestAnimationFrame(changed));
  observer.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-name", "data-jp-theme-light", "class"] });
  return () => observer.disconnect();
}

// Has the browser save a file that the kernel sent.
export function download({ name, media }, bytes) {
  const link = h("a", { href: URL.createObjectURL(new Blob([bytes], { type: media })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
