// One slot: everything that is known of it, its whole value, and forms that change it.

import { h, mark, say } from "./dom.js";
import { act, ask, field, READ_ONLY, readOnly } from "./dialog.js";
import { bytes, count, rate, seconds } from "./format.js";
import { connection } from "./connection.js";
import { LivePicture, worth } from "./drawing/picture.js";
import { ProfilePlot, TimePlot } from "./drawing/plot.js";
import { legend, pins } from "./overview.js";
import { store } from "./store.js";

const LONG = 24; // characters of a value that a question shows whole

const FACTS = {
  Type: (row) => row.type, Holder: (row) => row.holder, Priority: (row) => String(row.priority),
  "Time left": (row, now) => seconds(row.until === null ? null : row.until - now), Age: (row, now) => seconds(now - row.at),
  Revision: (row) => count(row.revision), Latency: (row) => seconds(row.latency), "Writes/s": (row) => rate(row.rate), "Bytes/s": (row) => bytes(row.bandwidth),
  Refused: (row) => count(row.refused), Triggers: (row) => row.triggers.join(", "),
  "Written by": (row) => row.writers.join(", "), "Read by": (row) => row.readers.join(", "),
};

export class Detail {
  constructor(element, close) {
    this.element = element;
    this.close = close;
    connection.addEventListener("value", (event) => event.detail === this.slot && this.showValue());
  }

  open(slot) {
    this.leave();
    this.slot = slot;
    this.element.hidden = false;
    this.facts = Object.fromEntries(Object.keys(FACTS).map((name) => [name, h("dd", {})]));
    this.state = h("span", { class: "state" });
    this.pin = h("button", { type: "button", class: "small", onclick: () => { pins.toggle(slot); this.render(); } });
    this.media = h("div", { class: "media" });
    this.values = h("span", { class: "legend" });
    this.text = h("pre", { class: "value" });
    this.cut = h("p", { class: "muted", hidden: true }, "Cut off; the files have all of it.");
    const file = (kind) => h("a", { href: `/value?${new URLSearchParams({ slot, as: kind })}`, download: "" }, `.${kind}`);
    this.npy = file("npy");
    this.png = file("png");
    this.files = h("span", { class: "files" }, "Save as ", file("json"), this.npy, this.png);
    this.element.replaceChildren(
      h("header", {}, h("h2", { title: slot }, slot), this.state, this.pin,
        h("button", { type: "button", class: "pin", "aria-label": "Close", title: "Close (Esc)", onclick: this.close }, "×")),
      h("div", { class: "scroll" },
        this.media, this.values, this.text, this.cut, this.files,
        (this.known = h("dl", {}, Object.entries(this.facts).flatMap(([name, fact]) => [h("dt", {}, name), fact]))),
        this.writeForm(), this.deleteForm()));
    this.wish();
    connection.question({ do: "history", slot }).then((answer) => answer.ok && store.history.precede(slot, answer.samples));
    this.showValue();
    this.render();
  }

  leave() {
    this.live?.destroy();
    this.plot?.destroy();
    this.profile?.destroy();
    this.live = this.plot = this.profile = this.slot = undefined;
    this.element.hidden = true;
    this.element.replaceChildren();
    connection.want("detail", null);
  }

  wish() {
    const pictures = this.live ? { [this.slot]: worth(this.element.clientWidth) } : {};
    connection.want("detail", { values: this.live ? [] : [this.slot], pictures });
  }

  row() {
    return store.table("slots").get(this.slot);
  }

  render() {
    if (!this.slot) return;
    const row = this.row();
    this.known.hidden = !row;
    if (!row) {
      say(this.state, "unknown");
      mark(this.state, "data-state", null);
      this.text.hidden = this.pin.hidden = this.files.hidden = true;
      return;
    }
    this.text.hidden = Boolean(this.live);
    say(this.state, row.state);
    mark(this.state, "data-state", row.kind);
    say(this.pin, pins.has(this.slot) ? "Unpin" : "Pin");
    this.pin.hidden = !row.numbers.length;
    for (const [name, fact] of Object.entries(FACTS)) say(this.facts[name], fact(row, store.now()) || "–");
    this.files.hidden = row.kind !== "written";
    this.npy.hidden = !row.type.includes("[") && !row.picture;
    this.png.hidden = !row.picture;
    this.renderMedia(row);
  }

  renderMedia(row) {
    if (row.picture && !this.live) {
      this.live = new LivePicture(this.slot);
      this.media.replaceChildren(this.live.canvas);
      this.text.hidden = true;
      this.wish();
    } else if (!row.picture && !row.large && row.numbers.length && !this.plot) {
      this.plot = new TimePlot(this.slot, { height: 180 });
      this.media.replaceChildren(this.plot.element);
    }
    this.plot?.draw();
    legend(this.values, this.plot ? row : { numbers: [] });
  }

  showValue() {
    const value = connection.values.get(this.slot);
    if (!value || !this.text) return;
    say(this.text, value.kind === "written" ? value.text : value.state);
    this.cut.hidden = !value.cut;
    if (value.shape?.length === 1 && value.shape[0] > 16 && Array.isArray(value.value)) {
      if (!this.profile) {
        this.profile = new ProfilePlot({ height: 160 });
        this.media.replaceChildren(this.profile.element);
      }
      this.profile.draw(value.value);
    }
  }

  writeForm() {
    const value = h("textarea", { name: "value", rows: 2, spellcheck: "false", placeholder: "JSON, or text", disabled: readOnly() });
    const dtype = h("select", { name: "dtype", disabled: readOnly() },
      ["", "float32", "float64", "int32", "int64", "uint8", "bool"].map((name) => h("option", { value: name }, name || "as it is")));
    const priority = numeric("priority", "0");
    const validity = numeric("validity", "for ever");
    const claim = h("div", { class: "row" }, field("Priority", priority), field("Validity, s", validity), field("Array of", dtype));
    return this.form("Write", "Write a slot", [field("Value", value), claim], (slot) => {
      const order = { do: "write", slot, text: value.value, dtype: dtype.value || null, ...numbers({ priority, validity }) };
      const shown = value.value.length > LONG ? `${value.value.slice(0, LONG)}…` : value.value;
      const body = [
        h("p", {}, "Write ", h("code", {}, shown), " to ", h("code", {}, slot), "?"),
        h("p", { class: "muted" }, `Priority ${order.priority ?? 0}, ${order.validity === undefined ? "valid for ever" : `valid for ${order.validity} s`}.`),
      ];
      return [order, body];
    });
  }

  deleteForm() {
    const priority = numeric("priority", "0");
    const validity = numeric("validity", "not held");
    const fields = h("div", { class: "row" }, field("Priority", priority), field("Hold empty, s", validity));
    return this.form("Delete", "Delete a value", fields, (slot) => {
      const order = { do: "delete", slot, ...numbers({ priority, validity }) };
      const held = order.validity === undefined ? "" : ` It is held empty for ${order.validity} s.`;
      return [order, h("p", {}, "Empty ", h("code", {}, slot), ` with priority ${order.priority ?? 0}?${held}`)];
    }, true);
  }

  /** A form that changes the slot; make(slot) gives the order, and what is asked before. */
  form(action, title, fields, make, danger = false) {
    const off = readOnly();
    const submit = async (event) => {
      event.preventDefault();
      const { slot } = this;
      const [order, body] = make(slot);
      if (await ask({ title, body, action, danger })) await act(order, `${action} ${slot}`);
    };
    return h("form", { class: "change", "data-do": action.toLowerCase(), onsubmit: submit }, h("h3", {}, action), fields,
      h("button", { type: "submit", class: danger ? "danger" : "primary", disabled: off, title: off ? READ_ONLY : null }, `${action}…`));
  }
}

function numeric(name, hint) {
  return h("input", { name, type: "number", step: "any", placeholder: hint, disabled: readOnly() });
}

/** The inputs that have a number in them. */
function numbers(inputs) {
  const given = Object.entries(inputs).filter(([, input]) => input.value !== "");
  return Object.fromEntries(given.map(([name, input]) => [name, Number(input.value)]));
}
