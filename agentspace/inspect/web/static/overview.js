// Everything at a glance: pictures, plots, agents, refused writes.

import { h, Keyed, mark, say } from "./dom.js";
import { bytes, decimal, milliseconds, rate } from "./format.js";
import { connection } from "./connection.js";
import { LivePicture, worth } from "./drawing/picture.js";
import { seriesColour, TimePlot } from "./drawing/plot.js";
import { LogList, RefusalList } from "./log.js";
import { store } from "./store.js";

const FIRST = 6; // plots that are shown before anybody has pinned one
const PINS = "agentspace-pins";

/** Which plots are on the overview: those that somebody pinned, or else the first lively ones that were seen. */
export const pins = {
  all: new Set(JSON.parse(localStorage.getItem(PINS) ?? "[]")),
  chosen: localStorage.getItem(PINS) !== null,
  toggle(slot) {
    this.chosen = true;
    if (!this.all.delete(slot)) this.all.add(slot);
    localStorage.setItem(PINS, JSON.stringify([...this.all]));
  },
  has(slot) {
    return this.all.has(slot);
  },
  suggest() {
    if (this.chosen || this.all.size >= FIRST) return;
    const lively = [...store.table("slots")].filter(([name, row]) => !this.has(name) && row.numbers.length && !row.large && row.rate > 0.2);
    lively.sort(([a, one], [b, other]) => other.numbers.length - one.numbers.length || (a < b ? -1 : 1));
    for (const [name] of lively.slice(0, FIRST - this.all.size)) this.all.add(name);
  },
};

export function legend(element, row) {
  const numbers = row.numbers ?? [];
  while (element.children.length > numbers.length) element.lastChild.remove();
  numbers.forEach((number, place) => {
    let item = element.children[place];
    if (!item) {
      const dot = h("i", {});
      dot.style.background = seriesColour(place);
      element.append((item = h("span", {}, dot, h("b", {}))));
    }
    say(item.lastChild, number === null ? "NaN" : decimal(number));
  });
}

export class Overview {
  constructor(open, openRole) {
    this.open = open;
    this.figures = h("div", { class: "figures" });
    this.pictures = h("div", { class: "gallery" });
    this.plots = h("div", { class: "plots" });
    this.pictureList = new Keyed(this.pictures, (item) => this.makePicture(item), (e, item) => this.updatePicture(e, item));
    this.plotList = new Keyed(this.plots, (item) => this.makePlot(item), (e, item) => this.updatePlot(e, item));
    const roles = h("tbody", {});
    this.roles = new Keyed(roles,
      ({ key }) => h("tr", { "data-role": key, tabindex: "0", onclick: () => openRole(key), onkeydown: (event) => event.key === "Enter" && openRole(key) },
        h("td", { class: "name" }, h("i", { class: "dot" }), key), h("td", { class: "right" }), h("td", { class: "right" }), h("td", { class: "right" })),
      (element, { row }) => {
        const cells = element.children;
        mark(cells[0].firstChild, "data-state", row.state);
        mark(element, "title", row.state);
        say(cells[1], rate(row.rate));
        say(cells[2], milliseconds(row.p99));
        say(cells[3], row.cpu === null ? "" : row.cpu.toFixed(0));
      });
    this.refusals = new RefusalList(8, open);
    this.log = new LogList(14);
    const card = (title, ...content) => h("div", { class: "card" }, h("header", {}, h("h3", {}, title)), ...content);
    this.empty = h("p", { class: "none" }, "No slot has a value yet");
    this.element = h("section", { class: "view overview" },
      this.figures,
      h("div", { class: "columns" },
        h("div", { class: "wide" }, this.pictures, this.plots, this.empty),
        h("div", { class: "narrow" },
          card("Agents", h("table", { class: "mini" },
            h("thead", {}, h("tr", {}, ["Agent", "Runs/s", "p99 ms", "CPU %"].map((title, place) =>
              h("th", { class: place ? "right" : "" }, title)))), roles)),
          card("Refused writes", this.refusals.wrapper),
          card("Log", this.log.wrapper))));
  }

  render() {
    const slots = store.rows("slots");
    this.renderFigures(slots);
    const pictures = slots.filter(({ row }) => row.picture);
    this.pictureList.show(pictures);
    pins.suggest();
    const plots = slots.filter(({ key, row }) => pins.has(key) && (row.numbers.length || store.history.has(key)));
    this.plotList.show(plots);
    this.empty.hidden = pictures.length + plots.length > 0;
    const wish = {};
    for (const [name, element] of this.pictureList.elements) wish[name] = worth(element.clientWidth);
    connection.want("overview", { pictures: wish });
    this.roles.show(store.rows("roles"));
    this.refusals.render();
    this.log.render();
  }

  hide() {
    connection.want("overview", null);
  }

  renderFigures(slots) {
    const roles = [...store.table("roles").values()];
    const facts = store.table("server").get("facts") ?? {};
    const sum = (key) => slots.reduce((total, { row }) => total + row[key], 0);
    const running = roles.filter((row) => row.state === "running").length;
    const bad = roles.filter((row) => ["failed", "gone", "gave up", "blocked"].includes(row.state)).length;
    const shown = [
      ["Agents at work", `${running}`, bad ? `${bad} fell` : `of ${roles.length}`, bad > 0],
      ["Slots", String(slots.length), `${slots.filter(({ row }) => row.kind === "written").length} with a value`],
      ["Writes", `${Math.round(sum("rate"))}`, "per second"],
      ["Data", bytes(sum("bandwidth")) || "0 B", "per second"],
      ["Refused", `${sum("refused")}`, "writes so far"],
      ["Shared memory", bytes(facts.shared_bytes) || "0 B", `${facts.clients ?? 0} clients`],
    ];
    this.figures.replaceChildren(...shown.map(([title, value, hint, warn]) =>
      h("div", { class: "figure" }, h("span", {}, title), h("b", {}, value), h("small", { class: warn ? "warn" : "" }, hint))));
  }

  makePicture({ key }) {
    const live = new LivePicture(key);
    live.canvas.addEventListener("click", () => this.open(key));
    return h("figure", { class: "card", "data-slot": key }, h("header", {}, this.link(key), h("span", { class: "muted" })), live.canvas);
  }

  link(slot) {
    return h("button", { type: "button", class: "link", onclick: () => this.open(slot) }, slot);
  }

  updatePicture(element, { row }) {
    const [width, height, tiles] = row.picture;
    say(element.firstChild.lastChild, `${tiles ? `${tiles} × ` : ""}${width}×${height}${row.rate ? `  ${rate(row.rate)}/s` : ""}`);
  }

  makePlot({ key }) {
    const plot = new TimePlot(key, { height: 104 });
    const pin = h("button", { type: "button", class: "pin", title: "Take away", "aria-label": `Take ${key} away`,
      onclick: () => { pins.toggle(key); this.render(); } }, "×");
    const values = h("span", { class: "legend" });
    const element = h("div", { class: "card plotted", "data-slot": key }, h("header", {}, this.link(key), values, pin), plot.element);
    Object.assign(element, { plot_: plot, values });
    connection.question({ do: "history", slot: key }).then((answer) => answer.ok && store.history.precede(key, answer.samples));
    return element;
  }

  updatePlot(element, { row }) {
    legend(element.values, row.numbers.length <= 4 ? row : { numbers: [] });
    element.plot_.draw();
  }
}
