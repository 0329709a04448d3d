// The page: its views, and what is drawn when.

import { h, mark, say } from "./dom.js";
import { AgentDetail } from "./roles/agent.js";
import { AgentsView } from "./roles/agents.js";
import { connection } from "./connection.js";
import { Detail } from "./detail.js";
import { rate, seconds } from "./format.js";
import { GraphView } from "./drawing/graph.js";
import { life } from "./life.js";
import { LogView } from "./log.js";
import { Overview } from "./overview.js";
import { PanelsView } from "./panels.js";
import { SlotsView } from "./slots.js";
import { store } from "./store.js";

const TICK = 500; // ms: ages and times that are left go on without news

history.replaceState(null, "", location.pathname + location.hash); // the token has done its work

const aside = document.getElementById("detail");
const close = () => choose({ slot: null, role: null });
const open = (slot) => choose({ slot, role: null });
const openRole = (role) => choose({ slot: null, role });
const detail = new Detail(aside, close);
const agent = new AgentDetail(aside, open, close);
const panels = new PanelsView(document.getElementById("bar"));
const views = {
  overview: { title: "Overview", view: new Overview(open, openRole) },
  slots: { title: "Slots", view: new SlotsView(open) },
  agents: { title: "Agents", view: new AgentsView(openRole) },
  graph: { title: "Graph", view: new GraphView(open, openRole) },
  panels: { title: "Panels", view: panels },
  log: { title: "Log", view: new LogView(open) },
};
const main = document.getElementById("main");
const tabs = document.getElementById("tabs");
const banner = document.getElementById("banner");
let present = { view: "", slot: null, role: null };

// --- where we are: #VIEW, #VIEW/SLOT or #VIEW//ROLE

function choose(change) {
  const { view, slot, role } = { ...present, ...change };
  location.hash = `${view}${slot ? `/${encodeURIComponent(slot)}` : role ? `//${encodeURIComponent(role)}` : ""}`;
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // somebody typed it
  }
}

function go() {
  const [view, slot, role] = location.hash.slice(1).split("/", 3);
  const next = { view: view in views ? view : "overview", slot: slot ? decoded(slot) : null, role: role ? decoded(role) : null };
  if (next.view !== present.view) {
    views[present.view]?.view.hide?.();
    main.replaceChildren(views[next.view].view.element);
    for (const tab of tabs.children) mark(tab, "aria-current", tab.dataset.view === next.view ? "page" : null);
  }
  if (next.slot !== present.slot || next.role !== present.role) openDetail(next);
  present = next;
  draw();
}

/** What is known of one slot or one role, beside the view. */
function openDetail({ slot, role }) {
  detail.leave();
  agent.leave();
  mark(aside, "aria-label", slot ? "Slot" : "Agent");
  if (slot) detail.open(slot);
  else if (role) agent.show(role);
}

for (const [key, { title }] of Object.entries(views))
  tabs.append(h("a", { href: `#${key}`, "data-view": key }, title));
window.addEventListener("hashchange", go);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && (present.slot || present.role) && !document.querySelector("dialog[open]")) close();
});

// --- head

const head = {
  dot: h("i", { class: "dot" }),
  state: h("span", { id: "state" }, "connecting"),
  address: h("span", { class: "address" }),
  writes: h("span", { class: "muted" }),
  age: h("span", { id: "age", class: "muted", title: "The age of what is shown" }),
  lock: h("span", { class: "chip", hidden: true }, "read-only"),
};
document.getElementById("head").append(
  h("img", { src: "/icon.svg", alt: "", width: 20, height: 20 }), h("strong", {}, "agentspace"),
  h("span", { class: "attached" }, head.dot, head.state, head.age), head.address, h("span", { class: "grow" }), head.lock, head.writes);

const WORDS = { connecting: "connecting", attached: "live", lost: "inspector away", away: "server away", late: "behind" };
let alive = false;

/** Says whether what is shown is alive, and how old it is. */
function drawLife() {
  const { state, why } = life.verdict(store.table("server").get("away") ?? null);
  if (alive && state !== "attached") store.history.interrupt(life.asOf);
  if (!alive && state === "attached") store.history.resume(store.now(), store.table("slots"));
  alive = state === "attached";
  const old = life.age === undefined ? "" : life.age < 100 ? `${life.age.toFixed(1)} s` : seconds(life.age);
  say(head.state, WORDS[state]);
  say(head.age, old && (alive ? `${old} old` : `as of ${old} ago`));
  mark(head.dot, "data-state", alive ? "running" : "gone");
  mark(document.body, "data-attached", state);
  banner.hidden = alive || state === "connecting";
  say(banner, banner.hidden ? "" : `${why}. What you see is as of ${old || "never"} ago; the page goes on by itself.`);
  document.title = banner.hidden ? "agentspace" : `\u26a0 ${WORDS[state]} – agentspace`;
}

function drawHead() {
  drawLife();
  say(head.address, store.hello.address ?? "");
  mark(head.address, "title", store.hello.address);
  head.lock.hidden = !store.hello.read_only;
  let total = 0;
  for (const row of store.table("slots").values()) total += row.rate;
  say(head.writes, alive ? `${rate(total) || 0} writes/s` : "");
}

// --- drawing

let planned = false;

function draw() {
  if (!planned) {
    planned = true;
    requestAnimationFrame(() => {
      planned = false;
      drawHead();
      panels.follow();
      views[present.view].view.render();
      detail.render();
      agent.render();
    });
  }
}

store.addEventListener("change", draw);
connection.addEventListener("state", draw);
connection.addEventListener("hello", () => openDetail(present)); // now it is known what may be changed
setInterval(() => (document.hidden ? drawLife() : draw()), TICK); // a hidden page draws nothing, but its tab has a title
window.addEventListener("resize", draw);
go();
connection.open();
