// Whether what the page shows is alive. It is judged by what the inspector and the server have said, never by silence:
// the page asks for the time again and again, and every message says as of when it shows the space.

const KEPT = 8; // answers that the clock is taken from: the quickest of them tells the time best
export const STALE = 2.2; // seconds without a sign of life: twice the server's beat

const here = () => performance.now() / 1000;

class Life {
  constructor() {
    this.pings = new Map(); // number -> when it was sent
    this.number = 0;
    this.answers = []; // {delay, offset}
    this.offset = undefined; // seconds from this page's clock to the inspector's
    this.answered = undefined; // when the ping was sent that was answered last
    this.heard = undefined; // when the inspector has heard the server, on its clock
    this.asOf = undefined; // as of when the page shows the space, on the inspector's clock
    this.linked = false;
    this.ready = new Promise((resolve) => (this.known = resolve)); // the clock can be told
  }

  /** Now (s), on the clock of the inspector. */
  now() {
    return here() + (this.offset ?? 0);
  }

  /** A link begins: it may be to another inspector. */
  begin() {
    this.linked = true;
    this.pings.clear();
    this.answers = [];
    this.answered = here();
  }

  end() {
    this.linked = false;
  }

  ping() {
    this.number += 1;
    this.pings.set(this.number, here());
    return { op: "ping", n: this.number };
  }

  pong({ pong, time, heard }) {
    const sent = this.pings.get(pong);
    if (sent === undefined) return;
    for (const number of this.pings.keys()) if (number <= pong) this.pings.delete(number);
    const delay = here() - sent;
    this.answers = [...this.answers, { delay, offset: time - sent - delay / 2 }].slice(-KEPT);
    this.offset = this.answers.reduce((best, answer) => (answer.delay <= best.delay ? answer : best)).offset;
    this.answered = sent;
    this.heard = heard ?? this.heard;
    this.known();
  }

  /** A message with news was shown. */
  shown({ now, heard }) {
    this.offset ??= now - here();
    this.asOf = heard ?? this.asOf;
    this.heard = Math.max(this.heard ?? -Infinity, this.asOf ?? -Infinity);
  }

  /** Seconds since the last sign of the inspector. */
  get silence() {
    return this.answered === undefined ? 0 : here() - this.answered;
  }

  /** The age of what is shown, in seconds; undefined before there is something. */
  get age() {
    return this.asOf === undefined ? undefined : Math.max(0, this.now() - this.asOf);
  }

  /** {state, why}: attached, or lost (the inspector), away (the server), late (this page); connecting at first. */
  verdict(away) {
    if (this.answered === undefined) return { state: "connecting", why: "" };
    if (!this.linked || this.silence > STALE)
      return { state: "lost", why: navigator.onLine ? "The inspector does not answer" : "This browser is offline" };
    if (away !== null) return { state: "away", why: `The server does not answer: ${away}` };
    if (this.heard !== undefined && this.now() - this.heard > STALE) return { state: "away", why: "The server does not answer" };
    if (this.age > STALE) return { state: "late", why: "This page is behind" };
    return { state: "attached", why: "" };
  }
}

export const life = new Life();
