// One slot: everything that is known of it, its whole value, and forms that change it.

import { h, mark, say } from "./dom.js";
import { act, ask, field, READ_ONLY, readOnly } from "./dialog.js";
import { bytes, count, rate, seconds } from "./format.js";
import { connection } from "./connection.js";
import { LivePicture, worth } from "./picture.js";
import { ProfilePlot, TimePlot } from "./plot.js";
import { legend, pins } from "./overview.js";
import { store } from "./store.js";

const LONG = 24; // characters of a value that a question shows whole

const FACTS = ["Type", "Holder", "Priority", "Time left", "Age", "Revision", "Latency", "Writes/s", "Bytes/s", "Refused", "Triggers", "Written by", "Read by"];

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
    this.facts = Object.fromEntries(FACTS.map((name) => [name, h("dd", {})]));
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
        h("dl", {}, FACTS.flatMap((name) => [h("dt", {}, name), this.facts[name]])),
        this.writeForm(), this.deleteForm()));
    this.wish();
    connection.order({ do: "history", slot }).then((answer) => answer.ok && store.precede(slot, answer.samples));
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
    if (!row) {
      say(this.state, "unknown");
      return;
    }
    const now = store.now();
    say(this.state, row.kind);
    mark(this.state, "data-state", row.kind);
    say(this.pin, pins.has(this.slot) ? "Unpin" : "Pin");
    this.pin.hidden = !row.numbers.length;
    const facts = {
      Type: row.type, Holder: row.holder, Priority: String(row.priority),
      "Time left": seconds(row.until === null ? null : row.until - now), Age: seconds(now - row.at),
      Revision: count(row.revision), Latency: seconds(row.latency), "Writes/s": rate(row.rate), "Bytes/s": bytes(row.bandwidth),
      Refused: count(row.refused), Triggers: row.triggers.join(", "), "Written by": row.writers.join(", "), "Read by": row.readers.join(", "),
    };
    for (const [name, text] of Object.entries(facts)) say(this.facts[name], text || "–");
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
    say(this.text, value.kind === "written" ? value.text : value.kind);
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
    const off = readOnly();
    const value = h("textarea", { name: "value", rows: 2, spellcheck: "false", placeholder: "JSON, or text", disabled: off });
    const number = (name, hint) => h("input", { name, type: "number", step: "any", placeholder: hint, disabled: off });
    const priority = number("priority", "0");
    const validity = number("validity", "for ever");
    const dtype = h("select", { name: "dtype", disabled: off },
      ["", "float32", "float64", "int32", "int64", "uint8", "bool"].map((name) => h("option", { value: name }, name || "as it is")));
    const submit = async (event) => {
      event.preventDefault();
      const { slot } = this;
      const order = { do: "write", slot, text: value.value, dtype: dtype.value || null };
      Object.assign(order, numbers({ priority, validity }));
      const shown = value.value.length > LONG ? `${value.value.slice(0, LONG)}…` : value.value;
      const body = [
        h("p", {}, "Write ", h("code", {}, shown), " to ", h("code", {}, slot), "?"),
        h("p", { class: "muted" }, `Priority ${order.priority ?? 0}, ${order.validity === undefined ? "valid for ever" : `valid for ${order.validity} s`}.`),
      ];
      if (await ask({ title: "Write a slot", body, action: "Write" })) await act(order, `Write ${slot}`);
    };
    return h("form", { class: "change", "data-do": "write", onsubmit: submit },
      h("h3", {}, "Write"), field("Value", value),
      h("div", { class: "row" }, field("Priority", priority), field("Validity, s", validity), field("Array of", dtype)),
      h("button", { type: "submit", class: "primary", disabled: off, title: off ? READ_ONLY : null }, "Write…"));
  }

  deleteForm() {
    const off = readOnly();
    const number = (name, hint) => h("input", { name, type: "number", step: "any", placeholder: hint, disabled: off });
    const priority = number("priority", "0");
    const validity = number("validity", "not held");
    const submit = async (event) => {
      event.preventDefault();
      const { slot } = this;
      const order = { do: "delete", slot, ...numbers({ priority, validity }) };
      const held = order.validity === undefined ? "" : ` It is held empty for ${order.validity} s.`;
      const body = h("p", {}, "Empty ", h("code", {}, slot), ` with priority ${order.priority ?? 0}?${held}`);
      if (await ask({ title: "Delete a value", body, action: "Delete", danger: true })) await act(order, `Delete ${slot}`);
    };
    return h("form", { class: "change", "data-do": "delete", onsubmit: submit },
      h("h3", {}, "Delete"),
      h("div", { class: "row" }, field("Priority", priority), field("Hold empty, s", validity)),
      h("button", { type: "submit", class: "danger", disabled: off, title: off ? READ_ONLY : null }, "Delete…"));
  }
}

/** The inputs that have a number in them. */
function numbers(inputs) {
  const given = Object.entries(inputs).filter(([, input]) => input.value !== "");
  return Object.fromEntries(given.map(([name, input]) => [name, Number(input.value)]));
}
