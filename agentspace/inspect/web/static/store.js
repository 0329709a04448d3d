// What the page knows: the tables that the inspector keeps up to date.

import { Histories } from "./history.js";
import { life } from "./life.js";

const EMPTY = new Map();

class Store extends EventTarget {
  constructor() {
    super();
    this.tables = new Map();
    this.history = new Histories();
    this.hello = {};
    this.attached = false; // the page to the inspector
    this.messages = 0;
    this.server = undefined; // which one the tables tell of
    this.addEventListener("gone", () => this.history.keep(this.table("slots")));
  }

  table(name) {
    return this.tables.get(name) ?? EMPTY;
  }

  /** The rows of a table in their order, each with its key. */
  rows(name) {
    return [...this.table(name)].map(([key, row]) => ({ key, row }));
  }

  /** Now (s), on the clock of the rows. */
  now() {
    return life.now();
  }

  /** The time of day of a row's time. */
  day(time) {
    return Date.now() - (this.now() - time) * 1000;
  }

  take(message) {
    this.messages += 1;
    life.shown(message);
    const news = message.tables;
    if (!news) return;
    if (news.all) this.tables.clear();
    this.meet(news.set.server?.facts);
    for (const [name, rows] of Object.entries(news.set)) {
      if (!this.tables.has(name)) this.tables.set(name, new Map());
      const table = this.tables.get(name);
      for (const [key, row] of Object.entries(rows)) {
        if (name === "slots") this.history.take(key, row, table.get(key));
        table.set(key, row);
      }
    }
    for (const [name, keys] of Object.entries(news.gone)) for (const key of keys) this.tables.get(name)?.delete(key);
    if (news.all || news.gone.slots) this.dispatchEvent(new Event("gone"));
    this.dispatchEvent(new Event("change"));
  }

  /** Another server has nothing of the former one. */
  meet(facts) {
    if (!facts?.pid) return;
    const server = `${facts.pid} ${facts.started}`;
    if (this.server !== undefined && this.server !== server) {
      this.history.clear();
      this.dispatchEvent(new Event("server"));
    }
    this.server = server;
  }
}

export const store = new Store();
