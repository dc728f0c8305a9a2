// Bars in groups, one under the other, with their numbers at the end: the longest fills the width.

import { h, set, svg } from "./dom.js";

const BAR = 13, GAP = 3, BETWEEN = 14, LEFT = 78, NUMBER = 58, TOP = 4;

// How contestants are told apart, in colour and in pattern; ours is filled.
export const STYLES = ["pw-bar-ours", "pw-bar-open", "pw-bar-dots", "pw-bar-lines", "pw-bar-cross"];

export function barLegend(names) {
  return h("span", "pw-legend", names.map((name, i) => h("span", null, svg("svg", { width: 16, height: 10, "aria-hidden": "true" }, patterns("legend"), svg("rect", { class: `pw-bar-fill ${STYLES[i % STYLES.length]}`, x: 0.5, y: 0.5, width: 15, height: 9, style: paint(i, "legend") })), name)));
}

function patterns(where) {
  const stroke = (d) => svg("path", { class: "pw-bar-stroke", d });
  return svg("defs", null, [["dots", [svg("circle", { class: "pw-bar-dot", cx: 2, cy: 2, r: 1 })]], ["lines", [stroke("M0 5 5 0")]], ["cross", [stroke("M0 5 5 0"), stroke("M0 0 5 5")]]].map(([name, marks]) => svg("pattern", { id: `pw-bar-${name}-${where}`, width: 5, height: 5, patternUnits: "userSpaceOnUse" }, svg("rect", { class: "pw-hatch-ground", width: 5, height: 5 }), marks)));
}

const paint = (i, where) => (i % STYLES.length > 1 ? `fill: url(#${STYLES[i % STYLES.length]}-${where})` : null);

// label: of the picture; format(value) → text. draw(groups, names): groups are [name, { contestant: value }].
export function barChart(label, format) {
  const element = h("div", "pw-bars");
  let given = null;
  const redraw = () => given && set(element, picture(label, format, ...given, Math.max(240, element.clientWidth)));
  const watch = new ResizeObserver(redraw);
  watch.observe(element);
  return { element, stop: () => watch.disconnect(), draw: (groups, names) => { given = [groups, names]; redraw(); } };
}

function picture(label, format, groups, names, width) {
  const most = Math.max(...groups.flatMap(([, values]) => Object.values(values)).filter((v) => v !== null), 1e-9), bars = [];
  let y = TOP;
  for (const [name, values] of groups) {
    const shown = names.map((contestant, i) => [contestant, values[contestant], i]).filter(([, value]) => value !== null && value !== undefined), begin = y;
    for (const [contestant, value, i] of shown) {
      const long = Math.max(1, (width - LEFT - NUMBER) * value / most);
      bars.push(svg("rect", { class: `pw-bar-fill ${STYLES[i % STYLES.length]}`, x: LEFT + 0.5, y: y + 0.5, width: long, height: BAR - 1, style: paint(i, "chart") }, svg("title", null, `${contestant}, ${name}: ${format(value)}`)),
        svg("text", { class: i ? null : "pw-strong pw-bar-best", x: LEFT + long + 6, y: y + BAR - 2 }, format(value)));
      y += BAR + GAP;
    }
    bars.push(svg("text", { class: "pw-strong", x: 0, y: (begin + y) / 2 + 2 }, name));
    y += BETWEEN - GAP;
  }
  const said = groups.map(([name, values]) => `${name}: ${Object.entries(values).filter(([, v]) => v !== null).map(([who, v]) => `${who} ${format(v)}`).join(", ")}`).join("; ");
  return svg("svg", { width, height: y, role: "img", "aria-label": `${label}. ${said}` }, patterns("chart"), bars, svg("path", { class: "pw-axis", d: `M${LEFT}.5 0V${y - BETWEEN + 4}` }));
}
