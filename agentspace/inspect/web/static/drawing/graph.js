// Who writes what, and whom that wakes. What is busy glows. As much of it is shown as can be read.

import { h, Keyed, mark, s, say } from "../dom.js";
import { connection } from "../connection.js";
import { Panning } from "./panning.js";
import { store } from "../store.js";

const FULL = 30; // writes per second that glow fully
const ASK = 1000; // ms between two looks whether the graph has changed
const LEVELS = { auto: "Readable", slots: "All slots", folded: "Folded", agents: "Agents" };

function way(points, down) {
  let [x, y] = points[0];
  let text = `M${x},${y}`;
  for (const [toX, toY] of points.slice(1)) {
    const [midX, midY] = [(x + toX) / 2, (y + toY) / 2];
    text += down ? ` C${x},${midY} ${toX},${midY} ${toX},${toY}` : ` C${midX},${y} ${midX},${toY} ${toX},${toY}`;
    [x, y] = [toX, toY];
  }
  return text;
}

const nameOf = (id) => id.slice(id.indexOf(":") + 1);
const kindOf = (id) => id.slice(0, id.indexOf(":"));

export class GraphView {
  constructor(open, openRole) {
    Object.assign(this, { open, openRole, opened: new Set(), asked: -Infinity, nodes: new Map(), edges: [] });
    this.svg = s("svg", { class: "graph", role: "group", tabindex: "0", "aria-label": "Graph of agents and slots. Arrows move, + and − zoom, 0 fits" });
    this.panning = new Panning(this.svg);
    const button = (text, title, act) => h("button", { type: "button", class: "small", "aria-label": title, title, onclick: act }, text);
    this.find = h("input", { type: "search", placeholder: "Find: text or glob", "aria-label": "Find in the graph" });
    this.find.addEventListener("input", () => this.ask());
    this.level = h("select", { "aria-label": "How much is shown" }, Object.entries(LEVELS).map(([value, title]) => h("option", { value }, title)));
    this.level.addEventListener("change", () => this.ask());
    this.folds = h("span", { class: "folds", role: "group", "aria-label": "Prefixes" });
    this.chips = new Keyed(this.folds, ({ key }) => h("button", { type: "button", class: "small", onclick: () => this.toggle(key) }, `${key}/`),
      (element, { row }) => mark(element, "aria-pressed", String(row)));
    this.none = h("p", { class: "none" }, "Drawing …");
    this.scroll = h("div", { class: "drawing" }, this.svg);
    this.element = h("section", { class: "view fill" },
      h("div", { class: "bar graphbar" },
        this.find, this.level, button("Fit", "Fit", () => this.panning.fit()),
        button("−", "Smaller", () => this.panning.zoom(0.8)), button("+", "Larger", () => this.panning.zoom(1.25)),
        h("span", { class: "keys" }, ["writes", "wakes", "reads"].map((kind) => h("span", { class: `key ${kind}` }, kind))), this.folds),
      this.none, this.scroll);
  }

  /** Opens or folds a prefix; what is chosen by hand stays as it is chosen. */
  toggle(prefix) {
    if (!this.opened.delete(prefix)) this.opened.add(prefix);
    this.level.value = "folded";
    this.ask();
  }

  async ask() {
    this.asked = performance.now();
    const { clientWidth: width, clientHeight: height } = this.scroll;
    const answer = await connection.question({ do: "graph", width, height, level: this.level.value, open: [...this.opened], find: this.find.value });
    if (!answer.ok || answer.drawing.number === this.drawing?.number) return;
    this.draw(answer.drawing);
    this.glow();
  }

  render() {
    if (performance.now() - this.asked > ASK) this.ask();
    this.panning.show();
    this.glow();
  }

  draw(drawing) {
    const fresh = drawing.level !== this.drawing?.level || drawing.down !== this.drawing?.down;
    this.drawing = drawing;
    const { boxes = {}, paths = [], via = {}, names = {}, down } = drawing;
    const empty = !Object.keys(boxes).length;
    this.none.hidden = !empty;
    if (empty) say(this.none, drawing.nodes ? `${drawing.nodes} agents and slots are too many for a picture: find some by name` : "Nobody is at work");
    this.chips.show(drawing.level === "folded" ? drawing.prefixes.map((key) => ({ key, row: !this.opened.has(key) })) : []);
    if (fresh) this.panning.place = null;
    const head = (kind) => s("marker", { id: `head-${kind}`, viewBox: "0 0 8 8", refX: 7.5, refY: 4, markerWidth: 6, markerHeight: 6, orient: "auto" },
      s("path", { d: "M0,0 L8,4 L0,8 z", class: `arrow ${kind}` }));
    this.edges = paths.map((path) => {
      const slots = via[`${path.source} ${path.target}`];
      const title = `${nameOf(path.source)} ${path.kind} ${nameOf(path.target)}${slots ? ` by ${slots.join(", ")}` : ""}`;
      const element = s("path", { class: `edge ${path.kind}`, d: way(path.points, down), "marker-end": `url(#head-${path.kind})` }, s("title", {}, title));
      return { ...path, slots, element };
    });
    this.nodes.clear();
    for (const [id, [x, y, width, height]] of Object.entries(boxes)) {
      const slot = kindOf(id) === "slot";
      const name = names[id] ?? nameOf(id);
      const box = s("rect", { x, y, width, height, rx: slot ? height / 2 : 5 });
      const text = s("text", { x: x + width / 2, y: y + height / 2 }, name);
      const element = s("g", { class: `node ${kindOf(id)}`, "data-id": id, tabindex: "0", role: "button", "aria-label": `${kindOf(id)} ${name}` }, box, text, s("title", {}, name));
      const act = () => this.choose(id);
      element.addEventListener("click", act);
      element.addEventListener("keydown", (event) => event.key === "Enter" && act());
      for (const kind of ["mouseenter", "focus"]) element.addEventListener(kind, () => this.highlight(id));
      for (const kind of ["mouseleave", "blur"]) element.addEventListener(kind, () => this.highlight(null));
      this.nodes.set(id, element);
    }
    this.svg.replaceChildren(s("defs", {}, ["writes", "wakes", "reads"].map(head)), ...this.edges.map((edge) => edge.element), ...this.nodes.values());
    this.panning.show({ width: drawing.width ?? 1, height: drawing.height ?? 1 });
  }

  choose(id) {
    if (id.endsWith("/*")) this.toggle(nameOf(id).slice(0, -2));
    else if (kindOf(id) === "slot") this.open(nameOf(id));
    else if (store.table("roles").has(nameOf(id))) this.openRole(nameOf(id));
  }

  highlight(id) {
    const near = new Set([id]);
    for (const edge of this.edges) {
      const touches = edge.source === id || edge.target === id;
      if (touches) near.add(edge.source).add(edge.target);
      edge.element.classList.toggle("faint", id !== null && !touches);
    }
    for (const [name, element] of this.nodes) element.classList.toggle("faint", id !== null && !near.has(name));
  }

  /** The rows of the slots that a node or an arrow stands for. */
  rowsOf(name) {
    const slots = store.table("slots");
    if (!name.endsWith("/*")) return [slots.get(name)].filter(Boolean);
    return [...slots].filter(([slot]) => slot.startsWith(name.slice(0, -1))).map(([, row]) => row);
  }

  glow() {
    const roles = store.table("roles");
    const heat = (rate) => Math.min(1, Math.sqrt((rate ?? 0) / FULL)).toFixed(2);
    const fastest = (rows) => Math.max(0, ...rows.map((row) => (row.kind === "written" ? row.rate : 0)));
    for (const [id, element] of this.nodes) {
      const name = nameOf(id);
      const slot = kindOf(id) === "slot";
      const rows = slot ? this.rowsOf(name) : [roles.get(name)].filter(Boolean);
      const state = slot ? (rows.find((row) => row.kind === "written") ?? rows[0])?.kind ?? "empty" : rows[0]?.state ?? "client";
      mark(element, "data-state", state);
      element.style.setProperty("--heat", heat(slot ? fastest(rows) : rows[0]?.rate));
    }
    for (const edge of this.edges) {
      const names = edge.slots ?? [nameOf(edge.kind === "writes" ? edge.target : edge.source)];
      const rate = fastest(names.flatMap((name) => this.rowsOf(name)));
      edge.element.style.setProperty("--heat", heat(rate));
      edge.element.classList.toggle("busy", rate > 0.5 && edge.kind !== "reads");
    }
  }
}
