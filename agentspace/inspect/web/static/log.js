// What happened, and which writes were refused.

import { h, Keyed, say } from "./dom.js";
import { clock, seconds } from "./format.js";
import { store } from "./store.js";

/** The last rows of a table, newest first. */
class Newest {
  constructor(table, limit, parent, make, none) {
    Object.assign(this, { table, limit, list: new Keyed(parent, ({ row }) => make(row), () => {}), none: h("p", { class: "none" }, none) });
  }

  render() {
    const rows = store.rows(this.table).slice(-this.limit).reverse();
    this.list.show(rows);
    this.none.hidden = rows.length > 0;
  }
}

export class LogList extends Newest {
  constructor(limit) {
    const lines = h("ol", { class: "log" });
    super("log", limit, lines, (row) =>
      h("li", { class: row.level }, h("time", {}, clock(store.day(row.at))), h("b", {}, row.subject), h("span", {}, row.text)),
    "Nothing yet");
    this.wrapper = h("div", { class: "lines" }, lines, this.none);
  }
}

export class RefusalList extends Newest {
  constructor(limit, open) {
    const body = h("tbody", {});
    super("refusals", limit, body, (row) =>
      h("tr", { "data-slot": row.slot, onclick: () => open(row.slot) },
        h("td", { class: "time" }, clock(store.day(row.at))), h("td", { class: "name" }, row.slot),
        h("td", {}, row.kind === "delete" ? "delete by " : "", row.writer), h("td", { class: "right" }, String(row.priority)),
        h("td", {}, row.holder), h("td", { class: "right" }, String(row.held_priority)), h("td", { class: "right" }, seconds(row.time_left))),
    "No write was refused");
    const titles = [["Time"], ["Slot"], ["Refused"], ["Prio", "right"], ["Held by"], ["Prio", "right"], ["Left", "right"]];
    this.whole = h("table", { class: "refusals" },
      h("thead", {}, h("tr", {}, titles.map(([title, name]) => h("th", { class: name ?? "" }, title)))), body);
    this.wrapper = h("div", { class: "scroll" }, this.whole, this.none);
  }

  render() {
    super.render();
    this.whole.hidden = !this.none.hidden;
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
