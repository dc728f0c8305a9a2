// The tensor view's small drawings: the histogram of differences, and the error of every channel at its slider.
import { colour, h, minus, svg } from "./dom.js";

const WIDTH = 184, HEIGHT = 176, TOP = 22, BASE = 156, BIN = 0.25, INFINITE = 3e38;

// Bars of differences that are not allowed are filled, the others outlined. Heights go with the square root.
export function histogram(data) {
  const { counts, low, allowed } = data, high = low + counts.length * BIN;
  const from = Math.min(low, allowed ?? low) - BIN, to = Math.max(high, allowed ?? high) + BIN, most = Math.max(1, ...counts);
  const X = (v) => (v - from) / (to - from) * WIDTH, picture = svg("svg", { width: WIDTH, height: HEIGHT, role: "img", "aria-label": describe(data) });
  const every = to - from > 5 ? 2 : 1;
  for (let v = Math.ceil(from); v <= to; v++) {
    picture.append(svg("path", { class: "pw-rule", d: `M${Math.round(X(v)) + 0.5} ${TOP}V${BASE}` }));
    if (v % every === 0) picture.append(svg("text", { x: Math.max(8, Math.min(WIDTH - 8, X(v))), y: 170, "text-anchor": "middle" }, minus(v)));
  }
  counts.forEach((count, i) => {
    if (!count) return;
    const x = Math.round(X(low + i * BIN)), w = Math.max(2, Math.round(X(low + (i + 1) * BIN)) - x - 1), tall = Math.max(2, Math.round(Math.sqrt(count / most) * (BASE - TOP - 4)));
    const over = allowed !== null && low + (i + 0.5) * BIN > allowed;
    picture.append(svg("rect", over ? { class: "pw-over", x, y: BASE - tall, width: w, height: tall } : { class: "pw-within", x: x + 0.5, y: BASE - tall + 0.5, width: Math.max(1, w - 1), height: tall - 0.5 },
      svg("title", null, `${count} differences about 1e${minus((low + (i + 0.5) * BIN).toFixed(1))}`)));
  });
  picture.append(svg("path", { class: "pw-axis", d: `M0 ${BASE}.5H${WIDTH}` }));
  if (allowed !== null) {
    picture.append(svg("rect", { class: "pw-mark", x: Math.round(X(allowed)), y: TOP - 4, width: 1, height: BASE - TOP + 5 }),
      svg("text", { class: "pw-strong", x: Math.max(26, Math.min(WIDTH - 26, X(allowed))), y: 13, "text-anchor": "middle" }, "tolerance"));
  }
  return picture;
}

function describe({ counts, low, allowed, values, equal }) {
  if (!counts.length) return `all ${values} values are equal`;
  const over = counts.reduce((sum, n, i) => sum + (allowed !== null && low + (i + 0.5) * BIN > allowed ? n : 0), 0);
  return `histogram of ${values} differences: ${equal} equal, ${over} above the tolerance`;
}

// Bars over the slider: height by the logarithm of the error over eight decades below the largest or the tolerance.
export function channelBars() {
  const canvas = h("canvas", { class: "pw-channels", width: 256, height: 15, "aria-hidden": "true" });
  const draw = (root, errors, allowed, chosen) => {
    const scale = window.devicePixelRatio || 1, width = canvas.clientWidth || 256, pen = canvas.getContext("2d");
    Object.assign(canvas, { width: width * scale, height: 15 * scale });
    pen.scale(scale, scale);
    const [fail, quiet, brand] = ["--pw-fail", "--pw-ctl", "--pw-brand"].map((t) => colour(root, t));
    const finite = errors.reduce((a, e) => (e < INFINITE ? Math.max(a, e) : a), 0), top = Math.log10(Math.max(allowed, finite) || 1), step = width / Math.max(1, errors.length), bars = Math.min(errors.length, width);
    for (let b = 0; b < bars; b++) {
      const first = Math.floor(b * errors.length / bars), last = Math.max(first + 1, Math.floor((b + 1) * errors.length / bars));
      const error = errors.subarray(first, last).reduce((a, e) => Math.max(a, e), 0);
      if (!error) continue;
      const tall = Math.max(1, Math.min(14, 14 * (1 + (Math.log10(error) - top) / 8)));
      pen.fillStyle = allowed && error > allowed ? fail : quiet;
      const x = b * width / bars, w = Math.max(0.6, width / bars - (step > 3 ? 1 : 0.4));
      if (allowed && error <= allowed && step >= 4) { pen.strokeStyle = quiet; pen.strokeRect(x + 0.5, 15.5 - tall, w - 1, tall); } else pen.fillRect(x, 15 - tall, w, tall);
    }
    pen.fillStyle = brand;
    pen.fillRect(Math.min(width - 2, (chosen + 0.5) * step - 1), 0, 2, 15);
  };
  return { canvas, draw };
}
