// The whole: header, strip of modules, lines on the left, views on the right, the cause below; keys for all of it.

import { h, set, button, glyph, mount, embed, NAMES } from "./dom.js";
import { moduleStrip } from "./strip.js";
import { splitter } from "./splitter.js";
import { keyboard, keyName } from "./keys.js";
import { keyHelp } from "./key_help.js";

const CHIPS = ["passed", "failed", "text", "drift", "stale", "unsupported", "unchecked"];
const TO_LINES = ["f", "n", "p", "t", "c", "j", "k", "/", "Enter", "o", "ArrowUp", "ArrowDown", "Ctrl+.", "Ctrl+z", "Ctrl+Shift+z"];
const TO_MAPS = ["[", "]", "+", "-", "=", "s", "l"];

function render({ model, el }) {
  el.classList.add("pw-host");
  const root = mount(model, el, "workbench", `Porting workbench, ${model.get("title")}`);
  const cleanups = [];
  const get = (name) => model.get(name);
  const save = (values) => { for (const [name, value] of Object.entries(values)) model.set(name, value); model.save_changes(); };
  const send = (what, values = {}) => model.send({ do: what, ...values });

  // ---- header
  const file = h("span", "pw-mono pw-small pw-dim pw-file"), saved = h("span", "pw-row pw-small pw-saved");
  const engine = h("select", { "aria-label": "engine and precision", onchange: () => save({ engine: engine.value }) });
  const params = h("input", { type: "text", class: "pw-mono pw-params", "aria-label": "the config's parameters", spellcheck: "false" });
  params.addEventListener("change", () => save({ params: params.value }));
  params.addEventListener("keydown", (event) => { if (event.key === "Enter") params.dispatchEvent(new Event("change")); });
  const check = button("Check all", "C", () => send("check"));
  const header = h("header", "pw-head pw-row", h("span", "pw-title", get("title")), file, saved, h("span", "pw-grow"), engine, params,
    button("First bad", "F", () => tell("f")), check, button("Build", "G", () => { save({ tab: "build" }); send("go"); }), button("Undo", "Ctrl Z", () => send("undo")), button("Save", "Ctrl S", () => send("save")));
  const asks = h("div", { class: "pw-asks", role: "alertdialog", "aria-label": "a question", hidden: true });

  // ---- how far the port is
  const strip = moduleStrip((line) => { lines?.set("cursor", line); lines?.save_changes(); });
  const covered = h("div", "pw-covered"), chips = h("div", "pw-row pw-chips");
  const far = h("div", "pw-cov pw-row", strip.element, h("div", null, covered, chips));

  // ---- panes
  const left = h("div", "pw-left"), body = h("div", "pw-body"), dock = h("div", "pw-dock");
  const tablist = h("div", { class: "pw-tabs", role: "tablist", "aria-label": "views" });
  const panes = h("div", "pw-panes"), right = h("div", "pw-right", tablist, panes);
  const across = splitter("width of the lines", "vertical", () => left.offsetWidth, (value) => save({ left: Math.max(360, Math.min(root.clientWidth - 420, value)) }));
  const down = splitter("height of the cause", "horizontal", () => -get("dock"), (value) => save({ dock: Math.max(36, Math.min(500, -value)) }));
  body.append(left, across, right);

  // ---- footer
  const mode = h("span", "pw-mode"), facts = h("span", "pw-row"), busy = h("span", { class: "pw-row pw-busy", role: "status", "aria-live": "polite" });
  const turning = h("span", null, glyph("running")), doing = h("span"), cancel = button("Cancel", "", () => send("cancel"), { class: "pw-slim" });
  busy.append(turning, doing, cancel); // kept while the numbers change, so that a click finds the button
  const footer = h("footer", "pw-foot pw-row", mode, h("span", null, "Enter edits the line"), h("span", null, "Esc leaves"), h("span", "pw-row", h("kbd", null, "?"), "keys"), h("span", "pw-grow"), facts, busy);
  const help = keyHelp();
  root.append(header, asks, far, body, down, dock, footer, help.element);

  // ---- parts
  let lines = null, diagnosis = null;
  const tabs = new Map();
  for (const [name, label, reference] of get("views")) {
    const pane = h("div", { class: "pw-pane", role: "tabpanel", "aria-label": label, hidden: true });
    const badge = h("span", "pw-row");
    const tab = h("button", { type: "button", class: "pw-tab", role: "tab", "aria-selected": "false", onclick: () => save({ tab: name }) }, label, badge);
    tabs.set(name, { tab, pane, badge, reference, shown: false });
    tablist.append(tab);
    panes.append(pane);
  }
  tablist.append(h("span", "pw-grow"), h("span", { class: "pw-row", "aria-hidden": "true" }, h("kbd", null, ","), h("kbd", null, ".")));

  async function place(reference, where) {
    cleanups.push(await embed(model, reference, where));
  }

  async function begin() {
    const child = async (reference) => model.widget_manager.get_model(reference.replace("IPY_MODEL_", ""));
    [lines, diagnosis] = await Promise.all([child(get("lines_ref")), child(get("diagnosis_ref"))]);
    await place(get("lines_ref"), left);
    for (const name of ["rows", "covered", "order", "cursor", "editing"]) lines.on(`change:${name}`, later);
    diagnosis.on("change:counts change:state", later);
    drawFar();
    await place(get("diagnosis_ref"), dock);
    showTab();
    root.dataset.ready = "true";
  }

  function showTab() {
    for (const [name, one] of tabs) {
      const on = name === get("tab");
      one.tab.setAttribute("aria-selected", String(on));
      one.tab.tabIndex = on ? 0 : -1;
      one.pane.hidden = !on;
      if (on && !one.shown) {
        one.shown = true;
        place(one.reference, one.pane);
      }
    }
  }

  function step(by) {
    const names = [...tabs.keys()];
    save({ tab: names[(names.indexOf(get("tab")) + by + names.length) % names.length] });
  }

  // ---- what is drawn of the state
  function drawHead() {
    file.textContent = get("named") ? get("file") : "not saved yet";
    const n = get("unsaved");
    set(saved, n ? [h("span", "pw-dot"), `${n} unsaved ${n === 1 ? "line" : "lines"}`] : h("span", "pw-dim pw-tiny", get("named") ? "saved" : ""));
    const engines = get("engines").includes(get("engine")) ? get("engines") : [get("engine"), ...get("engines")];
    set(engine, engines.map((name) => h("option", { value: name, selected: name === get("engine") }, name)));
    params.value = get("params");
    params.size = Math.min(32, Math.max(6, params.value.length));
    params.title = `the config's parameters: ${params.value}; Enter applies`;
    params.hidden = !params.value;
    drawAsks();
  }

  function drawAsks() {
    const conflict = get("conflict"), draft = get("draft");
    asks.hidden = !conflict && !draft;
    if (conflict) {
      const name = h("input", { type: "text", "aria-label": "file name", value: get("named") ? "" : "model.cfg", class: "pw-mono" });
      set(asks, glyph("text", "attention"), h("span", "pw-grow", conflict), get("named") ? button("Save over it", "", () => send("save", { force: true })) : null, name, button("Save as", "", () => send("save", { path: name.value })), button("Not now", "", () => send("dismiss")));
    } else if (draft) {
      set(asks, glyph("stale", "draft"), h("span", "pw-grow", `An earlier session left unsaved text in ${draft}.`), button("Restore", "", () => send("restore"), { class: "pw-primary" }), button("Discard", "", () => send("discard")));
    }
  }

  function drawFar() {
    if (!lines) return;
    const rows = lines.get("rows"), order = lines.get("order"), cover = lines.get("covered"), byEntry = new Map(rows.map((row) => [row.entry, row]));
    const byLine = new Map(rows.map((row) => [row.line, row]));
    const judged = (row) => (row?.judge ? byLine.get(row.judge) : row);
    strip.draw(order.map((path) => ({ path, row: judged(byEntry.get(cover[path])) })), lines.get("cursor"));
    const done = order.filter((path) => cover[path] !== undefined).length, counts = diagnosis.get("counts");
    set(covered, order.length ? [h("b", null, `${done} of ${order.length}`), " modules covered"] : "reading the original");
    set(chips, CHIPS.filter((name) => counts[name]).map((name) => h("span", "pw-row", glyph(name), `${counts[name]} ${name === "text" ? "in the text" : NAMES[name]}`)));
    mode.textContent = lines.get("editing") ? "Edit mode" : "Command mode";
    const wrong = Object.keys(diagnosis.get("state")).length ? !diagnosis.get("state").clean : false;
    if (tabs.has("diagnosis")) set(tabs.get("diagnosis").badge, wrong ? glyph("failed") : null);
    root.classList.toggle("pw-calm", !wrong);
    check.classList.toggle("pw-primary", Boolean(counts.unchecked || counts.stale) && !wrong);
  }

  function drawBusy() {
    const { title, done, total } = get("busy");
    doing.textContent = title ? `${title}${total ? ` ${done} of ${total}` : ""}` : "idle";
    if (!title && cancel.contains(document.activeElement)) root.querySelector(".pw-list")?.focus();
    turning.toggleAttribute("hidden", !title);
    cancel.hidden = !title;
    set(facts, get("facts").map((fact) => h("span", null, fact)));
  }

  function drawSizes() {
    root.style.setProperty("--pw-left", get("left") ? `${get("left")}px` : "47.7%");
    root.style.setProperty("--pw-dock", `${get("dock")}px`);
    root.classList.toggle("pw-rail", get("rail"));
    across.hidden = get("rail");
  }

  // ---- keys: those of a part reach it from anywhere
  function tell(name, where = ".pw-lines") {
    root.querySelector(where)?.dispatchEvent(new CustomEvent("pw-key", { detail: name }));
  }
  const commands = {
    ",": () => step(-1), ".": () => step(1), "\\": () => save({ rail: !get("rail") }), "?": () => help.show(), Escape: () => (help.open() ? help.hide() : root.querySelector(".pw-list")?.focus()),
    y: () => tell("y", ".pw-dock .pw-diagnosis"), e: () => tell("e", ".pw-dock .pw-diagnosis"), "Ctrl+s": () => send("save"), g: () => send("go"),
    ...Object.fromEntries(TO_LINES.map((name) => [name, () => tell(name)])),
    ...Object.fromEntries(TO_MAPS.map((name) => [name, () => ["tensors", "masks"].includes(get("tab")) && root.querySelector(".pw-pane:not([hidden]) > * .pw")?.dispatchEvent(new KeyboardEvent("keydown", { key: name }))])),
  };
  cleanups.push(keyboard(root, commands, { typing: ["Ctrl+s", "Ctrl+z", "Ctrl+Shift+z"] }));
  tablist.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[keyName(event)];
    if (!by) return;
    step(by);
    tabs.get(get("tab")).tab.focus();
    event.preventDefault();
  });

  let waiting = false;
  const later = () => { if (!waiting) { waiting = true; queueMicrotask(() => { waiting = false; drawFar(); }); } };
  for (const name of ["file", "named", "unsaved", "engine", "engines", "params", "conflict", "draft"]) model.on(`change:${name}`, drawHead);
  for (const name of ["busy", "facts"]) model.on(`change:${name}`, drawBusy);
  for (const name of ["left", "dock", "rail"]) model.on(`change:${name}`, drawSizes);
  model.on("change:tab", showTab);
  drawHead();
  drawBusy();
  drawSizes();
  begin();
  return () => { cleanups.forEach((clean) => clean()); lines?.off(null, later); diagnosis?.off(null, later); };
}

export default { render };
