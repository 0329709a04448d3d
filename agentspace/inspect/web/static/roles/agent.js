// One role: who fills it and how it fares, what it is set to, what it has said, and why it fell.

import { h, Keyed, mark, say } from "../dom.js";
import { connection } from "../connection.js";
import { bytes, count, milliseconds, rate, seconds } from "../format.js";
import { RoleButtons } from "./orders.js";
import { shown, valid } from "./settings.js";
import { store } from "../store.js";

const LOG = 64 << 10; // characters of a log that are kept
const FOLLOW = 1000; // ms between two looks at it

const FACTS = {
  Reason: (row) => row.reason,
  Class: (row) => row.class,
  Code: (row) => (row.stale ? `${row.code}; the disk has another: ${row.changed.join(", ")}` : row.code),
  Project: (row) => row.project,
  Process: (row) => (row.pid ? `${row.pid} on ${row.host || "this machine"}` : ""),
  Epoch: (row) => String(row.epoch || ""),
  "CPU, memory": (row) => (row.cpu === null ? "" : `${row.cpu.toFixed(0)} %, ${bytes(row.memory)}`),
  Handlers: (row) => `${count(row.handled)}${row.rate ? `, ${rate(row.rate)} per second` : ""}`,
  "Time p50, p99": (row) => (row.median === null ? "" : `${milliseconds(row.median)} ms, ${milliseconds(row.p99)} ms`),
  Waiting: (row) => (row.pending ? `${row.pending}${row.lag ? `, for ${seconds(row.lag)}` : ""}` : ""),
  Restarts: (row) => String(row.restarts ?? ""),
  "Refused writes": (row) => count(row.refused),
  "Lost changes": (row) => count(row.overflow),
  "Missed ticks": (row) => count(row.missed),
};

export class AgentDetail {
  constructor(element, open, close) {
    Object.assign(this, { element, open, close });
  }

  show(role) {
    this.leave();
    this.role = role;
    this.state = h("span", { class: "state" });
    this.actions = h("p", { class: "actions" });
    this.buttons = new RoleButtons(role, this.actions);
    this.facts = Object.fromEntries(Object.keys(FACTS).map((name) => [name, h("dd", {})]));
    this.links = Object.fromEntries(["Woken by", "Reads", "Writes"].map((name) => [name, this.slotList()]));
    this.error = h("pre", { class: "value bad" });
    this.fallen = h("section", { hidden: true }, h("h3", {}, "Last error"), this.error);
    this.letters = h("pre", { class: "value" });
    this.dead = h("section", { hidden: true }, h("h3", {}, "Changes that were set aside"), this.letters);
    this.settings = h("tbody", {});
    this.log = h("pre", { class: "value log-tail", tabindex: "0", "aria-label": `Log of ${role}` });
    this.file = h("small", { class: "muted" });
    this.element.hidden = false;
    this.element.replaceChildren(
      h("header", {}, h("h2", { title: role }, role), this.state,
        h("button", { type: "button", class: "pin", "aria-label": "Close", title: "Close (Esc)", onclick: this.close }, "×")),
      h("div", { class: "scroll" }, this.actions, this.fallen, this.dead,
        (this.known = h("dl", {}, [...Object.entries(this.facts), ...Object.entries(this.links).map(([name, list]) => [name, list.parent])].flatMap(([name, fact]) => [h("dt", {}, name), fact]))),
        h("section", {}, h("h3", {}, "Parameters and slots"), h("table", { class: "parameters" }, this.settings)),
        h("section", {}, h("h3", {}, "Log"), this.log, this.file)));
    this.describe(role);
    this.follow(role);
    this.render();
  }

  leave() {
    clearTimeout(this.timer);
    this.role = this.described = this.told = undefined;
    this.element.hidden = true;
    this.element.replaceChildren();
  }

  slotList() {
    return new Keyed(h("dd", { class: "slotlist" }), ({ key }) => h("button", { type: "button", class: "link", onclick: () => this.open(key) }, key), (element, { row }) => mark(element, "title", row));
  }

  render() {
    if (!this.role) return;
    const row = store.table("roles").get(this.role);
    say(this.state, row ? (row.stopping && row.state === "running" ? "stopping" : row.state) : "unknown");
    mark(this.state, "data-state", row?.state);
    this.buttons.offer(row?.possible ?? []);
    this.known.hidden = !row;
    if (!row) return;
    for (const [name, fact] of Object.entries(FACTS)) {
      const text = fact(row);
      say(this.facts[name], text);
      this.facts[name].classList.toggle("warn", name === "Code" && Boolean(row.stale));
      this.facts[name].hidden = this.facts[name].previousSibling.hidden = !text || text === "0";
    }
    const slots = store.rows("slots");
    this.links["Woken by"].show(row.triggers.map(([key, kind]) => ({ key, row: kind })));
    this.links.Reads.show(slots.filter(({ row: slot }) => slot.readers.includes(this.role)).map(({ key }) => ({ key })));
    this.links.Writes.show(slots.filter(({ row: slot }) => slot.writers.includes(this.role)).map(({ key }) => ({ key })));
    this.fallen.hidden = !row.error;
    say(this.error, row.error ?? "");
    const letters = row.letters?.letters ?? [];
    this.dead.hidden = !letters.length;
    say(this.letters, letters.map((letter) => JSON.stringify(letter, null, 1)).join("\n"));
    this.renderSettings(row);
  }

  /** Each parameter with its value, its help and what is valid; what is not declared by its value alone. */
  renderSettings(row) {
    const told = JSON.stringify([row.settings, row.live]);
    if (told === this.told) return;
    this.told = told;
    const { parameters = {}, slots = {} } = this.described ?? {};
    const isSlot = ([name]) => name in slots;
    const lines = Object.entries(row.settings ?? {}).sort((a, b) => isSlot(a) - isSlot(b)).map(([name, value]) => {
      const declared = parameters[name];
      const help = declared ? [declared.help, valid(declared)].filter(Boolean).join(" · ") : slots[name]?.help ?? "";
      const changed = declared && shown(value) !== shown(declared.default);
      const usual = changed ? `usually ${shown(declared.default)}` : null;
      const live = row.live?.includes(name) && h("span", { class: "state", title: `While it runs: agentspace set ${this.role} ${name}=…` }, "live");
      return h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, h("code", { class: changed ? "changed" : "", title: usual }, shown(value)), " ", live, h("small", { class: "muted" }, help)));
    });
    this.settings.replaceChildren(...(lines.length ? lines : [h("tr", {}, h("td", { class: "muted" }, "None"))]));
  }

  async describe(role) {
    const told = await connection.question({ do: "describe", role, spec: "" });
    if (role !== this.role || !told.ok) return;
    this.described = told;
    this.told = undefined;
    this.render();
  }

  /** The end of its log, and what it says from now on. */
  async follow(role, known = {}) {
    const told = await connection.question({ do: "log", role, ...known });
    if (role !== this.role) return;
    if (told.ok) {
      const ends = this.log.scrollTop + this.log.clientHeight >= this.log.scrollHeight - 8;
      const text = ((told.new ? "" : this.log.textContent) + told.text).slice(-LOG);
      say(this.log, text);
      if (ends || !known.file) this.log.scrollTop = this.log.scrollHeight;
    } else if (!known.file) say(this.log, told.message);
    say(this.file, told.path ?? "");
    this.timer = setTimeout(() => this.follow(role, told.ok ? { file: told.file, at: told.at } : known), FOLLOW);
  }
}
