// The settings of an agent: what its class declares, as a form or as a list.

import { h, say } from "../dom.js";
import { field } from "../dialog.js";
import { decimal } from "../format.js";

/** What may be set, in words: type, range, choices. */
export function valid(declared) {
  const limits = [];
  if (declared.choices) limits.push(`one of ${declared.choices.map(shown).join(", ")}`);
  else limits.push({ int: "whole number", float: "number", bool: "true or false", str: "text", list: "list", dict: "values by name" }[declared.type] ?? declared.type);
  if (typeof declared.minimum === "number") limits.push(`at least ${decimal(declared.minimum)}`);
  if (typeof declared.maximum === "number") limits.push(`at most ${decimal(declared.maximum)}`);
  return limits.join(", ");
}

/** A value as people write it. */
export function shown(value) {
  return typeof value === "string" ? value : JSON.stringify(value ?? null);
}

const READ = {
  bool: (text) => text === "true",
  int: (text) => (/^[+-]?\d+$/.test(text.trim()) ? Number(text) : undefined),
  float: (text) => (text.trim() && Number.isFinite(Number(text)) ? Number(text) : undefined),
  str: (text) => text,
  list: json,
  dict: json,
};

function json(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** One input for each parameter and slot name of a class; `changes()` gives those that differ from now. */
export class SettingsForm {
  constructor(described, present) {
    this.inputs = new Map();
    this.problem = h("p", { class: "problem", hidden: true });
    const inputs = Object.entries(described.parameters ?? {}).map(([name, declared]) => this.input(name, declared, present[name] ?? declared.default));
    const slots = Object.entries(described.slots ?? {}).map(([name, { default: usual, help }]) => this.input(name, { type: "str", help, slot: true }, present[name] ?? usual));
    this.element = h("div", { class: "settings" }, inputs,
      slots.length > 0 && h("details", {}, h("summary", {}, "Slot names"), h("div", { class: "settings" }, slots)),
      !inputs.length && !slots.length && h("p", { class: "muted" }, "This class has no parameters."), this.problem);
  }

  input(name, declared, value) {
    const choices = declared.type === "bool" ? [true, false] : declared.choices;
    const text = shown(value);
    const number = ["int", "float"].includes(declared.type);
    const input = choices
      ? h("select", { name }, choices.map((choice) => h("option", { value: shown(choice) }, shown(choice))))
      : h(["list", "dict"].includes(declared.type) ? "textarea" : "input", { name, spellcheck: "false", autocomplete: "off",
        ...(number && value !== null ? { type: "number", step: declared.type === "int" ? 1 : "any", min: declared.minimum, max: declared.maximum } : {}) });
    input.value = text;
    this.inputs.set(name, { input, declared, text });
    return field(name, input, declared.slot ? declared.help : [declared.help, valid(declared)].filter(Boolean).join(" · "));
  }

  /** {name: value} of those that were changed; undefined, with the reason shown, if one is not valid. */
  changes() {
    const changes = {};
    for (const [name, { input, declared, text }] of this.inputs) {
      if (input.value === text) continue;
      const value = input.value === "null" && declared.default === null ? null : (READ[declared.type] ?? READ.str)(input.value);
      if (value === undefined || !input.checkValidity()) {
        this.problem.hidden = false;
        say(this.problem, `${name}: ${input.value || "nothing"} is not valid: ${valid(declared)}`);
        input.focus();
        return undefined;
      }
      changes[name] = value;
    }
    return changes;
  }
}
