// A live picture of a slot.

import { h } from "../dom.js";
import { connection } from "../connection.js";

export class LivePicture {
  constructor(slot) {
    this.slot = slot;
    this.canvas = h("canvas", { class: "picture", width: 16, height: 12, role: "img", "aria-label": slot });
    this.listener = (event) => {
      if (event.detail === slot) this.draw();
    };
    connection.addEventListener("picture", this.listener);
    this.draw();
  }

  draw() {
    const known = connection.pictures.get(this.slot);
    if (!known) return;
    const { bitmap, head } = known;
    if (this.canvas.width !== bitmap.width || this.canvas.height !== bitmap.height)
      Object.assign(this.canvas, { width: bitmap.width, height: bitmap.height });
    const context = this.canvas.getContext("2d");
    context.drawImage(bitmap, 0, 0);
    if (head.tiles) {
      const filled = head.tiles % head.columns; // tiles of the last row; the rest of it is empty
      if (filled) context.clearRect(filled * head.width, bitmap.height - head.height, bitmap.width, head.height);
    }
    this.canvas.dataset.revision = head.revision;
  }

  destroy() {
    connection.removeEventListener("picture", this.listener);
  }
}

/** The width in pixels that a picture of a width on the page is worth asking for, in steps. */
export function worth(width) {
  const wanted = width * Math.min(2, window.devicePixelRatio || 1);
  return [160, 320, 480, 640, 960, 1280].find((step) => step >= wanted) ?? 1920;
}
