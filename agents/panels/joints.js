// Ten joints as bars: where each is, where it is to go, how far it may.

export const title = "Joints";
export const order = 2;
export const slots = ["icub/encoders", "icub/limits", "joints"];

const ARM = ["shoulder pitch", "shoulder roll", "shoulder yaw", "elbow", "wrist"];
const ARMS = ["Right arm", "Left arm"];
const WIDEST = 180; // degrees, while the limits are unknown

export function mount(root, api) {
  const { h } = api;
  api.style(`.joints { display: grid; gap: 12px; } .joints table { table-layout: fixed; } .joints td { padding: 3px 0; overflow: visible; } .joints td:first-child { width: 106px; color: var(--muted); } .joints td:last-child { width: 58px; }
.joints tbody tr { border: 0; } .joints caption { text-align: left; font-weight: 600; padding-bottom: 2px; } .joints .track { position: relative; height: 8px; border-radius: 4px; background: var(--hover); } .joints .angle { position: absolute; inset-block: 0; border-radius: 4px; background: var(--s0); } .joints .goal { position: absolute; top: -3px; width: 2px; height: 14px; margin-left: -1px; border-radius: 1px; background: var(--s1); } .joints .zero { position: absolute; inset-block: 0; width: 1px; background: var(--strong); }`);
  const state = { encoders: [], limits: [], goals: [] };
  const rows = [];
  const table = (arm) => h("table", {}, h("caption", {}, arm), h("tbody", {}, ARM.map((joint) => {
    const row = { bar: h("i", { class: "angle" }), goal: h("i", { class: "goal", hidden: true }), zero: h("i", { class: "zero" }), angle: h("td", { class: "right" }, "–") };
    row.track = h("div", { class: "track" }, row.zero, row.bar, row.goal);
    rows.push(row);
    return h("tr", {}, h("td", {}, joint), h("td", {}, row.track), row.angle);
  })));
  root.append(h("div", { class: "joints" }, ARMS.map(table)));

  function draw() {
    rows.forEach((row, index) => {
      const [low, high] = state.limits[index] ?? [-WIDEST, WIDEST];
      const share = (angle) => Math.min(100, Math.max(0, (100 * (angle - low)) / (high - low)));
      const [angle, goal] = [state.encoders[index], state.goals[index]];
      const zero = share(Math.min(high, Math.max(low, 0)));
      row.zero.style.left = `${zero}%`;
      row.track.title = `${low}° … ${high}°`;
      const known = typeof angle === "number";
      row.bar.style.left = known ? `${Math.min(zero, share(angle))}%` : "0";
      row.bar.style.width = known ? `${Math.max(0.8, Math.abs(share(angle) - zero))}%` : "0";
      row.angle.textContent = known ? `${angle.toFixed(1)}°` : "–";
      row.goal.hidden = typeof goal !== "number";
      if (!row.goal.hidden) row.goal.style.left = `${share(goal)}%`;
    });
  }

  return (name, entry) => {
    const value = entry.kind === "written" && Array.isArray(entry.value) ? entry.value : [];
    state[{ "icub/encoders": "encoders", "icub/limits": "limits", joints: "goals" }[name]] = value;
    draw();
  };
}
