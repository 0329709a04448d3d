// Heads of a table that sort it: by a click or the keyboard, and told to those who cannot see the arrow.

import { h, mark } from "./dom.js";

export class Sorter {
  /** Of columns {key, title, right, by, text}: `by` gives what is compared; `text` begins with the least. */
  constructor(columns, key, changed) {
    Object.assign(this, { columns, key, down: false, changed });
    this.heads = columns.map((column) =>
      h("th", { class: column.right ? "right" : "", "data-key": column.key, scope: "col" },
        column.by && h("button", { type: "button", onclick: () => this.order(column) }, column.title)));
    this.mark();
  }

  order({ key, text }) {
    this.down = this.key === key ? !this.down : !text;
    this.key = key;
    this.mark();
    this.changed();
  }

  mark() {
    for (const head of this.heads) mark(head, "aria-sort", head.dataset.key === this.key ? (this.down ? "descending" : "ascending") : null);
  }

  /** Items {key, row} in their order: without a value they come last, equals by key. */
  sorted(items, now) {
    const { by } = this.columns.find((column) => column.key === this.key);
    const none = (value) => value === null || value === undefined || value === "";
    const decorated = items.map((item) => ({ item, by: by(item.row, now, item.key) }));
    const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
    decorated.sort((a, b) =>
      none(a.by) - none(b.by) || (none(a.by) ? 0 : compare(a.by, b.by)) * (this.down ? -1 : 1) || compare(a.item.key, b.item.key));
    return decorated.map(({ item }) => item);
  }
}
