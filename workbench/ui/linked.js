// Pointer and keys on linked maps: the cross, zoom by the wheel, pan by dragging; every map of a view shows the same part.
import { moved, zoomed } from "./maps.js";

// size() → [rows, columns], nothing before the first frame; view() → [top, left, bottom, right] as parts of the plane;
// probe(place) looks at [y, x], pin(place) puts the cross there, look(view) shows another part, back() ends looking.
export function listen(canvas, { size, view, cursor, probe, pin, look, back }) {
  let drag = null;
  const fraction = (event) => fractionAt(canvas, view(), event);
  const element = (event) => fraction(event).map((f, k) => Math.max(0, Math.min(size()[k] - 1, Math.floor(f * size()[k]))));
  canvas.addEventListener("pointerdown", (event) => { drag = { from: fraction(event), x: event.clientX, y: event.clientY, far: false }; canvas.setPointerCapture(event.pointerId); });
  canvas.addEventListener("pointermove", (event) => {
    if (!size()) return;
    if (!drag) { probe(element(event)); return; }
    drag.far ||= Math.hypot(event.clientX - drag.x, event.clientY - drag.y) > 4;
    if (!drag.far) return;
    const now = fraction(event);
    look(moved(view(), drag.from[0] - now[0], drag.from[1] - now[1]));
  });
  canvas.addEventListener("pointerup", (event) => { if (drag && !drag.far && size()) pin(element(event)); drag = null; });
  canvas.addEventListener("pointerleave", () => { if (!drag && size()) back(); });
  canvas.addEventListener("dblclick", () => look([0, 0, 1, 1]));
  wheelZoom(canvas, view, look);
  canvas.addEventListener("keydown", (event) => {
    const place = size() && stepped(event, cursor(), size());
    if (!place) return;
    event.preventDefault();
    pin(place);
    look(following(view(), place, size()));
  });
}

// Where a pointer stands, as parts [y, x] of the whole plane; the canvas lies within its border.
export function fractionAt(canvas, view, event) {
  const box = canvas.getBoundingClientRect(), y = (event.clientY - box.top - canvas.clientTop) / canvas.clientHeight, x = (event.clientX - box.left - canvas.clientLeft) / canvas.clientWidth;
  return [view[0] + y * (view[2] - view[0]), view[1] + x * (view[3] - view[1])];
}

export function wheelZoom(canvas, view, look) {
  canvas.addEventListener("wheel", (event) => {
    if (document.activeElement !== canvas) return; // an unfocused map lets the notebook scroll
    event.preventDefault();
    look(zoomed(view(), event.deltaY < 0 ? 0.8 : 1.25, ...fractionAt(canvas, view(), event)));
  }, { passive: false });
}

// The place that an arrow key moves to, ten at a time with Shift; nothing for another key.
export function stepped(event, place, size, far = 10) {
  const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
  const by = event.shiftKey ? far : 1;
  return step && place.map((at, k) => Math.max(0, Math.min(size[k] - 1, at + step[k] * by)));
}

// The view, moved to hold the place in its middle where it lies outside.
export function following(view, place, size) {
  const at = place.map((p, k) => (p + 0.5) / size[k]), inside = at[0] >= view[0] && at[0] <= view[2] && at[1] >= view[1] && at[1] <= view[3];
  return inside ? view : centred(view, at);
}

export function centred(view, at) {
  return moved(view, at[0] - (view[0] + view[2]) / 2, at[1] - (view[1] + view[3]) / 2);
}
