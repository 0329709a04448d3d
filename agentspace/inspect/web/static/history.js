// The history of small numbers, slot by slot, with gaps where a slot held nothing and where nobody could know.

const KEPT = 3000; // samples of a slot
const HELD = 0.6; // seconds; between samples further apart a value held, it did not drift

export class Histories {
  constructor() {
    this.slots = new Map(); // slot -> {times: [s], series: [[number | null]], until: s}
  }

  get(name) {
    return this.slots.get(name);
  }

  has(name) {
    return this.slots.has(name);
  }

  clear() {
    this.slots.clear();
  }

  /** Forgets all but the histories of these slots. */
  keep(slots) {
    for (const name of this.slots.keys()) if (!slots.has(name)) this.slots.delete(name);
  }

  /** The row of a slot came; `before` is the one that it replaces. */
  take(name, row, before) {
    if (before?.stamp === row.stamp) return;
    if (row.numbers.length || this.slots.has(name)) this.push(name, row.at, row.numbers, row.until);
  }

  /** From now on nobody knows: all lines end. */
  interrupt(time) {
    for (const [name, known] of this.slots) if (known.series[0]?.at(-1) !== null) this.push(name, time, []);
  }

  /** It is known again what there is: lines go on from now. */
  resume(time, rows) {
    for (const [name, row] of rows)
      if (row.numbers.length && this.slots.get(name)?.series[0]?.at(-1) === null) this.push(name, time, row.numbers, row.until);
  }

  push(name, time, numbers, until = null) {
    let known = this.slots.get(name);
    if (known && numbers.length && known.series.length !== numbers.length) known = undefined;
    if (!known) this.slots.set(name, (known = { times: [], series: numbers.map(() => []), until: Infinity }));
    const last = known.times.at(-1) ?? time;
    const end = Math.max(last, Math.min(time - 1e-3, known.until));
    if (time - last > HELD || end < time - 1e-2 || !numbers.length) this.append(known, end, known.series.map((series) => series.at(-1)));
    if (end < time - 1e-2) this.append(known, end, []);
    this.append(known, time, numbers);
    known.until = until ?? Infinity;
    if (known.times.length > KEPT * 1.2) {
      known.times.splice(0, known.times.length - KEPT);
      for (const series of known.series) series.splice(0, series.length - KEPT);
    }
  }

  append(known, time, numbers) {
    const last = known.times.at(-1) ?? -Infinity;
    known.times.push(time > last ? time : last + 1e-6);
    known.series.forEach((series, place) => series.push(numbers[place] ?? null));
  }

  /** Puts what the inspector has seen before this page was open in front of what the page has seen. */
  precede(name, samples) {
    const known = this.slots.get(name);
    const first = known?.times[0] ?? Infinity;
    const width = known?.series.length ?? samples.at(-1)?.[1].length ?? 0;
    const earlier = samples.filter(([time, numbers]) => time < first - 1e-3 && [0, width].includes(numbers.length));
    while (earlier.length && !earlier[0][1].length) earlier.shift();
    if (!earlier.length) return;
    this.slots.delete(name);
    for (const [time, numbers, until] of earlier) this.push(name, time, numbers, until);
    known?.times.forEach((time, at) => this.push(name, time, known.series.every((series) => series[at] === null) ? [] : known.series.map((series) => series[at])));
    if (known) this.slots.get(name).until = known.until;
  }
}

/** Until when a row's value is known to hold: the end of its line. */
export function lineEnd(row, now, asOf) {
  return Math.min(now, row.until ?? Infinity, asOf ?? Infinity);
}
