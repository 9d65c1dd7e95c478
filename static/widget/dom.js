/**
 * Makes an element. Text goes in as text nodes, so nothing here is ever read as HTML.
 * @param {string} tag
 * @param {Record<string, unknown>} [props] attributes; a function is a listener (`onclick`), and
 *   `false`, `null` and `undefined` leave the attribute out
 * @param {...(Node | string | null | undefined | false)} children
 * @returns {HTMLElement}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else setAttribute(element, name, value);
  }
  element.append(...children.filter((child) => child || child === 0));
  return element;
}

/** Sets an attribute, or removes it for `false`, `null` and `undefined`. */
export function setAttribute(element, name, value) {
  if (value === false || value === null || value === undefined) element.removeAttribute(name);
  else element.setAttribute(name, value === true ? "" : String(value));
}

/** Changes text only where it differs: a screen reader would read it again. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** A button with an icon and a spoken name. */
export function iconButton(symbol, label, onclick, props = {}) {
  return h("button", { type: "button", class: "icon-button", "aria-label": label, title: label, onclick, ...props }, symbol);
}

const SVG = "http://www.w3.org/2000/svg";

const PATHS = {
  chat: ["M21 11.5a8.4 8.4 0 0 1-8.5 8.3 8.8 8.8 0 0 1-3.9-.9L3 20.5l1.7-5a8 8 0 0 1-.7-4A8.4 8.4 0 0 1 12.5 3.2a8.4 8.4 0 0 1 8.5 8.3Z"],
  close: ["M6 6l12 12", "M18 6 6 18"],
  down: ["M12 5v14", "m6 13 6 6 6-6"],
  send: ["M12 19V5", "m5.5 11.5 6.5-6.5 6.5 6.5"],
  check: ["m5 12.5 4.5 4.5L19 7.5"],
  copy: ["M9 9h10a1.5 1.5 0 0 1 1.5 1.5V19a1.5 1.5 0 0 1-1.5 1.5H9A1.5 1.5 0 0 1 7.5 19v-8.5A1.5 1.5 0 0 1 9 9Z", "M4.8 15.5A1.5 1.5 0 0 1 3.5 14V5A1.5 1.5 0 0 1 5 3.5h9A1.5 1.5 0 0 1 15.5 4.8"],
  up: ["M7 10.5v10", "M14.5 6 13.6 10.5h5.2a2 2 0 0 1 2 2.5l-1.7 6a2 2 0 0 1-2 1.5H5A1.5 1.5 0 0 1 3.5 19v-7A1.5 1.5 0 0 1 5 10.5h2l4.2-7a2 2 0 0 1 3.3 2.5Z"],
  fresh: ["M12 4H6a2 2 0 0 0-2 2v12a2 2 0 0 0 2 2h12a2 2 0 0 0 2-2v-6", "M18.3 3.2a1.8 1.8 0 0 1 2.5 2.5L13 13.5 9.5 14.5l1-3.5Z"],
  arrow: ["M5 12h14", "m13 6 6 6-6 6"],
  out: ["M8 16 17 7", "M9 7h8v8"],
  alert: ["M12 8v5", "M12 16.5v.01", "M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18Z"],
  again: ["M20 11a8 8 0 1 0-2.3 6.3", "M20 4.5V11h-6.5"],
  receipt: ["M6 3.5h12v17l-3-2-3 2-3-2-3 2Z", "M9.5 8.5h5", "M9.5 12.5h5"],
};

/** An icon, drawn with the text's colour and unspoken: its button has the name. */
export function icon(name, className = "icon") {
  const svg = document.createElementNS(SVG, "svg");
  for (const [key, value] of Object.entries({ class: className, viewBox: "0 0 24 24", "aria-hidden": "true" })) {
    svg.setAttribute(key, value);
  }
  for (const d of PATHS[name]) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", d);
    svg.append(path);
  }
  return svg;
}
