// The arena over time: a block per tensor, from its first step to its last, at its offset; what is alive as a line.

import { h, set, svg, thousands } from "./dom.js";

const HEIGHT = 292, LEFT = 46, RIGHT = 8, TOP = 20, FOOT = 30;
export const KINDS = { convolution: "convolution", product: "product, attention", other: "elementwise", copy: "copy", fed: "fed" };
const UNITS = [[2 ** 20, "MB"], [2 ** 10, "kB"], [1, "bytes"]];

export function bytes(n) {
  const [size, unit] = UNITS.find(([least]) => n >= least) || UNITS[2];
  return `${size === 1 ? n : (n / size).toFixed(n / size < 100 ? 1 : 0)} ${unit}`;
}

export function kindLegend(kinds) {
  return h("span", "pw-legend", Object.entries(KINDS).filter(([kind]) => kinds.has(kind)).map(([kind, name]) => h("span", null, svg("svg", { width: 12, height: 10, "aria-hidden": "true" }, hatch("pw-hatch-legend"), svg("rect", { class: `pw-block pw-block-${kind}`, x: 0.5, y: 0.5, width: 11, height: 9, style: kind === "copy" ? "fill: url(#pw-hatch-legend)" : null })), name)));
}

function hatch(id) {
  return svg("defs", null, svg("pattern", { id, width: 4, height: 4, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" }, svg("rect", { class: "pw-hatch-ground", width: 4, height: 4 }), svg("rect", { class: "pw-hatch-stroke", width: 1.4, height: 4 })));
}

// Redraws as wide as it may be. → { element, draw(memory), stop }
export function memoryPlan() {
  const element = h("div", "pw-plan");
  let memory = null;
  const paint = () => memory && set(element, picture(memory, Math.max(320, element.clientWidth)));
  const watch = new ResizeObserver(paint);
  watch.observe(element);
  return { element, stop: () => watch.disconnect(), draw: (given) => { memory = given; paint(); } };
}

function picture(memory, width) {
  const { steps, tenants, alive, arena } = memory, top = Math.max(arena, ...alive, 1) * 1.04, count = Math.max(1, steps.length);
  const X = (step) => LEFT + (width - LEFT - RIGHT) * Math.max(0, Math.min(count, step)) / count, Y = (n) => HEIGHT - FOOT - (HEIGHT - FOOT - TOP) * n / top;
  const drawn = svg("svg", { width, height: HEIGHT, role: "img", "aria-label": describe(memory) }, hatch("pw-hatch"));
  scale(drawn, top, width, Y);
  const placed = tenants.filter((tenant) => tenant[2] >= 0).map((tenant) => block(drawn, tenant, memory, X, Y));
  const path = alive.map((n, i) => `${i ? "L" : "M"}${X(i).toFixed(1)} ${Y(n).toFixed(1)}H${X(i + 1).toFixed(1)}`).join("");
  if (!arena && alive.length) drawn.append(svg("path", { class: "pw-alive-area", d: `${path}V${Y(0)}H${X(0)}Z` }));
  drawn.append(svg("path", { class: "pw-alive", d: path }));
  if (arena) drawn.append(svg("path", { class: "pw-arena", d: `M${LEFT} ${Math.round(Y(arena)) + 0.5}H${width - RIGHT}` }), svg("text", { class: "pw-strong", x: width - RIGHT, y: Y(arena) - 5, "text-anchor": "end" }, `arena ${bytes(arena)}`));
  drawn.append(...placed.filter(Boolean));
  names(drawn, steps, X, width);
  return drawn;
}

// Round numbers at the left: 1, 2 or 5 of a power of ten, four lines or so.
function scale(drawn, top, width, Y) {
  const [size, unit] = UNITS.find(([least]) => top >= least) || UNITS[2], whole = top / size, rough = whole / 4, power = 10 ** Math.floor(Math.log10(rough));
  const by = [1, 2, 5, 10].find((n) => n * power >= rough) * power;
  for (let n = 0; n <= whole; n += by) {
    const y = Math.round(Y(n * size)) + 0.5;
    drawn.append(svg("path", { class: n ? "pw-rule" : "pw-axis", d: `M${LEFT} ${y}H${width - RIGHT}` }), svg("text", { x: LEFT - 6, y: y + 4, "text-anchor": "end" }, +n.toPrecision(6)));
  }
  drawn.append(svg("text", { x: LEFT - 6, y: 12, "text-anchor": "end" }, unit));
}

// Draws the block; its name, where there is room for it, is given back to be drawn over the lines.
function block(drawn, [name, nbytes, offset, first, last, kind], { steps }, X, Y) {
  const x = X(first), w = Math.max(1, X(last + 1) - x), y = Y(offset + nbytes), tall = Math.max(1, Y(offset) - y);
  const from = first < 0 ? "the feed" : steps[first], to = last >= steps.length ? "the end" : steps[last];
  drawn.append(svg("rect", { class: `pw-block pw-block-${kind}`, x, y, width: w, height: tall, style: kind === "copy" ? "fill: url(#pw-hatch)" : null },
    svg("title", null, `${name}: ${thousands(nbytes)} bytes at ${thousands(offset)}, from ${from} to ${to}`)));
  const text = `${name}, ${bytes(nbytes)}`, long = text.length * 6.2;
  const flat = w > long + 6 && tall > 15, upright = tall > long + 6 && w > 15;
  if (!flat && !upright) return null;
  return svg("text", { class: "pw-strong pw-block-name", transform: flat ? `translate(${x + w / 2} ${y + tall / 2 + 4})` : `translate(${x + w / 2 + 4} ${y + tall / 2}) rotate(-90)`, "text-anchor": "middle" }, text);
}

// As many names of steps as there is room for.
function names(drawn, steps, X, width) {
  const room = Math.max(1, Math.ceil(steps.length * 96 / (width - LEFT)));
  steps.forEach((name, i) => {
    if (i % room) return;
    const x = X(i + 0.5), short = room > 1 ? name.split(" ").slice(0, 2).join(" ") : name;
    drawn.append(svg("path", { class: "pw-rule", d: `M${Math.round(x) + 0.5} ${HEIGHT - FOOT}v4` }), svg("text", { x: Math.min(x, width - 30), y: HEIGHT - FOOT + 17, "text-anchor": "middle" }, short));
  });
}

function describe({ tenants, arena, bound, steps, unit, peak }) {
  const most = `at most ${bytes(bound)} alive at once, at ${peak}`;
  return arena ? `memory plan: ${tenants.length} tensors over ${steps.length} ${unit}s in an arena of ${bytes(arena)}; ${most}` : `bytes alive over ${steps.length} ${unit}s: ${most}`;
}
