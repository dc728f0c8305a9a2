// The tensor view's tables. A row that leads to an element is a button for keyboard and screen reader.
import { h, minus, thousands } from "./dom.js";

export function factsRow(facts) {
  return facts.map(([name, value]) => h("div", null, h("dt", null, name), h("dd", null, minus(value))));
}

const head = (names) => h("thead", null, h("tr", null, names.map((name) => h("th", { class: "pw-num", scope: "col" }, name))));

export function listingTable({ rows, left_out: leftOut, after }) {
  const lines = rows.map((cells) => h("tr", null, cells.map((cell) => h("td", "pw-num pw-mono", cell))));
  if (leftOut) lines.splice(after, 0, h("tr", null, h("td", { class: "pw-num pw-dim pw-small", colspan: 4 }, `${thousands(leftOut)} more`)));
  return h("table", { "aria-label": "running maximum" }, head(["index", "R0 (reference)", "R (engine)", "diff"]), h("tbody", null, lines));
}

export function worstTable(rows, go) {
  const body = h("tbody", null, rows.map(({ index, place, diff, times }, i) => {
    const here = () => { choose(i); go(index); };
    return h("tr", { tabindex: i ? -1 : 0, role: "row", "aria-label": `go to element ${index.join(",")}, difference ${diff}`, onclick: here,
      onkeydown: (event) => move(event, body, i, here) },
      h("td", "pw-num pw-mono", place.slice(0, 2).join(", ")), h("td", "pw-num pw-mono", place[2]), h("td", "pw-num pw-mono", diff), h("td", "pw-num pw-mono", times));
  }));
  const choose = (i) => [...body.rows].forEach((row, k) => { row.setAttribute("aria-selected", String(k === i)); row.tabIndex = k === i ? 0 : -1; });
  if (!rows.length) return h("div", "pw-dim pw-small", "none: all values are equal");
  return h("table", { class: "pw-worst", role: "grid", "aria-label": "worst elements" }, head(["y, x", "channel", "diff", "× tol"]), body);
}

function move(event, body, i, here) {
  const to = { ArrowDown: i + 1, ArrowUp: i - 1, Home: 0, End: body.rows.length - 1 }[event.key];
  if (event.key === "Enter" || event.key === " ") here();
  else if (to !== undefined && body.rows[to]) { body.rows[i].tabIndex = -1; body.rows[to].tabIndex = 0; body.rows[to].focus(); }
  else return;
  event.preventDefault();
}
