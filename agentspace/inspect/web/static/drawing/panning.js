// A drawing that can be moved and zoomed: by mouse and wheel, by one or two fingers, by keys.

const [SMALLEST, LARGEST] = [0.1, 4];
const STEP = 1.25;
const MOVE = 60; // pixels for an arrow key

export class Panning {
  /** Of an svg element; `size` gives the {width, height} of what it shows. */
  constructor(svg) {
    this.svg = svg;
    this.size = { width: 1, height: 1 };
    this.place = null; // {x, y, scale} as somebody has moved it; null: fitted
    this.fingers = new Map();
    svg.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(event.deltaY < 0 ? STEP : 1 / STEP, event.offsetX, event.offsetY);
    }, { passive: false });
    svg.addEventListener("pointerdown", (event) => this.fingers.set(event.pointerId, event));
    svg.addEventListener("pointermove", (event) => this.drag(event));
    for (const kind of ["pointerup", "pointercancel", "pointerleave"])
      svg.addEventListener(kind, (event) => this.fingers.delete(event.pointerId));
    svg.addEventListener("keydown", (event) => this.key(event));
  }

  /** How it is placed: what is too small to fill the view is shown in its middle. */
  get fitted() {
    const { clientWidth, clientHeight } = this.svg;
    const scale = Math.min(1.3, (clientWidth - 10) / this.size.width, (clientHeight - 10) / this.size.height);
    return { scale, x: (this.size.width - clientWidth / scale) / 2, y: (this.size.height - clientHeight / scale) / 2 };
  }

  show(size = this.size) {
    this.size = size;
    const { clientWidth, clientHeight } = this.svg;
    if (!clientWidth) return;
    const { x, y, scale } = this.place ?? this.fitted;
    this.svg.setAttribute("viewBox", `${x} ${y} ${clientWidth / scale} ${clientHeight / scale}`);
  }

  fit() {
    this.place = null;
    this.show();
  }

  zoom(factor, atX = this.svg.clientWidth / 2, atY = this.svg.clientHeight / 2) {
    const { x, y, scale } = this.place ?? this.fitted;
    const next = Math.min(LARGEST, Math.max(SMALLEST, scale * factor));
    this.place = { scale: next, x: x + atX / scale - atX / next, y: y + atY / scale - atY / next };
    this.show();
  }

  move(byX, byY) {
    const { x, y, scale } = this.place ?? this.fitted;
    this.place = { scale, x: x - byX / scale, y: y - byY / scale };
    this.show();
  }

  drag(event) {
    const before = this.fingers.get(event.pointerId);
    if (!before) return;
    const other = [...this.fingers.values()].find((finger) => finger.pointerId !== event.pointerId);
    this.fingers.set(event.pointerId, event);
    if (!other) return this.move(event.clientX - before.clientX, event.clientY - before.clientY);
    const apart = (finger) => Math.hypot(finger.clientX - other.clientX, finger.clientY - other.clientY) || 1;
    const box = this.svg.getBoundingClientRect();
    this.zoom(apart(event) / apart(before), (event.clientX + other.clientX) / 2 - box.left, (event.clientY + other.clientY) / 2 - box.top);
  }

  key(event) {
    const moves = { ArrowLeft: [MOVE, 0], ArrowRight: [-MOVE, 0], ArrowUp: [0, MOVE], ArrowDown: [0, -MOVE] };
    if (moves[event.key]) this.move(...moves[event.key]);
    else if (event.key === "+" || event.key === "=") this.zoom(STEP);
    else if (event.key === "-") this.zoom(1 / STEP);
    else if (event.key === "0") this.fit();
    else return;
    event.preventDefault();
  }
}
