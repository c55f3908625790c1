// Pictures of units: a sheet of them, or unit by time where they lie on none.

import { sized } from "./common.js";
import { MAP, SIGNS } from "./palette.js";

/** Units on a grid of rows and columns, row by row. */
export class Sheet {
  #small = document.createElement("canvas");

  constructor(canvas, rows, columns) {
    Object.assign(this, { canvas, rows, columns });
    [this.#small.width, this.#small.height] = [columns, rows];
  }

  /** Draw; `color(unit)` is [red, green, blue] or null for nothing. */
  draw(n, color, selected, look) {
    const width = this.canvas.clientWidth;
    if (!width) return;
    const height = Math.min(width * 1.2, (width * this.rows) / this.columns);
    const g = sized(this.canvas, width, height);
    const image = new ImageData(this.columns, this.rows);
    for (let unit = 0; unit < n; unit += 1) {
      const rgb = color(unit);
      if (rgb) image.data.set([...rgb, 255], 4 * unit);
    }
    this.#small.getContext("2d").putImageData(image, 0, 0);
    g.fillStyle = look.fixate;
    g.fillRect(0, 0, width, height);
    g.imageSmoothingEnabled = false;
    g.drawImage(this.#small, 0, 0, width, height);
    const [w, h] = [width / this.columns, height / this.rows];
    const [row, column] = [Math.floor(selected / this.columns), selected % this.columns];
    for (const [stroke, line, out] of [[look.paper, 5, 2], [look.ink, 2, 2]]) {
      g.strokeStyle = stroke;
      g.lineWidth = line;
      g.strokeRect(column * w - out, row * h - out, w + 2 * out, h + 2 * out);
    }
  }

  /** The unit at a point of the canvas. */
  at(x, y) {
    const { width, height } = this.canvas.getBoundingClientRect();
    const row = within(Math.floor((y / height) * this.rows), this.rows);
    return row * this.columns + within(Math.floor((x / width) * this.columns), this.columns);
  }

  /** The unit that an arrow key leads to; borders touch. */
  next(unit, key) {
    const [dr, dc] = ARROWS[key];
    const [row, column] = [Math.floor(unit / this.columns), unit % this.columns];
    const around = (value, size) => (value + size) % size;
    return around(row + dr, this.rows) * this.columns + around(column + dc, this.columns);
  }
}

/** Activity of all units over time: a row a unit, in the order that `order` gives. */
export class Strip {
  #small = document.createElement("canvas");
  #painted = null;
  #order = null;

  constructor(canvas) {
    this.canvas = canvas;
  }

  /** Draw; `mark(unit)` is the colour of a mark beside the row, or null. */
  draw({ activity, order, mark, selected, step }, look) {
    const width = this.canvas.clientWidth;
    if (!width) return;
    const height = 340;
    const g = sized(this.canvas, width, height);
    const { units, steps } = activity;
    if (this.#painted !== activity || this.#order !== order) this.#paint(activity, order);
    g.imageSmoothingEnabled = false;
    g.drawImage(this.#small, SIDE, 0, width - SIDE, height);
    const each = height / units;
    order.forEach((unit, row) => {
      const rgb = mark(unit);
      if (!rgb) return;
      g.fillStyle = `rgb(${rgb.join(" ")})`;
      g.fillRect(0, row * each, SIDE - 4, each + 0.3);
    });
    const x = SIDE + ((step + 0.5) / steps) * (width - SIDE);
    const y = (order.indexOf(selected) + 0.5) * each;
    for (const [color, line] of [[look.paper, 4], [look.ink, 1.5]]) {
      g.strokeStyle = color;
      g.lineWidth = line;
      g.beginPath();
      g.moveTo(x, 0);
      g.lineTo(x, height);
      g.moveTo(0, y);
      g.lineTo(width, y);
      g.stroke();
    }
  }

  /** The picture without its marks, which does not change from step to step. */
  #paint(activity, order) {
    const { steps, units, level } = activity;
    const image = new ImageData(steps, units);
    order.forEach((unit, row) => {
      for (let t = 0; t < steps; t += 1)
        image.data.set([...shade(level(t, unit)), 255], 4 * (row * steps + t));
    });
    [this.#small.width, this.#small.height] = [steps, units];
    this.#small.getContext("2d").putImageData(image, 0, 0);
    [this.#painted, this.#order] = [activity, order];
  }

  at(x, y) {
    const { height } = this.canvas.getBoundingClientRect();
    const n = this.#order.length;
    return this.#order[within(Math.floor((y / height) * n), n)];
  }

  next(unit, key) {
    const [dr, dc] = ARROWS[key];
    const n = this.#order.length;
    return this.#order[(this.#order.indexOf(unit) + (dr || dc) + n) % n];
  }
}

const SIDE = 14;
const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
export const isArrow = (key) => key in ARROWS;
const within = (value, size) => Math.min(size - 1, Math.max(0, value));

/** Colour of one of 256 levels. */
export function shade(level) {
  return [MAP[3 * level], MAP[3 * level + 1], MAP[3 * level + 2]];
}

/** Colour of a weight: blue below 0, orange above, paler towards 0. */
export function weightColor(weight, largest, paper) {
  const end = SIGNS[weight < 0 ? 0 : 1];
  const share = 0.12 + 0.88 * Math.min(1, Math.abs(weight) / (largest || 1));
  return paper.map((value, i) => Math.round(value + share * (end[i] - value)));
}

/** Colour of a cluster; neighbours in number are far apart in hue, and light and dark in turn. */
export function clusterColor(k) {
  const hue = (k * 137.5 + 250) % 360;
  return hsl(hue, k % 3 === 1 ? 0.55 : 0.75, [0.42, 0.66, 0.54][k % 3]);
}

function hsl(h, s, l) {
  const a = s * Math.min(l, 1 - l);
  return [0, 8, 4].map((n) => {
    const k = (n + h / 30) % 12;
    return Math.round(255 * (l - a * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  });
}

/** Red, green and blue of "#rrggbb". */
export function rgb(hex) {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

/** Bars by direction, in the colours of the directions; null has no bar. */
export function drawBars(canvas, values, colors, look) {
  const width = canvas.clientWidth;
  if (!width) return;
  const height = 150;
  const [left, bottom, top] = [46, 20, 8];
  const g = sized(canvas, width, height);
  const known = values.filter((value) => value !== null);
  const high = Math.max(0, ...known);
  const low = Math.min(0, ...known);
  const span = high - low || 1;
  const y = (value) => top + ((high - value) / span) * (height - top - bottom);
  const each = (width - left) / values.length;
  values.forEach((value, k) => {
    if (value === null) return;
    g.fillStyle = colors[k];
    g.fillRect(left + k * each + 0.5, Math.min(y(0), y(value)), each - 1, Math.abs(y(value) - y(0)));
  });
  g.strokeStyle = look.grid;
  g.beginPath();
  g.moveTo(left, y(0) + 0.5);
  g.lineTo(width, y(0) + 0.5);
  g.stroke();
  g.font = look.font(12);
  g.fillStyle = look.soft;
  g.textBaseline = "middle";
  g.textAlign = "right";
  for (const value of new Set([high, low])) g.fillText(value.toPrecision(2), left - 5, y(value) + 1);
  g.textAlign = "center";
  for (const angle of [0, 90, 180, 270])
    g.fillText(`${angle}°`, left + ((angle / 360) * values.length + 0.5) * each, height - 8);
}
