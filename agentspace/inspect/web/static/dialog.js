// Questions before something is changed, and what became of it.

import { h } from "./dom.js";
import { connection } from "./connection.js";
import { store } from "./store.js";

export function toast(text, good = true) {
  const element = h("div", { class: `toast ${good ? "good" : "bad"}` }, text);
  document.getElementById("toasts").append(element);
  setTimeout(() => element.remove(), good ? 4000 : 9000);
}

/** Orders, and says what became of it. */
export async function act(order, label) {
  const answer = await connection.order(order);
  toast(`${label}: ${answer.ok ? "done" : answer.message}`, answer.ok);
  return answer;
}

connection.addEventListener("belated", ({ detail }) =>
  toast(`Was done after all, more than a second after it was ordered: ${detail.do} ${detail.slot ?? detail.role}`, false));

/** Makes all inert but the bar: what stands there can be pressed while a question waits. */
function shield(on) {
  for (const id of ["head", "banner", "body", "tabs"]) document.getElementById(id).inert = on;
  document.body.toggleAttribute("data-asked", on);
}

/** Shows a dialog; resolves to what `read` gives when it is confirmed, else to null. */
export function ask({ title, body, action, danger = false, read = () => true }) {
  return new Promise((resolve) => {
    const before = document.activeElement;
    const close = (result) => {
      shield(false);
      document.removeEventListener("keydown", leave, true);
      dialog.close();
      before?.focus?.();
      dialog.remove();
      resolve(result);
    };
    const confirm = (event) => {
      event.preventDefault();
      const result = read();
      if (result !== undefined) close(result);
    };
    const leave = (event) => {
      if (event.key !== "Escape") return;
      event.stopImmediatePropagation();
      close(null);
    };
    const dialog = h(
      "dialog",
      { "aria-modal": "true" },
      h("form", { method: "dialog", onsubmit: confirm },
        h("h2", {}, title),
        h("div", { class: "ask" }, ...[body].flat()),
        h("footer", {},
          h("button", { type: "button", class: "quiet", onclick: () => close(null) }, "Cancel"),
          h("button", { type: "submit", class: danger ? "danger" : "primary" }, action))),
    );
    document.body.append(dialog);
    document.addEventListener("keydown", leave, true);
    shield(true);
    dialog.show();
  });
}

/** A labelled input. */
export function field(label, input, hint) {
  return h("label", { class: "field" }, h("span", {}, label), input, hint && h("small", {}, hint));
}

export const readOnly = () => Boolean(store.hello.read_only);
export const READ_ONLY = "This inspector was started with --read-only";
