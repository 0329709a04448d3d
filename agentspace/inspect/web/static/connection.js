// The link to the inspector. It says what the page shows, and confirms each message once it is shown: the next
// one comes only then.

import { store } from "./store.js";

const RETRY = 1000; // ms

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
    this.socket.onmessage = (event) => {
      const socket = this.socket;
      this.queue = this.queue.then(() => this.hear(event.data, socket)).catch((error) => console.error(error));
    };
    this.socket.onclose = (event) => this.lost(event);
  }

  lost() {
    store.attached = false;
    for (const answer of this.pending.values()) answer({ ok: false, message: "the inspector is away" });
    this.pending.clear();
    this.dispatchEvent(new Event("state"));
    setTimeout(() => this.open(), RETRY);
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
    const message = JSON.parse(data);
    if (message.hello) this.greet(message.hello);
    else if (message.re !== undefined) {
      this.pending.get(message.re)?.(message);
      this.pending.delete(message.re);
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

  /** Asks the inspector to do something; gives {ok, message}. */
  order(order) {
    if (this.socket?.readyState !== WebSocket.OPEN)
      return Promise.resolve({ ok: false, message: "the inspector is away" });
    const id = ++this.number;
    return new Promise((resolve) => {
      this.pending.set(id, resolve);
      this.say({ op: "order", id, ...order });
    });
  }
}

export const connection = new Connection();
document.addEventListener("visibilitychange", () => connection.say({ op: "visible", is: !document.hidden }));
