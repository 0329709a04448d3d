// The associator's map: which postures were acquired and which were tried and no news, which pairs speak now, where the
// robot is and goes. A click or a drag writes `act`, so that the robot takes that point; so do the keys of nice postures.

import { ACT_VALIDITY, operation } from "./_operation.js";

export const title = "Latent map";
export const order = 1;
export const slots = ["memory/values", "memory/tried", "attention", "act", "act/nice", "proprio"];

const LEAST = 1.0; // the map shows at least -1 ... 1
const EVERY = 100; // ms between two writes of a drag
const TRAIL = 40;
const FIELDS = "input, textarea, select, [contenteditable], dialog";
const KEYS = { n: 1, k: 1, p: -1, r: 0 }; // as in the original: next, next, previous, again

const isLatent = (value) => Array.isArray(value) && value.length > 0 && value.every(Number.isFinite);
const isPoint = (value) => Array.isArray(value) && value.length >= 2 && value.slice(0, 2).every(Number.isFinite);

export function mount(root, api) {
  const { h } = api;
  const does = operation(api);
  api.style(`.latent canvas { width: 100%; aspect-ratio: 1; border-radius: 4px; background: var(--page); cursor: crosshair; touch-action: none; } .latent p { margin-top: 6px; display: flex; flex-wrap: wrap; gap: 2px 14px; font-size: 11.5px; color: var(--muted); } .latent i { display: inline-block; width: 8px; height: 8px; margin-right: 5px; border-radius: 50%; } .latent i.ring { box-sizing: border-box; background: none; border: 2px solid; } .latent .nice:not([hidden]) { display: flex; align-items: center; gap: 6px; margin-top: 6px; } .latent .nice span { color: var(--muted); font-size: 11.5px; }`);
  const canvas = h("canvas", { "data-map": "latent" });
  const key = (colour, text, ring = false) => {
    const dot = h("i", { class: ring ? "ring" : "" });
    dot.style[ring ? "borderColor" : "background"] = `var(${colour})`;
    return h("span", {}, dot, text);
  };
  const hint = api.readOnly ? "" : `Click or drag: the robot goes there for ${ACT_VALIDITY} s`;
  const problem = h("span", { class: "problem" });
  const word = h("span", {}, "");
  const step = (text, by, letter) =>
    h("button", { type: "button", class: "small", "data-nice": letter, disabled: api.readOnly, title: `Key: ${letter}`, onclick: () => walk(by) }, text);
  const nice = h("div", { class: "nice", hidden: true }, step("‹ Previous", -1, "p"), step("Again", 0, "r"), step("Next ›", 1, "n"), word);
  root.append(h("div", { class: "latent" }, canvas,
    h("p", {}, key("--bad", "acquired"), key("--good", "tried, no news", true), key("--s1", "act"), key("--s0", "proprio"), h("span", {}, hint), problem), nice));
  const state = { pairs: [], tried: [], nice: [], shown: -1, attention: [], act: null, proprio: null, trail: [], reach: LEAST, goal: null };
  const colour = (name) => getComputedStyle(root).getPropertyValue(name);

  // The nice postures, one after the other in a circle; again repeats the one that was shown last.
  async function walk(by) {
    const count = state.nice.length;
    if (!count || api.readOnly) return;
    state.shown = state.shown < 0 ? (by < 0 ? count - 1 : 0) : (state.shown + by + count) % count;
    word.textContent = `nice posture ${state.shown + 1} of ${count}`;
    problem.textContent = (await does.take(state.nice[state.shown])).join("; ");
  }
  const press = (event) => {
    const modified = event.ctrlKey || event.altKey || event.metaKey || event.isComposing || event.repeat;
    if (modified || !(event.key in KEYS) || event.target.closest?.(FIELDS)) return;
    if (document.querySelector("dialog[open]") || canvas.offsetParent === null) return; // asked something, or not seen
    event.preventDefault();
    walk(KEYS[event.key]);
  };
  window.addEventListener("keydown", press, { signal: api.signal });

  const place = ([x, y]) => [canvas.width / 2 * (1 + x / state.reach), canvas.height / 2 * (1 - y / state.reach)];
  const point = (event) => {
    const box = canvas.getBoundingClientRect();
    const [u, v] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    return [(2 * u - 1) * state.reach, (1 - 2 * v) * state.reach].map((number) => Math.round(number * 1e4) / 1e4);
  };

  function dot(context, at, radius, fill, ring) {
    const [x, y] = place(at);
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fillStyle = fill;
    context.fill();
    if (!ring) return;
    context.strokeStyle = ring;
    context.stroke();
  }

  function draw() {
    const ratio = window.devicePixelRatio || 1;
    const size = Math.round(canvas.clientWidth * ratio);
    if (!size) return;
    if (canvas.width !== size) canvas.width = canvas.height = size;
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, size, size);
    context.lineWidth = ratio;
    context.strokeStyle = colour("--line");
    context.fillStyle = colour("--faint");
    context.font = `${10 * ratio}px system-ui`;
    const step = state.reach > 4 ? 2 : state.reach > 2 ? 1 : 0.5;
    for (let at = -Math.floor(state.reach / step) * step; at <= state.reach; at += step) {
      const [x, y] = place([at, at]);
      context.beginPath();
      context.moveTo(x, 0);
      context.lineTo(x, size);
      context.moveTo(0, y);
      context.lineTo(size, y);
      context.stroke();
      if (at !== 0) context.fillText(String(at), x + 3 * ratio, size - 4 * ratio);
    }
    context.strokeStyle = colour("--good");
    context.lineWidth = 1.5 * ratio;
    for (const at of state.tried) {
      context.beginPath();
      context.arc(...place(at), 3.5 * ratio, 0, 2 * Math.PI);
      context.stroke();
    }
    context.lineWidth = ratio;
    const most = Math.max(1e-9, ...state.attention);
    state.pairs.forEach((pair, index) => {
      const share = (state.attention[index] ?? 0) / most;
      context.globalAlpha = 0.3 + 0.7 * share;
      dot(context, pair, (3 + 6 * Math.sqrt(share)) * ratio, colour("--bad"));
    });
    context.globalAlpha = 0.5;
    context.strokeStyle = colour("--s0");
    context.beginPath();
    state.trail.forEach((at, index) => context[index ? "lineTo" : "moveTo"](...place(at)));
    context.stroke();
    context.globalAlpha = 1;
    if (state.proprio) dot(context, state.proprio, 5 * ratio, colour("--s0"), colour("--card"));
    if (state.act) {
      const [x, y] = place(state.act);
      context.strokeStyle = colour("--s1");
      context.lineWidth = 2 * ratio;
      context.beginPath();
      for (const [a, b] of [[8, 0], [0, 8]]) {
        context.moveTo(x - a * ratio, y - b * ratio);
        context.lineTo(x + a * ratio, y + b * ratio);
      }
      context.stroke();
    }
  }

  function reach() {
    const all = [...state.pairs, ...state.tried, state.act, state.proprio].filter(Boolean).flat().map(Math.abs);
    const wanted = Math.max(LEAST, ...all) * 1.08;
    if (wanted > state.reach || wanted < state.reach / 2) state.reach = wanted;
  }

  // A drag writes where the pointer is, at most so often, and always where it ended.
  let writing = false;
  async function write() {
    if (writing) return;
    writing = true;
    while (state.goal) {
      const goal = state.goal;
      state.goal = null;
      problem.textContent = (await does.take(goal)).join("; ");
      await new Promise((resolve) => setTimeout(resolve, EVERY));
    }
    writing = false;
  }
  const take = (event) => {
    if (api.readOnly || !(event.buttons & 1)) return;
    state.goal = point(event);
    write();
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    take(event);
  });
  canvas.addEventListener("pointermove", take);
  new ResizeObserver(draw).observe(canvas);

  return (name, entry) => {
    const value = entry.kind === "written" ? entry.value : undefined;
    if (name === "memory/values") state.pairs = Array.isArray(value) ? value.filter(isPoint) : [];
    else if (name === "memory/tried") state.tried = Array.isArray(value) ? value.filter(isPoint) : [];
    else if (name === "act/nice") {
      state.nice = Array.isArray(value) ? value.filter(isLatent) : [];
      nice.hidden = !state.nice.length;
      if (state.shown >= state.nice.length) state.shown = -1;
    } else if (name === "attention") state.attention = Array.isArray(value) ? value : [];
    else {
      state[name] = isPoint(value) ? value.slice(0, 2) : null;
      if (name === "proprio" && state.proprio) state.trail = [...state.trail, state.proprio].slice(-TRAIL);
    }
    reach();
    draw();
  };
}
