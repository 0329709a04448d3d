// What can be done to a role: start, restart or stop it, swap it for another class or other settings.

import { h } from "../dom.js";
import { act, ask, field, READ_ONLY, readOnly } from "../dialog.js";
import { connection } from "../connection.js";
import { SettingsForm } from "./settings.js";
import { store } from "../store.js";

export async function stop(role) {
  const body = `${role} is asked to end. Its supervisor does not start it again.`;
  if (await ask({ title: `Stop ${role}?`, body, action: "Stop", danger: true })) await act({ do: "stop", role }, `Stop ${role}`);
}

export async function start(role) {
  const body = "Its supervisor starts it now, whatever happened to it before.";
  if (await ask({ title: `Start ${role}?`, body, action: "Start" })) await act({ do: "start", role }, `Start ${role}`);
}

export async function restart(role) {
  const body = "Its process ends, and another one begins anew with the code that is on disk now: without its state, which a swap hands over.";
  if (await ask({ title: `Restart ${role}?`, body, action: "Restart" })) await act({ do: "restart", role }, `Restart ${role}`);
}

export async function swap(role) {
  const row = store.table("roles").get(role) ?? {};
  const spec = h("input", { name: "spec", value: row.class, placeholder: "module:Class", spellcheck: "false", autocomplete: "off" });
  const place = h("div", { class: "settings", "aria-live": "polite" });
  let form;
  const describe = async () => {
    const wanted = spec.value.trim();
    form = undefined;
    place.replaceChildren(h("p", { class: "muted" }, `Asking ${wanted || "the class"} for its parameters …`));
    const told = await connection.question({ do: "describe", role, spec: wanted });
    if (wanted !== spec.value.trim()) return;
    form = told.ok ? new SettingsForm(told, row.settings ?? {}) : undefined;
    place.replaceChildren(form?.element ?? h("p", { class: "problem" }, told.message));
  };
  spec.addEventListener("change", describe);
  describe();
  const read = () => {
    const settings = form ? form.changes() : {};
    return settings && { spec: spec.value.trim() === row.class ? "" : spec.value.trim(), settings };
  };
  const body = [field("Class", spec, "Another one of the same project, or the same with the code that is on disk now"), place];
  const wish = await ask({ title: `Swap ${role}`, body, action: "Swap", read });
  if (wish) await act({ do: "swap", role, ...wish }, `Swap ${role}`);
}

const BUTTONS = { start: ["Start", start], restart: ["Restart", restart], swap: ["Swap…", swap], stop: ["Stop", stop] };

/** The buttons of a role; `offer` shows those that can be done to it now. */
export class RoleButtons {
  constructor(role, element) {
    const off = readOnly();
    this.buttons = Object.entries(BUTTONS).map(([kind, [title, action]]) => [kind, h("button", { type: "button", class: kind === "stop" ? "small danger" : "small", disabled: off, title: off ? READ_ONLY : null,
      onclick: (event) => { event.stopPropagation(); action(role); } }, title)]);
    element.append(...this.buttons.map(([, button]) => button));
  }

  offer(possible) {
    for (const [kind, button] of this.buttons) button.hidden = !possible.includes(kind);
  }
}
