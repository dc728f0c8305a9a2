// What stands below the pictures: the numbers, a row for every pair, the largest regions, boxes, and the flipped logits.
import { glyph, h, minus, svg, thousands } from "./dom.js";
import { pickTable } from "./pick_table.js";
import { ONLY_ENGINE, ONLY_REFERENCE, OTHER, codeStyles, plainStyle, swatch } from "./picture_paint.js";

const CODES = { reference: ONLY_REFERENCE, engine: ONLY_ENGINE, other: OTHER };
const SIDES = { reference: "only reference", engine: "only engine", other: "another pair" };
const fixed = (value, digits = 4) => (value === null || value === undefined ? "" : value === "inf" ? "∞" : value.toFixed(digits));
const small = (value) => (value === null || value === undefined ? "" : value === "inf" ? "∞" : value === 0 ? "exact" : value.toExponential(1).replace("e+0", "e").replace("e+", "e"));
const cell = (text) => h("td", "pw-num pw-mono", minus(text));
const head = (names, left = 1) => h("thead", null, h("tr", null, names.map((name, i) => h("th", { class: i < left ? null : "pw-num", scope: "col" }, name))));

export function numbers(facts) {
  return facts.map(([name, value, remark]) => h("div", null, h("dt", null, name), h("dd", "pw-big", minus(value)), h("dd", "pw-tiny pw-dim", remark)));
}

// The first row stands for all pairs at once; pick(-1) is told of it.
export function pairTable({ rows, chosen, colours, masks }, goal, pick) {
  const has = (test) => rows.some(test);
  const columns = [
    ["IoU", (row) => fixed(row.iou), has((row) => row.iou !== undefined && row.iou !== null)],
    ["score R0", (row) => fixed(row.scores[0]), has((row) => row.scores[0] !== null || row.scores[1] !== null)],
    ["score R", (row) => fixed(row.scores[1]), has((row) => row.scores[0] !== null || row.scores[1] !== null)],
    ["flipped", (row) => thousands(row.flipped), masks],
    ["logit e", (row) => small(row.error), has((row) => row.error !== undefined)],
    ["points moved", (row) => (row.moved === null || row.moved === undefined ? "" : `${Number(row.moved.toPrecision(2))} px`), has((row) => row.moved !== null && row.moved !== undefined)],
  ].filter(([, , wanted]) => wanted);
  const all = { label: "all pairs", cells: [h("td", { colspan: columns.length + 1 }, h("span", "pw-pair", h("span", "pw-mark"), `all ${rows.length}`))] };
  const each = rows.map((row, i) => ({
    label: `${row.name}, ${row.side === "both" ? `IoU ${fixed(row.iou)}` : SIDES[row.side]}`,
    cells: [h("td", null, h("span", "pw-pair", h("span", "pw-mark", mark(row, goal)), masks ? swatch(plainStyle(colours[i])) : null, row.name, row.side === "both" ? null : h("span", "pw-dim", SIDES[row.side]))), ...columns.map(([, text]) => cell(text(row)))],
  }));
  return pickTable("pairs", head(["", ...columns.map(([name]) => name)]), [all, ...each], (i) => pick(i - 1), chosen + 1);
}

function mark(row, goal) {
  if (row.side !== "both") return glyph("failed", SIDES[row.side]);
  if (!goal || typeof row.iou !== "number") return null;
  return row.iou >= goal ? glyph("passed", `IoU of at least ${goal}`) : glyph("failed", `IoU below ${goal}`);
}

export function regionTable(regions, size, dark, pick) {
  const rows = regions.map(({ side, pixels, share, middle }, i) => {
    const [y, x] = middle.map((m, k) => Math.floor(m * size[k]));
    return { label: `region ${i + 1}, ${SIDES[side]}, ${pixels} pixels at ${x}, ${y}`,
      cells: [h("td", "pw-mono", String(i + 1)), h("td", null, h("span", "pw-pair", swatch(codeStyles(dark)[CODES[side]]), SIDES[side])), cell(`${x}, ${y}`), cell(thousands(pixels)), cell(share < 0.01 ? "<1 %" : `${Math.round(share * 100)} %`)] };
  });
  return pickTable("largest regions", head(["", "side", "x, y", "pixels", "share"], 2), rows, (i) => pick(regions[i].middle));
}

export function boxTable(rows, pick) {
  const boxed = rows.map((row, i) => [i, row]).filter(([, row]) => row.boxes[0] || row.boxes[1]);
  if (!boxed.length) return null;
  const corners = (box) => (box ? box.map((v) => v.toFixed(1)).join(", ") : "none");
  const picked = boxed.map(([, row]) => ({ label: `boxes of ${row.name}: reference ${corners(row.boxes[0])}, engine ${corners(row.boxes[1])}`,
    cells: [h("td", null, row.name), h("td", "pw-mono", h("div", null, h("span", "pw-dim", "R0 "), corners(row.boxes[0])), h("div", null, h("span", "pw-dim", "R\u2002 "), corners(row.boxes[1]))), cell(fixed(row.box_iou))] }));
  return pickTable("boxes", head(["", "x0, y0, x1, y1", "IoU"], 2), picked, (i) => pick(boxed[i][0]));
}

const WIDTH = 320, HEIGHT = 136, BASE = 120;

// |logit| of the flipped pixels on the reference's side: outlined near the threshold, filled where the flip is clear.
export function marginChart({ counts, top, near, part }) {
  const most = Math.max(1, ...counts), step = WIDTH / counts.length, picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${Math.round(part * 100)} % of the flipped pixels' logits lie nearer to the threshold than ${near}` });
  for (let v = 0; v <= top; v++) picture.append(svg("path", { class: "pw-rule", d: `M${Math.min(WIDTH - 0.5, v * WIDTH / top + 0.5)} 6V${BASE}` }), svg("text", { x: v * WIDTH / top, y: 134, "text-anchor": v === 0 ? "start" : v === top ? "end" : "middle" }, v === top ? `${v}+` : v));
  counts.forEach((count, i) => {
    if (!count) return;
    const tall = Math.max(2, Math.round(count / most * 106)), within = (i + 0.5) * top / counts.length < near;
    picture.append(svg("rect", { class: within ? "pw-within" : "pw-over", x: Math.round(i * step) + 1.5, y: BASE - tall + 0.5, width: step - 2, height: tall - 0.5 }, svg("title", null, `${count} pixels`)));
  });
  const x = Math.round(near / top * WIDTH);
  picture.append(svg("path", { class: "pw-axis", d: `M0 ${BASE}.5H${WIDTH}` }), svg("rect", { class: "pw-mark-line", x, y: 0, width: 1, height: BASE + 1 }), svg("text", { class: "pw-strong", x: x + 6, y: 12 }, `left of ${near}: near the threshold`));
  return [picture, h("div", "pw-small", h("b", null, `${Math.round(part * 100)} %`), " of the flipped pixels lie near the threshold.")];
}
