// A picture with masks, boxes, points and names over it. What a mask means is told by its colour and by its stripes.

export const BOTH = 1;
export const ONLY_REFERENCE = 2;
export const ONLY_ENGINE = 3;
export const OTHER = 4;
export const WORDS = { 0: "nothing", [BOTH]: "both", [ONLY_REFERENCE]: "only reference", [ONLY_ENGINE]: "only engine", [OTHER]: "another pair" };
const LIGHT = { [BOTH]: [90, 100, 112], [ONLY_REFERENCE]: [0, 92, 190], [ONLY_ENGINE]: [232, 98, 0], [OTHER]: [126, 30, 156] };
const DARK = { [BOTH]: [150, 160, 170], [ONLY_REFERENCE]: [120, 190, 255], [ONLY_ENGINE]: [255, 160, 70], [OTHER]: [214, 140, 240] };
const STRIPES = { [ONLY_REFERENCE]: 1, [ONLY_ENGINE]: 2, [OTHER]: 3 }; // 1: ///, 2: \\\, 3: both
const PERIOD = 6, WIDE = 2; // of stripes, in CSS pixels

export const codeColours = (dark) => (dark ? DARK : LIGHT);
export const pixelScale = () => window.devicePixelRatio || 1;

// How a code is laid over a picture: `stripe` is what is left of the fill in its stripes.
export function codeStyles(dark) {
  const colours = codeColours(dark), styles = [null];
  for (const code of [BOTH, ONLY_REFERENCE, ONLY_ENGINE, OTHER]) styles[code] = { rgb: colours[code], alpha: code === BOTH ? 0.42 : 1, hatch: STRIPES[code] ?? 0, stripe: 0.25 };
  return styles;
}

// One colour for a whole side, lightly striped as its code is.
export function sideStyle(code, dark) {
  return { rgb: codeColours(dark)[code], alpha: 1, hatch: STRIPES[code], stripe: 0.72, edge: [255, 255, 255] };
}

export const plainStyle = (rgb) => ({ rgb, alpha: 1, hatch: 0, stripe: 1, edge: [255, 255, 255] });

// The part `view` of the picture; `fade` is the grey into which it is faded, null for its own colours.
export function drawPicture(canvas, bitmap, view, fade = null) {
  const pen = canvas.getContext("2d", { willReadFrequently: true }), { width, height } = canvas;
  const [top, left, bottom, right] = view;
  pen.imageSmoothingEnabled = bitmap.width * (right - left) > width / 3;
  pen.drawImage(bitmap, left * bitmap.width, top * bitmap.height, (right - left) * bitmap.width, (bottom - top) * bitmap.height, 0, 0, width, height);
  if (fade === null) return;
  const image = pen.getImageData(0, 0, width, height), d = image.data;
  for (let i = 0; i < d.length; i += 4) d[i] = d[i + 1] = d[i + 2] = (0.3 * d[i] + 0.59 * d[i + 1] + 0.11 * d[i + 2]) * 0.38 + fade * 0.62;
  pen.putImageData(image, 0, 0);
}

// Along one axis: the first and last sample below each pixel; one only where peaks do not matter.
function axis(pixels, samples, from, to, peaks) {
  const first = new Int32Array(pixels), last = new Int32Array(pixels), step = (to - from) * samples / pixels;
  for (let p = 0; p < pixels; p++) {
    const a = from * samples + p * step;
    first[p] = Math.max(0, Math.min(samples - 1, Math.floor(peaks ? a : a + step / 2)));
    last[p] = peaks ? Math.max(first[p], Math.min(samples - 1, Math.ceil(a + step) - 1)) : first[p];
  }
  return [first, last];
}

// The code of every pixel of the canvas. Peaks: the largest below it, so that a single flipped element is not lost.
export function sampled({ grid, codes }, view, width, height, peaks) {
  const [y0, y1] = axis(height, grid[0], view[0], view[2], peaks), [x0, x1] = axis(width, grid[1], view[1], view[3], peaks), out = new Uint16Array(width * height);
  for (let y = 0, i = 0; y < height; y++) for (let x = 0; x < width; x++, i++) {
    let most = 0;
    for (let v = y0[y]; v <= y1[y]; v++) for (let u = x0[x]; u <= x1[x]; u++) most = Math.max(most, codes[v * grid[1] + u]);
    out[i] = most;
  }
  return out;
}

// Lays the codes over what the canvas shows; `styles` by code. Edges are drawn within the mask.
export function layMask(canvas, at, styles, { opacity = 1, draw = "fill" } = {}) {
  const pen = canvas.getContext("2d", { willReadFrequently: true }), { width, height } = canvas, scale = pixelScale();
  const image = pen.getImageData(0, 0, width, height), d = image.data, far = Math.round(1.5 * scale), period = Math.round(PERIOD * scale), wide = Math.round(WIDE * scale);
  const outer = (i, x, y, code) => (x >= far && at[i - far] !== code) || (x < width - far && at[i + far] !== code) || (y >= far && at[i - far * width] !== code) || (y < height - far && at[i + far * width] !== code);
  for (let y = 0, i = 0; y < height; y++) for (let x = 0; x < width; x++, i++) {
    const code = at[i], style = styles[code];
    if (!code || !style) continue;
    let rgb = style.rgb, alpha = draw === "outline" ? 0 : style.alpha * opacity;
    if (style.hatch && (((style.hatch & 1) && (x + y) % period < wide) || ((style.hatch & 2) && (x - y + period * height) % period < wide))) alpha *= style.stripe;
    if (style.edge && draw !== "fill" && outer(i, x, y, code)) { rgb = draw === "both" ? style.edge : rgb; alpha = 1; }
    for (let k = 0; k < 3; k++) d[4 * i + k] = d[4 * i + k] * (1 - alpha) + rgb[k] * alpha;
  }
  pen.putImageData(image, 0, 0);
}

// Places of the picture, x and y as parts of it, on the canvas.
export function placer(canvas, view) {
  return (x, y) => [(x - view[1]) / (view[3] - view[1]) * canvas.width, (y - view[0]) / (view[2] - view[0]) * canvas.height];
}

const css = ([r, g, b]) => `rgb(${r}, ${g}, ${b})`;

// A box with a dark line around its own, seen on every picture; `dash` tells the engine's.
export function drawBox(canvas, [x0, y0], [x1, y1], rgb, dash = false) {
  const pen = canvas.getContext("2d"), scale = pixelScale();
  pen.save();
  for (const [colour, width] of [["rgba(0, 0, 0, 0.65)", 4], [css(rgb), 2]]) {
    pen.setLineDash(dash ? [6 * scale, 4 * scale] : []);
    pen.strokeStyle = colour; pen.lineWidth = width * scale;
    pen.strokeRect(x0, y0, x1 - x0, y1 - y0);
  }
  pen.restore();
}

// A key point: a disc for the reference, a square for the engine.
export function drawDot(canvas, [x, y], rgb, square = false, size = 3.5) {
  const pen = canvas.getContext("2d"), r = size * pixelScale();
  pen.beginPath();
  if (square) pen.rect(x - r, y - r, 2 * r, 2 * r); else pen.arc(x, y, r, 0, 7);
  pen.fillStyle = css(rgb); pen.fill();
  pen.lineWidth = pixelScale(); pen.strokeStyle = "#fff"; pen.stroke();
}

// Names at places [[x, y], text, align], white with a black edge; one that would cover an earlier one is left out.
export function drawNames(canvas, names) {
  const pen = canvas.getContext("2d"), scale = pixelScale(), high = 7 * scale, taken = [];
  pen.font = `600 ${12 * scale}px sans-serif`; pen.textAlign = "left"; pen.textBaseline = "middle"; pen.lineJoin = "round";
  pen.lineWidth = 3 * scale; pen.strokeStyle = "rgba(0, 0, 0, 0.8)"; pen.fillStyle = "#fff";
  for (const [[x, y], text, align] of names) {
    const wide = pen.measureText(text).width * 1.04 + 4 * scale, from = align === "center" ? x - wide / 2 : x;
    const left = Math.max(2 * scale, Math.min(canvas.width - wide, from)), middle = Math.max(high, Math.min(canvas.height - high, y));
    if (taken.some(([u, v, w]) => left < u + w && u < left + wide && Math.abs(v - middle) < 2 * high)) continue;
    taken.push([left, middle, wide]);
    pen.strokeText(text, left, middle); pen.fillText(text, left, middle);
  }
  pen.textBaseline = "alphabetic";
}

// Where the cross stands: white with a black edge, and no longer than it must be.
export function drawCross(canvas, [x, y]) {
  const pen = canvas.getContext("2d"), scale = pixelScale(), arm = 11 * scale, gap = 4 * scale;
  for (const [colour, width] of [["rgba(0, 0, 0, 0.85)", 3.5], ["#fff", 1.5]]) {
    pen.strokeStyle = colour; pen.lineWidth = width * scale; pen.lineCap = "round";
    pen.beginPath();
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) { pen.moveTo(x + dx * gap, y + dy * gap); pen.lineTo(x + dx * arm, y + dy * arm); }
    pen.stroke();
  }
}

// A prompt: a disc with a plus for the object, a square with a minus for the background; smaller where its object rests.
export function drawPrompt(canvas, [x, y], label, active) {
  const pen = canvas.getContext("2d"), scale = pixelScale(), r = (active ? 8 : 5.5) * scale, bar = r * 0.55;
  pen.save();
  pen.beginPath();
  if (label) pen.arc(x, y, r, 0, 7); else pen.rect(x - r * 0.9, y - r * 0.9, r * 1.8, r * 1.8);
  pen.fillStyle = "#fff"; pen.fill();
  pen.lineWidth = 1.5 * scale; pen.strokeStyle = "#111"; pen.stroke();
  pen.beginPath();
  pen.moveTo(x - bar, y); pen.lineTo(x + bar, y);
  if (label) { pen.moveTo(x, y - bar); pen.lineTo(x, y + bar); }
  pen.lineWidth = 2 * scale; pen.stroke();
  pen.restore();
}

// A prompt's box, black and white in turn.
export function drawRubber(canvas, [x0, y0], [x1, y1], active) {
  const pen = canvas.getContext("2d"), scale = pixelScale(), dash = 5 * scale;
  pen.save();
  pen.lineWidth = (active ? 2 : 1.2) * scale;
  for (const [colour, offset] of [["#fff", 0], ["#111", dash]]) {
    pen.strokeStyle = colour; pen.setLineDash([dash, dash]); pen.lineDashOffset = offset;
    pen.strokeRect(Math.min(x0, x1), Math.min(y0, y1), Math.abs(x1 - x0), Math.abs(y1 - y0));
  }
  pen.restore();
}

// A numbered frame around a place.
export function drawBadge(canvas, [x, y], [wide, high], text, dark) {
  const pen = canvas.getContext("2d"), scale = pixelScale(), ink = dark ? "#fff" : "#111", w = Math.max(wide, 20 * scale), t = Math.max(high, 20 * scale);
  pen.lineWidth = 1.5 * scale; pen.strokeStyle = ink;
  pen.strokeRect(x - w / 2, y - t / 2, w, t);
  const side = 14 * scale, left = Math.min(canvas.width - side, x + w / 2), top = Math.max(0, y - t / 2);
  pen.fillStyle = ink; pen.fillRect(left, top, side, side);
  pen.fillStyle = dark ? "#111" : "#fff"; pen.font = `600 ${11 * scale}px sans-serif`; pen.textAlign = "center"; pen.textBaseline = "middle";
  pen.fillText(text, left + side / 2, top + side / 2 + scale / 2);
}

// A small square of a code's or pair's colour and stripes, for legends and tables.
export function swatch(style) {
  const canvas = document.createElement("canvas"), scale = pixelScale();
  Object.assign(canvas, { width: 14 * scale, height: 10 * scale, className: "pw-swatch" });
  canvas.setAttribute("aria-hidden", "true");
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.fillStyle = "#888"; pen.fillRect(0, 0, canvas.width, canvas.height);
  layMask(canvas, new Uint16Array(canvas.width * canvas.height).fill(1), [null, { ...style, edge: null }]);
  return canvas;
}

export async function bitmapOf(bytes) {
  return createImageBitmap(new Blob([bytes], { type: "image/jpeg" }));
}

// Canvases as wide as their place and of the picture's proportion, no higher than `tallest` CSS pixels.
export function fitPicture(canvas, [rows, columns], tallest) {
  const scale = pixelScale();
  canvas.style.aspectRatio = String(columns / rows);
  canvas.style.width = `min(100%, ${Math.round(tallest * columns / rows)}px)`;
  const box = [canvas.clientWidth * scale, canvas.clientHeight * scale].map(Math.round);
  if (!box[0] || !box[1] || (canvas.width === box[0] && canvas.height === box[1])) return false;
  [canvas.width, canvas.height] = box;
  return true;
}

export function copyOf(canvas) {
  const copy = Object.assign(document.createElement("canvas"), { width: canvas.width, height: canvas.height });
  copy.getContext("2d").drawImage(canvas, 0, 0);
  return copy;
}

// At most once a frame of the screen, however often it is called.
export function coalesced(work) {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; work(); });
  };
}
