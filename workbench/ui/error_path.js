// The cumulative error of the lines that lead to a result, on a log scale, with what is allowed dotted.
import { glyph, h, minus, sci, set, svg } from "./dom.js";

const HEIGHT = 96, LEFT = 36, TOP = 14, BASE = 84, LOW = -8, HIGH = 0;
const Y = (error) => TOP + (HIGH - Math.max(LOW, Math.min(HIGH, Math.log10(error || 1e-30)))) / (HIGH - LOW) * (BASE - TOP);

export function errorPath(model) {
  const drawing = h("div"), element = h("section", { class: "pw-path", hidden: true }, h("h4", null, h("span", null, "Cumulative error on the way to the result", h("span", "pw-dim", "\u2002each line fed what the engine computed")), h("span", "pw-dim pw-tiny", "dotted: allowed")), drawing);
  const draw = () => {
    const path = model.get("path") ?? [];
    element.hidden = path.length < 2;
    if (!element.hidden && drawing.clientWidth) set(drawing, picture(path, drawing.clientWidth));
  };
  const watch = new ResizeObserver(draw);
  watch.observe(drawing);
  model.on("change:path", draw);
  setTimeout(draw);
  return { element, stop() { watch.disconnect(); model.off("change:path", draw); } };
}

function picture(path, width) {
  const X = (i) => LEFT + i / (path.length - 1) * (width - LEFT - 8), line = (from, to, value) => path.slice(from, to + 1).map((row, k) => `${k ? "L" : "M"}${X(from + k).toFixed(1)} ${Y(value(row)).toFixed(1)}`).join("");
  const bad = path.findIndex(([, , , status]) => status === "failed"), split = bad < 0 ? path.length - 1 : Math.max(0, bad - 1), last = path.length - 1;
  const drawn = svg("svg", { width, height: HEIGHT, role: "img", "aria-label": describe(path, bad) });
  for (let power = LOW; power <= HIGH; power += 2) drawn.append(svg("path", { class: "pw-rule", d: `M${LEFT} ${Math.round(Y(10 ** power)) + 0.5}H${width}` }), svg("text", { x: LEFT - 6, y: Y(10 ** power) + 4, "text-anchor": "end" }, power ? `1e${minus(power)}` : "1"));
  drawn.append(svg("path", { class: "pw-allowed", d: line(0, last, (row) => row[2]) }), svg("path", { class: "pw-good", d: line(0, split, (row) => row[1]) }));
  if (bad >= 0) {
    drawn.append(svg("path", { class: "pw-bad-step", d: line(split, bad, (row) => row[1]) }), svg("path", { class: "pw-drifting", d: line(bad, last, (row) => row[1]) }));
    const mark = glyph("failed");
    for (const [name, value] of [["x", X(bad) - 6], ["y", Y(path[bad][1]) - 6], ["width", 12], ["height", 12]]) mark.setAttribute(name, value);
    const room = X(bad) > LEFT + 110; // left of it the line is low, right of it drift is high
    drawn.append(mark, name(X(bad) + (room ? -10 : 10), Y(path[bad][1]) + (room ? 4 : 18), path[bad], room));
  }
  if (last !== bad) drawn.append(name(width - 8, Y(path[last][1]) - 7, path[last], true));
  return drawn;
}

function name(x, y, [line, error], before) {
  return svg("text", { class: "pw-strong", x, y: Math.max(10, y), "text-anchor": before ? "end" : "start" }, `line ${line}, ${minus(sci(error))}`);
}

function describe(path, bad) {
  const [line, error] = path.at(-1);
  return `cumulative error of ${path.length} lines: ${bad < 0 ? "none fails" : `line ${path[bad][0]} fails with ${sci(path[bad][1])}`}; line ${line} ends with ${sci(error)}`;
}
