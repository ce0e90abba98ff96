// Building blocks of the page: elements, icons, meters, and how values are put into words.
// Texts are only ever put in with textContent, so that a message can never become markup.

const ICONS = {
  skip: "M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z",
  cold: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 21a8 8 0 0 1 13-6.2M19 16v6M16 19h6",
  error: "M12 8v5M12 16.5v.01M10.3 4 2.6 17.5A2 2 0 0 0 4.3 20.5h15.4a2 2 0 0 0 1.7-3L13.7 4a2 2 0 0 0-3.4 0z",
};

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

export const percent = (share) => `${Math.round(share * 100)} %`;
export const words = (constant) => constant.replaceAll("_", " ").toLowerCase().replace(/^yn /, "yes/no ").replace(/^wh /, "open ");
export const sentence = (text) => (text ? text[0].toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".") : "");
export const share = (element, value) => { element.style.setProperty("--share", percent(Math.min(1, value)).replace(" ", "")); return element; };

export function note(kind, title, text, ...more) {
  return make("div", { class: `card note ${kind}`, role: kind === "error" ? "alert" : null }, icon(kind),
    make("div", {}, make("h3", {}, title), make("p", {}, text), ...more));
}

export function told(value) {
  if (value === null || value === undefined || value === "") return "";
  if (Array.isArray(value)) return value.map(told).filter(Boolean).join(", ");
  if (typeof value === "object") {
    const { name, label, type, confidence, sure } = value;
    const head = name ?? label ?? type;
    if (head) return `${sure === false ? "perhaps " : ""}${told(head)}${Number.isFinite(confidence) ? ` · ${percent(confidence)}` : ""}`;
    return Object.entries(value).filter(([, each]) => told(each) !== "").map(([key, each]) => `${words(key)}: ${told(each)}`).join(", ");
  }
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "number") return Number.isInteger(value) ? value.toLocaleString() : value.toFixed(2);
  return /^[A-Z_]+$/.test(value) ? words(value) : value;
}

export function meter(value, title) {
  return make("span", { class: "meter", title }, share(make("i", { "aria-hidden": "true" }), value), percent(value));
}
