// What differs from the file on disk, as a diff.

import { h } from "./dom.js";
import { virtualList } from "./list.js";

export function changeList(model, go) {
  const list = virtualList("changes since the last save", "list", draw, () => 18);
  const none = h("p", "pw-dim pw-changes-none", "The text is as it was saved.");
  const element = h("div", { class: "pw-changes", hidden: true }, none, list.element);

  function draw({ kind, old, new: now, text }) {
    const said = { "-": "removed", "+": "added", " ": "" }[kind];
    return h("div", { class: `pw-diff pw-diff-${{ "-": "del", "+": "add" }[kind] ?? "same"}`, role: "listitem", "aria-label": said && `${said}: ${text}`, onclick: () => now && go(now) },
      h("span", "pw-ln-no", old ?? ""), h("span", "pw-ln-no", now ?? ""), h("span", "pw-diff-kind", kind), h("span", "pw-diff-text", text));
  }

  const update = () => {
    const rows = model.get("diff");
    none.hidden = rows.length > 0;
    list.element.hidden = !rows.length;
    list.update(rows);
  };
  return { element, stop: list.stop, update: () => { if (!element.hidden) update(); }, shown: update };
}
