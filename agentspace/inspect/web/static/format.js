// Numbers as people read them.

export function seconds(time) {
  if (time === null || time === undefined) return "∞";
  if (time < 0) time = 0;
  if (time < 1) return `${Math.round(time * 1000)} ms`;
  if (time < 100) return `${time.toFixed(1)} s`;
  if (time < 6000) return `${Math.round(time / 60)} min`;
  return `${(time / 3600).toFixed(1)} h`;
}

export function milliseconds(time) {
  if (time === null || time === undefined) return "";
  return time < 10 ? time.toFixed(2) : time < 100 ? time.toFixed(1) : String(Math.round(time));
}

export function bytes(count) {
  if (!count) return "";
  const units = ["B", "kB", "MB", "GB", "TB"];
  let place = 0;
  while (count >= 999.5 && place < units.length - 1) {
    count /= 1000;
    place += 1;
  }
  return `${count < 10 && place ? count.toFixed(1) : Math.round(count)} ${units[place]}`;
}

export function rate(perSecond) {
  if (!perSecond) return "";
  return perSecond < 10 ? perSecond.toFixed(1) : String(Math.round(perSecond));
}

export function count(number) {
  return number ? Number(number).toLocaleString("en").replaceAll(",", "\u202f") : "";
}

export function decimal(number) {
  if (typeof number !== "number") return String(number);
  const size = Math.abs(number);
  if (Number.isInteger(number) && size < 1e9) return String(number);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return number.toExponential(2);
  return number.toPrecision(4).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "");
}

/** A test for names: of a glob the whole, * any characters, ? one. */
export function glob(text) {
  const escaped = text.replace(/[.+^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*").replaceAll("?", ".");
  const pattern = new RegExp(`^${escaped}$`);
  return (name) => pattern.test(name);
}

export function clock(time) {
  return new Date(time).toLocaleTimeString("en-GB");
}
