// What happened, and which writes were refused.

import { h, Keyed, say } from "./dom.js";
import { clock, seconds } from "./format.js";
import { store } from "./store.js";

/** The lines of the log, newest first. */
export function logLines(limit) {
  return [...store.table("log")].slice(-limit).reverse().map(([key, row]) => ({ key, row }));
}

export class LogList {
  constructor(limit) {
    this.limit = limit;
    this.element = h("ol", { class: "log" });
    this.list = new Keyed(this.element, ({ row }) =>
      h("li", { class: row.level }, h("time", {}, clock(store.day(row.at))), h("b", {}, row.subject), h("span", {}, row.text)),
      () => {});
    this.none = h("p", { class: "none" }, "Nothing yet");
    this.wrapper = h("div", { class: "lines" }, this.element, this.none);
  }

  render() {
    const lines = logLines(this.limit);
    this.list.show(lines);
    this.none.hidden = lines.length > 0;
  }
}

export class RefusalList {
  constructor(limit, open) {
    this.limit = limit;
    const body = h("tbody", {});
    this.list = new Keyed(body, ({ row }) =>
      h("tr", { "data-slot": row.slot, onclick: () => open(row.slot) },
        h("td", { class: "time" }, clock(store.day(row.at))), h("td", { class: "name" }, row.slot),
        h("td", {}, row.kind === "delete" ? "delete by " : "", row.writer), h("td", { class: "right" }, String(row.priority)),
        h("td", {}, row.holder), h("td", { class: "right" }, String(row.held_priority)), h("td", { class: "right" }, seconds(row.time_left))),
      () => {});
    const titles = [["Time"], ["Slot"], ["Refused"], ["Prio", "right"], ["Held by"], ["Prio", "right"], ["Left", "right"]];
    this.none = h("p", { class: "none" }, "No write was refused");
    this.table = h("table", { class: "refusals" },
      h("thead", {}, h("tr", {}, titles.map(([title, name]) => h("th", { class: name ?? "" }, title)))), body);
    this.wrapper = h("div", { class: "scroll" }, this.table, this.none);
  }

  render() {
    const rows = [...store.table("refusals")].slice(-this.limit).reverse().map(([key, row]) => ({ key, row }));
    this.list.show(rows);
    this.none.hidden = rows.length > 0;
    this.table.hidden = !rows.length;
  }
}

export class LogView {
  constructor(open) {
    this.log = new LogList(300);
    this.refusals = new RefusalList(100, open);
    this.total = h("span", { class: "muted" });
    this.element = h("section", { class: "view two" },
      h("div", { class: "card" }, h("header", {}, h("h3", {}, "Log")), this.log.wrapper),
      h("div", { class: "card" }, h("header", {}, h("h3", {}, "Refused writes"), this.total), this.refusals.wrapper));
  }

  render() {
    this.log.render();
    this.refusals.render();
    let total = 0;
    for (const row of store.table("slots").values()) total += row.refused;
    say(this.total, total ? `${total} in all` : "");
  }
}
