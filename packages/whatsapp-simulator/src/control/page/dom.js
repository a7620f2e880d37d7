const svg = "http://www.w3.org/2000/svg";

/** An element with a class and content. Text becomes text nodes: nothing here becomes markup. */
export function make(tag, className, ...content) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...content.filter((each) => each !== undefined && each !== ""));
  return element;
}

export function makeButton(className, label, onClick, ...content) {
  const button = make("button", className, ...content);
  button.type = "button";
  if (label) button.setAttribute("aria-label", label);
  button.addEventListener("click", onClick);
  return button;
}

/** A drawing of one or more paths. */
export function icon(className, viewBox, ...paths) {
  const drawing = document.createElementNS(svg, "svg");
  drawing.setAttribute("viewBox", viewBox);
  drawing.setAttribute("class", className);
  drawing.setAttribute("aria-hidden", "true");
  for (const [d, name] of paths) {
    const path = document.createElementNS(svg, "path");
    path.setAttribute("d", d);
    if (name) path.setAttribute("class", name);
    drawing.append(path);
  }
  return drawing;
}

const units = ["B", "kB", "MB", "GB"];

export function sizeOf(bytes) {
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1);
  const value = bytes / 1000 ** power;
  return `${value < 10 && power > 0 ? value.toFixed(1) : Math.round(value)} ${units[power]}`;
}

export function clockOf(seconds) {
  const whole = Math.round(Number.isFinite(seconds) ? seconds : 0);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** The hue by which a person is recognised. */
export const hueOf = (name) => [...name].reduce((sum, sign) => (sum * 31 + sign.codePointAt(0)) % 360, 7);

export const initialOf = (name) => [...name.replace(/^\+/, "")][0]?.toUpperCase() ?? "?";

export function avatarOf(name) {
  const avatar = make("span", "face", initialOf(name));
  avatar.style.setProperty("--hue", String(hueOf(name)));
  avatar.setAttribute("aria-hidden", "true");
  return avatar;
}
