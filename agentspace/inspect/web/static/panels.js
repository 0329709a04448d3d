// Panels of the project: ES modules that export title, slots and mount(root, api).

import { h, say } from "./dom.js";
import { act, ask, readOnly } from "./dialog.js";
import { connection } from "./connection.js";
import { glob } from "./format.js";
import { store } from "./store.js";

const ROW = 2; // pixels, as in the style
const GAP = 10;

class PanelHost {
  constructor(panel, placed) {
    this.panel = panel;
    this.placed = placed; // is told when it is known where the panel belongs
    this.title = h("h3", {}, panel.name);
    this.body = h("div", { class: "panel" });
    this.problem = h("p", { class: "problem panel", hidden: true });
    this.element = h("article", { class: "card", "data-panel": panel.name }, h("header", {}, this.title), this.body, this.problem);
    // As high as it must be, in a grid of low rows: panels of different heights leave no holes.
    this.size = new ResizeObserver(() => {
      const height = [...this.element.children].reduce((sum, child) => sum + child.offsetHeight, 2);
      this.element.style.gridRowEnd = `span ${Math.ceil((height + GAP) / ROW)}`;
    });
    this.size.observe(this.body);
    this.strip = h("div", { "data-panel": panel.name });
    this.wish = { values: [], pictures: {} };
    this.watchers = new Map();
    this.end = new AbortController();
    const { signal } = this.end;
    connection.addEventListener("value", (event) => this.value(event.detail), { signal });
    connection.addEventListener("picture", (event) => this.picture(event.detail), { signal });
    this.ready = this.load();
  }

  async load() {
    try {
      const module = await import(this.panel.url);
      this.place = module.place ?? "view";
      this.placed(this);
      say(this.title, module.title ?? this.panel.name);
      this.element.dataset.size = module.size ?? "normal";
      this.element.style.order = module.order ?? 100;
      this.wish.values = module.slots ?? [];
      this.wanted = this.wish.values.map(glob);
      this.update = (await module.mount(this.place === "bar" ? this.strip : this.body, this.api())) ?? (() => {});
      for (const name of connection.values.keys()) this.value(name);
    } catch (error) {
      this.fail(error);
      this.body.replaceChildren();
    }
    if (this.shown) this.show();
  }

  /** Says what went wrong; the panel stays, it may have a button that somebody needs. */
  fail(error) {
    console.error(error);
    this.problem.hidden = false;
    say(this.problem, `This panel failed: ${error.message}`);
  }

  value(name) {
    if (!this.update || !this.wanted.some((fits) => fits(name))) return;
    const row = store.table("slots").get(name) ?? {};
    try {
      this.update(name, { ...row, ...connection.values.get(name) });
    } catch (error) {
      this.fail(error);
    }
  }

  picture(name) {
    const known = connection.pictures.get(name);
    if (!known) return;
    try {
      this.watchers.get(name)?.(known.bitmap, known.head);
    } catch (error) {
      this.fail(error);
    }
  }

  /** What a panel may use. */
  api() {
    return {
      h,
      ask,
      /** Adds rules to the style of the page; the colours of the theme are --text, --muted, --accent, --s0 ... */
      style: (rules) => {
        const sheet = new CSSStyleSheet();
        sheet.replaceSync(rules);
        document.adoptedStyleSheets.push(sheet);
      },
      readOnly: readOnly(),
      /** Aborted when the panel makes room for a newer version of itself. */
      signal: this.end.signal,
      now: () => store.now(),
      /** What is known of a slot beside its value: holder, priority, at, until, ... */
      row: (slot) => store.table("slots").get(slot),
      /** Follows a picture slot; draw(bitmap, {width, height, tiles, columns, revision}). */
      picture: (slot, width, draw) => {
        this.wish.pictures[slot] = width;
        this.watchers.set(slot, draw);
        this.picture(slot);
        if (this.shown) this.show();
      },
      write: (slot, value, { priority = 0, validity = null, delay = 0, dtype = null } = {}) =>
        connection.order({ do: "write", slot, value, priority, validity, delay, dtype }),
      delete: (slot, { priority = 0, validity = null } = {}) => connection.order({ do: "delete", slot, priority, validity }),
      /** The same as write and delete, and tells the user what became of it. */
      act,
    };
  }

  show() {
    this.shown = true;
    connection.want(`panel ${this.panel.name}`, this.wish);
  }

  hide() {
    this.shown = false;
    connection.want(`panel ${this.panel.name}`, null);
  }

  /** Makes room for a newer version of the panel. */
  destroy() {
    this.hide();
    this.end.abort();
    this.size.disconnect();
    this.element.remove();
    this.strip.remove();
  }
}

export class PanelsView {
  /** Those that belong into the bar are shown there always, the others in this view. */
  constructor(bar) {
    this.hosts = new Map();
    this.grid = h("div", { class: "panels" });
    this.none = h("p", { class: "none" }, "No panels: the folder agents/panels of the project has none. Start the inspector with --project DIR.");
    this.element = h("section", { class: "view" }, this.grid, this.none);
    this.placed = (host) => {
      if (host.place !== "bar") return;
      host.element.remove();
      bar.append(host.strip);
      host.show();
    };
  }

  /** Follows the folder of the panels, whichever view is open. */
  follow() {
    const wanted = store.table("panels");
    if (!store.hello.pid) return; // it is not known yet what may be changed
    for (const [name, host] of this.hosts) {
      if (wanted.get(name) === host.panel.url) continue;
      host.destroy();
      this.hosts.delete(name);
    }
    for (const [name, url] of wanted) {
      if (this.hosts.has(name)) continue;
      const host = new PanelHost({ name, url }, this.placed);
      this.hosts.set(name, host);
      this.grid.append(host.element);
    }
  }

  render() {
    this.follow();
    this.none.hidden = this.hosts.size > 0;
    for (const host of this.hosts.values()) if (!host.shown) host.show();
  }

  hide() {
    for (const host of this.hosts.values()) if (host.place !== "bar") host.hide();
  }
}
