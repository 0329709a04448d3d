// The roles, who fills them and how they fare; and what can be done about it.

import { h, Keyed, mark, say } from "./dom.js";
import { act, ask, field, READ_ONLY, readOnly } from "./dialog.js";
import { bytes, count, milliseconds, rate, seconds } from "./format.js";
import { store } from "./store.js";

const COLUMNS = [
  ["Agent"], ["State"], ["Class", "", (row) => row.class], ["Woken by", "woken", (row) => row.triggers.map(([mask]) => mask).join(", ")],
  ["Pid", "right", (row) => (row.pid ? String(row.pid) : "")], ["Epoch", "right", (row) => String(row.epoch)],
  ["CPU %", "right", (row) => row.cpu?.toFixed(0) ?? ""], ["Memory", "right", (row) => bytes(row.memory)],
  ["Runs/s", "right", (row) => rate(row.rate)], ["p50 ms", "right", (row) => milliseconds(row.median)], ["p99 ms", "right", (row) => milliseconds(row.p99)],
  ["Waiting", "right", (row) => (row.pending ? String(row.pending) : "")], ["Lag", "right", (row) => (row.lag ? seconds(row.lag) : "")],
  ["Restarts", "right", (row) => String(row.restarts ?? "")], ["Refused", "right", (row) => count(row.refused)],
  ["Lost", "right", (row) => count(row.overflow + row.missed)], [""],
];

export async function stop(role) {
  const body = `${role} is asked to end. Its supervisor does not start it again.`;
  if (await ask({ title: `Stop ${role}?`, body, action: "Stop", danger: true })) await act({ do: "stop", role }, `Stop ${role}`);
}

export async function restart(role) {
  const body = "A new process takes over with the code that is on disk now. Its triggers and its state go along.";
  if (await ask({ title: `Restart ${role}?`, body, action: "Restart" })) await act({ do: "swap", role, spec: "", settings: "" }, `Restart ${role}`);
}

export async function swap(role) {
  const row = store.table("roles").get(role) ?? {};
  const spec = h("input", { name: "spec", placeholder: row.class || "module:Class", spellcheck: "false", autocomplete: "off" });
  const given = h("textarea", { name: "settings", rows: 4, placeholder: "name=value", spellcheck: "false" });
  const body = [
    field("Class", spec, "Empty: the same, with the code that is on disk now"),
    field("Parameters", given, "name=value, with spaces or in lines; empty: as they are"),
  ];
  const read = () => ({ spec: spec.value.trim(), settings: given.value });
  const wish = await ask({ title: `Swap ${role}`, body, action: "Swap", read });
  if (wish) await act({ do: "swap", role, ...wish }, `Swap ${role}`);
}

export class AgentsView {
  constructor() {
    const body = h("tbody", {});
    this.list = new Keyed(body, (item) => this.make(item), (element, item) => this.update(element, item));
    const swaps = h("div", { class: "swaps" });
    this.swaps = new Keyed(swaps,
      () => h("div", { class: "card swap" },
        h("header", {}, h("h3", {}), h("span", { class: "state" })), h("div", { class: "steps" }), h("p", { class: "muted" })),
      (element, item) => this.updateSwap(element, item));
    const errors = h("div", { class: "errors" });
    this.errors = new Keyed(errors,
      ({ key }) => h("details", { class: "card" }, h("summary", {}, `${key} failed`), h("pre", {})),
      (element, { row }) => say(element.lastChild, row.error));
    const head = h("tr", {}, COLUMNS.map(([title, name]) => h("th", { class: name, scope: "col" }, title)));
    this.element = h("section", { class: "view" },
      h("div", { class: "card flush" }, h("div", { class: "scroll" }, h("table", { class: "agents" }, h("thead", {}, head), body))),
      swaps, errors);
  }

  render() {
    const roles = store.rows("roles");
    this.list.show(roles);
    this.swaps.show(store.rows("swaps"));
    this.errors.show(roles.filter(({ row }) => row.error));
  }

  make({ key }) {
    const cells = COLUMNS.map(([, name]) => h("td", { class: name }));
    const off = readOnly();
    const button = (title, action, danger) =>
      h("button", { type: "button", class: danger ? "small danger" : "small", disabled: off, title: off ? READ_ONLY : null,
        onclick: () => action(key) }, title);
    cells.at(-1).append(h("span", { class: "actions" }, button("Restart", restart), button("Swap…", swap), button("Stop", stop, true)));
    cells[1].append(h("span", { class: "state" }));
    const element = h("tr", { "data-role": key }, cells);
    say(cells[0], key);
    return element;
  }

  update(element, { row }) {
    const cells = element.children;
    const state = cells[1].firstChild;
    say(state, row.stopping && row.state === "running" ? "stopping" : row.state);
    mark(state, "data-state", row.state);
    mark(state, "title", row.reason || null);
    COLUMNS.forEach(([, , text], place) => text && say(cells[place], text(row)));
    mark(cells[3], "title", row.triggers.map((trigger) => trigger.join("  ")).join("\n"));
    mark(cells[4], "title", row.host);
    cells[16].firstChild.hidden = !row.epoch; // what runs without filling a role, such as the server
    mark(cells[13], "class", row.restarts ? "right warn" : "right");
    mark(element, "title", row.settings ? JSON.stringify(row.settings) : null);
  }

  updateSwap(element, { key, row }) {
    const [title, state] = element.firstChild.children;
    mark(element, "data-swap", key);
    say(title, `Swap of ${key}`);
    say(state, row.state);
    mark(state, "data-state", row.state.replace(" ", "-"));
    const steps = (row.steps ?? []).map(([name, time]) => `${name} ${milliseconds(time * 1000)} ms`);
    say(element.children[1], steps.join("  →  "));
    const [before, after] = [row.old ?? {}, row.new ?? {}];
    const parts = [];
    if (after.epoch) parts.push(`epoch ${before.epoch ?? "?"} → ${after.epoch}`);
    if (after.class && after.class !== before.class) parts.push(`${before.class} → ${after.class}`);
    if (typeof row.gap === "number") parts.push(`gap ${milliseconds(row.gap * 1000)} ms`);
    if (row.carried !== undefined && row.carried !== null) parts.push(`${Array.isArray(row.carried) ? row.carried.length : row.carried} triggers carried over`);
    if (row.reason) parts.push(row.reason);
    say(element.children[2], parts.join("  ·  "));
  }
}
