// What the robot is reminded of: the attention over the acquired pairs, as the pictures it saw with them.

export const title = "Attention";
export const order = 4;
export const slots = ["attention", "pairs"];

const BEST = 6;

export function mount(root, api) {
  const { h } = api;
  api.style(`.attention { display: grid; gap: 8px; } .attention .best { display: grid; grid-template-columns: repeat(${BEST}, minmax(0, 1fr)); gap: 6px; } .attention .best canvas { width: 100%; aspect-ratio: 1; border-radius: 4px; background: var(--page); } .attention figcaption { font-size: 11.5px; color: var(--muted); text-align: center; } .attention .all { display: block; width: 100%; }`);
  const best = Array.from({ length: BEST }, () => ({ canvas: h("canvas", { width: 48, height: 48 }), text: h("figcaption", {}, "\u00a0") }));
  const all = h("canvas", { class: "all", "data-map": "attention" });
  root.append(h("div", { class: "attention" }, h("div", { class: "best" }, best.map(({ canvas, text }) => h("figure", {}, canvas, text))), all));
  const state = { attention: [], pairs: 0, sheet: null, head: null };
  const colour = (name) => getComputedStyle(root).getPropertyValue(name);

  /** Draws the picture of one pair into a place of a canvas; false if there is none. */
  function tile(context, index, x, y, width, height) {
    const { sheet, head } = state;
    if (!sheet || index >= head.tiles) return false;
    const [column, row] = [index % head.columns, Math.floor(index / head.columns)];
    context.drawImage(sheet, column * head.width, row * head.height, head.width, head.height, x, y, width, height);
    return true;
  }

  function drawBest() {
    const order = [...state.attention.keys()].sort((a, b) => state.attention[b] - state.attention[a]);
    best.forEach(({ canvas, text }, place) => {
      const context = canvas.getContext("2d");
      context.clearRect(0, 0, canvas.width, canvas.height);
      const index = order[place];
      const share = index === undefined ? 0 : state.attention[index];
      if (index !== undefined) tile(context, index, 0, 0, canvas.width, canvas.height);
      canvas.style.opacity = index === undefined ? 0.3 : String(0.35 + 0.65 * Math.min(1, share / (state.attention[order[0]] || 1)));
      text.textContent = index === undefined ? "\u00a0" : `#${index + 1}  ${(100 * share).toFixed(1)} %`;
    });
  }

  /** All pairs in the order in which they were acquired; the more one has to say, the brighter it is. */
  function drawAll() {
    const ratio = window.devicePixelRatio || 1;
    const width = Math.round(all.clientWidth * ratio);
    const count = Math.max(state.attention.length, state.head?.tiles ?? 0, Number(state.pairs) || 0);
    const columns = Math.max(10, Math.ceil(Math.sqrt(count * 1.6)));
    const each = width / columns;
    const height = Math.round(Math.ceil(count / columns) * each);
    if (all.width !== width || all.height !== height) Object.assign(all, { width, height });
    const context = all.getContext("2d");
    context.clearRect(0, 0, width, height);
    const most = Math.max(1e-9, ...state.attention);
    const side = each - 3 * ratio;
    context.lineWidth = 2 * ratio;
    context.strokeStyle = context.fillStyle = colour("--s0");
    for (let index = 0; index < count; index += 1) {
      const share = (state.attention[index] ?? 0) / most;
      const [x, y] = [(index % columns) * each + ratio, Math.floor(index / columns) * each + ratio];
      context.globalAlpha = state.attention.length ? 0.45 + 0.55 * share : 1;
      if (!tile(context, index, x, y, side, side)) context.fillRect(x, y + side * (1 - share), side, Math.max(ratio, side * share));
      context.globalAlpha = share > 0.05 ? share : 0;
      context.strokeRect(x, y, side, side);
    }
    context.globalAlpha = 1;
  }

  const draw = () => {
    drawBest();
    drawAll();
  };
  api.picture("memory/thumbnails", 0, (sheet, head) => {
    Object.assign(state, { sheet, head });
    draw();
  });
  new ResizeObserver(drawAll).observe(all);

  return (name, entry) => {
    const value = entry.kind === "written" ? entry.value : undefined;
    if (name === "attention") state.attention = Array.isArray(value) ? value : [];
    else state.pairs = value ?? 0;
    draw();
  };
}
