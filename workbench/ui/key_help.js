// All keys, in a box over the workbench.

import { h, button } from "./dom.js";

const KEYS = [
  ["Lines", [["Enter", "edit the line"], ["Esc", "leave it"], ["↑ ↓ J K", "line"], ["F", "first bad"], ["N P", "next, previous bad"], ["T", "run to here"], ["C", "check all"], ["O", "new line below"], ["/", "find"], ["\\", "rail of verdicts"]]],
  ["Text", [["Ctrl Space", "complete"], ["Tab", "take what is marked"], ["Ctrl .", "take the suggestion"], ["Ctrl Z", "undo"], ["Ctrl Shift Z", "redo"], ["Ctrl S", "save"]]],
  ["Views", [[", .", "view before, after"], ["Y", "apply the fix"], ["E", "its diff"], ["G", "build, measure"], ["[ ]", "channel"], ["arrows", "crosshair, on a map"], ["+ − =", "zoom, fit"], ["S", "signed, abs, rel"], ["L", "lin, log"]]],
];

export function keyHelp() {
  const element = h("div", { class: "pw-help", role: "dialog", "aria-label": "keys", tabindex: "-1", hidden: true },
    h("div", "pw-help-columns", KEYS.map(([name, keys]) => h("section", null, h("h4", null, name), keys.map(([key, does]) => h("div", "pw-help-key", h("kbd", null, key), does))))),
    button("Close", "Esc", () => hide(), { class: "pw-slim" }));
  const hide = () => { element.hidden = true; };
  return { element, hide, open: () => !element.hidden, show: () => { element.hidden = !element.hidden; if (!element.hidden) element.focus(); } };
}
