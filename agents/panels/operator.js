// The operator's chair: teach, use, move the memory, pause. Every button is a slot write; the stop is in the bar above.

import { isPaused, isStopped, operation } from "./_operation.js";

export const title = "Operator";
export const order = 0;
export const slots = ["mode", "pairs", "memory/answer", "memory/done", "joints", "icub/target", "motor/state"];

const STYLE = `
.operator { display: grid; gap: 10px; }
.operator .buttons { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 6px; }
.operator .segments { display: flex; } .operator .segments button { flex: 1; border-radius: 0; } .operator .segments button:first-child { border-radius: 4px 0 0 4px; } .operator .segments button:last-child { border-radius: 0 4px 4px 0; margin-left: -1px; }
.operator .segments button[aria-pressed=true] { background: var(--accent); border-color: var(--accent); color: var(--accent-text); font-weight: 600; }
.operator canvas { width: 100%; aspect-ratio: 4 / 3; object-fit: contain; border-radius: 4px; background: var(--page); }
.operator dl { grid-template-columns: 74px minmax(0, 1fr); }
`;

function outcome(answer) {
  if (!answer) return "–";
  const novelty = typeof answer.novelty === "number" ? `, novelty ${answer.novelty.toFixed(3)}` : "";
  return answer.added ? `added${novelty}` : `not added: ${answer.reason}`;
}

export function mount(root, api) {
  const { h } = api;
  const does = operation(api);
  api.style(STYLE);
  const problem = h("p", { class: "problem", hidden: true });
  const run = async (action) => {
    const failed = await action();
    problem.hidden = !failed.length;
    problem.textContent = failed.join("; ");
  };
  const button = (text, action, name) =>
    h("button", { type: "button", "data-do": name, disabled: api.readOnly, onclick: () => run(action) }, text);
  const askFile = async (verb, action) => {
    const path = h("input", { value: "runs/latest/memory.npz", spellcheck: "false" });
    const body = h("label", { class: "field" }, h("span", {}, "File, seen from the associator's project"), path);
    const chosen = await api.ask({ title: `${verb} the memory`, body, action: verb, read: () => path.value.trim() || undefined });
    return chosen ? action(chosen) : [];
  };
  const forget = async () => {
    const sure = await api.ask({ title: "Forget all pairs?", body: "The memory is empty then.", action: "Forget", danger: true });
    return sure ? does.forget() : [];
  };
  const modes = ["acquire", "use"].map((mode) =>
    h("button", { type: "button", "data-mode": mode, disabled: api.readOnly, onclick: () => run(() => does.switchTo(mode)) },
      mode === "acquire" ? "Acquire" : "Use"));
  // Two controls: a second press of one shall not do the opposite of the first.
  const pause = button("Pause", does.pause, "pause");
  const resume = button("Resume", does.resume, "resume");
  const facts = Object.fromEntries(["Mode", "Pairs", "Motor", "Confirmed", "Memory"].map((name) => [name, h("dd", {}, "–")]));
  const camera = h("canvas", { width: 4, height: 3 });
  api.picture("camera", 480, (bitmap) => {
    Object.assign(camera, { width: bitmap.width, height: bitmap.height });
    camera.getContext("2d").drawImage(bitmap, 0, 0);
  });
  let confirms = 0;
  root.append(h("div", { class: "operator" },
    camera,
    h("div", { class: "segments" }, modes),
    h("div", { class: "buttons" },
      button("Confirm", () => does.confirm(`page ${++confirms}`), "confirm"), button("Undo", does.undo, "undo"), button("Forget…", forget, "forget"), pause, resume,
      button("Save…", () => askFile("Save", does.save), "save"), button("Load…", () => askFile("Load", does.load), "load"), button("Renew", does.renew, "renew")),
    problem,
    h("dl", {}, Object.entries(facts).flatMap(([name, fact]) => [h("dt", {}, name), fact]))));

  return (name, entry) => {
    const value = entry.kind === "written" ? entry.value : undefined;
    if (name === "mode") {
      facts.Mode.textContent = value ?? "–";
      for (const each of modes) each.setAttribute("aria-pressed", String(each.dataset.mode === value));
    } else if (name === "pairs") facts.Pairs.textContent = value ?? "–";
    else if (name === "motor/state") facts.Motor.textContent = value ?? "–";
    else if (name === "memory/answer") facts.Confirmed.textContent = outcome(value);
    else if (name === "memory/done") facts.Memory.textContent = value ? value.message : "–";
    resume.disabled = api.readOnly || !isPaused(api) || isStopped(api);
  };
}
