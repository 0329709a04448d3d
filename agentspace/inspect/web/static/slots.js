// The slots: a tree by name, or a list by any column.

import { h, Keyed, mark, say } from "./dom.js";
import { bytes, count, glob, rate, seconds } from "./format.js";
import { Sorter } from "./sorting.js";
import { trend } from "./drawing/plot.js";
import { store } from "./store.js";

const fresh = (row) => row.kind === "written";
const held = (row) => fresh(row) || row.kind === "delayed" || row.state === "held empty";

// What a cell shows of a row now, and by what rows are sorted: by default what the row has under the key.
const COLUMNS = [
  { key: "name", title: "Slot", text: true, by: (row, now, name) => name },
  { key: "text", title: "Value", show: (row) => (fresh(row) ? row.text : row.state) },
  { key: "trend", title: "Trend", by: (row) => row.numbers.length },
  { key: "holder", title: "Holder", text: true, show: (row) => row.holder },
  { key: "priority", title: "Prio", right: true, show: (row) => (held(row) ? String(row.priority) : "") },
  { key: "left", title: "Left", right: true, by: (row, now) => (row.until ?? Infinity) - now,
    show: (row, now) => (held(row) ? seconds(row.until === null ? null : row.until - now) : "") },
  { key: "age", title: "Age", right: true, by: (row, now) => now - row.at, show: (row, now) => seconds(now - row.at) },
  { key: "rate", title: "Writes/s", right: true, show: (row) => rate(row.rate) },
  { key: "bandwidth", title: "Bytes/s", right: true, show: (row) => bytes(row.bandwidth) },
  { key: "revision", title: "Rev", right: true, show: (row) => count(row.revision) },
  { key: "refused", title: "Refused", right: true, show: (row) => count(row.refused) },
  { key: "triggers", title: "Triggers", by: (row) => row.triggers.join(" "), show: (row) => row.triggers.join("  ") },
];
for (const column of COLUMNS) column.by ??= (row) => row[column.key];
const MOST = 400; // rows that are shown at once
const TRENDS = 250; // ms between two drawings

export function matcher(text) {
  const wanted = text.trim().toLowerCase();
  if (!wanted) return () => true;
  if (!/[*?]/.test(wanted)) return (name, row) => `${name} ${row.holder} ${row.type}`.toLowerCase().includes(wanted);
  const fits = glob(wanted);
  return (name) => fits(name.toLowerCase());
}

export class SlotsView {
  constructor(open) {
    this.open = open;
    this.sorter = new Sorter(COLUMNS, "name", () => this.render());
    this.closed = new Set();
    this.drawn = 0;
    this.filter = h("input", { type: "search", placeholder: "Filter: text or glob", "aria-label": "Filter slots" });
    this.filter.addEventListener("input", () => this.render());
    this.total = h("span", { class: "muted" });
    const body = h("tbody", {});
    this.list = new Keyed(body, (item) => this.make(item), (element, item) => this.update(element, item));
    this.element = h("section", { class: "view fill" },
      h("div", { class: "bar" }, this.filter, this.total),
      h("div", { class: "scroll" }, h("table", { class: "slots" }, h("thead", {}, h("tr", {}, this.sorter.heads)), body)));
  }

  render() {
    const now = store.now();
    const fits = matcher(this.filter.value);
    const rows = [...store.table("slots")].filter(([name, row]) => fits(name, row));
    const items = this.sorter.key === "name" && !this.sorter.down ? this.tree(rows) : this.flat(rows, now);
    this.list.show(items.slice(0, MOST));
    const more = items.length > MOST ? `; the first ${MOST} rows are shown` : "";
    say(this.total, `${rows.length} of ${store.table("slots").size} slots${more}`);
    const draws = performance.now() - this.drawn > TRENDS;
    if (draws) this.drawn = performance.now();
    for (const [key, element] of this.list.elements)
      if (draws && element.trend && store.history.has(key.slice(1))) trend(element.trend, key.slice(1));
  }

  flat(rows, now) {
    const sorted = this.sorter.sorted(rows.map(([key, row]) => ({ key, row })), now);
    return sorted.map(({ key, row }) => ({ key: `:${key}`, name: key, label: key, row, depth: 0 }));
  }

  tree(rows) {
    const sizes = new Map();
    for (const [name] of rows) {
      const parts = name.split("/");
      for (let depth = 1; depth < parts.length; depth += 1) {
        const group = parts.slice(0, depth).join("/");
        sizes.set(group, (sizes.get(group) ?? 0) + 1);
      }
    }
    const names = new Map(rows);
    for (const group of sizes.keys()) if (!names.has(group)) names.set(group, null);
    const items = [];
    const sorted = [...names].sort(([a], [b]) => (a.replaceAll("/", "\u0001") < b.replaceAll("/", "\u0001") ? -1 : 1));
    for (const [name, row] of sorted) {
      const parts = name.split("/");
      const hidden = parts.slice(0, -1).some((_, depth) => this.closed.has(parts.slice(0, depth + 1).join("/")));
      if (hidden) continue;
      const group = sizes.get(name) ?? 0;
      items.push({ key: `${row ? ":" : "/"}${name}`, name, label: parts.at(-1), row, depth: parts.length - 1, group });
    }
    return items;
  }

  make({ name, row }) {
    const label = h("span", { class: "label" });
    const toggle = h("button", { type: "button", class: "toggle", "aria-label": `Fold ${name}` });
    const cells = COLUMNS.map((column) => h("td", { class: column.right ? "right" : column.key }));
    cells[0].append(toggle, label);
    const element = h("tr", { "data-slot": name, tabindex: row ? "0" : null }, cells);
    Object.assign(element, { cells_: cells, label_: label, toggle });
    toggle.addEventListener("click", (event) => {
      event.stopPropagation();
      if (!this.closed.delete(name)) this.closed.add(name);
      this.render();
    });
    if (row) {
      element.trend = h("canvas", { class: "trend" });
      cells[2].append(element.trend);
      element.addEventListener("click", () => this.open(name));
      element.addEventListener("keydown", (event) => event.key === "Enter" && this.open(name));
    }
    return element;
  }

  update(element, { name, label, row, depth, group }) {
    const cells = element.cells_;
    say(element.label_, label);
    mark(element.label_, "title", name);
    mark(element.toggle, "data-depth", Math.min(depth, 6));
    say(element.toggle, group ? (this.closed.has(name) ? "▸" : "▾") : "");
    mark(element, "class", row ? row.kind : "group");
    if (!row) return say(cells[1], group === 1 ? "1 slot" : `${group} slots`);
    const now = store.now();
    COLUMNS.forEach(({ show }, place) => show && say(cells[place], show(row, now)));
    mark(cells[1], "title", `${row.type}  ${row.text}`);
    mark(cells[10], "class", row.refused ? "right warn" : "right");
    mark(cells[11], "title", row.triggers.join("\n"));
  }
}
