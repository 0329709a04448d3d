// The page: its views, and what is drawn when.

import { h, mark, say } from "./dom.js";
import { AgentsView } from "./agents.js";
import { connection } from "./connection.js";
import { Detail } from "./detail.js";
import { rate } from "./format.js";
import { GraphView } from "./graph.js";
import { LogView } from "./log.js";
import { Overview } from "./overview.js";
import { PanelsView } from "./panels.js";
import { SlotsView } from "./slots.js";
import { store } from "./store.js";

const TICK = 500; // ms: ages and times that are left go on without news

history.replaceState(null, "", location.pathname + location.hash); // the token has done its work

const detail = new Detail(document.getElementById("detail"), () => choose({ slot: null }));
const open = (slot) => choose({ slot });
const views = {
  overview: { title: "Overview", view: new Overview(open) },
  slots: { title: "Slots", view: new SlotsView(open) },
  agents: { title: "Agents", view: new AgentsView() },
  graph: { title: "Graph", view: new GraphView(open) },
  panels: { title: "Panels", view: new PanelsView() },
  log: { title: "Log", view: new LogView(open) },
};
const main = document.getElementById("main");
const tabs = document.getElementById("tabs");
const banner = document.getElementById("banner");
let present = { view: "", slot: null };

// --- where we are: #VIEW or #VIEW/SLOT

function choose(change) {
  const { view, slot } = { ...present, ...change };
  location.hash = `${view}${slot ? `/${encodeURIComponent(slot)}` : ""}`;
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // somebody typed it
  }
}

function go() {
  const [view, slot] = location.hash.slice(1).split("/", 2);
  const next = { view: view in views ? view : "overview", slot: slot ? decoded(slot) : null };
  if (next.view !== present.view) {
    views[present.view]?.view.hide?.();
    main.replaceChildren(views[next.view].view.element);
    for (const tab of tabs.children) mark(tab, "aria-current", tab.dataset.view === next.view ? "page" : null);
  }
  if (next.slot !== present.slot) {
    if (next.slot) detail.open(next.slot);
    else detail.leave();
  }
  present = next;
  draw();
}

for (const [key, { title }] of Object.entries(views))
  tabs.append(h("a", { href: `#${key}`, "data-view": key }, title));
window.addEventListener("hashchange", go);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && present.slot && !document.querySelector("dialog[open]")) choose({ slot: null });
});

// --- head

const head = {
  dot: h("i", { class: "dot" }),
  state: h("span", { id: "state" }, "connecting"),
  address: h("span", { class: "address" }),
  writes: h("span", { class: "muted" }),
  updates: h("span", { class: "muted wide-only" }),
  lock: h("span", { class: "chip", hidden: true }, "read-only"),
};
document.getElementById("head").append(
  h("img", { src: "/icon.svg", alt: "", width: 20, height: 20 }), h("strong", {}, "agentspace"),
  h("span", { class: "attached" }, head.dot, head.state), head.address, h("span", { class: "grow" }), head.lock, head.writes, head.updates);

const seen = { messages: 0, at: performance.now() };

function drawHead() {
  const away = store.table("server").get("away") ?? null;
  const state = !store.attached ? "lost" : away === null ? "attached" : "away";
  say(head.state, state === "lost" ? "inspector away" : state === "away" ? "server away" : "attached");
  mark(head.dot, "data-state", state === "attached" ? "running" : "gone");
  mark(document.body, "data-attached", state);
  say(head.address, store.hello.address ?? "");
  mark(head.address, "title", store.hello.address);
  head.lock.hidden = !store.hello.read_only;
  let total = 0;
  for (const row of store.table("slots").values()) total += row.rate;
  say(head.writes, `${rate(total) || 0} writes/s`);
  const passed = (performance.now() - seen.at) / 1000;
  if (passed >= 1) {
    say(head.updates, `${Math.round((store.messages - seen.messages) / passed)} updates/s`);
    Object.assign(seen, { messages: store.messages, at: performance.now() });
  }
  banner.hidden = state === "attached" || (state === "lost" && !store.hello.pid);
  say(banner, banner.hidden ? "" : state === "lost"
    ? "The inspector does not answer. The page goes on by itself when it is back."
    : `The server is away: ${away}. What you see was there last; the page goes on by itself.`);
}

// --- drawing

let planned = false;

function draw() {
  if (!planned) {
    planned = true;
    requestAnimationFrame(() => {
      planned = false;
      drawHead();
      views[present.view].view.render();
      detail.render();
    });
  }
}

store.addEventListener("change", draw);
connection.addEventListener("state", draw);
connection.addEventListener("hello", () => present.slot && detail.open(present.slot)); // now it is known what may be changed
setInterval(draw, TICK);
window.addEventListener("resize", draw);
go();
connection.open();
