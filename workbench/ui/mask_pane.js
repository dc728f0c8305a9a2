// The three linked pictures and the loupe: the reference's masks, the engine's, and where they disagree.
import { h, set } from "./dom.js";
import { centred, listen } from "./linked.js";
import { zoomed } from "./maps.js";
import { BOTH, ONLY_ENGINE, ONLY_REFERENCE, OTHER, WORDS, bitmapOf, coalesced, codeColours, codeStyles, copyOf, drawBadge, drawBox, drawCross, drawDot, drawNames, drawPicture, fitPicture, layMask, pixelScale, placer, plainStyle, sampled, sideStyle, swatch } from "./picture_paint.js";

const NAMES = ["Reference", "Engine", "Disagreement"], TALLEST = 440, LOUPE = 8; // LOUPE: CSS pixels per element of a mask
const SETTLE = 50; // ms after a zoom or pan before the kernel is told

export function maskPane({ model, change, send }) {
  const pictures = h("div", "pw-pictures"), said = h("span", { class: "pw-hidden", role: "status", "aria-live": "polite" });
  const loupe = { canvas: h("canvas", { class: "pw-loupe", role: "img", "aria-label": "loupe" }), where: h("span", "pw-dim pw-tiny") };
  const state = { model, bitmap: null, frame: null, layers: [], regions: [], view: [...model.get("window")], at: [...model.get("cursor")], dark: false, loupe, timer: 0, pixels: 0 };
  // What changes seldom is kept in `still`; the cross and the loupe are drawn over it at every move of the pointer.
  const redraw = coalesced(() => { if (state.bitmap && state.frame) { drawStill(state); drawMoving(state); } });
  const moveCross = coalesced(() => { if (state.panels[0].still) drawMoving(state); });
  const look = (view) => {
    state.view = view; redraw();
    clearTimeout(state.timer);
    state.timer = setTimeout(() => { state.timer = 0; change({ window: view }); }, SETTLE);
  };
  const probe = (place) => { state.at = place; moveCross(); tell(state); };
  const pin = (place) => { change({ cursor: place }); probe(place); said.textContent = `${place[1]}, ${place[0]}: ${spoken(state)}`; };
  const events = { size: () => state.frame && model.get("size"), view: () => state.view, cursor: () => model.get("cursor"), probe, pin, look, back: () => probe([...model.get("cursor")]) };
  state.panels = NAMES.map((name, i) => panel(name, i, events));
  set(pictures, state.panels.map((p) => p.element));
  const resize = () => { // before the canvases have their size, the panels must be in the page
    const fitted = state.panels.map(({ canvas }) => fitPicture(canvas, model.get("size"), TALLEST)), scale = pixelScale(), { canvas } = loupe;
    if (canvas.clientWidth) Object.assign(canvas, { width: Math.round(canvas.clientWidth * scale), height: Math.round(canvas.clientHeight * scale) });
    return fitted.some(Boolean);
  };
  const seen = () => {
    if (!pictures.clientWidth) return;
    if (resize()) redraw();
    if (!state.pixels) send({ do: "hello", pixels: state.pixels = state.panels[0].canvas.width });
  };
  const place = (middle) => middle.map((m, k) => Math.min(model.get("size")[k] - 1, Math.floor(m * model.get("size")[k])));
  const watch = new ResizeObserver(seen);
  const onTraits = () => redraw();
  const onCursor = () => probe([...model.get("cursor")]);
  const onWindow = () => { if (!state.timer) { state.view = [...model.get("window")]; redraw(); } };
  const onNames = () => captions(state);
  model.on("change:draw change:opacity change:labels", onTraits);
  model.on("change:cursor", onCursor);
  model.on("change:window", onWindow);
  model.on("change:reference_name change:engine_name", onNames);
  watch.observe(pictures);
  watch.observe(loupe.canvas);
  return {
    element: h("div", null, pictures, said), loupe,
    async picture(bytes) { state.bitmap = await bitmapOf(bytes); resize(); redraw(); },
    show(frame, buffers) { take(state, frame, buffers); resize(); captions(state); redraw(); tell(state); },
    regions(regions) { state.regions = regions; redraw(); },
    go: (middle) => { pin(place(middle)); state.panels[2].canvas.scrollIntoView({ block: "nearest" }); },
    zoom(factor) {
      const at = state.at.map((p, k) => (p + 0.5) / model.get("size")[k]);
      look(centred(zoomed(state.view, factor, ...at), at));
    },
    fit: () => look([0, 0, 1, 1]),
    theme(dark) { state.dark = dark; if (state.frame) captions(state); redraw(); },
    stop() { watch.disconnect(); clearTimeout(state.timer); model.off("change:draw change:opacity change:labels", onTraits); model.off("change:cursor", onCursor); model.off("change:window", onWindow); model.off("change:reference_name change:engine_name", onNames); },
  };
}

function panel(name, i, events) {
  const canvas = h("canvas", { class: "pw-picture", tabindex: 0, role: "application", "aria-roledescription": "picture", "aria-label": name });
  listen(canvas, events);
  const from = h("span", "pw-dim"), count = h("span", "pw-row pw-tiny pw-dim"), value = h("div", "pw-value");
  return { canvas, from, count, value, element: h("div", null, h("div", "pw-caption", h("b", null, name), from, h("span", "pw-grow"), count), canvas, value) };
}

function take(state, frame, buffers) {
  const whole = (b) => b.buffer.slice(b.byteOffset, b.byteOffset + b.byteLength);
  state.frame = frame;
  state.layers = buffers.map((b, i) => ({ grid: frame.grid, codes: i < 2 ? new Uint16Array(whole(b)) : new Uint8Array(whole(b)) }));
}

// Of the pairs that are shown: [number, row].
const shown = ({ frame }) => frame.rows.map((row, i) => [i, row]).filter(([i]) => frame.chosen < 0 || frame.chosen === i);

function styles(state, side) {
  const { rows, chosen, colours } = state.frame;
  const own = sideStyle(side ? ONLY_ENGINE : ONLY_REFERENCE, state.dark);
  return [null, ...rows.map((_, i) => (chosen < 0 ? plainStyle(colours[i]) : own))];
}

function drawStill(state) {
  const { model, view, panels } = state, look = { opacity: model.get("opacity"), draw: model.get("draw") }, labels = model.get("labels");
  panels.forEach(({ canvas }, i) => {
    drawPicture(canvas, state.bitmap, view, i < 2 ? null : state.dark ? 24 : 250);
    if (state.frame.masks) layMask(canvas, sampled(state.layers[i], view, canvas.width, canvas.height, i === 2), i < 2 ? styles(state, i) : codeStyles(state.dark), i < 2 ? look : {});
    if (labels) for (const side of i < 2 ? [i] : [0, 1]) finds(state, canvas, view, side, i === 2);
    if (i === 2) badges(state, canvas);
    panels[i].still = copyOf(canvas);
  });
}

function drawMoving(state) {
  state.panels.forEach(({ canvas, still }) => {
    canvas.getContext("2d").drawImage(still, 0, 0);
    drawCross(canvas, placer(canvas, state.view)(...state.at.map((p, k) => (p + 0.5) / state.model.get("size")[k]).reverse()));
  });
  drawLoupe(state);
}

// Boxes, points and names of one side.
function finds(state, canvas, view, side, both) {
  const to = placer(canvas, view), [rows, columns] = state.model.get("size"), at = ([x, y]) => to(x / columns, y / rows);
  const own = codeColours(true)[side ? ONLY_ENGINE : ONLY_REFERENCE], seen = state.model.get("visible");
  const names = []; // drawn last, over the boxes
  for (const [i, row] of shown(state)) {
    const box = row.boxes[side], points = (row.points[side] ?? []).filter((p) => p.length < 3 || p[2] >= seen), anchor = row.anchors?.[side];
    const rgb = both || state.frame.chosen >= 0 || !state.frame.masks ? own : state.frame.colours[i];
    if (box) drawBox(canvas, at(box), at(box.slice(2)), rgb, Boolean(side));
    points.forEach((point) => drawDot(canvas, at(point), own, Boolean(side), both && side ? 2.2 : 3.5));
    if (both) continue;
    const score = row.scores[side];
    const name = `${row.name}${score === null ? "" : ` ${score.toFixed(2)}`}`;
    if (box) names.push([at(box).map((v, k) => v + [0, -9][k] * pixelScale()), name]);
    else if (anchor) names.push([to(anchor[1], anchor[0]), name, "center"]);
  }
  drawNames(canvas, names);
}

function badges(state, canvas) {
  const to = placer(canvas, state.view), [top, left, bottom, right] = state.view;
  state.regions.slice(0, 3).forEach(({ middle, size }, i) => drawBadge(canvas, to(middle[1], middle[0]), [size[1] / (right - left) * canvas.width + 8, size[0] / (bottom - top) * canvas.height + 8], String(i + 1), state.dark));
}

function drawLoupe(state) {
  const { canvas, where } = state.loupe;
  if (!canvas.clientWidth || !canvas.width) return;
  const size = state.model.get("size"), grid = state.frame.masks ? state.frame.grid : size, box = [canvas.clientHeight, canvas.clientWidth];
  const least = Math.max(...box.map((pixels, k) => pixels / grid[k]));
  const fine = Math.max(LOUPE, least), [high, wide] = box.map((pixels, k) => pixels / fine / grid[k]), at = state.at.map((p, k) => (p + 0.5) / size[k]);
  const view = centred([0, 0, high, wide], at);
  drawPicture(canvas, state.bitmap, view, state.dark ? 24 : 250);
  if (state.frame.masks) layMask(canvas, sampled(state.layers[2], view, canvas.width, canvas.height, false), codeStyles(state.dark));
  if (state.model.get("labels")) for (const side of [0, 1]) finds(state, canvas, view, side, true);
  where.textContent = `${fine.toFixed(fine % 1 ? 1 : 0)} ×, at ${state.at[1]}, ${state.at[0]}`;
  canvas.setAttribute("aria-label", `loupe, ${where.textContent}`);
}

function captions(state) {
  const { frame, model, panels } = state;
  if (!frame) return;
  [model.get("reference_name"), model.get("engine_name"), ""].forEach((name, i) => { panels[i].from.textContent = name; });
  const count = (side) => shown(state).reduce((sum, [, row]) => sum + (row.pixels?.[side] ?? 0), 0);
  const found = (side) => shown(state).filter(([, row]) => row.side !== (side ? "reference" : "engine")).length;
  [0, 1].forEach((side) => {
    const what = frame.masks ? `${count(side).toLocaleString("en-US")} px` : `${found(side)} found`;
    panels[side].count.textContent = what;
    panels[side].canvas.setAttribute("aria-label", `${NAMES[side]}, ${[model.get("reference_name"), model.get("engine_name")][side]}, ${what}. Arrow keys move the cross.`);
  });
  const legend = [BOTH, ONLY_REFERENCE, ONLY_ENGINE, OTHER].filter((code) => code !== OTHER || state.layers[2].codes.includes(OTHER));
  set(panels[2].value, frame.masks ? legend.map((code) => h("span", "pw-legend", swatch(codeStyles(state.dark)[code]), WORDS[code])) : legendOfBoxes(state));
  panels[2].canvas.setAttribute("aria-label", "Disagreement. Arrow keys move the cross.");
}

function legendOfBoxes({ dark }) {
  return [ONLY_REFERENCE, ONLY_ENGINE].map((code, i) => h("span", "pw-legend", swatch(sideStyle(code, dark)), ["reference, solid", "engine, dashed"][i]));
}

// What each side has under the cross.
function under(state, side) {
  if (!state.frame.masks) return "";
  const { grid, codes } = state.layers[side], [y, x] = state.at.map((p, k) => Math.min(grid[k] - 1, Math.floor((p + 0.5) / state.model.get("size")[k] * grid[k])));
  return codes[y * grid[1] + x];
}

function words(state) {
  if (!state.frame.masks) return ["", "", ""];
  const name = (owner, side) => (owner ? `${state.frame.rows[owner - 1].name}${state.frame.rows[owner - 1].scores[side] === null ? "" : ` ${state.frame.rows[owner - 1].scores[side].toFixed(4)}`}` : "none");
  return [name(under(state, 0), 0), name(under(state, 1), 1), WORDS[under(state, 2)]];
}

const spoken = (state) => { const [r, e, d] = words(state); return r ? `reference ${r}, engine ${e}, ${d}` : ""; };

function tell(state) {
  if (!state.frame || !state.layers.length) return;
  const said = words(state), where = `${state.at[1]}, ${state.at[0]}`;
  state.panels.slice(0, 2).forEach(({ value }, i) => set(value, h("span", "pw-dim", `${["R0", "R"][i]}[${where}]`), h("span", null, said[i])));
  state.panels[2].count.textContent = said[2];
}
