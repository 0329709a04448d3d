// The link to the inspector. It says what the page shows, and confirms each message once it is shown: the next
// one comes only then.

import { life } from "./life.js";
import { store } from "./store.js";

const RETRY = 1000; // ms
const PING = 500; // ms between two questions for a sign of life
const SILENCE = 6; // seconds of it after which another connection is tried
const CONFIRMED = 1000; // ms in which an order is confirmed, or not carried out
const REACHES = 0.85; // seconds in which it must have got to the server, so that its answer comes in time
const ANSWERED = 90_000; // ms in which a question is answered: a class may have to be imported
const UNCONFIRMED = "not confirmed within 1 s, so it is not carried out, later neither";

class Connection extends EventTarget {
  constructor() {
    super();
    this.wishes = new Map(); // who -> {values: [mask], pictures: {slot: width}}
    this.values = new Map(); // slot -> the newest whole value
    this.pictures = new Map(); // slot -> {head, bitmap}
    this.pending = new Map();
    this.number = 0;
    this.sent = "";
  }

  open() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    this.socket = new WebSocket(`${scheme}://${location.host}/link`);
    this.socket.binaryType = "arraybuffer";
    this.sent = "";
    this.queue = Promise.resolve();
    this.expected = [];
    const socket = this.socket;
    this.opened = performance.now();
    socket.onmessage = ({ data }) => {
      if (socket !== this.socket) return;
      const message = typeof data === "string" ? JSON.parse(data) : data;
      if (message.pong !== undefined) return life.pong(message); // at once: it tells the time
      this.queue = this.queue.then(() => socket === this.socket && this.hear(message, socket)).catch((error) => console.error(error));
    };
    socket.onclose = () => socket === this.socket && this.lost();
  }

  lost() {
    this.socket = null;
    store.attached = false;
    life.end();
    for (const { answer } of this.pending.values()) answer({ ok: false, message: UNCONFIRMED });
    this.pending.clear();
    this.dispatchEvent(new Event("state"));
    setTimeout(() => this.open(), RETRY);
  }

  /** Asks for a sign of life; a link that gives none for long is given up for a new one. */
  beat() {
    if (!this.socket) return;
    if (store.attached) this.say(life.ping());
    const silence = store.attached ? life.silence : (performance.now() - this.opened) / 1000;
    if (silence > SILENCE) {
      this.socket.close();
      this.lost();
    }
  }

  say(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  async hear(data, socket) {
    if (data instanceof ArrayBuffer) {
      await this.see(this.expected.shift(), data);
      if (!this.expected.length) this.shown(socket);
      return;
    }
    const message = data;
    if (message.hello) this.greet(message.hello);
    else if (message.re !== undefined) {
      this.pending.get(message.re)?.answer(message);
    } else {
      store.take(message);
      for (const [name, value] of Object.entries(message.values ?? {})) {
        this.values.set(name, value);
        this.dispatchEvent(new CustomEvent("value", { detail: name }));
      }
      this.expected = message.pictures ?? [];
      if (!this.expected.length) this.shown(socket);
    }
  }

  greet(hello) {
    const before = store.hello;
    store.hello = hello;
    store.attached = true;
    this.pictures.clear();
    this.values.clear();
    life.begin();
    this.say(life.ping());
    this.wish();
    this.say({ op: "visible", is: !document.hidden });
    this.dispatchEvent(new Event("state"));
    if (before.pid !== hello.pid) this.dispatchEvent(new Event("hello"));
  }

  async see(head, data) {
    let bitmap;
    try {
      bitmap = await createImageBitmap(new Blob([data], { type: "image/jpeg" }));
    } catch {
      return;
    }
    this.pictures.get(head.name)?.bitmap.close();
    this.pictures.set(head.name, { head, bitmap });
    this.dispatchEvent(new CustomEvent("picture", { detail: head.name }));
  }

  shown(socket) {
    // A frame later: a browser that does not draw does not ask for more.
    requestAnimationFrame(() => {
      if (socket === this.socket) this.say({ op: "shown" });
    });
  }

  /** What somebody on the page wants to see; null: nothing any more. */
  want(who, wish) {
    if (wish) this.wishes.set(who, wish);
    else this.wishes.delete(who);
    this.planned ??= setTimeout(() => {
      this.planned = undefined;
      this.wish();
    }, 20);
  }

  wish() {
    const values = new Set();
    const pictures = {};
    for (const wish of this.wishes.values()) {
      for (const mask of wish.values ?? []) values.add(mask);
      for (const [slot, width] of Object.entries(wish.pictures ?? {}))
        pictures[slot] = pictures[slot] === 0 || width === 0 ? 0 : Math.max(pictures[slot] ?? 1, width);
    }
    const text = JSON.stringify({ op: "wish", values: [...values].sort(), pictures });
    if (text === this.sent || this.socket?.readyState !== WebSocket.OPEN) return;
    this.sent = text;
    this.socket.send(text);
  }

  /**
   * Asks the inspector to do something; gives {ok, message}. What is not confirmed within a second is not carried out:
   * the order says until when it counts, and whoever wakes up later drops it.
   */
  async order(order) {
    if (!store.attached) return { ok: false, message: "the inspector is away; nothing was sent" };
    const id = ++this.number;
    return new Promise((resolve) => {
      let late = false;
      const timer = setTimeout(() => {
        late = true;
        resolve({ ok: false, message: UNCONFIRMED });
      }, CONFIRMED);
      const answer = (told) => {
        clearTimeout(timer);
        if (told.begun) return;
        this.pending.delete(id);
        if (late && told.ok) this.dispatchEvent(new CustomEvent("belated", { detail: order }));
        resolve(told);
      };
      this.pending.set(id, { answer });
      life.ready.then(() => late || this.say({ op: "order", id, until: life.now() + REACHES, ...order }));
    });
  }

  /** Asks what changes nothing; gives {ok, ...} or {ok, message}. */
  async question(asked) {
    if (!store.attached) return { ok: false, message: "the inspector is away" };
    const id = ++this.number;
    return new Promise((resolve) => {
      const answer = (told) => {
        clearTimeout(timer);
        this.pending.delete(id);
        resolve(told);
      };
      const timer = setTimeout(() => answer({ ok: false, message: "the inspector does not answer" }), ANSWERED);
      this.pending.set(id, { answer });
      this.say({ op: "order", id, ...asked });
    });
  }
}

export const connection = new Connection();
document.addEventListener("visibilitychange", () => {
  connection.say({ op: "visible", is: !document.hidden });
  connection.beat();
});
setInterval(() => connection.beat(), PING);
store.addEventListener("gone", () => {
  const slots = store.table("slots");
  for (const known of [connection.values, connection.pictures]) for (const name of known.keys()) if (!slots.has(name)) known.delete(name);
});
store.addEventListener("server", () => {
  connection.pictures.clear();
  connection.values.clear();
});
