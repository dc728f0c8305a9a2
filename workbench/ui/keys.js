// Command-mode keys of a widget. A key pressed elsewhere in the workbench reaches it as a "pw-key" event.

const NAME = (event) => (event.ctrlKey || event.metaKey ? "Ctrl+" : "") + (event.ctrlKey && event.shiftKey ? "Shift+" : "") + (event.key.length === 1 ? event.key.toLowerCase() : event.key);
const TYPING = "textarea, select, input:not([type=checkbox]):not([type=range])";
const PRESSED = ["Enter", " "]; // what a focused button does itself
const MOVES = ["ArrowDown", "ArrowUp", "PageDown", "PageUp", "Home", "End"];

// `typing` are the keys that work in a text field too; `lists` says whether arrows and Enter are ours where no field is.
export function keyboard(root, commands, { typing = [], lists = () => true } = {}) {
  const run = (name, event) => {
    const command = commands[name];
    if (!command) return false;
    command(event);
    return true;
  };
  const pressed = (event) => {
    const name = NAME(event), target = event.target;
    if (event.defaultPrevented || event.altKey || event.isComposing) return;
    if (target.closest(TYPING) && !typing.includes(name)) return;
    if (PRESSED.includes(name) && target.closest("button, input, a, [role=tab], [role=treeitem], [role=row]")) return;
    if (MOVES.includes(name) && (!lists() || target.closest("input, [role=tree], canvas, [role=row]"))) return;
    if (run(name, event)) { event.preventDefault(); event.handled = true; }
  };
  const told = (event) => { if (run(event.detail)) event.preventDefault(); };
  root.addEventListener("keydown", pressed);
  root.addEventListener("pw-key", told);
  return () => { root.removeEventListener("keydown", pressed); root.removeEventListener("pw-key", told); };
}

export const keyName = NAME;
