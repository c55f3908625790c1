// A trial over time: fixation, two rings as heat maps, rule, and the target, on axes in ms and
// degrees. The picture is drawn once per trial; moving in time only redraws the cursor.

import { sized } from "./common.js";
import { paint } from "./palette.js";

const LEFT = 66;
const RIGHT = 10;
const TOP = 24;
const BOTTOM = 36;
const FIXATE = 8; // height of the row of the label "fixate", and its gap
const rows = (ring, target) => [
  { name: "fixation", height: 12, gap: 6 },
  { name: "ring 1", height: ring, gap: 6 },
  { name: "ring 2", height: ring, gap: 6 },
  { name: "rule", height: 12, gap: 12 },
  { name: "target", height: target + 2 * FIXATE, gap: 0 },
];
const ROOMY = rows(104, 116);
const COMPACT = rows(72, 84); // where two are shown

export class Chart {
  #canvas;
  #still = document.createElement("canvas");
  #width = 0;
  #height = 0;
  #rows = ROOMY;

  /** `onTime(ms)` is called when the visitor points at a time. */
  constructor(canvas, onTime) {
    this.#canvas = canvas;
    const point = (event) => {
      const x = event.clientX - canvas.getBoundingClientRect().left;
      onTime(((x - LEFT) / this.#span()) * this.longest);
    };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      point(event);
    });
    canvas.addEventListener("pointermove", (event) => event.buttons && point(event));
  }

  /** Draw a trial, on an axis of `longest` ms. */
  load(panel, { longest, compact }, look) {
    this.panel = panel;
    this.longest = longest;
    this.#rows = compact ? COMPACT : ROOMY;
    this.#height = this.#top(this.#rows.length) + BOTTOM;
    this.#canvas.style.height = `${this.#height}px`;
    this.#width = this.#canvas.clientWidth;
    if (!this.#width) return;
    const g = sized(this.#still, this.#width, this.#height);
    this.#axes(g, look);
    this.#scale(g, look);
    this.#cue(g, 0, 0, look);
    this.#heat(g, 1, 1, look);
    this.#heat(g, 2, 1 + panel.dim_ring, look);
    this.#cue(g, 3, 1 + 2 * panel.dim_ring, look);
    this.#target(g, look);
  }

  /** Show the cursor at a step. */
  show(step, look) {
    if (!this.#width) return;
    const g = sized(this.#canvas, this.#width, this.#height);
    g.drawImage(this.#still, 0, 0, this.#width, this.#height);
    const shown = Math.min(step, this.panel.targets.length - 1);
    const x = this.#x((shown + 0.5) * this.panel.dt);
    for (const [color, width] of [[look.paper, 4], [look.ink, 1.5]]) {
      g.strokeStyle = color;
      g.lineWidth = width;
      g.beginPath();
      g.moveTo(x, TOP - 4);
      g.lineTo(x, this.#height - BOTTOM + 4);
      g.stroke();
    }
  }

  #span = () => this.#width - LEFT - RIGHT;

  #x = (ms) => LEFT + (ms / this.longest) * this.#span();

  #top(row) {
    return this.#rows.slice(0, row).reduce((sum, each) => sum + each.height + each.gap, TOP);
  }

  #end = () => this.#x(this.panel.targets.length * this.panel.dt);

  #axes(g, look) {
    g.font = look.font(12);
    g.textBaseline = "middle";
    this.#rows.forEach((row, i) => {
      const middle = this.#top(i) + row.height / 2;
      g.fillStyle = look.ink;
      g.textAlign = "left";
      if (row.height < 20) g.fillText(row.name, 0, middle);
      else g.fillText(row.name, 0, this.#top(i) + 7);
    });
    this.#periods(g, look);
    this.#ticks(g, look);
  }

  #periods(g, look) {
    g.textAlign = "center";
    for (const { name, start, steps } of this.panel.periods) {
      if (!steps) continue;
      const [from, to] = [start, start + steps].map((k) => this.#x(k * this.panel.dt));
      g.strokeStyle = look.grid;
      g.beginPath();
      g.moveTo(from, 4);
      g.lineTo(from, this.#height - BOTTOM);
      g.stroke();
      g.fillStyle = look.soft;
      if (g.measureText(name).width < to - from - 4) g.fillText(name, (from + to) / 2, 12);
    }
  }

  #ticks(g, look) {
    const wide = this.#span() / 64;
    const every = [100, 200, 250, 500, 1000, 2000, 5000, 10000].find((ms) => this.longest / ms <= wide);
    g.textAlign = "center";
    g.fillStyle = look.soft;
    g.strokeStyle = look.grid;
    for (let ms = 0; ms <= this.longest; ms += every ?? this.longest) {
      const x = this.#x(ms);
      g.beginPath();
      g.moveTo(x, this.#height - BOTTOM);
      g.lineTo(x, this.#height - BOTTOM + 4);
      g.stroke();
      // The last one may end where the picture does.
      const last = x > this.#width - 18;
      g.textAlign = last ? "right" : "center";
      g.fillText(ms, last ? this.#width : x, this.#height - BOTTOM + 13);
    }
    g.textAlign = "left";
    g.fillText("time (ms)", LEFT, this.#height - 7);
  }

  #cue(g, row, channel, look) {
    const { inputs } = this.panel;
    const { height } = this.#rows[row];
    const top = this.#top(row);
    g.fillStyle = look.fixate;
    g.fillRect(LEFT, top, this.#end() - LEFT, height);
    g.fillStyle = look.soft;
    const levels = Array.from({ length: inputs.rows }, (_, t) => inputs.at(t, channel));
    this.#runs(levels, (value, from, width) => {
      const level = Math.min(1, Math.max(0, value));
      g.fillRect(from, top + (1 - level) * height, width, level * height);
    });
  }

  /** Call back for each run of equal values; pieces drawn one by one would show their seams. */
  #runs(values, callback) {
    for (let from = 0, to; from < values.length; from = to) {
      for (to = from + 1; to < values.length && values[to] === values[from]; ) to += 1;
      const x = this.#x(from * this.panel.dt);
      callback(values[from], x, this.#x(to * this.panel.dt) - x);
    }
  }

  #heat(g, row, first, look) {
    const { inputs, dim_ring: n } = this.panel;
    const image = new ImageData(inputs.rows, n);
    paint(image, (t, y) => inputs.at(t, first + n - 1 - y), 1);
    const small = document.createElement("canvas");
    [small.width, small.height] = [inputs.rows, n];
    small.getContext("2d").putImageData(image, 0, 0);
    g.imageSmoothingEnabled = false;
    const { height } = this.#rows[row];
    g.drawImage(small, LEFT, this.#top(row), this.#end() - LEFT, height);
    g.strokeStyle = look.line;
    g.strokeRect(LEFT, this.#top(row), this.#end() - LEFT, height);
    this.#directions(g, this.#top(row), height, look);
  }

  /** What the colours of the inputs mean; the same in all trials, so that two can be compared. */
  #scale(g, look) {
    const image = new ImageData(64, 1);
    paint(image, (x) => x / 31.5 - 1, 1);
    const small = document.createElement("canvas");
    [small.width, small.height] = [64, 1];
    small.getContext("2d").putImageData(image, 0, 0);
    const x = LEFT + this.#span() - 82;
    const y = this.#height - 11;
    g.drawImage(small, x, y, 64, 8);
    g.fillStyle = look.soft;
    g.textAlign = "right";
    g.fillText("input  −1", x - 5, y + 4);
    g.textAlign = "left";
    g.fillText("1", x + 69, y + 4);
  }

  /** Degrees, and the colours of the directions along the axis. */
  #directions(g, top, height, look) {
    const { dim_ring: n, colors } = this.panel;
    const each = height / n;
    for (let k = 0; k < n; k += 1) {
      g.fillStyle = colors[k];
      g.fillRect(LEFT - 7, top + height - (k + 1) * each, 4, each + 0.3);
    }
    g.fillStyle = look.soft;
    g.textAlign = "right";
    for (const angle of height < 90 ? [0, 180] : [0, 90, 180, 270])
      g.fillText(`${angle}°`, LEFT - 11, top + height - (angle / 360) * height - each / 2);
  }

  #target(g, look) {
    const { targets, dt, dim_ring: n, colors, continuous, periods } = this.panel;
    const { height } = this.#rows[4];
    const top = this.#top(4);
    const ring = height - 2 * FIXATE;
    const each = ring / n;
    const bottom = top + height - FIXATE;
    g.fillStyle = look.fixate;
    g.strokeStyle = look.line;
    g.strokeRect(LEFT, top, this.#end() - LEFT, ring);
    g.fillRect(LEFT, bottom, this.#end() - LEFT, FIXATE);
    this.#runs(targets, (label, from, width) => {
      g.fillStyle = label ? colors[label - 1] : look.soft;
      if (label) g.fillRect(from, top + ring - label * each, width, each);
      else g.fillRect(from, bottom, width, FIXATE);
    });
    this.#directions(g, top, ring, look);
    g.fillText("fixate", LEFT - 11, bottom + FIXATE / 2 + 1);
    const decision = periods.at(-1).start;
    g.fillStyle = look.ink;
    g.strokeStyle = look.paper;
    const dot = Math.max(1, Math.min(2.2, (this.#x(dt) - LEFT) / 3));
    if (this.panel.answers) return this.#answers(g, { top, ring, each, bottom }, look);
    return continuous.forEach((angle, j) => {
      const y = top + ring - (angle / 360) * ring - each / 2;
      g.beginPath();
      g.arc(this.#x((decision + j + 0.5) * dt), y < top ? y + ring : y, dot, 0, 2 * Math.PI);
      g.stroke();
      g.fill();
    });
  }

  /** What a network answered: the label of each step, as a line over the target. */
  #answers(g, { top, ring, each, bottom }, look) {
    const { answers, dt } = this.panel;
    for (const [color, width] of [[look.paper, 4.5], [look.ink, 2]]) {
      g.strokeStyle = color;
      g.lineWidth = width;
      answers.forEach((label, t) => {
        const y = label ? top + ring - (label - 0.5) * each : bottom + FIXATE / 2;
        g.beginPath();
        g.moveTo(this.#x(t * dt) + 1, y);
        g.lineTo(this.#x((t + 1) * dt) - 1, y);
        g.stroke();
      });
    }
  }
}
