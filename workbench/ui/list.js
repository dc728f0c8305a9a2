// A list that draws only the rows in sight, so that a thousand lines cost no more than forty.

import { h, set } from "./dom.js";

const MARGIN = 200; // pixels drawn above and below what is seen

// draw(item, index) → an element; height(item) → its pixels. Items are drawn anew by `update`.
export function virtualList(label, role, draw, height) {
  const rows = h("div", { class: "pw-list-rows", role: "presentation" });
  const canvas = h("div", { class: "pw-list-canvas", role: "presentation" }, rows);
  const element = h("div", { class: "pw-list", role, "aria-label": label, tabindex: "0" }, canvas);
  let items = [], tops = [0], drawn = "";

  const at = (y) => {
    let low = 0, high = items.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (tops[middle + 1] <= y) low = middle + 1;
      else high = middle;
    }
    return low;
  };

  function paint(force) {
    const first = at(element.scrollTop - MARGIN), last = Math.min(items.length, at(element.scrollTop + element.clientHeight + MARGIN) + 1);
    if (!force && drawn === `${first}-${last}`) return;
    drawn = `${first}-${last}`;
    rows.style.top = `${tops[first]}px`;
    set(rows, items.slice(first, last).map((item, i) => draw(item, first + i)));
  }

  function update(given) {
    items = given;
    tops = [0];
    for (const item of items) tops.push(tops.at(-1) + height(item));
    canvas.style.height = `${tops.at(-1)}px`;
    paint(true);
  }

  // Scrolls as little as shows the item, with some of its surroundings.
  function reveal(index, around = 36) {
    if (index < 0 || index >= items.length) return;
    const top = Math.max(0, tops[index] - around), bottom = tops[index + 1] + around;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (bottom > element.scrollTop + element.clientHeight) element.scrollTop = bottom - element.clientHeight;
    paint(false);
  }

  const seen = new ResizeObserver(() => paint(true));
  seen.observe(element);
  element.addEventListener("scroll", () => paint(false));
  return { element, canvas, update, reveal, top: (index) => tops[index], first: () => at(element.scrollTop), stop: () => seen.disconnect() };
}
