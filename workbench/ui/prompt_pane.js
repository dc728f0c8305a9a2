// The picture that is clicked: points, boxes and masks over it.
import { h } from "./dom.js";
import { centred, following, fractionAt, stepped, wheelZoom } from "./linked.js";
import { moved, zoomed } from "./maps.js";
import { bitmapOf, coalesced, drawCross, drawPicture, drawPrompt, drawRubber, fitPicture, layMask, pixelScale, placer, plainStyle, sampled } from "./picture_paint.js";

const TALLEST = 600, NEAR = 9, FAR = 4, SETTLE = 50; // CSS pixels: of a point that is hit, of a drag

export function promptPane({ model, change, send }) {
  const canvas = h("canvas", { class: "pw-picture", tabindex: 0, role: "application", "aria-roledescription": "picture", "aria-label": "the picture" });
  const said = h("span", { class: "pw-hidden", role: "status", "aria-live": "polite" }), value = h("div", "pw-value");
  const state = { bitmap: null, layer: null, frame: null, view: [...model.get("window")], dark: false, box: null, corner: null, timer: 0, asked: false };
  const redraw = coalesced(() => { if (state.bitmap && canvas.width) draw(state, model, canvas); });
  const look = (view) => { state.view = view; redraw(); clearTimeout(state.timer); state.timer = setTimeout(() => { state.timer = 0; change({ window: view }); }, SETTLE); };
  const tell = (text) => { said.textContent = text; };
  const point = (x, y, minus) => {
    const label = (model.get("tool") === "background") !== minus ? 0 : 1, hit = hitPoint(state, model, canvas, x, y);
    if (hit >= 0) { send("remove", { index: hit }); tell(`point ${hit} removed`); return; }
    send("point", { x, y, label });
    tell(`${label ? "object" : "background"} point at ${Math.round(x)}, ${Math.round(y)}`);
  };
  const box = ([y0, x0], [y1, x1]) => { send("box", { x0, y0, x1, y1 }); tell(`box from ${Math.round(x0)}, ${Math.round(y0)} to ${Math.round(x1)}, ${Math.round(y1)}`); };
  const act = { point, box, look, redraw, tell };
  pointer(canvas, state, model, change, act);
  keys(canvas, state, model, change, act);
  const resize = () => {
    if (!canvas.parentElement?.clientWidth) return;
    if (fitPicture(canvas, model.get("size"), TALLEST)) redraw();
    if (!state.asked && canvas.width) { state.asked = true; send("hello", { pixels: canvas.width }); }
  };
  const element = h("div", null, canvas, value, said), watch = new ResizeObserver(resize);
  watch.observe(element);
  const onTraits = () => redraw();
  const onCursor = () => { value.textContent = `${model.get("cursor")[1]}, ${model.get("cursor")[0]}`; redraw(); };
  const onWindow = () => { if (!state.timer) { state.view = [...model.get("window")]; redraw(); } };
  model.on("change:objects change:active change:opacity change:draw change:tool", onTraits);
  model.on("change:cursor", onCursor);
  model.on("change:window", onWindow);
  canvas.addEventListener("focus", redraw);
  canvas.addEventListener("blur", redraw);
  return {
    element, bitmap: () => state.bitmap, dark: () => state.dark,
    async picture(bytes) { state.bitmap = await bitmapOf(bytes); redraw(); },
    show(frame, buffer) {
      state.frame = frame;
      state.layer = { grid: frame.grid, codes: new Uint16Array(buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.byteLength)) };
      const row = frame.rows[model.get("active")];
      canvas.setAttribute("aria-label", `the picture; object ${model.get("active")}${row?.scores.length ? `: mask ${row.picked}, ${row.pixels} pixels, expected IoU ${row.scores[row.picked].toFixed(3)}` : ""}. Arrow keys move the cross, Enter sets a point.`);
      redraw();
    },
    zoom(factor) {
      const at = model.get("cursor").map((p, k) => (p + 0.5) / model.get("size")[k]);
      look(centred(zoomed(state.view, factor, ...at), at));
    },
    fit: () => look([0, 0, 1, 1]),
    theme(dark) { state.dark = dark; redraw(); },
    stop() { watch.disconnect(); clearTimeout(state.timer); model.off("change:objects change:active change:opacity change:draw change:tool", onTraits); model.off("change:cursor", onCursor); model.off("change:window", onWindow); },
  };
}

// y, x in the picture's pixels, within it.
function pixelAt(canvas, view, size, event) {
  return fractionAt(canvas, view, event).map((f, k) => Math.max(0, Math.min(size[k], f * size[k])));
}

function pointer(canvas, state, model, change, { point, box, look, redraw }) {
  let drag = null;
  const at = (event) => pixelAt(canvas, state.view, model.get("size"), event);
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button > 1) return;
    drag = { from: at(event), x: event.clientX, y: event.clientY, far: false, pan: event.button === 1, start: fractionAt(canvas, state.view, event) };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!drag) return;
    drag.far ||= Math.hypot(event.clientX - drag.x, event.clientY - drag.y) > FAR;
    if (!drag.far) return;
    if (drag.pan) { const now = fractionAt(canvas, state.view, event); look(moved(state.view, drag.start[0] - now[0], drag.start[1] - now[1])); return; }
    state.box = [drag.from, at(event)];
    redraw();
  });
  canvas.addEventListener("pointerup", (event) => {
    if (!drag) return;
    const { from, far, pan } = drag, to = at(event);
    drag = state.box = null;
    if (pan) return;
    change({ cursor: to.map((p, k) => Math.min(model.get("size")[k] - 1, Math.floor(p))) });
    if (far) box(from, to); else point(to[1], to[0], event.shiftKey || event.altKey);
  });
  canvas.addEventListener("pointercancel", () => { drag = state.box = null; redraw(); });
  wheelZoom(canvas, () => state.view, look);
}

// Arrows move the cross by a hundredth of the picture, with Shift by a pixel; Enter is a click, two of them a box.
function keys(canvas, state, model, change, { point, box, look, redraw, tell }) {
  canvas.addEventListener("keydown", (event) => {
    const size = model.get("size"), cursor = model.get("cursor"), middle = cursor.map((p) => p + 0.5);
    const fine = { key: event.key, shiftKey: !event.shiftKey }, place = stepped(fine, cursor, size, Math.max(2, Math.round(Math.max(...size) / 100)));
    if (place) { change({ cursor: place }); look(following(state.view, place, size)); tell(`${place[1]}, ${place[0]}`); }
    else if (event.key === "Escape" && state.corner) { state.corner = null; redraw(); }
    else if ((event.key === "Enter" || event.key === " ") && model.get("tool") !== "box") point(middle[1], middle[0], event.shiftKey);
    else if (event.key === "Enter" || event.key === " ") {
      if (state.corner) { box(state.corner, middle); state.corner = null; } else { state.corner = middle; tell("first corner of the box; move to the other and press Enter"); }
      redraw();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
}

// The number of the active object's point that lies under a click; -1 where there is none.
function hitPoint(state, model, canvas, x, y) {
  const size = model.get("size"), to = placer(canvas, state.view), here = to(x / size[1], y / size[0]), near = NEAR * pixelScale();
  const points = model.get("objects")[model.get("active")]?.points ?? [];
  return points.findLastIndex(([px, py]) => { const [u, v] = to(px / size[1], py / size[0]); return Math.hypot(u - here[0], v - here[1]) <= near; });
}

function draw(state, model, canvas) {
  const size = model.get("size"), to = placer(canvas, state.view), at = (x, y) => to(x / size[1], y / size[0]), active = model.get("active");
  drawPicture(canvas, state.bitmap, state.view);
  if (state.layer) layMask(canvas, sampled(state.layer, state.view, canvas.width, canvas.height, false), [null, ...state.frame.colours.map(plainStyle)], { opacity: model.get("opacity"), draw: model.get("draw") });
  model.get("objects").forEach(({ points, box }, i) => {
    if (box) drawRubber(canvas, at(box[0], box[1]), at(box[2], box[3]), i === active);
    points.forEach(([x, y, label]) => drawPrompt(canvas, at(x, y), label, i === active));
  });
  const open = state.box ?? (state.corner && [state.corner, model.get("cursor").map((p) => p + 0.5)]);
  if (open) drawRubber(canvas, at(open[0][1], open[0][0]), at(open[1][1], open[1][0]), true);
  if (document.activeElement === canvas) drawCross(canvas, at(model.get("cursor")[1] + 0.5, model.get("cursor")[0] + 0.5));
}
