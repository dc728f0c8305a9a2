// The tensor view's controls: how the tensor is laid out, and how its maps are coloured.
import { button, h, segments, set } from "./dom.js";

const CLIPS = [["0", "clip 0 %"], ["0.1", "clip 0.1 %"], ["1", "clip 1 %"], ["5", "clip 5 %"]];

export function layoutControls({ model, change, send }) {
  const title = h("b", "pw-mono pw-title"), caption = h("span", "pw-dim pw-small"), shape = h("span", { class: "pw-mono", title: "the tensor's shape" });
  const menu = h("select", { class: "pw-mono", "aria-label": "shown as", onchange: () => (menu.value === "axes" ? pickAxes() : change({ shown_as: menu.value })) });
  const axes = h("span", "pw-row");
  const rank = () => model.get("shape").split(",").length;
  const pickAxes = () => change({ shown_as: `axes ${rank() - 2},${rank() - 1}` });
  const sync = () => {
    const shown = model.get("shown_as"), byAxes = shown.startsWith("axes");
    title.textContent = model.get("title"); caption.textContent = model.get("caption"); shape.textContent = model.get("shape");
    const offered = model.get("choices").filter(([name]) => !name.startsWith("axes"));
    set(menu, offered.map(([name, label]) => h("option", { value: name }, label)), rank() > 1 ? h("option", { value: "axes" }, "any two axes") : null);
    menu.value = byAxes ? "axes" : shown;
    set(axes, byAxes ? axisMenus(model, change) : []);
  };
  model.on("change:title change:caption change:shape change:choices change:shown_as", sync);
  sync();
  return h("div", "pw-row pw-layout", title, caption, h("span", "pw-grow"), shape, h("label", "pw-row pw-dim pw-small", "shown as", menu), axes,
    button("PNG", "", () => send({ do: "png" }), { class: "pw-slim", title: "save the maps as a picture" }),
    button(".npy", "", () => send({ do: "npy" }), { class: "pw-slim", title: "save reference, engine and difference of this channel as an array [3, height, width]" }));
}

function axisMenus(model, change) {
  const sizes = model.get("shape").split(","), chosen = model.get("shown_as").slice(5).split(",").map(Number);
  return ["rows", "columns"].map((name, i) => h("label", "pw-row pw-dim pw-small", name,
    h("select", { class: "pw-mono", "aria-label": `axis shown as ${name}`, onchange: (event) => {
      const axes = [...chosen], picked = Number(event.target.value);
      if (axes[1 - i] === picked) axes[1 - i] = axes[i];
      axes[i] = picked;
      change({ shown_as: `axes ${axes.join(",")}` });
    } }, sizes.map((size, axis) => h("option", { value: axis, selected: axis === chosen[i] }, `${axis}: ${size}`)))));
}

export function lookControls({ model, change }) {
  const kind = segments("difference", ["signed", "abs", "rel"], model.get("kind"), (value) => change({ kind: value }));
  const scale = segments("scale", ["lin", "log"], model.get("log") ? "log" : "lin", (value) => change({ log: value === "log" }));
  const clip = h("select", { "aria-label": "percentile clipping", onchange: () => change({ clip: Number(clip.value) }) }, CLIPS.map(([value, label]) => h("option", { value }, label)));
  const sync = () => { kind.choose(model.get("kind")); scale.choose(model.get("log") ? "log" : "lin"); clip.value = String(model.get("clip")); };
  model.on("change:kind change:log change:clip", sync);
  sync();
  return h("span", "pw-row", kind, scale, clip);
}
