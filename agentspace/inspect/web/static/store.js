// What the page knows: the tables that the server keeps up to date, and the history of small numbers.

const KEPT = 3000; // samples of a slot
const HELD = 0.6; // seconds; between samples further apart a value held, it did not drift
const EMPTY = new Map();

class Store extends EventTarget {
  constructor() {
    super();
    this.tables = new Map();
    this.history = new Map(); // slot -> {times: [s], series: [[number]]}
    this.hello = {};
    this.attached = false; // the page to the inspector
    this.messages = 0;
    this.offset = 0; // seconds between the clock of the inspector and that of this page
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
    return performance.now() / 1000 + this.offset;
  }

  /** The time of day of a row's time. */
  day(time) {
    return Date.now() - (this.now() - time) * 1000;
  }

  take(message) {
    this.messages += 1;
    this.offset = message.now - performance.now() / 1000;
    const news = message.tables;
    if (!news) return;
    if (news.all) this.tables.clear();
    for (const [name, rows] of Object.entries(news.set)) {
      if (!this.tables.has(name)) this.tables.set(name, new Map());
      const table = this.tables.get(name);
      for (const [key, row] of Object.entries(rows)) {
        if (name === "slots") this.remember(key, row, table.get(key));
        table.set(key, row);
      }
    }
    for (const [name, keys] of Object.entries(news.gone)) for (const key of keys) this.tables.get(name)?.delete(key);
    this.dispatchEvent(new Event("change"));
  }

  remember(name, row, before) {
    if (before?.stamp === row.stamp) return;
    const numbers = row.numbers;
    if (!numbers.length && !this.history.has(name)) return;
    this.push(name, row.kind === "written" ? row.at : this.now(), numbers);
  }

  push(name, time, numbers) {
    let known = this.history.get(name);
    if (known && numbers.length && known.series.length !== numbers.length) known = undefined;
    if (!known) this.history.set(name, (known = { times: [], series: numbers.map(() => []) }));
    const last = known.times.at(-1) ?? time;
    if (time - last > HELD) this.append(known, time - 1e-3, known.series.map((series) => series.at(-1)));
    this.append(known, time <= last && known.times.length ? last + 1e-6 : time, numbers);
    if (known.times.length > KEPT * 1.2) {
      known.times.splice(0, known.times.length - KEPT);
      for (const series of known.series) series.splice(0, series.length - KEPT);
    }
  }

  append(known, time, numbers) {
    known.times.push(time);
    known.series.forEach((series, place) => series.push(numbers[place] ?? null));
  }

  /** Puts what the inspector has seen before this page was open in front of what the page has seen. */
  precede(name, samples) {
    const known = this.history.get(name);
    const first = known?.times[0] ?? Infinity;
    const width = known?.series.length ?? samples.at(-1)?.[1].length ?? 0;
    const earlier = samples.filter(([time, numbers]) => time < first - 1e-3 && numbers.length === width);
    if (!earlier.length) return;
    this.history.delete(name);
    for (const [time, numbers] of earlier) this.push(name, time, numbers);
    known?.times.forEach((time, at) => this.push(name, time, known.series.map((series) => series[at])));
  }
}

export const store = new Store();
