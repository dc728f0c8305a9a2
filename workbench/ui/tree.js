// The original's modules and operators, with the line that covers each and what a line for it would say.

import { h, set, button, glyph } from "./dom.js";
import { virtualList } from "./list.js";

const ROW = 20;

export function moduleTree(model, { go, rowOf }) {
  let chosen = 0, shut = new Set(), items = [], byEntry = new Map();
  const list = virtualList("modules of the original", "tree", draw, () => ROW);
  const offered = h("div", { class: "pw-tree-offer", "aria-live": "polite" });
  const element = h("div", { class: "pw-tree", hidden: true }, list.element, offered);

  const all = () => model.get("modules");
  const covering = (item) => byEntry.get(model.get("tied")[item.tie] ?? (item.kind === "operator" ? undefined : model.get("covered")[item.tie]));

  function draw(item, index) {
    const row = covering(item), on = index === chosen;
    const inner = item.index + 1 < all().length && all()[item.index + 1].depth > item.depth;
    const sign = inner ? (shut.has(item.tie) ? "▸" : "▾") : "";
    return h("div", { class: `pw-tree-row${on ? " pw-ln-on" : ""}`, role: "treeitem", "aria-level": item.depth + 1, "aria-selected": String(on), id: `pw-tree-${index}`,
      "aria-expanded": inner ? String(!shut.has(item.tie)) : null, onclick: () => choose(index), ondblclick: () => row && go(row.line) },
      h("span", { class: "pw-tree-name pw-mono", style: `padding-left: ${8 + 14 * item.depth}px` }, h("span", { class: "pw-tree-sign", onclick: (event) => { event.stopPropagation(); fold(item); } }, sign), item.name),
      h("span", "pw-dim pw-small", item.kind), h("span", "pw-tree-shape pw-dim", item.shape), h("span", "pw-ln-gl", row?.status ? glyph(row.status) : null), h("span", "pw-num pw-dim pw-tiny", row ? row.line : ""));
  }

  function fold(item) {
    if (!shut.delete(item.tie)) shut.add(item.tie);
    layout();
  }

  function layout() {
    let hidden = Infinity;
    items = [];
    all().forEach((item, index) => {
      if (item.depth > hidden) return;
      hidden = shut.has(item.tie) && item.kind !== "operator" ? item.depth : Infinity;
      items.push({ ...item, index });
    });
    chosen = Math.min(chosen, Math.max(0, items.length - 1));
    list.update(items);
  }

  function choose(index) {
    chosen = Math.max(0, Math.min(items.length - 1, index));
    layout();
    list.reveal(chosen);
    list.element.setAttribute("aria-activedescendant", `pw-tree-${chosen}`);
    if (items[chosen]) { model.set("chosen", items[chosen].tie); model.save_changes(); }
  }

  function offer() {
    const item = items[chosen], row = item && covering(item), line = model.get("chosenLine");
    if (!item) return set(offered, h("span", "pw-dim", all().length ? "" : "the original is being read"));
    return set(offered, row ? [h("span", null, `covered by line ${row.line}`), button("Go there", "", () => go(row.line), { class: "pw-slim" })] : h("span", "pw-dim", "covered by no line"),
      line ? [h("code", "pw-mono pw-grow", line), button("Insert below the cursor", "", () => model.send({ do: "insert", text: line }), { class: "pw-slim" })] : h("span", "pw-dim", "no single layer does what it does"));
  }

  list.element.addEventListener("keydown", (event) => {
    const item = items[chosen];
    const act = { ArrowDown: () => choose(chosen + 1), ArrowUp: () => choose(chosen - 1), Home: () => choose(0), End: () => choose(items.length - 1), PageDown: () => choose(chosen + 20), PageUp: () => choose(chosen - 20),
      ArrowLeft: () => item && !shut.has(item.tie) && fold(item), ArrowRight: () => item && shut.has(item.tie) && fold(item), Enter: () => item && covering(item) && go(covering(item).line) }[event.key];
    if (!act || event.ctrlKey) return;
    act();
    event.preventDefault();
  });

  return {
    element, stop: list.stop,
    shown: () => { layout(); list.reveal(chosen); },
    update: (rows) => { byEntry = new Map([...rows.values()].map((row) => [row.entry, row])); if (!element.hidden) { layout(); offer(); } },
  };
}
