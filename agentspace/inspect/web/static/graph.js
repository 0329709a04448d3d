// Who writes what, and whom that wakes. What is busy glows.

import { h, mark, s, say } from "./dom.js";
import { store } from "./store.js";

const READABLE = 0.8; // a graph that is too large for the view is scrolled rather than made smaller
const FULL = 30; // writes per second that glow fully

function way(points) {
  let [x, y] = points[0];
  let text = `M${x},${y}`;
  for (const [toX, toY] of points.slice(1)) {
    const middle = (x + toX) / 2;
    text += ` C${middle},${y} ${middle},${toY} ${toX},${toY}`;
    [x, y] = [toX, toY];
  }
  return text;
}

const nameOf = (id) => id.slice(id.indexOf(":") + 1);
const kindOf = (id) => id.slice(0, id.indexOf(":"));

export class GraphView {
  constructor(open) {
    this.open = open;
    this.svg = s("svg", { class: "graph", role: "img", "aria-label": "Graph of agents and slots" });
    this.scale = 1;
    this.least = READABLE; // until somebody zooms; undefined: as somebody has zoomed
    this.fit = h("button", { type: "button", class: "small", onclick: () => this.zoom(null) }, "Fit");
    const zoom = (factor, title) => h("button", { type: "button", class: "small", "aria-label": title, onclick: () => this.zoom(factor) }, factor > 1 ? "+" : "−");
    this.scroll = h("div", { class: "scroll drawing" }, this.svg);
    this.none = h("p", { class: "none" }, "Nobody is at work");
    this.element = h("section", { class: "view fill" },
      h("div", { class: "bar" },
        this.fit, zoom(1 / 1.25, "Smaller"), zoom(1.25, "Larger"),
        h("span", { class: "key writes" }, "writes"), h("span", { class: "key wakes" }, "wakes"), h("span", { class: "key reads" }, "reads")),
      this.scroll, this.none);
    this.nodes = new Map();
    this.edges = [];
  }

  zoom(factor) {
    this.least = factor === null ? 0 : undefined;
    if (factor !== null) this.scale = Math.min(3, Math.max(0.15, this.scale * factor));
    this.resize();
  }

  resize() {
    if (!this.drawing) return;
    const { width, height } = this.drawing;
    if (this.least !== undefined) {
      const fits = Math.min((this.scroll.clientWidth - 10) / width, (this.scroll.clientHeight - 10) / height);
      this.scale = Math.min(1.3, Math.max(this.least, fits));
    }
    mark(this.svg, "width", Math.round(width * this.scale));
    mark(this.svg, "height", Math.round(height * this.scale));
  }

  render() {
    const found = store.table("graph").get("drawing");
    const drawing = found?.nodes ? { width: 1, height: 1, boxes: {}, paths: [] } : found;
    if (found?.nodes) say(this.none, `${found.nodes} agents and slots are too many for a picture`);
    this.none.hidden = Boolean(drawing?.paths?.length || Object.keys(drawing?.boxes ?? {}).length);
    if (drawing && found !== this.found) this.draw(drawing);
    this.found = found;
    this.resize();
    this.glow();
  }

  draw(drawing) {
    this.drawing = drawing;
    mark(this.svg, "viewBox", `0 0 ${drawing.width} ${drawing.height}`);
    const head = (kind) => s("marker", { id: `head-${kind}`, viewBox: "0 0 8 8", refX: 7.5, refY: 4, markerWidth: 6, markerHeight: 6, orient: "auto" },
      s("path", { d: "M0,0 L8,4 L0,8 z", class: `arrow ${kind}` }));
    this.edges = drawing.paths.map((path) => {
      const title = s("title", {}, `${nameOf(path.source)} ${path.kind} ${nameOf(path.target)}`);
      const element = s("path", { class: `edge ${path.kind}`, d: way(path.points), "marker-end": `url(#head-${path.kind})` }, title);
      return { ...path, element };
    });
    this.nodes.clear();
    for (const [id, [x, y, width, height]] of Object.entries(drawing.boxes)) {
      const slot = kindOf(id) === "slot";
      const box = s("rect", { x, y, width, height, rx: slot ? height / 2 : 5 });
      const text = s("text", { x: x + width / 2, y: y + height / 2 }, nameOf(id));
      const element = s("g", { class: `node ${kindOf(id)}`, "data-id": id }, box, text, s("title", {}, nameOf(id)));
      if (slot) element.addEventListener("click", () => this.open(nameOf(id)));
      element.addEventListener("mouseenter", () => this.highlight(id));
      element.addEventListener("mouseleave", () => this.highlight(null));
      this.nodes.set(id, element);
    }
    this.svg.replaceChildren(s("defs", {}, ["writes", "wakes", "reads"].map(head)), ...this.edges.map((edge) => edge.element), ...this.nodes.values());
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

  glow() {
    const slots = store.table("slots");
    const roles = store.table("roles");
    const heat = (rate) => Math.min(1, Math.sqrt((rate ?? 0) / FULL)).toFixed(2);
    for (const [id, element] of this.nodes) {
      const name = nameOf(id);
      const slot = kindOf(id) === "slot";
      const row = slot ? slots.get(name) : roles.get(name);
      mark(element, "data-state", row ? (slot ? row.kind : row.state) : slot ? "empty" : "client");
      element.style.setProperty("--heat", heat(row?.rate));
    }
    for (const edge of this.edges) {
      const row = slots.get(nameOf(edge.kind === "writes" ? edge.target : edge.source));
      const busy = row && row.kind === "written" && row.rate > 0.5;
      edge.element.style.setProperty("--heat", heat(busy ? row.rate : 0));
      edge.element.classList.toggle("busy", Boolean(busy) && edge.kind !== "reads");
    }
  }
}

