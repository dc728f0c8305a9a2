// One tick per module in forward order; its height says the state as well as its colour. A click goes to its line.

import { h, svg, set, NAMES } from "./dom.js";

const WIDTH = 820, HEIGHT = 42;

const TICKS = {
  passed: (x, w) => [box(x, 10, w, 14, "pass")],
  failed: (x, w) => [box(x, 4, w, 20, "fail"), box(x + w / 2 - 3.5, 0, 7, 7, "fail")],
  text: (x, w) => [box(x, 4, w, 20, "fail")],
  unsupported: (x, w) => [box(x, 4, w, 20, "fg3")],
  drift: (x, w) => [box(x, 15, w, 9, "drift")],
  stale: (x, w) => [edge(x, 10, w, 14, "stale"), box(x, 17, w, 7, "stale")],
  unchecked: (x, w) => [edge(x, 18, w, 6, "fg3")],
  none: (x, w) => [box(x, 23, w, 1, "fg3")],
};
const box = (x, y, width, height, token) => svg("rect", { x, y, width, height, fill: `var(--pw-${token})` });
const edge = (x, y, width, height, token) => svg("rect", { x: x + 0.5, y: y + 0.5, width: Math.max(0.5, width - 1), height: height - 1, fill: "none", stroke: `var(--pw-${token})` });

export function moduleStrip(go) {
  const ticks = svg("g"), names = svg("g");
  const drawing = svg("svg", { width: WIDTH, height: HEIGHT, viewBox: `-2 0 ${WIDTH + 4} ${HEIGHT}`, role: "img" }, ticks, names);
  const element = h("div", "pw-strip", drawing);
  let places = [];
  drawing.addEventListener("click", (event) => {
    const at = (event.clientX - drawing.getBoundingClientRect().left) / drawing.getBoundingClientRect().width * (WIDTH + 4) - 2;
    const near = places.filter(({ row }) => row).sort((a, b) => Math.abs(a.x - at) - Math.abs(b.x - at))[0];
    if (near) go(near.row.line);
  });

  function draw(modules, cursor) {
    const step = Math.min(20, WIDTH / Math.max(1, modules.length)), width = Math.max(1, Math.min(8, Math.round(step * 0.6)));
    places = modules.map(({ path, row }, i) => ({ path, row, x: Math.round(i * step) + 1 }));
    set(ticks, places.map(({ path, row, x }) => {
      const state = row?.status || "none";
      const said = `${path || "the model itself"}: ${row ? `line ${row.line}, ${NAMES[row.status] ?? ""}` : "covered by no line"}`;
      return svg("g", { class: row && row.line === cursor ? "pw-strip-on" : null }, svg("title", null, said), row && row.line === cursor ? svg("rect", { x: x - 1.5, y: 1.5, width: width + 3, height: 24, fill: "none", stroke: "var(--pw-brand)" }) : null, TICKS[state](x, width));
    }));
    set(names, groups(modules).map(({ name, from, to }) => {
      const a = Math.round(from * step) + 1.5, b = Math.round(to * step) - 1.5;
      return [svg("path", { class: "pw-axis", d: `M${a} 27v3H${b}v-3` }), b - a > 6.2 * name.length ? svg("text", { x: (a + b) / 2, y: 41, "text-anchor": "middle" }, name) : null];
    }));
    const states = modules.map(({ row }) => row?.status || "none");
    drawing.setAttribute("aria-label", `modules in forward order: ${[...new Set(states)].map((s) => `${states.filter((t) => t === s).length} ${NAMES[s] ?? "not covered"}`).join(", ")}`);
  }
  return { element, draw };
}

// Neighbours under the same part of the model: the first parts of their paths that make two or more groups.
function groups(modules) {
  const paths = modules.map(({ path }) => path.split("."));
  let depth = 1;
  while (depth < 3 && new Set(paths.map((p) => p.slice(0, depth).join("."))).size < 4) depth += 1;
  const found = [];
  paths.forEach((path, i) => {
    const name = path.slice(0, depth).join(".");
    if (found.at(-1)?.name === name) found.at(-1).to = i + 1;
    else found.push({ name, from: i, to: i + 1 });
  });
  return found.filter(({ from, to }) => to - from > 1).map((group) => ({ ...group, name: group.name.split(".").at(-1) }));
}
