// Where the extractor looks: its maps over the picture, those of each head and their mean, and the points that count most.

export const title = "Gaze";
export const order = 5;
export const slots = ["gaze/of", "gaze/points", "gaze/wanted"];

const RATE = 5; // looks per second
const LASTS = 3; // seconds that the wish is valid

export function mount(root, api) {
  const { h } = api;
  api.style(`.gaze { display: grid; gap: 8px; } .gaze canvas { width: 100%; border-radius: 4px; background: var(--page); } .gaze p { margin: 0; font-size: 12px; color: var(--muted); } .gaze .row { display: flex; gap: 10px; align-items: center; }`);
  const canvas = h("canvas", { "data-picture": "gaze/view", width: 4, height: 2 });
  const words = h("p", {}, "nothing is known of where it looks");
  const state = { of: "", points: null, wanted: false };
  const button = h("button", { onclick: () => toggle(), disabled: api.readOnly, "aria-pressed": "false" }, "Look");
  root.append(h("div", { class: "gaze" }, canvas, h("div", { class: "row" }, button, words)));

  api.picture("gaze/view", 0, (bitmap) => {
    if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) Object.assign(canvas, { width: bitmap.width, height: bitmap.height });
    canvas.getContext("2d").drawImage(bitmap, 0, 0);
  });

  /** The wish is said again and again while it lasts; it ends by itself with the page. */
  function wish() {
    if (state.wanted && !document.hidden) api.write("gaze/wanted", RATE, { validity: LASTS });
  }

  function toggle() {
    state.wanted = !state.wanted;
    button.textContent = state.wanted ? "Do not look" : "Look";
    button.setAttribute("aria-pressed", String(state.wanted));
    if (state.wanted) wish();
    else api.delete("gaze/wanted");
  }

  function tell() {
    const [x, y] = state.points?.[0] ?? [];
    const known = typeof x === "number" && typeof y === "number";
    const place = known ? ` Most at ${Math.round(100 * x)} % from the left, ${Math.round(100 * y)} % from the top.` : "";
    words.textContent = state.of ? `${state.of}.${place}` : "nothing is known of where it looks";
    if (!state.points) canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
  }

  const timer = setInterval(wish, 1000 * (LASTS / 3));
  api.signal.addEventListener("abort", () => clearInterval(timer));

  return (name, entry) => {
    const value = entry.kind === "written" ? entry.value : undefined;
    if (name === "gaze/of") state.of = typeof value === "string" ? value : "";
    if (name === "gaze/points") state.points = Array.isArray(value) ? value : null;
    tell();
  };
}
