// The tensor view's tables. A row that leads to an element is a button for keyboard and screen reader.
import { h, minus, thousands } from "./dom.js";
import { pickTable } from "./pick_table.js";

export function factsRow(facts) {
  return facts.map(([name, value]) => h("div", null, h("dt", null, name), h("dd", null, minus(value))));
}

const head = (names) => h("thead", null, h("tr", null, names.map((name) => h("th", { class: "pw-num", scope: "col" }, name))));

export function listingTable({ rows, left_out: leftOut, after }) {
  const lines = rows.map((cells) => h("tr", null, cells.map((cell) => h("td", "pw-num pw-mono", cell))));
  if (leftOut) lines.splice(after, 0, h("tr", null, h("td", { class: "pw-num pw-dim pw-small", colspan: 4 }, `${thousands(leftOut)} more`)));
  return h("table", { "aria-label": "running maximum" }, head(["index", "R0 (reference)", "R (engine)", "diff"]), h("tbody", null, lines));
}

export function worstTable(rows, go, channels) {
  if (!rows.length) return h("div", "pw-dim pw-small", "none: all values are equal");
  const picked = rows.map(({ index, place, diff, times }) => ({
    label: `go to element ${index.join(",")}, difference ${diff}`,
    cells: [place.slice(0, 2).join(", "), ...(channels ? [place[2]] : []), diff, times].map((cell) => h("td", "pw-num pw-mono", cell)),
  }));
  return pickTable("worst elements", head(["y, x", ...(channels ? ["channel"] : []), "diff", "× tol"]), picked, (i) => go(rows[i].index));
}
