// The emergency stop, on every view of the page. It only stops, however often it is pressed; release is another
// control, which asks, and which ends only the stop that was there when it was asked for.

import { isHeld, isStopped, operation, STOP_SLOTS } from "./_operation.js";

export const title = "Emergency stop";
export const place = "bar";
export const slots = STOP_SLOTS;

const AGAIN = 250; // ms until a stop that was not confirmed is tried again
const PATIENCE = 1000; // ms for an answer
const FIELDS = "input, textarea, select, [contenteditable]";
const STYLE = `
.stop-bar { display: flex; align-items: center; gap: 10px; padding: 6px 14px; background: var(--card); border-bottom: 1px solid var(--line); }
button.robot-stop { flex: none; padding: 7px 18px; border: 0; border-radius: 6px; background: #c62f2f; color: #fff; font-weight: 700; letter-spacing: .04em; cursor: pointer; }
button.robot-stop:hover { background: #a92525; }
.stop-bar p { flex: 1; min-width: 0; overflow: hidden; text-overflow: ellipsis; }
.stop-bar .release { flex: none; padding: 6px 14px; border: 1px solid var(--bad); border-radius: 6px; background: none; color: var(--bad); cursor: pointer; }
.stop-bar[data-state=stopped], .stop-bar[data-state=part], .stop-bar[data-state=stopping], .stop-bar[data-state=blind] { background: color-mix(in srgb, var(--bad) 14%, var(--card)); border-color: var(--bad); } .stop-bar:not([data-state=free]) p { color: var(--bad); font-weight: 600; }
@media (max-width: 600px) { .stop-bar { flex-wrap: wrap; padding: 6px 10px; } button.robot-stop { order: 1; flex: 1; padding: 10px; } .stop-bar .release { order: 2; padding: 10px; } .stop-bar p { order: 3; flex-basis: 100%; } .stop-bar[data-state=free]:not([data-note]) p { display: none; } }
`;
const RELEASE =
  "The robot goes where the agents send it, at once; learning, exploring and examining go on by themselves. A pause ends as well. Make sure that nobody is within its reach.";

const answered = (act) => Promise.race([act, new Promise((resolve) => setTimeout(resolve, PATIENCE, ["no answer within 1 s"]))]);

/** Which writes hold the robot: a stop that came later is another one. */
const marks = (api) => JSON.stringify(STOP_SLOTS.map((slot) => (isHeld(api, slot) ? api.row(slot).revision : null)));

export function mount(root, api) {
  const { h } = api;
  const does = operation(api);
  api.style(STYLE);
  const stop = h("button", { type: "button", class: "robot-stop", "data-do": "stop", disabled: api.readOnly, title: "Stops the robot; never releases it. Key: the space bar, where no field has the focus", onclick: () => press() }, "EMERGENCY STOP");
  const release = h("button", { type: "button", class: "release", "data-do": "release", hidden: true, disabled: api.readOnly, onclick: () => ask() }, "Release…");
  const word = h("p", { role: "status" });
  const bar = h("div", { class: "stop-bar", "data-state": "free" }, stop, word, release);
  root.append(bar);
  let presses = 0; // of the stop; a release that was asked for before one of them is void
  let wanted = null; // {since, problem} while a stop is not confirmed

  async function press() {
    presses += 1;
    wanted = { since: wanted?.since ?? performance.now(), problem: wanted?.problem ?? "" };
    const mine = presses;
    tell();
    while (mine === presses && !api.signal.aborted) {
      const failed = await answered(does.stop());
      if (mine !== presses) return; // a later press goes on
      if (!failed.length) {
        wanted = null;
        return tell();
      }
      wanted.problem = failed.join("; ");
      tell();
      await new Promise((resolve) => setTimeout(resolve, AGAIN));
    }
  }

  async function ask() {
    const [seen, before] = [marks(api), presses];
    const sure = await api.ask({ title: "Release the robot?", body: RELEASE, action: "Release", danger: true });
    if (!sure) return;
    if (wanted || presses !== before || marks(api) !== seen) return tell("Not released: the robot was stopped again meanwhile.");
    const failed = await answered(does.release());
    tell(failed.length ? `Not released: ${failed.join("; ")}` : "");
  }

  let note = "";
  function tell(said = "") {
    const blind = document.body.dataset.attached !== "attached"; // what is known was true once
    const held = STOP_SLOTS.filter((slot) => isHeld(api, slot));
    const by = held.length ? api.row(held[0]).holder : "";
    const state = wanted ? "stopping" : blind ? "blind" : isStopped(api) ? "stopped" : held.length ? "part" : "free";
    const confirmed = bar.dataset.state === "stopping" && state === "stopped"; // what was said of the stop is still so
    if (state !== bar.dataset.state && !confirmed) note = "";
    note = said || note;
    bar.dataset.state = state;
    bar.toggleAttribute("data-note", Boolean(note));
    release.hidden = !held.length || state === "blind";
    const missing = STOP_SLOTS.filter((slot) => !held.includes(slot)).join(", ");
    const words = {
      stopping: `STOPPING: not confirmed for ${wanted ? ((performance.now() - wanted.since) / 1000).toFixed(1) : 0} s, tried again and again. ${wanted?.problem ?? ""}`,
      stopped: `STOPPED by ${by}: the robot stands.`,
      part: `STOPPED IN PART: not held is ${missing}. Press EMERGENCY STOP again.`,
      blind: "NO VIEW: whether the robot is stopped is not known.",
      free: "Space bar: stop",
    };
    word.textContent = note ? `${words[state]} ${note}` : words[state];
    word.title = word.textContent;
  }

  // Before all others, so that no button with the focus takes the key for itself.
  const key = (event) => {
    if (event.code !== "Space" || event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.target.closest?.(FIELDS) || api.readOnly) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (event.type === "keydown" && !event.repeat) press();
  };
  for (const kind of ["keydown", "keyup"]) window.addEventListener(kind, key, { capture: true, signal: api.signal });
  const ticking = setInterval(() => tell(), 500);
  api.signal.addEventListener("abort", () => clearInterval(ticking));
  tell();
  return () => tell();
}
