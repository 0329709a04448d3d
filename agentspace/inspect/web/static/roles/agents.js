// The roles, who fills them and how they fare; and what can be done about it.

import { h, Keyed, mark, say } from "../dom.js";
import { bytes, count, milliseconds, rate, seconds } from "../format.js";
import { RoleButtons } from "./orders.js";
import { Sorter } from "../sorting.js";
import { store } from "../store.js";

const woken = (row) => row.triggers.map(([mask]) => mask).join(", ");

// The code that a process runs: * if the disk has another, ? if that cannot be told.
export const code = (row) => (row.code ? row.code + (row.stale === null ? "?" : row.stale ? "*" : "") : "");

// What a cell shows of a row, and by what rows are sorted. A rare one is there once somebody has something in it.
const COLUMNS = [
  { key: "name", title: "Agent", text: true, by: (row, now, name) => name }, { key: "state", title: "State", text: true, by: (row) => row.state },
  { key: "class", title: "Class", text: true, by: (row) => row.class, show: (row) => row.class }, { key: "woken", title: "Woken by", text: true, by: woken, show: woken },
  { key: "pid", title: "Pid", right: true, by: (row) => row.pid, show: (row) => (row.pid ? String(row.pid) : "") },
  { key: "epoch", title: "Epoch", right: true, by: (row) => row.epoch, show: (row) => String(row.epoch || "") },
  { key: "cpu", title: "CPU %", right: true, by: (row) => row.cpu, show: (row) => row.cpu?.toFixed(0) ?? "" },
  { key: "memory", title: "Memory", right: true, by: (row) => row.memory, show: (row) => bytes(row.memory) },
  { key: "rate", title: "Runs/s", right: true, by: (row) => row.rate, show: (row) => rate(row.rate) },
  { key: "median", title: "p50 ms", right: true, by: (row) => row.median, show: (row) => milliseconds(row.median) },
  { key: "p99", title: "p99 ms", right: true, by: (row) => row.p99, show: (row) => milliseconds(row.p99) },
  { key: "pending", title: "Waiting", right: true, by: (row) => row.pending, show: (row) => (row.pending ? String(row.pending) : "") },
  { key: "lag", title: "Lag", right: true, by: (row) => row.lag, show: (row) => (row.lag ? seconds(row.lag) : "") },
  { key: "restarts", title: "Restarts", right: true, rare: true, by: (row) => row.restarts, show: (row) => count(row.restarts) },
  { key: "refused", title: "Refused", right: true, rare: true, by: (row) => row.refused, show: (row) => count(row.refused) },
  { key: "lost", title: "Lost changes", right: true, rare: true, by: (row) => row.overflow, show: (row) => count(row.overflow) },
  { key: "missed", title: "Missed ticks", right: true, rare: true, by: (row) => row.missed, show: (row) => count(row.missed) },
  { key: "code", title: "Code", right: true, text: true, by: (row) => row.code, show: code },
  { key: "actions" },
];
const PLACE = Object.fromEntries(COLUMNS.map(({ key }, place) => [key, place]));

export class AgentsView {
  constructor(open) {
    this.open = open;
    const body = h("tbody", {});
    this.list = new Keyed(body, (item) => this.make(item), (element, item) => this.update(element, item));
    this.sorter = new Sorter(COLUMNS, "name", () => this.render());
    const swaps = h("div", { class: "swaps" });
    this.swaps = new Keyed(swaps,
      () => h("div", { class: "card swap" },
        h("header", {}, h("h3", {}), h("span", { class: "state" })), h("div", { class: "steps" }), h("p", { class: "muted" })),
      (element, item) => this.updateSwap(element, item));
    const errors = h("div", { class: "errors" });
    this.errors = new Keyed(errors,
      ({ key }) => h("details", { class: "card" }, h("summary", {}, `${key} failed`), h("pre", {})),
      (element, { row }) => say(element.lastChild, row.error));
    this.element = h("section", { class: "view" },
      h("div", { class: "card flush" }, h("div", { class: "scroll" }, h("table", { class: "agents" }, h("thead", {}, h("tr", {}, this.sorter.heads)), body))),
      swaps, errors);
  }

  render() {
    const roles = store.rows("roles");
    this.empty = new Set(COLUMNS.filter(({ rare, by }) => rare && roles.every(({ row }) => !by(row))).map(({ key }) => key));
    for (const head of this.sorter.heads) head.hidden = this.empty.has(head.dataset.key);
    this.list.show(this.sorter.sorted(roles));
    this.swaps.show(store.rows("swaps"));
    this.errors.show(roles.filter(({ row }) => row.error));
  }

  make({ key }) {
    const cells = COLUMNS.map(({ key: name, right }) => h("td", { class: right ? `right c-${name}` : `c-${name}` }));
    const actions = h("span", { class: "actions" });
    cells.at(-1).append(actions);
    cells[1].append(h("span", { class: "state" }), h("small", { class: "reason muted" }));
    const element = h("tr", { "data-role": key, tabindex: "0", onclick: () => this.open(key),
      onkeydown: (event) => event.key === "Enter" && event.target === element && this.open(key) }, cells);
    say(cells[0], key);
    element.buttons = new RoleButtons(key, actions);
    return element;
  }

  update(element, { row }) {
    const cells = element.children;
    const state = cells[1].firstChild;
    say(state, row.stopping && row.state === "running" ? "stopping" : row.state);
    mark(state, "data-state", row.state);
    say(cells[1].lastChild, row.reason);
    mark(cells[1].lastChild, "title", row.reason || null);
    COLUMNS.forEach(({ key, show }, place) => {
      if (show) say(cells[place], show(row));
      cells[place].hidden = this.empty.has(key);
    });
    mark(cells[PLACE.woken], "title", row.triggers.map((trigger) => trigger.join("  ")).join("\n"));
    mark(cells[PLACE.pid], "title", row.host);
    element.buttons.offer(row.possible);
    cells[PLACE.restarts].classList.toggle("warn", Boolean(row.restarts));
    cells[PLACE.code].classList.toggle("warn", Boolean(row.stale));
    mark(cells[PLACE.code], "title", row.stale ? `The disk has another code: ${row.changed.join(", ")}` : null);
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
    if (after.epoch) parts.push(`${before.epoch ? `epoch ${before.epoch}` : "nobody"} → epoch ${after.epoch}`);
    if (before.class && after.class && after.class !== before.class) parts.push(`${before.class} → ${after.class}`);
    if (typeof row.gap === "number") parts.push(`gap ${milliseconds(row.gap * 1000)} ms`);
    if (row.carried !== undefined && row.carried !== null) parts.push(`${Array.isArray(row.carried) ? row.carried.length : row.carried} triggers carried over`);
    if (row.reason) parts.push(row.reason);
    say(element.children[2], parts.join("  ·  "));
  }
}
