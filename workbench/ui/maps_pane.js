// The three linked maps: drawing, zoom, pan, the cross, and the values that it stands on.
import { floats, h, minus, set } from "./dom.js";
import { listen } from "./linked.js";
import { cell, crosshair, elements, limit, moved, paint, palette, zoomed } from "./maps.js";

const SETTLE = 50; // ms after a zoom or pan before the kernel is asked for what it uncovered

export function mapsPane({ root, model, change, send }) {
  const maps = h("div", "pw-maps"), said = h("span", { class: "pw-hidden", role: "status", "aria-live": "polite" });
  const state = { frame: null, panels: [], view: [...model.get("window")], at: null, dark: false, value: null, asked: false, next: null, timer: 0, colours: null };
  const redraw = () => draw(state, model);
  const look = (view) => {
    state.view = view;
    redraw();
    clearTimeout(state.timer);
    state.timer = setTimeout(() => change({ window: view }), SETTLE);
  };
  // Only one question is on the way at a time; the pointer's last place is asked next.
  const probe = (place) => {
    state.at = place; redraw(); tell(state, model);
    if (state.asked) { state.next = place; return; }
    state.asked = true;
    send({ do: "probe", y: place[0], x: place[1] });
  };
  const pin = (place) => { change({ cursor: place }); probe(place); };
  const events = { size: () => state.frame?.maps[0].size, view: () => state.view, cursor: () => model.get("cursor"), probe, pin, look, back: () => probe([...model.get("cursor")]) };
  const onCursor = () => probe([...model.get("cursor")]);
  const onWindow = () => { if (!state.timer) { state.view = [...model.get("window")]; redraw(); } };
  model.on("change:cursor", onCursor);
  model.on("change:window", onWindow);
  return {
    maps: h("div", null, maps, said),
    show(frame, buffers) {
      take(state, frame, buffers);
      if (state.panels.length !== frame.maps.length) { state.panels = frame.maps.map((_, i) => panel(i, model, events)); set(maps, state.panels.map((p) => p.element)); }
      maps.style.setProperty("--pw-count", frame.maps.length);
      if (!state.at || frame.maps[0].size.join() !== state.size) { state.at = [...model.get("cursor")]; state.size = frame.maps[0].size.join(); }
      resize(state); captions(state, model); probe(state.at);
    },
    value(content) {
      state.asked = false; state.value = content;
      tell(state, model);
      if (document.activeElement?.matches("canvas.pw-map")) said.textContent = `${content.index}: reference ${content.reference}, engine ${content.engine ?? "none"}, difference ${content.diff ?? "none"}`;
      if (state.next) { const place = state.next; state.next = null; probe(place); }
    },
    zoom(factor) {
      const at = centre(state, model), view = zoomed(state.view, factor, ...at);
      look(moved(view, at[0] - (view[0] + view[2]) / 2, at[1] - (view[1] + view[3]) / 2));
    },
    fit: () => look([0, 0, 1, 1]),
    theme(dark) { state.dark = dark; state.colours = tables(model, dark); if (state.frame) { redraw(); captions(state, model); } },
    start() {
      const watch = new ResizeObserver(() => { if (maps.clientWidth) { if (!state.frame) hello(state, send, maps); else if (resize(state)) { redraw(); hello(state, send); } } });
      watch.observe(maps);
      return () => { watch.disconnect(); clearTimeout(state.timer); model.off("change:cursor", onCursor); model.off("change:window", onWindow); };
    },
  };
}

function hello(state, send, maps) {
  const canvas = state.panels[0]?.canvas, pixels = canvas ? Math.max(canvas.width, canvas.height) : maps.clientWidth / 3 * (window.devicePixelRatio || 1);
  if (state.pixels && pixels <= state.pixels * 1.25 && state.frame) return;
  state.pixels = pixels;
  send({ do: "hello", pixels: Math.round(pixels) });
}

function take(state, frame, buffers) {
  const count = frame.maps.length, bytes = (b) => new Uint8Array(b.buffer, b.byteOffset, b.byteLength);
  frame.maps.forEach((map, i) => { map.codes = bytes(buffers[i]); });
  frame.maps.filter((map) => map.values).forEach((map, i) => { map.exact = floats(buffers[count + i]); });
  state.frame = frame;
}

function tables(model, dark) {
  const all = model.get("colours"), bytes = new Uint8Array(all.buffer, all.byteOffset, all.byteLength);
  const values = palette(bytes.subarray(0, 768)), difference = palette(dark ? bytes.subarray(1536) : bytes.subarray(768, 1536));
  return [values, values, difference];
}

function panel(i, model, events) {
  const names = ["Reference", "Engine", "Difference"];
  const canvas = h("canvas", { class: "pw-map", tabindex: 0, role: "application", "aria-roledescription": "map", "aria-label": names[i] });
  const from = h("span", "pw-dim pw-tiny"), bar = h("canvas", { class: "pw-colours", width: 255, height: 1, "aria-hidden": "true" });
  const limits = h("div", "pw-limits"), value = h("div", "pw-value"), bad = h("span", "pw-bad");
  listen(canvas, events);
  return { canvas, from, bar, limits, value, bad, element: h("div", null, h("div", "pw-caption", h("b", null, names[i]), bad, h("span", "pw-grow"), from), canvas, bar, limits, value) };
}

function centre(state, model) {
  const size = state.frame.maps[0].size;
  return model.get("cursor").map((at, k) => (at + 0.5) / size[k]);
}

// Fits the canvases to their width; true where one changed.
function resize(state) {
  let changed = false;
  state.panels.forEach(({ canvas }) => {
    const [rows, columns] = state.frame.maps[0].size, scale = window.devicePixelRatio || 1;
    canvas.style.aspectRatio = String(Math.max(0.8, Math.min(4, columns / rows)));
    const box = [canvas.clientWidth * scale, canvas.clientHeight * scale].map(Math.round);
    if (!box[0] || (canvas.width === box[0] && canvas.height === box[1])) return;
    [canvas.width, canvas.height] = box;
    changed = true;
  });
  return changed;
}

function draw(state, model) {
  if (!state.frame) return;
  const maps = state.frame.maps, scale = window.devicePixelRatio || 1;
  state.panels.forEach(({ canvas }, i) => {
    paint(canvas, maps[i], state.view, state.colours[i], i === 2);
    elements(canvas, maps[i], state.view, { values: reader(maps, i), exceeds: i === 2 && state.frame.allowed ? over(maps, state.frame.allowed) : null, scale });
    const place = state.at.map((at, k) => Math.min(maps[i].size[k] - 1, at));
    crosshair(canvas, cell(canvas, maps[i], state.view, ...place));
  });
}

function exactAt(map, y, x) {
  if (!map?.exact) return NaN;
  const [y0, x0, y1, x1] = map.part;
  return y < y0 || y >= y1 || x < x0 || x >= x1 ? NaN : map.exact[(y - y0) * (x1 - x0) + x - x0];
}

function reader(maps, i) {
  if (!maps[0].exact) return null;
  return i < 2 ? (y, x) => exactAt(maps[i], y, x) : (y, x) => exactAt(maps[1], y, x) - exactAt(maps[0], y, x);
}

const over = (maps, allowed) => (y, x) => !(Math.abs(exactAt(maps[1], y, x) - exactAt(maps[0], y, x)) <= allowed);

function captions(state, model) {
  const signed = model.get("kind") === "signed", from = [model.get("reference_name"), model.get("engine_name"), { signed: "R − R0", abs: "|R − R0|", rel: "|R − R0| / max" }[model.get("kind")]];
  state.panels.forEach(({ canvas, from: name, bar, limits, bad }, i) => {
    const { low, high, bad: count } = state.frame.maps[i], onlyUp = i === 2 && !signed;
    name.textContent = from[i];
    bad.textContent = count ? `${count} NaN or Inf` : "";
    set(limits, h("span", null, limit(onlyUp ? 0 : low)), h("span", null, i === 1 ? "same scale" : i === 2 && signed ? "0" : ""), h("span", null, (i === 2 && signed && high ? "+" : "") + limit(high)));
    canvas.setAttribute("aria-label", `${canvas.parentElement.querySelector("b").textContent}, channel ${state.frame.channel}, ${state.frame.maps[i].size.join(" by ")}, ${limit(low)} to ${limit(high)}${count ? `, ${count} NaN or Inf` : ""}. Arrow keys move the cross.`);
    const words = new Uint32Array(255).map((_, c) => state.colours[i][onlyUp ? 127 + (c >> 1) : c]);
    bar.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(words.buffer), 255, 1), 0, 0);
  });
}

// What stands under the cross: at once from the values at hand, then as the kernel gives it, exactly and with its index.
function tell(state, model) {
  if (!state.frame || !state.at) return;
  const [y, x] = state.at, maps = state.frame.maps, told = state.value && state.value.y === y && state.value.x === x && !state.asked ? state.value : null;
  const rough = maps.map((_, i) => (reader(maps, i) ? limit(reader(maps, i)(y, x)) : "…"));
  const where = told ? told.index : `${y}, ${x}`;
  const shown = [told?.reference ?? rough[0], told ? told.engine ?? "" : rough[1], told ? told.diff ?? "" : rough[2]];
  ["R0", "R", "diff"].forEach((name, i) => {
    const panel = state.panels[i];
    if (panel) set(panel.value, h("span", "pw-dim", i < 2 ? `${name}[${where}]` : name), h("span", null, minus(shown[i] ?? "")), i === 2 && told?.times ? h("span", "pw-dim", `${told.times} × tol`) : null);
  });
}
