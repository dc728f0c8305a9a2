// Painting codes as a map: resampled first, coloured last. Code 255 is NaN or Inf and is never mixed with its neighbours.

const BAD = 255, MIDDLE = 127, MARKED = 500;

// RGB triplets (256 of them) as the words of an ImageData.
export function palette(bytes) {
  return Uint32Array.from({ length: 256 }, (_, i) => (255 << 24 | bytes[3 * i + 2] << 16 | bytes[3 * i + 1] << 8 | bytes[3 * i]) >>> 0);
}

// Along one axis: for each of `pixels`, the samples [first, last] that it covers and the way to `last` (0..1).
function axis(pixels, samples, from, to) {
  const first = new Int32Array(pixels), last = new Int32Array(pixels), way = new Float32Array(pixels);
  const step = (to - from) / pixels, fine = 1 / step;
  for (let p = 0; p < pixels; p++) {
    const a = from + p * step;
    if (a + step <= 0 || a >= samples) { first[p] = -1; continue; }
    if (step > 1) { first[p] = Math.max(0, Math.floor(a)); last[p] = Math.min(samples - 1, Math.ceil(a + step) - 1); continue; }
    const middle = Math.max(0, Math.min(samples - 1, fine < 2 ? a + step / 2 - 0.5 : Math.floor(a + step / 2)));
    first[p] = middle; last[p] = Math.min(samples - 1, first[p] + 1); way[p] = middle - first[p];
  }
  return { first, last, way, reduces: step > 1 };
}

// Over the samples that a pixel covers: their mean, or the one farthest from the middle.
function mean(codes, width, y0, y1, x0, x1) {
  let sum = 0;
  for (let y = y0; y <= y1; y++) for (let i = y * width + x0, end = y * width + x1; i <= end; i++) {
    if (codes[i] === BAD) return BAD;
    sum += codes[i];
  }
  return Math.round(sum / ((y1 - y0 + 1) * (x1 - x0 + 1)));
}

function peak(codes, width, y0, y1, x0, x1) {
  let low = BAD, high = 0;
  for (let y = y0; y <= y1; y++) for (let i = y * width + x0, end = y * width + x1; i <= end; i++) {
    const c = codes[i];
    if (c === BAD) return BAD;
    if (c < low) low = c;
    if (c > high) high = c;
  }
  return MIDDLE - low > high - MIDDLE ? low : high;
}

function between(codes, width, y0, y1, v, x0, x1, u) {
  const a = codes[y0 * width + x0];
  if (!u && !v) return a;
  const b = codes[y0 * width + x1], c = codes[y1 * width + x0], d = codes[y1 * width + x1];
  if (a === BAD || b === BAD || c === BAD || d === BAD) return u < 0.5 ? (v < 0.5 ? a : c) : v < 0.5 ? b : d;
  return Math.round((a * (1 - u) + b * u) * (1 - v) + (c * (1 - u) + d * u) * v);
}

// `map`: {size, part, grid, codes}; `view`: [top, left, bottom, right] as parts of the plane. Peaks keep the outliers.
export function paint(canvas, map, view, colours, peaks) {
  const { width, height } = canvas, [rows, columns] = map.grid, [y0, x0, y1, x1] = map.part;
  const place = (fraction, size, start, end, samples) => (fraction * size - start) / (end - start) * samples;
  const down = axis(height, rows, place(view[0], map.size[0], y0, y1, rows), place(view[2], map.size[0], y0, y1, rows));
  const along = axis(width, columns, place(view[1], map.size[1], x0, x1, columns), place(view[3], map.size[1], x0, x1, columns));
  const image = new ImageData(width, height), words = new Uint32Array(image.data.buffer);
  const reduces = down.reduces || along.reduces, covered = peaks ? peak : mean;
  for (let y = 0, i = 0; y < height; y++) {
    const a = down.first[y], b = down.last[y], v = down.way[y];
    for (let x = 0; x < width; x++, i++) {
      const c = along.first[x];
      if (a < 0 || c < 0) continue;
      words[i] = colours[reduces
        ? covered(map.codes, columns, a, down.reduces ? b : a, c, along.reduces ? along.last[x] : c)
        : between(map.codes, columns, a, b, v, c, along.last[x], along.way[x])];
    }
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
  markBad(canvas, map, view);
}

// A lone NaN or Inf in a large plane would be a dot too small to be seen: it gets at least 4 × 4 pixels.
function markBad(canvas, map, view) {
  const [rows, columns] = map.grid, [y0, x0, y1, x1] = map.part;
  const [, , w, h] = cell(canvas, map, view, 0, 0), wide = w * (x1 - x0) / columns, high = h * (y1 - y0) / rows;
  if (!map.bad || map.bad > MARKED || Math.min(wide, high) >= 4) return;
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#f0f";
  for (let i = map.codes.indexOf(BAD); i >= 0; i = map.codes.indexOf(BAD, i + 1)) {
    const [left, top] = cell(canvas, map, view, y0 + Math.floor(i / columns) * (y1 - y0) / rows, x0 + (i % columns) * (x1 - x0) / columns);
    pen.fillRect(Math.round(left + wide / 2 - 2), Math.round(top + high / 2 - 2), 4, 4);
  }
}

// Where an element of the plane lies on the canvas: [left, top, width, height].
export function cell(canvas, map, view, y, x) {
  const h = canvas.height / ((view[2] - view[0]) * map.size[0]), w = canvas.width / ((view[3] - view[1]) * map.size[1]);
  return [(x - view[1] * map.size[1]) * w, (y - view[0] * map.size[0]) * h, w, h];
}

// A white cross with a black edge: seen on every colour.
export function crosshair(canvas, [left, top, w, h]) {
  const pen = canvas.getContext("2d"), x = Math.round(left + w / 2), y = Math.round(top + h / 2);
  const rx = Math.max(7, Math.round(w / 2) + 2), ry = Math.max(7, Math.round(h / 2) + 2);
  for (const [colour, d] of [["#000", 1], ["#fff", 0]]) {
    pen.fillStyle = colour;
    pen.fillRect(x + d, 0, 1, y - ry); pen.fillRect(x + d, y + ry + 1, 1, canvas.height);
    pen.fillRect(0, y + d, x - rx, 1); pen.fillRect(x + rx + 1, y + d, canvas.width, 1);
  }
  for (const [colour, d] of [["#000", 1], ["#fff", 0]]) {
    pen.strokeStyle = colour;
    pen.strokeRect(x + 0.5 - rx - d, y + 0.5 - ry - d, 2 * (rx + d), 2 * (ry + d));
  }
}

// Zoomed far in: the elements' values, and a frame round those whose difference is not allowed.
export function elements(canvas, map, view, { values, exceeds, scale }) {
  const [, , w, h] = cell(canvas, map, view, 0, 0);
  if (Math.min(w, h) < 7 * scale) return;
  const pen = canvas.getContext("2d"), [rows, columns] = map.size, text = values && w > 48 * scale && h > 14 * scale;
  pen.font = `${11 * scale}px monospace`; pen.textAlign = "center"; pen.textBaseline = "middle";
  for (let y = Math.floor(view[0] * rows); y < Math.min(rows, view[2] * rows); y++) for (let x = Math.floor(view[1] * columns); x < Math.min(columns, view[3] * columns); x++) {
    const [left, top] = cell(canvas, map, view, y, x);
    if (exceeds?.(y, x)) { pen.strokeStyle = "#000"; pen.strokeRect(left + 1.5, top + 1.5, w - 3, h - 3); pen.strokeStyle = "#fff"; pen.strokeRect(left + 2.5, top + 2.5, w - 5, h - 5); }
    if (!text) continue;
    pen.lineWidth = 3 * scale; pen.strokeStyle = "#000"; pen.fillStyle = "#fff";
    const said = limit(values(y, x), 3);
    pen.strokeText(said, left + w / 2, top + h / 2); pen.fillText(said, left + w / 2, top + h / 2);
    pen.lineWidth = 1;
  }
}

export function limit(value, digits = 4) {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value < 0 ? "−Inf" : "Inf";
  const size = Math.abs(value);
  const text = size && (size < 1e-3 || size >= 1e5) ? value.toExponential(1).replace("e+", "e") : String(Number(value.toPrecision(digits)));
  return text.replace(/-/g, "−");
}

// The part [top, left, bottom, right] zoomed about a point given as parts of the plane; kept inside of it.
export function zoomed(view, factor, y, x) {
  const size = [view[2] - view[0], view[3] - view[1]].map((s) => Math.min(1, s * factor));
  const top = y - (y - view[0]) * size[0] / (view[2] - view[0]), left = x - (x - view[1]) * size[1] / (view[3] - view[1]);
  return inside(top, left, size[0], size[1]);
}

export function moved(view, dy, dx) {
  return inside(view[0] + dy, view[1] + dx, view[2] - view[0], view[3] - view[1]);
}

function inside(top, left, height, width) {
  const y = Math.max(0, Math.min(1 - height, top)), x = Math.max(0, Math.min(1 - width, left));
  return [y, x, y + height, x + width];
}
