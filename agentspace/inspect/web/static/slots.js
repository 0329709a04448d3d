// The slots: a tree by name, or a list by any column.

import { h, Keyed, mark, say } from "./dom.js";
import { bytes, count, rate, seconds } from "./format.js";
import { trend } from "./plot.js";
import { store } from "./store.js";

const COLUMNS = [
  { key: "name", title: "Slot" },
  { key: "text", title: "Value" },
  { key: "trend", title: "Trend" },
  { key: "holder", title: "Holder" },
  { key: "priority", title: "Prio", right: true },
  { key: "left", title: "Left", right: true },
  { key: "age", title: "Age", right: true },
  { key: "rate", title: "Writes/s", right: true },
  { key: "bandwidth", title: "Bytes/s", right: true },
  { key: "revision", title: "Rev", right: true },
  { key: "refused", title: "Refused", right: true },
  { key: "triggers", title: "Triggers" },
];
const MOST = 400; // rows that are shown at once
const TRENDS = 250; // ms between two drawings

export function matcher(text) {
  const wanted = text.trim().toLowerCase();
  if (!wanted) return () => true;
  if (!/[*?]/.test(wanted)) return (name, row) => `${name} ${row.holder} ${row.type}`.toLowerCase().includes(wanted);
  const escaped = wanted.replace(/[.+^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*").replaceAll("?", ".");
  const pattern = new RegExp(`^${escaped}$`);
  return (name) => pattern.test(name.toLowerCase());
}

function comparable(key, name, row, now) {
  switch (key) {
    case "name": return name;
    case "left": return row.until === null ? Infinity : row.until - now;
    case "age": return now - row.at;
    case "triggers": return row.triggers.join(" ");
    case "trend": return row.numbers.length;
    default: return row[key];
  }
}

export class SlotsView {
  constructor(open) {
    this.open = open;
    this.sort = { key: "name", down: false };
    this.closed = new Set();
    this.drawn = 0;
    this.filter = h("input", { type: "search", placeholder: "Filter: text or glob", "aria-label": "Filter slots" });
    this.filter.addEventListener("input", () => this.render());
    this.total = h("span", { class: "muted" });
    this.heads = COLUMNS.map((column) =>
      h("th", { class: column.right ? "right" : "", "data-key": column.key, scope: "col" },
        h("button", { type: "button", onclick: () => this.order(column.key) }, column.title)));
    const body = h("tbody", {});
    this.list = new Keyed(body, (item) => this.make(item), (element, item) => this.update(element, item));
    this.element = h("section", { class: "view fill" },
      h("div", { class: "bar" }, this.filter, this.total),
      h("div", { class: "scroll" }, h("table", { class: "slots" }, h("thead", {}, h("tr", {}, this.heads)), body)));
  }

  order(key) {
    this.sort = { key, down: this.sort.key === key ? !this.sort.down : !["name", "holder"].includes(key) };
    this.render();
  }

  render() {
    const now = store.now();
    const fits = matcher(this.filter.value);
    const rows = [...store.table("slots")].filter(([name, row]) => fits(name, row));
    for (const head of this.heads)
      mark(head, "aria-sort", head.dataset.key === this.sort.key ? (this.sort.down ? "descending" : "ascending") : null);
    const items = this.sort.key === "name" && !this.sort.down ? this.tree(rows) : this.flat(rows, now);
    this.list.show(items.slice(0, MOST));
    const more = items.length > MOST ? `; the first ${MOST} rows are shown` : "";
    say(this.total, `${rows.length} of ${store.table("slots").size} slots${more}`);
    const draws = performance.now() - this.drawn > TRENDS;
    if (draws) this.drawn = performance.now();
    for (const [key, element] of this.list.elements)
      if (draws && element.trend && store.history.has(key.slice(1))) trend(element.trend, key.slice(1));
  }

  flat(rows, now) {
    const { key, down } = this.sort;
    const decorated = rows.map(([name, row]) => ({ name, row, by: comparable(key, name, row, now) }));
    decorated.sort((a, b) => (a.by < b.by ? -1 : a.by > b.by ? 1 : a.name < b.name ? -1 : 1) * (down ? -1 : 1));
    return decorated.map(({ name, row }) => ({ key: `:${name}`, name, label: name, row, depth: 0 }));
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
    const left = row.until === null ? null : row.until - now;
    const fresh = row.kind === "written";
    say(cells[1], fresh ? row.text : row.kind);
    mark(cells[1], "title", `${row.type}  ${row.text}`);
    say(cells[3], row.holder);
    say(cells[4], fresh || row.priority ? String(row.priority) : "");
    say(cells[5], fresh || row.kind === "delayed" ? seconds(left) : "");
    say(cells[6], seconds(now - row.at));
    say(cells[7], rate(row.rate));
    say(cells[8], bytes(row.bandwidth));
    say(cells[9], count(row.revision));
    say(cells[10], count(row.refused));
    mark(cells[10], "class", row.refused ? "right warn" : "right");
    say(cells[11], row.triggers.join("  "));
    mark(cells[11], "title", row.triggers.join("\n"));
  }
}
