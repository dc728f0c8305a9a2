// What may stand at the caret: layers, the layer's keys, a key's symbols, tensors above, the original's ties.

import { h, set } from "./dom.js";

// {start, end, options: [{text, doc, more}], help} for a line's text and a caret in it.
export function candidates(line, caret, { dictionary, tensors, ties, tagAbove }) {
  const start = caret - /[^\s[\]]*$/.exec(line.slice(0, caret))[0].length;
  const word = line.slice(start, caret);
  const end = caret + /^[^\s#[\]]*/.exec(line.slice(caret))[0].length;
  if (line.slice(0, caret).includes("#")) return null;
  if (/\[[^\]\s]*$/.test(line.slice(0, caret))) {
    const from = line.lastIndexOf("[", caret - 1) + 1;
    const options = Object.entries(dictionary).filter(([tag]) => tag !== "base").map(([tag, { doc }]) => ({ text: `${tag}]`, doc }));
    return found(line.slice(from, caret), from, end + (line[end] === "]" ? 1 : 0), options);
  }
  const tag = [...line.slice(0, caret).matchAll(/\[([^\]]+)\]/g)].at(-1)?.[1] ?? tagAbove;
  const keys = { ...(dictionary[tag]?.layer ? dictionary.base.keys : {}), ...dictionary[tag]?.keys };
  const equals = word.indexOf("=");
  if (equals < 0) {
    const given = new Set([...line.matchAll(/([^\s=[]+)=/g)].map((m) => m[1]));
    const options = Object.entries(keys).filter(([key]) => !given.has(key) || key === word)
      .map(([key, { kind, doc, required }]) => ({ text: `${key}=`, doc, more: required ? `${kind}, required` : kind }));
    return found(word, start, end, options);
  }
  const key = word.slice(0, equals), about = keys[key];
  if (!about) return null;
  const items = word.slice(equals + 1), from = start + equals + 1 + items.lastIndexOf(",") + 1;
  const values = key === "input" ? ["*", ...tensors] : key === "name" ? ties : about.among;
  const options = values.map((text) => ({ text, doc: "" }));
  return { ...found(line.slice(from, caret), from, end, options), help: `${key}=  ${about.kind}${about.init ? `, ${about.init} by default` : ""}.  ${about.doc}` };
}

function found(word, start, end, options) {
  const low = word.toLowerCase();
  const begins = options.filter(({ text }) => text.toLowerCase().startsWith(low));
  const holds = low.length > 1 ? options.filter(({ text }) => !begins.some((b) => b.text === text) && text.toLowerCase().includes(low)) : [];
  return { start, end, options: [...begins, ...holds].slice(0, 200), help: "" };
}

// The list below the caret. `onpick(option)` is called with what was chosen.
export function popup(onpick) {
  const list = h("div", { class: "pw-pop-list", role: "listbox", "aria-label": "completions", id: `pw-pop-${Math.random().toString(36).slice(2)}` });
  const help = h("div", "pw-pop-help");
  const element = h("div", { class: "pw-pop", hidden: true }, list, help);
  let options = [], at = 0;

  function show(given, left, top) {
    options = given?.options ?? [];
    at = 0;
    element.hidden = !options.length && !given?.help;
    element.style.left = `${left}px`;
    element.style.top = `${top}px`;
    draw(given?.help ?? "");
  }

  function draw(said = options[at]?.doc ?? "") {
    set(list, options.map(({ text, more }, i) => h("div", { role: "option", id: `${list.id}-${i}`, "aria-selected": String(i === at), onmousedown: (event) => { event.preventDefault(); onpick(options[i]); } },
      h("span", null, text), h("span", "pw-dim", more ?? ""))));
    list.hidden = !options.length;
    help.textContent = options[at]?.doc || said;
    help.hidden = !help.textContent;
    list.children[at]?.scrollIntoView({ block: "nearest" });
  }

  return {
    element, show,
    id: list.id,
    hide: () => { element.hidden = true; options = []; },
    open: () => !element.hidden && options.length > 0,
    active: () => (options.length ? `${list.id}-${at}` : ""),
    move: (step) => { at = (at + step + options.length) % options.length; draw(); },
    pick: () => onpick(options[at]),
  };
}
