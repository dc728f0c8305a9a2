// One line being edited: a textarea over its own coloured text, with completion. The list reserves its height.

import { h, set } from "./dom.js";
import { words } from "./text.js";
import { candidates, popup } from "./complete.js";

// acts: change(text), lines(text, caret) where it became several, leave(), move(step), join(step), suggest(),
// context() for completion
export function lineEditor(acts) {
  const under = h("div", { class: "pw-edit-under", "aria-hidden": "true" });
  const pop = popup(take);
  const area = h("textarea", { rows: "1", spellcheck: "false", autocapitalize: "off", autocomplete: "off", wrap: "soft", "aria-label": "config line",
    role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": pop.id });
  const element = h("div", { class: "pw-edit", hidden: true }, under, area, pop.element);
  let found = null;

  function open(text, caret) {
    element.hidden = false;
    area.value = text;
    colour();
    area.focus({ preventScroll: true });
    const at = caret === undefined ? text.length : Math.min(caret, text.length);
    area.setSelectionRange(at, at);
    pop.hide();
  }

  function colour() {
    set(under, words(area.value).map(([kind, text]) => h("span", kind && `pw-w-${kind}`, text)), "\u200b");
    area.style.height = "auto";
    area.style.height = `${Math.max(18, area.scrollHeight)}px`;
  }

  function complete(asked) {
    found = candidates(area.value, area.selectionStart, acts.context());
    const word = found && area.value.slice(found.start, area.selectionStart);
    const whole = found?.options.length === 1 && found.options[0].text === word;
    if (!found || whole || (!asked && !word && !found.help)) return pop.hide();
    const probe = h("span", null, area.value.slice(0, found.start));
    set(under, probe, area.value.slice(found.start) || "\u200b");
    const rects = probe.getClientRects(), box = element.getBoundingClientRect(), last = rects[rects.length - 1] ?? box;
    colour();
    pop.show(asked || word ? found : { ...found, options: [] }, last.right - box.left, last.bottom - box.top + 2);
    area.setAttribute("aria-expanded", String(pop.open()));
    area.setAttribute("aria-activedescendant", pop.active());
  }

  function take({ text }) {
    area.setRangeText(text, found.start, found.end, "end");
    pop.hide();
    changed(text.endsWith("="));
  }

  function changed(asked = false) {
    colour();
    acts.change(area.value);
    complete(asked);
  }

  const KEYS = {
    Escape: () => (pop.open() ? pop.hide() : acts.leave()),
    Enter: () => (pop.open() ? pop.pick() : split()),
    Tab: () => pop.open() && pop.pick(),
    ArrowDown: () => (pop.open() ? pop.move(1) : acts.move(1)),
    ArrowUp: () => (pop.open() ? pop.move(-1) : acts.move(-1)),
    Backspace: () => area.selectionStart === 0 && area.selectionEnd === 0 && acts.join(-1),
    Delete: () => area.selectionStart === area.value.length && acts.join(1),
    "Ctrl+ ": () => complete(true),
    "Ctrl+.": () => acts.suggest(),
  };
  area.addEventListener("keydown", (event) => {
    const name = (event.ctrlKey || event.metaKey ? "Ctrl+" : "") + event.key;
    if (event.isComposing || !KEYS[name] || event.shiftKey) return;
    if (KEYS[name]() !== false) event.preventDefault();
    event.stopPropagation();
  });
  area.addEventListener("input", () => (area.value.includes("\n") ? acts.lines(area.value, area.selectionStart) : changed()));
  area.addEventListener("blur", () => pop.hide());

  function split() {
    area.setRangeText("\n", area.selectionStart, area.selectionEnd, "end");
    acts.lines(area.value, area.selectionStart);
  }

  return { element, open, close: () => { element.hidden = true; pop.hide(); }, value: () => area.value, height: () => area.scrollHeight, caret: () => area.selectionStart,
    set: (text) => { area.value = text; colour(); }, focus: () => area.focus({ preventScroll: true }) };
}
