// What all playgrounds share: asking the server, arrays, canvases, theme, keys, announcements.

/** Ask the server; of several questions in a row only the last answer is given. */
export class Asker {
  #turn = 0;

  /** Returns the answer, or null where a later question was asked meanwhile. */
  async ask(path, fields) {
    const turn = (this.#turn += 1);
    let body;
    try {
      const response = await fetch(`${path}?${new URLSearchParams(fields)}`);
      body = await response.json();
    } catch {
      body = { error: "The playground does not answer. Is its program still running?" };
    }
    return turn === this.#turn ? body : null;
  }
}

/** The float32 array of an answer. */
export function unpack({ shape, data }) {
  const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
  const values = new Float32Array(bytes.buffer);
  return { rows: shape[0], columns: shape[1], values, at: (r, c) => values[r * shape[1] + c] };
}

/** Make an element with properties; `for` and `role` are attributes. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "for" || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

/** Size a canvas for the screen's pixels; returns its context, in CSS pixels. */
export function sized(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext("2d");
  context.setTransform(w / width, 0, 0, h / height, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

/** The colours of the theme that holds now. */
export function theme() {
  const style = getComputedStyle(document.documentElement);
  const names = ["paper", "panel", "ink", "soft", "line", "grid", "accent", "fixate"];
  const found = Object.fromEntries(names.map((n) => [n, style.getPropertyValue(`--${n}`).trim()]));
  found.font = (px, weight = 400) => `${weight} ${px}px ${getComputedStyle(document.body).fontFamily}`;
  return found;
}

/** Call back when the theme changes. */
export function onTheme(callback) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", callback);
}

/** Single keys, except where an element uses the key itself or a dialog is open. */
export function onKeys(actions, enabled) {
  document.addEventListener("keydown", (event) => {
    if (!enabled() || event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.querySelector("dialog[open]")) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (!(key in actions) || uses(event.target, key)) return;
    event.preventDefault();
    actions[key]();
  });
}

function uses(element, key) {
  if (element.closest("[data-keys]")) return true;
  if (element.matches("select, textarea, pre, input:not([type=range], [type=radio], [type=checkbox])"))
    return true;
  if (key === " ") return element.matches("button, input, a, summary");
  if (key.startsWith("Arrow") || key === "Home" || key === "End") return element.matches("input");
  return false;
}

/** Tell readers of the page who do not see it. */
export function announce(text) {
  const status = document.getElementById("status");
  status.textContent = "";
  requestAnimationFrame(() => (status.textContent = text));
}

/** Angle in degrees as text. */
export function degrees(value) {
  const rounded = Math.round(10 * (((value % 360) + 360) % 360)) / 10;
  return `${rounded === 360 ? 0 : rounded}°`;
}
