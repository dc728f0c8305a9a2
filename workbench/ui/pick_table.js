// A table whose rows are picked, by click or by arrows and Enter; only one of them is in the tab order.
import { h } from "./dom.js";

// `rows` are {label, cells}; pick(i) is called for the one picked; `chosen` is marked from the start.
export function pickTable(label, head, rows, pick, chosen = -1) {
  const body = h("tbody", null, rows.map((row, i) => h("tr", { tabindex: i === Math.max(0, chosen) ? 0 : -1, role: "row", "aria-label": row.label, "aria-selected": i === chosen ? "true" : null,
    onclick: () => { choose(i); pick(i); }, onkeydown: (event) => onKey(event, i) }, row.cells)));
  const choose = (i) => [...body.rows].forEach((row, k) => { row.setAttribute("aria-selected", String(k === i)); row.tabIndex = k === i ? 0 : -1; });
  const onKey = (event, i) => {
    const to = { ArrowDown: i + 1, ArrowUp: i - 1, Home: 0, End: body.rows.length - 1 }[event.key];
    if (event.key === "Enter" || event.key === " ") { choose(i); pick(i); }
    else if (to !== undefined && body.rows[to]) { body.rows[i].tabIndex = -1; body.rows[to].tabIndex = 0; body.rows[to].focus(); }
    else return;
    event.preventDefault();
  };
  return h("table", { class: "pw-pick", role: "grid", "aria-label": label }, head, body);
}
