// The robot, rendered, its face, where pictures of that are made, and what its camera sees.

export const title = "Robot";
export const order = 3;
export const slots = [];

export function mount(root, api) {
  const { h } = api;
  api.style(`.robot { display: grid; grid-template-columns: repeat(auto-fit, minmax(180px, 1fr)); gap: 8px; } .robot figure { position: relative; } .robot canvas { width: 100%; aspect-ratio: 4 / 3; object-fit: contain; border-radius: 4px; background: var(--page); } .robot figure[hidden] { display: none; } .robot figcaption { position: absolute; left: 6px; top: 6px; padding: 0 7px; border-radius: 8px; background: #000a; color: #fff; font-size: 11px; }`);
  const figure = (slot, text, hidden = false) => {
    const canvas = h("canvas", { "data-picture": slot, width: 4, height: 3 });
    api.picture(slot, 480, (bitmap) => {
      if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) Object.assign(canvas, { width: bitmap.width, height: bitmap.height });
      canvas.getContext("2d").drawImage(bitmap, 0, 0);
      box.hidden = false;
    });
    const box = h("figure", { hidden }, canvas, h("figcaption", {}, text));
    return box;
  };
  root.append(h("div", { class: "robot" }, figure("icub/view", "robot"), figure("icub/face", "face", true), figure("camera", "camera")));
}
