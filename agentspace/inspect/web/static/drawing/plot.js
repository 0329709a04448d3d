// Plots of slots: lines over time (uPlot), small trends in tables, and profiles of long vectors.

import { colour, h } from "../dom.js";
import { decimal } from "../format.js";
import { lineEnd } from "../history.js";
import { life } from "../life.js";
import { store } from "../store.js";

const SERIES = 10; // colours --s0 ... --s9

export const seriesColour = (place) => colour(`--s${place % SERIES}`);

function axes(xValues) {
  const common = {
    stroke: colour("--muted"), font: "11px system-ui, sans-serif", grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false },
  };
  return [
    { ...common, size: 24, gap: 6, values: xValues, space: 60 },
    { ...common, size: 48, gap: 4, space: 26, values: (_, values) => values.map(decimal) },
  ];
}

/** Lines over the last seconds of a slot that holds a number or a few. */
export class TimePlot {
  constructor(slot, { height = 120, span = 60 } = {}) {
    this.slot = slot;
    this.height = height;
    this.span = span;
    this.element = h("div", { class: "plot" });
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(this.element);
  }

  make(count) {
    this.plot?.destroy();
    this.count = count;
    const lines = Array.from({ length: count }, (_, place) => ({
      stroke: seriesColour(place), width: 1.5, points: { show: false }, spanGaps: false,
    }));
    this.plot = new uPlot(
      {
        width: Math.max(60, this.element.clientWidth),
        height: this.height,
        series: [{}, ...lines],
        legend: { show: false },
        cursor: { y: false, points: { size: 5 }, drag: { x: false, y: false } },
        scales: { x: { time: false, range: () => [-this.span, 0] }, y: { range: (_, low, high) => room(low, high) } },
        axes: axes((_, values) => values.map((value) => (value ? `${value} s` : "now"))),
        padding: [8, 16, 0, 0],
      },
      [[], ...lines.map(() => [])],
      this.element,
    );
  }

  resize() {
    if (this.plot && this.element.clientWidth) this.plot.setSize({ width: this.element.clientWidth, height: this.height });
  }

  draw() {
    const known = store.history.get(this.slot);
    const now = store.now();
    const count = known?.series.length ?? 0;
    if (!count || !this.element.isConnected) return;
    if (!this.plot || count !== this.count) this.make(count);
    let from = known.times.findIndex((time) => time >= now - this.span);
    from = from < 0 ? known.times.length - 1 : Math.max(0, from - 1);
    const times = known.times.slice(from).map((time) => time - now);
    const data = known.series.map((series) => series.slice(from));
    const row = store.table("slots").get(this.slot);
    if (row?.kind === "written" && known.series[0].at(-1) !== null) {
      times.push(lineEnd(row, now, life.asOf) - now);
      for (const series of data) series.push(series.at(-1));
    }
    this.plot.setData([times, ...data]);
    this.element.dataset.points = times.length;
  }

  destroy() {
    this.observer.disconnect();
    this.plot?.destroy();
  }
}

function room(low, high) {
  if (low === null || !Number.isFinite(low)) return [0, 1];
  const margin = (high - low) * 0.08 || Math.abs(high) * 0.1 || 1;
  return [low - margin, high + margin];
}

/** The numbers of a long vector, by place. */
export class ProfilePlot {
  constructor({ height = 120 } = {}) {
    this.height = height;
    this.element = h("div", { class: "plot" });
  }

  draw(numbers) {
    if (!this.element.clientWidth) return;
    if (!this.plot) {
      this.plot = new uPlot(
        {
          width: this.element.clientWidth,
          height: this.height,
          series: [{}, { stroke: seriesColour(0), fill: colour("--soft"), width: 1, points: { show: false } }],
          legend: { show: false },
          cursor: { y: false, drag: { x: false, y: false } },
          scales: { x: { time: false }, y: { range: (_, low, high) => room(low, high) } },
          axes: axes((_, values) => values.map(String)),
          padding: [8, 10, 0, 0],
        },
        [[0], [0]],
        this.element,
      );
    }
    const clean = numbers.map((number) => (typeof number === "number" ? number : null));
    this.plot.setData([clean.map((_, place) => place), clean]);
  }

  destroy() {
    this.plot?.destroy();
  }
}

/** A trend as small as a word. */
export function trend(canvas, slot, span = 30) {
  const known = store.history.get(slot);
  const ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth * ratio;
  const height = canvas.clientHeight * ratio;
  if (!known || !width) return;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, width, height);
  const now = store.now();
  const end = lineEnd(store.table("slots").get(slot) ?? {}, now, life.asOf);
  let from = known.times.findIndex((time) => time >= now - span);
  if (from < 0) from = known.times.length - 1;
  from = Math.max(0, from - 1);
  const shown = known.series.slice(0, 4).map((series) => series.slice(from));
  const all = shown.flat().filter((number) => number !== null);
  const low = Math.min(...all);
  const high = Math.max(...all);
  const scale = high > low ? (height - 4 * ratio) / (high - low) : 0;
  shown.forEach((series, place) => {
    context.strokeStyle = seriesColour(place);
    context.lineWidth = ratio;
    context.beginPath();
    let last = null;
    series.forEach((number, index) => {
      if (number === null) return (last = null);
      const x = Math.max(0, width * (1 - (now - known.times[from + index]) / span));
      const y = scale ? height - 2 * ratio - (number - low) * scale : height / 2;
      if (last === null) context.moveTo(x, y);
      else {
        context.lineTo(x, last);
        context.lineTo(x, y);
      }
      last = y;
    });
    if (last !== null) context.lineTo(width * (1 - (now - end) / span), last);
    context.stroke();
  });
}
